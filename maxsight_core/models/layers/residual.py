"""Residual additions that leave what passes by as it is at first: small last weights, and a 3x3 unit made so."""

from __future__ import annotations

import torch
from torch import Tensor, nn

RESIDUAL_STD = 0.002
"""Spread of the last weights of a new residual branch: a tenth of ViT's, so that what passes by keeps its meaning and
gradients still reach every weight from the first step."""


def start_small(*layers: nn.Linear | nn.Conv2d) -> None:
    """Let these layers, the last of residual branches, add little before training."""
    for layer in layers:
        nn.init.normal_(layer.weight, std=RESIDUAL_STD)
        nn.init.zeros_(layer.bias)


class ResidualUnit(nn.Module):
    """``x + conv(relu(conv(relu(x))))``, 3x3, pre-activation (He et al., "Identity Mappings in Deep Residual Networks",
    ECCV 2016).

    Args:
        channels: C.

    Input and output: [B, C, H, W].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.second = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        start_small(self.second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(torch.relu(x))))
