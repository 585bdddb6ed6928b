"""What is in each of Stage A's boxes, read from Stage B's own pyramid.

The crops are those of RoIAlign (He et al., "Mask R-CNN", ICCV 2017) in its aligned form, written as one bilinear
sampling of all boxes, which every runtime has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.stage_b_contract import MAP_CHANNELS

BINS = 4
"""Bins along each side of a box."""
POINTS_PER_BIN = 2
"""Sampling points along each side of a bin, whose mean is the bin's value (He et al. 2017: four points)."""
GEOMETRY_SIZE = 64
HIDDEN = 896
EMPTY_SIDE = 1e-3
"""Side added before its logarithm, as a fraction of the picture: a fifth of a pixel at 224."""


def sampling_points(boxes: Tensor) -> Tensor:
    """Where to look in each box.

    Args:
        boxes: [B, K, 4] cxcywh, fractions of the picture; cut at its border.

    Returns:
        [B, K, S * S, 2] x and y, fractions of the picture, row by row; S = BINS * POINTS_PER_BIN.
    """
    centre, half = boxes[..., :2].float(), boxes[..., 2:].float() * 0.5
    low, high = (centre - half).clamp(0.0, 1.0), (centre + half).clamp(0.0, 1.0)
    count = BINS * POINTS_PER_BIN
    along = (torch.arange(count, device=boxes.device, dtype=torch.float32) + 0.5) / count  # [S]
    places = torch.stack((along.repeat(count), along.repeat_interleave(count)), dim=1)  # [S * S, 2]
    return low[:, :, None, :] + (high - low)[:, :, None, :] * places


def crops(level: Tensor, points: Tensor) -> Tensor:
    """Crops of a map at the points of :func:`sampling_points`: RoIAlign, aligned, on fractions of the picture.

    Args:
        level: [B, C, H, W]. points: [B, K, S * S, 2].

    Returns:
        [B, C, K, BINS, BINS]
    """
    wanted = points * 2.0 - 1.0  # grid_sample counts the picture from -1 to 1; in 32 bits, as halves of a cell matter
    sampled = F.grid_sample(level.float(), wanted, mode="bilinear", padding_mode="border", align_corners=False)
    batch, channels, boxes = sampled.shape[:3]
    side = BINS * POINTS_PER_BIN
    single = sampled.reshape(batch, channels * boxes, side, side)  # [B, C, K, S * S] -> [B, C * K, S, S]
    return F.avg_pool2d(single, POINTS_PER_BIN).reshape(batch, channels, boxes, BINS, BINS).to(level.dtype)


class BoxFeatures(nn.Module):
    """One vector per box: what it looks like on two levels, and its place and size.

    Input: p3 [B, 256, 2n, 2n], p4 [B, 256, n, n], boxes [B, K, 4] cxcywh, fractions of the picture, box_valid [B, K].
    Output: ``box_features`` [B, K, 256], exactly 0 for boxes that are not valid.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * MAP_CHANNELS, MAP_CHANNELS)
        self.bin_weights = nn.Parameter(torch.full((BINS * BINS, MAP_CHANNELS), 1.0 / (BINS * BINS)))
        self.geometry = nn.Sequential(nn.Linear(6, GEOMETRY_SIZE), nn.GELU(), nn.Linear(GEOMETRY_SIZE, MAP_CHANNELS))
        self.norm = nn.LayerNorm(MAP_CHANNELS)
        self.feed = nn.Sequential(nn.Linear(MAP_CHANNELS, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, MAP_CHANNELS))

    def forward(self, p3: Tensor, p4: Tensor, boxes: Tensor, box_valid: Tensor) -> dict[str, Tensor]:
        points = sampling_points(boxes)
        seen = torch.cat((crops(p3, points), crops(p4, points)), dim=1)  # [B, 512, K, 4, 4]
        bins = F.gelu(self.mix(seen.flatten(3).permute(0, 2, 3, 1)))  # [B, K, 16, 256]
        looks = (bins * self.bin_weights).sum(dim=2) + self.geometry(_geometry(boxes).to(bins.dtype))
        normed = self.norm(looks)
        features = normed + self.feed(normed)
        return {"box_features": torch.where((box_valid > 0.5)[:, :, None], features, torch.zeros_like(features))}


def _geometry(boxes: Tensor) -> Tensor:
    """[B, K, 4] -> [B, K, 6]: centre and sides, and the logarithms of the sides, which are relative sizes."""
    return torch.cat((boxes, torch.log(boxes[..., 2:].float().clamp_min(0.0) + EMPTY_SIDE).to(boxes.dtype)), dim=-1)
