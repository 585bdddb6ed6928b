"""What may happen next: hazards of the coming seconds, when, and what would be wise.

Hazards are independent of one another; the boxes are read by one attention query made of the context (Chan et al.,
"Anticipating accidents in dashcam videos", ACCV 2016). Advice only: alerts of danger are decided in Stage A.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import (
    Readout,
    bounded_softplus,
    log_priors,
    logit,
    presence,
    softplus_start,
)
from maxsight_core.models.layers.masked_attention import MaskedAttention, absence_bias
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, HAZARDS, MAP_CHANNELS

ATTENTION_HEADS, HIDDEN = 8, 768
HAZARD_PRIOR = 0.05
ACTION_PRIORS = (0.8, 0.08, 0.04, 0.04, 0.04)
"""go on, slow down, stop, step left, step right: mostly one walks on."""
TIME_UNIT_S, FIRST_TIME_S, HIGHEST_TIME_S = 5.0, 10.0, 30.0


class PredictiveAlertHead(nn.Module):
    """Input: temporal_context [B, 768], box_features [B, 16, 256], context [B, 768].

    Output: hazards [B, 6] probability of each; time_to_hazard [B, 1] seconds, 0..30; recommended_action [B, 5]
    probabilities that sum to 1. Absent boxes have no part in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.temporal_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.box_norm = nn.LayerNorm(MAP_CHANNELS)
        self.query = nn.Linear(CONTEXT_SIZE, MAP_CHANNELS)
        self.attention = MaskedAttention(MAP_CHANNELS, ATTENTION_HEADS)
        self.hidden = nn.Sequential(nn.Linear(2 * CONTEXT_SIZE + MAP_CHANNELS, HIDDEN), nn.GELU(),
                                    nn.Linear(HIDDEN, HIDDEN), nn.GELU())
        self.hazards = Readout(HIDDEN, (logit(HAZARD_PRIOR),) * len(HAZARDS))
        self.time = Readout(HIDDEN, (softplus_start(FIRST_TIME_S, TIME_UNIT_S),))
        self.action = Readout(HIDDEN, log_priors(*ACTION_PRIORS))

    def forward(self, temporal_context: Tensor, box_features: Tensor, context: Tensor) -> dict[str, Tensor]:
        moved, seen = self.temporal_norm(temporal_context), self.context_norm(context)
        hidden = self.hidden(torch.cat((moved, seen, self._things(box_features, seen)), dim=1))  # [B, 768]
        return {
            "hazards": self.hazards(hidden).sigmoid(),
            "time_to_hazard": bounded_softplus(self.time(hidden), TIME_UNIT_S, HIGHEST_TIME_S),
            "recommended_action": self.action(hidden).softmax(dim=1),
        }

    def _things(self, box_features: Tensor, seen: Tensor) -> Tensor:
        """[B, 256]: what the boxes that are there say to the context's question; 0 without any."""
        present = presence(box_features)  # [B, 16, 1]
        query = F.gelu(self.query(seen))[:, None]  # [B, 1, 256]
        bias = absence_bias(present[..., 0].to(query.dtype))
        told = self.attention(query, self.box_norm(box_features), bias)[:, 0]
        return torch.where(present.any(dim=1), told, torch.zeros_like(told))
