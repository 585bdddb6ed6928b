"""What moved between the last two frames, from Stage A's maps.

A local correlation volume, then convolutions: Dosovitskiy et al., "FlowNet", ICCV 2015; Sun et al., "PWC-Net", CVPR
2018, from which the radius is smaller because the maps have stride 16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.residual import ResidualUnit
from maxsight_core.models.stage_b_contract import MAP_CHANNELS, MAP_SIDE, STAGE_A_CHANNELS

RADIUS = 3
"""Cells of 16 px: 48 px in a 224 px picture, more than a person's stride or a turning head moves between frames."""
MATCH_CHANNELS = 128
BLOCKS = 2
SMALLEST_SQUARE = 1e-6
"""Kept under the root when a vector is brought to unit length."""


def window_indices(side: int, radius: int) -> tuple[Tensor, Tensor]:
    """For every place of a square map, the places around it.

    Returns:
        indices [side^2, (2 radius + 1)^2] int64, row by row, of the place shifted by (dy, dx), dx fastest; 0 where
        that lies outside. inside: the same shape, 1.0 or 0.0.
    """
    along = torch.arange(side)
    shift = torch.arange(-radius, radius + 1)
    y = along[:, None, None, None] + shift[None, None, :, None]  # [side, 1, window, 1]
    x = along[None, :, None, None] + shift[None, None, None, :]  # [1, side, 1, window]
    y, x = torch.broadcast_tensors(y, x)
    inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
    indices = torch.where(inside, y * side + x, torch.zeros_like(y))
    return indices.reshape(side * side, -1), inside.reshape(side * side, -1).float()


class LocalCorrelation(nn.Module):
    """How much every place of one map resembles the places around it in another: cosine similarity.

    Args:
        side: of both maps. radius: in cells.

    Input: now, before [B, C, side, side]. Output: [B, (2 radius + 1)^2, side, side], -1..1: channel
    (dy + radius) (2 radius + 1) + dx + radius compares ``now`` at (y, x) with ``before`` at (y + dy, x + dx), and is 0
    where that lies outside the map.
    """

    indices: Tensor
    inside: Tensor

    def __init__(self, side: int = MAP_SIDE, radius: int = RADIUS) -> None:
        super().__init__()
        self.side = side
        indices, inside = window_indices(side, radius)
        self.register_buffer("indices", indices[None], persistent=False)
        self.register_buffer("inside", inside[None], persistent=False)

    def forward(self, now: Tensor, before: Tensor) -> Tensor:
        everywhere = _unit(now).transpose(1, 2) @ _unit(before)  # [B, side^2, side^2]: few places, one product
        indices = self.indices.expand(now.shape[0], -1, -1)
        near = torch.gather(everywhere, 2, indices) * self.inside.to(everywhere.dtype)  # [B, side^2, window^2]
        return near.transpose(1, 2).unflatten(2, (self.side, self.side))


def _unit(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C, H * W], every place's vector brought to length 1; in 32 bits, as squares overflow half."""
    x = x.float().flatten(2)
    return x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + SMALLEST_SQUARE)


class PairMotionEncoder(nn.Module):
    """The last two maps to what moved.

    Input: stage_a_maps [B, T, 768, 14, 14], T >= 2, newest last; map_valid [B, T]. Only the last two are read.
    Output: ``motion_features`` [B, 256, 14, 14]; exactly 0 where one of the two frames is not valid: nothing is
    known of motion then.

    Raises:
        ValueError: fewer than two maps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.match = nn.Conv2d(STAGE_A_CHANNELS, MATCH_CHANNELS, kernel_size=1)
        self.correlate = LocalCorrelation()
        window = (2 * RADIUS + 1) ** 2
        self.enter = nn.Conv2d(window + 2 * MATCH_CHANNELS, MAP_CHANNELS, kernel_size=1)
        self.blocks = nn.Sequential(*(ResidualUnit(MAP_CHANNELS) for _ in range(BLOCKS)))

    def forward(self, stage_a_maps: Tensor, map_valid: Tensor) -> dict[str, Tensor]:
        if not torch.jit.is_tracing() and stage_a_maps.shape[1] < 2:
            raise ValueError(f"PairMotionEncoder: expected at least two maps, newest last; got "
                             f"{stage_a_maps.shape[1]}")
        both = (map_valid[:, -2:].amin(dim=1) > 0.5)[:, None, None, None]  # [B, 1, 1, 1]
        before, now = self.match(stage_a_maps[:, -2]), self.match(stage_a_maps[:, -1])  # [B, 128, 14, 14]
        change = torch.cat((self.correlate(now, before).to(now.dtype), now - before, now), dim=1)
        moved = self.blocks(self.enter(change))
        return {"motion_features": torch.where(both, moved, torch.zeros_like(moved))}
