"""Urgency and uncertainty of the frame as a whole."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.contracts import URGENCIES

URGENCY_HIDDEN = 128
UNCERTAINTY_HIDDEN = 64


class UrgencyHead(nn.Module):
    """Input: frame context [B, in_features]. Output: logits [B, 4] over safe, caution, warning, danger."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_features, URGENCY_HIDDEN)
        self.levels = nn.Linear(URGENCY_HIDDEN, len(URGENCIES))

    def forward(self, context: Tensor) -> Tensor:
        return self.levels(torch.relu(self.hidden(context)))


class UncertaintyHead(nn.Module):
    """Input: frame context [B, in_features]. Output: logit [B, 1]; sigmoid 1: the frame cannot be trusted."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_features, UNCERTAINTY_HIDDEN)
        self.level = nn.Linear(UNCERTAINTY_HIDDEN, 1)

    def forward(self, context: Tensor) -> Tensor:
        return self.level(torch.relu(self.hidden(context)))
