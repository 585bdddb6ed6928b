"""The optimiser of a configuration: which parameters decay and which learn more slowly."""

from __future__ import annotations

import torch
from torch import nn

from training.loop.config import TrainConfig

BACKBONE_PREFIX = "stage_a.backbone.body."
RATE_SHARE = "rate_share"
"""Key of a parameter group: its share of the scheduled learning rate."""


def make_optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW or SGD over parameters that learn.

    Biases and the scales of norms do not decay (Loshchilov & Hutter 2019 decay weights; shrinking a norm's scale only
    changes the effective learning rate). The backbone's groups take ``backbone_multiplier`` of the rate.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith(BACKBONE_PREFIX), parameter.ndim > 1), []).append(parameter)
    settings = config.optimiser
    made = [{"params": parameters, "weight_decay": settings.weight_decay if decays else 0.0,
             RATE_SHARE: settings.backbone_multiplier if backbone else 1.0}
            for (backbone, decays), parameters in sorted(groups.items(), key=lambda item: item[0])]
    if settings.name == "sgd":
        return torch.optim.SGD(made, lr=config.learning_rate, momentum=settings.momentum,
                               nesterov=settings.momentum > 0)
    return torch.optim.AdamW(made, lr=config.learning_rate)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The scheduled rate into every group, by its share."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group[RATE_SHARE]
