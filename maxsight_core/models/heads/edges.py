"""Where the borders of things are.

One shallow side output on the finest map (Xie and Tu, "Holistically-nested edge detection", ICCV 2015); the unit is the
measured edge map's, the gradient per small pixel of ``maxsight_core.perception.edges``.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, MapReadout, bounded_softplus, softplus_start
from maxsight_core.models.stage_b_contract import DENSE_CHANNELS

HIDDEN = 64
GRADIENT_UNIT = 0.03
FIRST_GRADIENT = 0.03
"""The measured estimator's limit between texture and an edge."""
HIGHEST_GRADIENT = 1.0
"""A step from black to white between two pixels; the Scharr operator itself ends at about 0.7."""


class EdgeHead(nn.Module):
    """Input: dense [B, 128, 56, 56]. Output: edge_map [B, 56, 56], gradient magnitude 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(DENSE_CHANNELS)
        self.depthwise = nn.Conv2d(DENSE_CHANNELS, DENSE_CHANNELS, kernel_size=3, padding=1, groups=DENSE_CHANNELS)
        self.pointwise = nn.Conv2d(DENSE_CHANNELS, HIDDEN, kernel_size=1)
        self.readout = MapReadout(HIDDEN, (softplus_start(FIRST_GRADIENT, GRADIENT_UNIT),))

    def forward(self, dense: Tensor) -> dict[str, Tensor]:
        raw = self.readout(F.gelu(self.pointwise(self.depthwise(self.norm(dense)))))
        return {"edge_map": bounded_softplus(raw, GRADIENT_UNIT, HIGHEST_GRADIENT)[:, 0]}  # [B, 1, 56, 56]
