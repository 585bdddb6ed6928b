"""How far every part of the picture is, and how sure that is.

Mean and standard deviation per location, to be learned by a likelihood (Kendall and Gal, "What uncertainties do we need
in Bayesian deep learning for computer vision?", NeurIPS 2017). Rows have positions of their own, because where a thing
meets the ground tells its distance (van Dijk and de Croon, "How do neural networks see depth in single images?", 2019).
"""

from __future__ import annotations

from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import (
    ChannelNorm,
    MapReadout,
    Modulation,
    SeparableUnit,
    bounded_softplus,
    softplus_start,
)
from maxsight_core.models.layers.tokens import learned_tokens
from maxsight_core.models.stage_b_contract import DENSE_CHANNELS, DENSE_SIDE

UNITS = 2
DEPTH_UNIT_M = 5.0
"""One step of the raw number: 100 m are then 20 steps away, which a linear layer can reach."""
FIRST_DEPTH_M, FIRST_SD_M = 5.0, 2.5
"""Before training: the middle of a room or a pavement, and half of it as doubt."""
HIGHEST_M = 100.0


class DepthHead(nn.Module):
    """Input: dense [B, 128, 56, 56], context [B, 768].

    Output: depth_map and its standard deviation depth_uncertainty, [B, 56, 56] metres, 0..100.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(DENSE_CHANNELS)
        self.rows = learned_tokens(1, DENSE_CHANNELS, DENSE_SIDE, 1)
        self.modulation = Modulation(DENSE_CHANNELS)
        self.units = nn.Sequential(*(SeparableUnit(DENSE_CHANNELS) for _ in range(UNITS)))
        self.readout = MapReadout(DENSE_CHANNELS, (softplus_start(FIRST_DEPTH_M, DEPTH_UNIT_M),
                                                   softplus_start(FIRST_SD_M, DEPTH_UNIT_M)))

    def forward(self, dense: Tensor, context: Tensor) -> dict[str, Tensor]:
        features = self.units(self.modulation(self.norm(dense) + self.rows, context))
        metres = bounded_softplus(self.readout(features), DEPTH_UNIT_M, HIGHEST_M)  # [B, 2, 56, 56]
        return {"depth_map": metres[:, 0], "depth_uncertainty": metres[:, 1]}
