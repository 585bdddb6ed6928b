"""The backbone with one classifier per map; they are thrown away afterwards."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import BackboneWithFPN

MAP_WEIGHTS = (0.3, 0.3, 1.0)
"""Of the losses of C3, C4, C5. Small things are found on the finer maps, so these must tell classes apart too (deep
supervision: Lee et al., "Deeply-Supervised Nets", AISTATS 2015)."""
SMOOTHING = 0.1
"""Of labels (Szegedy et al. 2016)."""


class CropClassifier(nn.Module):
    """Input: [B, 3, S, S] normalised. Output: logits [B, classes] of C3, C4 and C5."""

    def __init__(self, backbone: BackboneWithFPN, classes: int) -> None:
        super().__init__()
        self.body = backbone.body
        widths = [block[0].in_channels for block in backbone.fpn.inner_blocks][-len(MAP_WEIGHTS):]
        self.classifiers = nn.ModuleList(nn.Linear(width, classes) for width in widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = list(self.body(images).values())[-len(MAP_WEIGHTS):]
        return [layer(found.mean(dim=(2, 3))) for layer, found in zip(self.classifiers, maps, strict=True)]


def loss(logits: list[Tensor], columns: Tensor) -> Tensor:
    """Weighted cross-entropy of all maps, mean over the batch."""
    return sum(weight * F.cross_entropy(one.float(), columns, label_smoothing=SMOOTHING)
               for weight, one in zip(MAP_WEIGHTS, logits, strict=True))


def views(images: Tensor, side_px: int, generator: torch.Generator) -> Tensor:
    """Random views: part of the crop, turned and mirrored, in other light.

    Args:
        images: [B, P, P, 3] uint8. side_px: of the views.

    Returns:
        [B, side, side, 3], 0..255.
    """
    count = len(images)

    def drawn(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    scale, turn = drawn(0.55, 1.0), drawn(-0.2, 0.2)  # share of the side; radians
    wide = scale * drawn(0.85, 1.0)
    mirror = torch.sign(drawn(-1, 1))
    shift = drawn(-1, 1, 2) * (1 - scale)[:, None]
    theta = torch.stack((
        torch.stack((wide * mirror * torch.cos(turn), -scale * torch.sin(turn), shift[:, 0]), dim=1),
        torch.stack((wide * mirror * torch.sin(turn), scale * torch.cos(turn), shift[:, 1]), dim=1)), dim=1)
    pictures = images.permute(0, 3, 1, 2).float().div_(255.0)
    grid = F.affine_grid(theta, [count, 3, side_px, side_px], align_corners=False)
    seen = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    grey = seen.mean(dim=1, keepdim=True)
    seen = grey + (seen - grey) * drawn(0.4, 1.4, 1, 1, 1)
    middle = seen.mean(dim=(1, 2, 3), keepdim=True)
    seen = middle + (seen - middle) * drawn(0.6, 1.4, 1, 1, 1)
    tint = drawn(0.9, 1.1, 3, 1, 1) * drawn(0.6, 1.3, 1, 1, 1)
    noise = torch.randn(seen.shape, generator=generator) * drawn(0.0, 0.04, 1, 1, 1)
    return (seen * tint + noise).clamp_(0, 1).mul_(255.0).permute(0, 2, 3, 1)
