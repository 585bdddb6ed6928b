"""Weighted fusion of the two branches: the system description's default, "most stable"."""

from __future__ import annotations

from torch import Tensor, nn

from maxsight_core.models.layers.bounded_scale import BoundedScale

INITIAL_BETA = 0.5
"""The system description's starting value: both branches count alike."""


class WeightedFusion(nn.Module):
    """``beta * cnn + (1 - beta) * vit`` with one learnable beta, strictly inside (0, 1).

    Input: cnn and vit, two tensors of one shape. Output: the same shape, between the two element by element.
    """

    def __init__(self) -> None:
        super().__init__()
        self.share = BoundedScale(INITIAL_BETA)

    @property
    def beta(self) -> Tensor:
        """The convolutional branch's share as it is now, a scalar tensor."""
        return self.share.alpha

    def forward(self, cnn: Tensor, vit: Tensor) -> Tensor:
        return vit + self.share(cnn - vit)
