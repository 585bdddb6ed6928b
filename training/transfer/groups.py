"""An optimiser whose groups learn at their share of the rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from training.loop.config import TrainConfig
from training.loop.optimisers import RATE_SHARE


def grouped_optimiser(
    network: nn.Module, config: TrainConfig, group_of: Callable[[str], str], shares: Mapping[str, float],
) -> torch.optim.Optimizer:
    """AdamW or SGD as configured, over all parameters, frozen ones too: without a gradient they are not touched.

    Args:
        group_of: a parameter's group by its name. shares: of the learning rate, by group.

    Biases and scales of norms do not decay. The groups carry ``name`` (``cnn.decay``, ``cnn.plain``, ...).
    """
    parts: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        parts.setdefault((group_of(name), parameter.ndim > 1), []).append(parameter)
    settings = config.optimiser
    groups = [{"params": parameters, "name": f"{group}.{'decay' if decays else 'plain'}", RATE_SHARE: shares[group],
               "weight_decay": settings.weight_decay if decays else 0.0, "lr": config.learning_rate * shares[group]}
              for (group, decays), parameters in sorted(parts.items(), key=lambda item: item[0])]
    if settings.name == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=settings.momentum,
                               nesterov=settings.momentum > 0)
    return torch.optim.AdamW(groups, lr=config.learning_rate)
