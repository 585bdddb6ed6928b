"""Risk of glare in four levels, and how far this answer can be trusted.

Glare is both an area and a peak, so the map is pooled to its mean and its largest value (as in CBAM, Woo et al., ECCV
2018). Levels are those of ``maxsight_core.perception.glare``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, Readout, log_priors, logit, mean_and_peak
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, DENSE_CHANNELS

CHANNELS, HIDDEN = 64, 384
LEVEL_PRIORS = (0.7, 0.2, 0.07, 0.03)
"""none, low, medium, high: most places have no glare."""
FIRST_CONFIDENCE = 0.5


class GlareHead(nn.Module):
    """Input: dense [B, 128, 56, 56], context [B, 768].

    Output: glare_risk [B, 4] probabilities that sum to 1; glare_confidence [B, 1], 0..1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(DENSE_CHANNELS)
        self.pointwise = nn.Conv2d(DENSE_CHANNELS, CHANNELS, kernel_size=1)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Linear(2 * CHANNELS + CONTEXT_SIZE, HIDDEN)
        self.levels = Readout(HIDDEN, log_priors(*LEVEL_PRIORS))
        self.confidence = Readout(HIDDEN, (logit(FIRST_CONFIDENCE),))

    def forward(self, dense: Tensor, context: Tensor) -> dict[str, Tensor]:
        pooled = mean_and_peak(F.gelu(self.pointwise(self.norm(dense))))  # [B, 128]
        hidden = F.gelu(self.hidden(torch.cat((pooled, self.context_norm(context)), dim=1)))
        return {"glare_risk": self.levels(hidden).softmax(dim=1), "glare_confidence": self.confidence(hidden).sigmoid()}
