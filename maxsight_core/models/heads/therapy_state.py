"""What matters to a therapy session in the present view: fatigue, the use of depth, and contrast.

Three answers from one shared layer (Caruana, "Multitask learning", Machine Learning 1997). They are advice to a
clinician and no diagnosis.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, Readout, logit, mean_and_peak
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS

HIDDEN, BRANCH = 512, 160
PRIORS: dict[str, float] = {"therapy_fatigue": 0.2, "therapy_depth_focus": 0.5, "therapy_contrast": 0.5}
"""A session begins rested; the other two are even."""


class TherapyStateHead(nn.Module):
    """Input: grid [B, 256, 14, 14], context [B, 768].

    Output: therapy_fatigue, therapy_depth_focus, therapy_contrast, [B, 1] each, 0..1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(MAP_CHANNELS)
        self.around = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=3, padding=1)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Linear(2 * MAP_CHANNELS + CONTEXT_SIZE, HIDDEN)
        self.branches = nn.ModuleDict({
            name: nn.Sequential(nn.Linear(HIDDEN, BRANCH), nn.GELU(), Readout(BRANCH, (logit(prior),)))
            for name, prior in PRIORS.items()})

    def forward(self, grid: Tensor, context: Tensor) -> dict[str, Tensor]:
        seen = mean_and_peak(F.gelu(self.around(self.norm(grid))))  # [B, 512]
        hidden = F.gelu(self.hidden(torch.cat((seen, self.context_norm(context)), dim=1)))
        return {name: branch(hidden).sigmoid() for name, branch in self.branches.items()}
