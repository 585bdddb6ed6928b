"""The learning rate over a run: linear warm-up, then half a cosine down to a least rate that keeps the heads learning.

Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017 (one period, no restart).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WarmupCosine:
    """A function of the optimiser's step alone, so that a resumed run goes on exactly where it was.

    Args:
        peak, least: learning rates. warmup_steps, total_steps: optimiser steps.
    """

    peak: float
    least: float
    warmup_steps: int
    total_steps: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.peak:
            raise ValueError(f"WarmupCosine: expected 0 <= least <= peak; got {self.least} and {self.peak}. "
                             "Raise the learning rate or lower schedule.min_learning_rate")
        if self.total_steps < 1 or self.warmup_steps < 0:
            raise ValueError(f"WarmupCosine: expected at least one step in all; got {self.total_steps}")

    def __call__(self, step: int) -> float:
        """Rate of step ``step``, 0 the first. Warm-up begins at peak / warmup_steps, not at zero."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        after = max(1, self.total_steps - self.warmup_steps)
        share = min(1.0, (step - self.warmup_steps) / after)
        return self.least + (self.peak - self.least) * 0.5 * (1.0 + math.cos(math.pi * share))
