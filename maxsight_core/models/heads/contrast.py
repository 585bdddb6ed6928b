"""Local contrast of the picture, and how much of its detail a normal observer sees.

What it is taught is what ``maxsight_core.perception.contrast`` measures: band-limited RMS contrast (Peli, "Contrast in
complex images", JOSA A 1990), and the share of it above the threshold of a normal eye.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import (
    ChannelNorm,
    MapReadout,
    Modulation,
    Readout,
    SeparableUnit,
    bounded_softplus,
    logit,
    softplus_start,
)
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, DENSE_CHANNELS

CONTRAST_UNIT = 1.0
FIRST_CONTRAST = 1.0
"""Mean of the measured map over everyday photographs: all octaves together, so above that of any one of them."""
HIGHEST_CONTRAST = 50.0
"""Twice the largest value the measured estimator gives on them (a lamp against the dark)."""
FIRST_SHARE = 0.5
HIDDEN = 256


class ContrastHead(nn.Module):
    """Input: dense [B, 128, 56, 56], context [B, 768].

    Output: contrast_map [B, 56, 56] RMS contrast, 0..50; contrast_sensitivity [B] share of detail seen, 0..1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(DENSE_CHANNELS)
        self.modulation = Modulation(DENSE_CHANNELS)
        self.unit = SeparableUnit(DENSE_CHANNELS)
        self.readout = MapReadout(DENSE_CHANNELS, (softplus_start(FIRST_CONTRAST, CONTRAST_UNIT),))
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Linear(DENSE_CHANNELS + CONTEXT_SIZE, HIDDEN)
        self.share = Readout(HIDDEN, (logit(FIRST_SHARE),))

    def forward(self, dense: Tensor, context: Tensor) -> dict[str, Tensor]:
        features = self.unit(self.modulation(self.norm(dense), context))
        contrast = bounded_softplus(self.readout(features), CONTRAST_UNIT, HIGHEST_CONTRAST)  # [B, 1, 56, 56]
        whole = torch.cat((features.mean(dim=(2, 3)), self.context_norm(context)), dim=1)  # [B, 896]
        share = self.share(F.gelu(self.hidden(whole))).sigmoid()
        return {"contrast_map": contrast[:, 0], "contrast_sensitivity": share[:, 0]}
