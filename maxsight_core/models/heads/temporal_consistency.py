"""How steadily the same things are seen from one look to the next.

What changes in the features is compared with what moves (Varghese et al., "Unsupervised temporal consistency metric for
video segmentation in highly-automated driving", CVPR workshops 2020); taught with the track stability that
``maxsight_core.perception.consistency`` measures.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, Readout, logit, mean_and_peak
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS

CHANNELS, HIDDEN = 128, 288
FIRST_CONSISTENCY = 0.8
"""Most things of one look are there in the next one, a few frames later."""


class TemporalConsistencyHead(nn.Module):
    """Input: motion_features [B, 256, 14, 14], context [B, 768]. Output: temporal_consistency [B, 1], 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(MAP_CHANNELS)
        self.change = nn.Conv2d(MAP_CHANNELS, CHANNELS, kernel_size=3, stride=2, padding=1)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Linear(2 * CHANNELS + CONTEXT_SIZE, HIDDEN)
        self.readout = Readout(HIDDEN, (logit(FIRST_CONSISTENCY),))

    def forward(self, motion_features: Tensor, context: Tensor) -> dict[str, Tensor]:
        change = mean_and_peak(F.gelu(self.change(self.norm(motion_features))))  # [B, 256]
        hidden = F.gelu(self.hidden(torch.cat((change, self.context_norm(context)), dim=1)))
        return {"temporal_consistency": self.readout(hidden).sigmoid()}
