"""A learnable scalar between 0 and 1 that says how much of an addition to let through."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

INITIAL_SCALE = 0.1
"""The system description's starting value of every cross-layer connection."""
MARGIN = 1e-6
"""Distance kept from 0 and 1: a float32 sigmoid alone reaches both, and then learns nothing any more."""


class BoundedScale(nn.Module):
    """``alpha * addition`` with ``alpha = MARGIN + (1 - 2 MARGIN) sigmoid(logit)``, strictly inside (0, 1).

    Args:
        initial: alpha before training, inside (0, 1).

    Input: any float tensor. Output: the same shape and type.

    Raises:
        ValueError: an initial value outside (0, 1).
    """

    def __init__(self, initial: float = INITIAL_SCALE) -> None:
        super().__init__()
        if not MARGIN < initial < 1.0 - MARGIN:
            raise ValueError(f"BoundedScale: expected an initial scale inside (0, 1); got {initial}")
        share = (initial - MARGIN) / (1.0 - 2.0 * MARGIN)
        # without dimensions, so that a half-precision addition stays in half precision
        self.logit = nn.Parameter(torch.tensor(math.log(share / (1.0 - share))))

    @property
    def alpha(self) -> Tensor:
        """The scale as it is now, a scalar tensor."""
        return MARGIN + (1.0 - 2.0 * MARGIN) * torch.sigmoid(self.logit)

    def forward(self, addition: Tensor) -> Tensor:
        return self.alpha * addition
