"""What the context heads are built of: units on maps, a context that tints them, readers of boxes, calm last layers.

Everything that enters a head is normed first, so that wild activations stay far from the limits of half precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.residual import start_small
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS

READOUT_STD = 0.01
"""Spread of a last layer's weights: an untrained head says what its bias says (Lin et al., "Focal Loss", 2017)."""
EXPANSION = 2
"""Hidden channels of a unit per channel: half of ConvNeXt's, because it is run on 56 x 56 locations."""
SMALLEST_SIDE = 0.005
"""Of a box, as a fraction of the picture: one pixel at 224."""
INVERSE_SIDE_UNIT = 0.05
"""Box height, as a fraction of the picture, at which the inverse height is 1: a person at about 35 m."""
BOX_GEOMETRY = 8


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of every location (Ba et al. 2016): [B, C, H, W] -> [B, C, H, W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SeparableUnit(nn.Module):
    """``x + pointwise(gelu(pointwise(norm(depthwise(x)))))`` (Liu et al., "A ConvNet for the 2020s", CVPR 2022).

    Input and output: [B, C, H, W].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels)
        self.norm = ChannelNorm(channels)
        self.widen = nn.Conv2d(channels, EXPANSION * channels, kernel_size=1)
        self.narrow = nn.Conv2d(EXPANSION * channels, channels, kernel_size=1)
        start_small(self.narrow)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(F.gelu(self.widen(self.norm(self.depthwise(x)))))


class Modulation(nn.Module):
    """The context scales and shifts every channel (Perez et al., "FiLM", AAAI 2018), not at all before training.

    Input: x [B, channels, H, W], context [B, 768]. Output: [B, channels, H, W].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CONTEXT_SIZE)
        self.project = nn.Linear(CONTEXT_SIZE, 2 * channels)
        start_small(self.project)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.project(self.norm(context))[:, :, None, None].chunk(2, dim=1)  # [B, channels, 1, 1] each
        return x * (1.0 + scale) + shift


class BoxReader(nn.Module):
    """Every box in the light of the whole picture.

    Args:
        hidden: width of the answer. geometry: whether place and size of the boxes are read too.

    Input: box_features [B, K, 256], context [B, 768], and boxes [B, K, 4] cxcywh if ``geometry``.
    Output: [B, K, hidden]; not 0 for absent boxes, see :func:`where_present`.
    """

    def __init__(self, hidden: int, *, geometry: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(MAP_CHANNELS)
        self.feature = nn.Linear(MAP_CHANNELS, hidden)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.context = nn.Linear(CONTEXT_SIZE, hidden, bias=False)
        self.place = nn.Linear(BOX_GEOMETRY, hidden, bias=False) if geometry else None
        self.mix = nn.Linear(hidden, hidden)

    def forward(self, box_features: Tensor, context: Tensor, boxes: Tensor | None = None) -> Tensor:
        read = self.feature(self.norm(box_features)) + self.context(self.context_norm(context))[:, None]
        if self.place is not None:
            read = read + self.place(box_geometry(boxes).to(read.dtype))
        return F.gelu(self.mix(F.gelu(read)))


def box_geometry(boxes: Tensor) -> Tensor:
    """[B, K, 4] cxcywh -> [B, K, 8]: the box, logarithms of its sides, its foot, and 0.05 / height (pinhole rule)."""
    width, height = boxes[..., 2:3].clamp(min=SMALLEST_SIDE), boxes[..., 3:4].clamp(min=SMALLEST_SIDE)
    foot = boxes[..., 1:2] + boxes[..., 3:4] * 0.5
    return torch.cat((boxes, width.log(), height.log(), foot, INVERSE_SIDE_UNIT / height), dim=-1)


def presence(box_features: Tensor) -> Tensor:
    """[B, K, 1] bool: which boxes hold a detection. Features of absent boxes are exactly 0, by contract."""
    return box_features.abs().amax(dim=-1, keepdim=True) > 0


def where_present(values: Tensor, present: Tensor) -> Tensor:
    """[B, K, N] with exact zeros for absent boxes, whatever was computed there; present: [B, K, 1] bool."""
    return torch.where(present, values, torch.zeros_like(values))


class Readout(nn.Linear):
    """A last layer: [..., in_features] -> [..., len(start)] raw numbers in 32 bits, ``start`` before training."""

    def __init__(self, in_features: int, start: Sequence[float]) -> None:
        super().__init__(in_features, len(start))
        _start_at(self, start)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float()


class MapReadout(nn.Conv2d):
    """A last layer on a map: [B, C, H, W] -> [B, len(start), H, W] raw numbers in 32 bits; ``start`` when untrained."""

    def __init__(self, channels: int, start: Sequence[float]) -> None:
        super().__init__(channels, len(start), kernel_size=1)
        _start_at(self, start)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float()


def _start_at(layer: nn.Linear | nn.Conv2d, start: Sequence[float]) -> None:
    nn.init.normal_(layer.weight, std=READOUT_STD)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor(start))


def bounded_softplus(raw: Tensor, unit: float, high: float) -> Tensor:
    """``unit * softplus(raw)``, at most ``high``: never negative, in the unit of ``unit`` and ``high``."""
    return (unit * F.softplus(raw.float())).clamp(max=high)


def softplus_start(value: float, unit: float) -> float:
    """The raw number for which :func:`bounded_softplus` gives ``value``, which must be positive."""
    return math.log(math.expm1(value / unit))


def logit(probability: float) -> float:
    """The raw number for which a sigmoid gives ``probability``, inside (0, 1)."""
    return math.log(probability / (1.0 - probability))


def log_priors(*shares: float) -> tuple[float, ...]:
    """Raw numbers for which a softmax gives these shares; they must be positive and sum to 1."""
    return tuple(math.log(share) for share in shares)


def mean_and_peak(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, 2C]: mean and largest value of every channel."""
    return torch.cat((x.mean(dim=(2, 3)), x.amax(dim=(2, 3))), dim=1)
