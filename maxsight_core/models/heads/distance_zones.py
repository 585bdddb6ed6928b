"""Near, medium or far, at every location."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.contracts import ZONES
from maxsight_core.models.heads.detection import flatten_map

HIDDEN_CHANNELS = 64


class DistanceZonesHead(nn.Module):
    """Input: feature maps, each [B, in_channels, h, w]. Output: logits [B, HW, 3] over near, medium, far."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(in_channels, HIDDEN_CHANNELS, kernel_size=1)
        self.zones = nn.Conv2d(HIDDEN_CHANNELS, len(ZONES), kernel_size=1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        per_level = [flatten_map(self.zones(torch.relu(self.hidden(x)))) for x in maps]  # each [B, h * w, 3]
        return torch.cat(per_level, dim=1)
