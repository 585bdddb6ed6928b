"""The scene embedding: 256 numbers for the whole picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EMBEDDING_SIZE = 256


class SceneEmbeddingHead(nn.Module):
    """Input: the means of P2..P5, each [B, 256]. Output: [B, 256] (``fused`` grid)."""

    def __init__(self, in_channels: int, level_count: int) -> None:
        super().__init__()
        self.project = nn.Linear(in_channels * level_count, EMBEDDING_SIZE)

    def forward(self, level_means: list[Tensor]) -> Tensor:
        return self.project(torch.cat(level_means, dim=1))  # [B, 1024] -> [B, 256]


def mean_embedding(maps: list[Tensor]) -> Tensor:
    """[B, 256]: the mean of P3..P5 over all positions and levels (``pyramid`` grid).

    It has no parameters of its own, so it is as trained as the backbone is: published detection weights give a usable
    embedding without any further training.
    """
    return torch.stack([x.mean(dim=(2, 3)) for x in maps]).mean(dim=0)
