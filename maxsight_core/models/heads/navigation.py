"""How hard this place is to walk through, in one figure.

Whether a place can be walked through is a property of its layout as a whole (navigability in Greene and Oliva,
"Recognition of natural scenes from global properties", Cognitive Psychology 2009). Rows of the map are kept apart: the
floor near the feet is not the far end of the way.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, Readout, logit
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS, MAP_SIDE

CHANNELS, HIDDEN = 128, 320
FIRST_DIFFICULTY = 0.4


class NavigationDifficultyHead(nn.Module):
    """Input: grid [B, 256, 14, 14], context [B, 768]. Output: navigation_difficulty [B, 1], 0 easy .. 1 hard."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(MAP_CHANNELS)
        self.layout = nn.Conv2d(MAP_CHANNELS, CHANNELS, kernel_size=3, stride=2, padding=1)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Linear(CHANNELS * MAP_SIDE // 2 + CONTEXT_SIZE, HIDDEN)
        self.readout = Readout(HIDDEN, (logit(FIRST_DIFFICULTY),))

    def forward(self, grid: Tensor, context: Tensor) -> dict[str, Tensor]:
        layout = F.gelu(self.layout(self.norm(grid)))  # [B, 128, 7, 7]
        rows = layout.mean(dim=3).flatten(1)  # [B, 128, 7] -> [B, 896]
        hidden = F.gelu(self.hidden(torch.cat((rows, self.context_norm(context)), dim=1)))
        return {"navigation_difficulty": self.readout(hidden).sigmoid()}
