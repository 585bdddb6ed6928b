"""Elastic weight consolidation: what mattered for the old task moves little.

Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks", PNAS 2017. The Fisher information is its
empirical diagonal: the mean square of the gradient of the old task's loss, picture by picture.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

Example = TypeVar("Example")


def fisher_diagonal(
    model: nn.Module, examples: Iterable[Example], loss: Callable[[Example], Tensor],
) -> dict[str, Tensor]:
    """The empirical Fisher diagonal of every parameter that learns, by name.

    The model is used in evaluation mode: batch statistics must not move. The mean gradient of a batch is not the mean
    of squares, so an example is one picture.

    Args:
        examples: of the old task, one picture each. loss: of an example, a scalar from the model's forward pass.

    Raises:
        ValueError: no examples. FloatingPointError: a loss that is not finite.
    """
    learn = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    total = {name: torch.zeros_like(parameter, dtype=torch.float32) for name, parameter in learn.items()}
    training, count = model.training, 0
    model.eval()
    try:
        for count, example in enumerate(examples, start=1):
            value = loss(example)
            if not bool(value.isfinite()):
                raise FloatingPointError(f"EWC: the loss of example {count} is {float(value.detach())}; the old "
                                         "network does not fit these data")
            for name, gradient in zip(learn, torch.autograd.grad(value, list(learn.values()), allow_unused=True),
                                      strict=True):
                if gradient is not None:
                    total[name] += gradient.detach().float().square()
    finally:
        model.train(training)
    if not count:
        raise ValueError("EWC: expected examples of the old task; got none")
    return {name: summed / count for name, summed in total.items()}


class EwcPenalty:
    """``strength / 2 * sum F (theta - theta*)^2`` over the parameters that the old task had.

    Args:
        anchor: the old weights, theta*. fisher: as :func:`fisher_diagonal` gives it. strength: lambda of the paper.

    Raises:
        ValueError: names or shapes that differ, or a negative strength.
    """

    def __init__(self, anchor: Mapping[str, Tensor], fisher: Mapping[str, Tensor], strength: float) -> None:
        if strength < 0:
            raise ValueError(f"EWC: expected a strength of 0 or more; got {strength}")
        wrong = [name for name, tensor in fisher.items() if name not in anchor or anchor[name].shape != tensor.shape]
        if wrong:
            raise ValueError(f"EWC: no old weights of the same shape for {', '.join(wrong[:5])}")
        self.strength = strength
        self._kept = {name: (anchor[name].detach().clone().float(), tensor.detach().clone())
                      for name, tensor in fisher.items()}

    @property
    def names(self) -> Collection[str]:
        """Of the parameters that are held."""
        return self._kept.keys()

    def to(self, device: torch.device) -> EwcPenalty:
        """The same on ``device``."""
        self._kept = {name: (old.to(device), weight.to(device)) for name, (old, weight) in self._kept.items()}
        return self

    def __call__(self, model: nn.Module) -> Tensor:
        """The penalty of the model's present weights, a scalar; frozen parameters cost nothing they can change.

        Raises:
            KeyError: the model lacks a parameter that is held.
        """
        own = dict(model.named_parameters())
        missing = sorted(self._kept.keys() - own.keys())
        if missing:
            raise KeyError(f"EWC: the model has no {', '.join(missing[:5])}")
        held = [(own[name], old, weight) for name, (old, weight) in self._kept.items() if own[name].requires_grad]
        if not held:
            return next(iter(own.values())).new_zeros(())
        parts = [(weight * (now.float() - old).square()).sum() for now, old, weight in held]
        return 0.5 * self.strength * torch.stack(parts).sum()
