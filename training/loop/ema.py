"""A running average of the weights, which is what is evaluated and shipped.

Its decay grows with the steps, so that the average of a short run is not mostly the random beginning (the rule of
TensorFlow's ExponentialMovingAverage: ``min(decay, (1 + step) / (10 + step))``, stretched here by ``warmup_steps``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class AverageOfWeights:
    """Exponential moving average of a model's parameters and buffers.

    Args:
        model: the one that learns. decay: of the average, per step, once warm. warmup_steps: steps in which the decay
            grows to about 63 % of the way.
    """

    def __init__(self, model: nn.Module, decay: float, warmup_steps: int) -> None:
        self.decay, self.warmup_steps = decay, warmup_steps
        self.steps = 0
        self._averaged = AveragedModel(model, multi_avg_fn=self._average, use_buffers=True)
        for parameter in self._averaged.parameters():
            parameter.requires_grad_(False)

    @property
    def module(self) -> nn.Module:
        """The averaged model, in evaluation mode."""
        return self._averaged.module.eval()

    def update(self, model: nn.Module) -> None:
        """Take one optimiser step into the average."""
        self.steps += 1
        self._averaged.update_parameters(model)

    def _average(self, averaged: list[Tensor], current: list[Tensor], _count: Tensor | int) -> None:
        decay = self.decay * (1.0 - math.exp(-self.steps / self.warmup_steps))
        floats = [(old, new) for old, new in zip(averaged, current, strict=True) if old.is_floating_point()]
        if floats:
            torch._foreach_lerp_([old for old, _ in floats], [new for _, new in floats], 1.0 - decay)
        for old, new in zip(averaged, current, strict=True):
            if not old.is_floating_point():  # a counter of batches has no average
                old.copy_(new)

    def state_dict(self) -> dict[str, object]:
        return {"steps": self.steps, "averaged": self._averaged.state_dict()}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        self.steps = int(state["steps"])
        self._averaged.load_state_dict(state["averaged"])
