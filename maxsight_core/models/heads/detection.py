"""Objectness, classification and boxes on the fused map: one shared entry, two towers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

TOWER_CHANNELS = 256
OBJECTNESS_PRIOR = 0.01
"""Start as if one location in a hundred held something (Lin et al., "Focal Loss", 2017): a stable first epoch."""
SIDE_PRIOR = 0.1
"""Start with boxes a fifth of the frame wide: sides a tenth of the frame away."""


def flatten_map(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, H * W, C], row by row."""
    return x.flatten(2).transpose(1, 2)


def logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


class FusedDetectionHead(nn.Module):
    """The three per-location detection heads of the ``fused`` grid.

    Args:
        in_channels: channels of the fused map. num_classes: columns of the classifier; column 0 is background.

    Input: [B, in_channels, H, W].

    Output, a dict:
        objectness_logits: [B, HW]. classification_logits: [B, HW, num_classes], for a softmax.
        sides: [B, HW, 4] distances from the location to left, top, right, bottom, 0..1 of the frame.
        tower: [B, 256, H, W] the box tower's features, which the distance head reads.
        entry: [B, 256, H, W] the shared features, which the frame heads read.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.entry = Conv2dNormActivation(in_channels, TOWER_CHANNELS, kernel_size=1)
        self.class_tower = Conv2dNormActivation(TOWER_CHANNELS, TOWER_CHANNELS, kernel_size=3)
        self.box_tower = Conv2dNormActivation(TOWER_CHANNELS, TOWER_CHANNELS, kernel_size=3)
        self.classification = nn.Conv2d(TOWER_CHANNELS, num_classes, kernel_size=1)
        self.objectness = nn.Conv2d(TOWER_CHANNELS, 1, kernel_size=1)
        self.boxes = nn.Conv2d(TOWER_CHANNELS, 4, kernel_size=1)
        for predictor, bias in ((self.classification, 0.0), (self.objectness, logit(OBJECTNESS_PRIOR)),
                                (self.boxes, logit(SIDE_PRIOR))):
            nn.init.normal_(predictor.weight, std=0.01)
            nn.init.constant_(predictor.bias, bias)

    def forward(self, fused: Tensor) -> dict[str, Tensor]:
        entry = self.entry(fused)  # [B, 256, H, W]
        tower = self.box_tower(entry)  # [B, 256, H, W]
        return {
            "objectness_logits": self.objectness(tower).flatten(1),  # [B, 1, H, W] -> [B, HW]
            "classification_logits": flatten_map(self.classification(self.class_tower(entry))),  # [B, HW, classes]
            "sides": torch.sigmoid(flatten_map(self.boxes(tower))),  # [B, HW, 4]
            "tower": tower,
            "entry": entry,
        }
