"""From camera bytes to what an ImageNet backbone expects, inside the graph, so that every runtime does it alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET_MEAN: tuple[float, float, float] = (0.485, 0.456, 0.406)
IMAGENET_STD: tuple[float, float, float] = (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's RGB, 0..1, as torchvision's published weights were trained with."""


class Normalise(nn.Module):
    """uint8 RGB [B, S, S, 3] -> float [B, 3, S, S], zero mean and unit variance over ImageNet."""

    def __init__(self) -> None:
        super().__init__()
        mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1) * 255.0
        std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1) * 255.0
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("inverse_std", 1.0 / std, persistent=False)

    def forward(self, batch_rgb: Tensor) -> Tensor:
        images = batch_rgb.permute(0, 3, 1, 2).to(self.mean.dtype)  # [B, 3, S, S]
        return (images - self.mean) * self.inverse_std
