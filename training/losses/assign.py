"""Which location of the grid answers for which box.

``pyramid``: FCOS's rule as torchvision trains it (Tian et al. 2019): a location near a box's centre (within 1.5 reaches
of its level), inside the box, on the level whose range of sizes holds the box; of several boxes the smallest.
``fused``: a location in the middle of a box (within half of each side, at least one stride), the smallest box; a box
that no location would answer for takes the nearest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maxsight_core.models.grid import levels, points_px, reach_px

CENTRE_RADIUS = 1.5
"""Reaches around a box's centre that count as near it (torchvision's ``center_sampling_radius``)."""
SIZE_RANGE = (4.0, 8.0)
"""A level answers for boxes whose farthest side is 4 to 8 of its reaches away (torchvision's FCOS)."""
MIDDLE_SHARE = 0.5
"""``fused``: part of a box about its centre that answers for it."""
NOTHING = -1
"""Match of a location that answers for no box."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Of one batch on one grid with HW locations.

    Args:
        matched: [B, HW] int64: index of the picture's box, -1 none. counted: [B, HW] bool: False inside a region that
            counts neither way and that no box claims.
        sides: [B, HW, 4] float32 distances to left, top, right, bottom in units of ``reach_px``, not negative; 0 where
            nothing matched.
        boxes: [B, HW, 4] float32 ``cxcywh`` of the matched box; 0 where nothing matched.
    """

    matched: Tensor
    counted: Tensor
    sides: Tensor
    boxes: Tensor

    @property
    def positive(self) -> Tensor:
        """[B, HW] bool: the locations that answer for a box."""
        return self.matched >= 0


def assign(boxes: Sequence[Tensor], ignored: Sequence[Tensor], grid: str, input_size_px: int) -> Assignment:
    """The assignment of a batch.

    Args:
        boxes: B of [n, 4] ``cxcywh``, fractions of the square input. ignored: B of [m, 4], the same.
        grid, input_size_px: as in :mod:`maxsight_core.models.grid`.
    """
    device = boxes[0].device if len(boxes) else torch.device("cpu")
    place = _Places(grid, input_size_px, device)
    rows = [_one(found, skipped, place) for found, skipped in zip(boxes, ignored, strict=True)]
    return Assignment(*(torch.stack(column) for column in zip(*rows, strict=True)))


class _Places:
    """The grid's locations as tensors: points, reach and stride of each, in pixels."""

    def __init__(self, grid: str, input_size_px: int, device: torch.device) -> None:
        self.grid, self.size = grid, input_size_px
        self.points = torch.from_numpy(points_px(grid, input_size_px).copy()).to(device)  # [HW, 2]
        self.reach = torch.from_numpy(reach_px(grid, input_size_px).copy()).to(device)  # [HW, 1]
        maps = levels(grid, input_size_px)
        self.stride = float(maps[0].stride_px)
        self.first, self.last = maps[0].locations, len(self.points) - maps[-1].locations


def _one(boxes: Tensor, ignored: Tensor, place: _Places) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count = len(place.points)
    outside = ~_inside(place.points, _corners(ignored) * place.size).any(dim=1)  # [HW]
    if len(boxes) == 0:
        empty = boxes.new_zeros(count, 4)
        return torch.full((count,), NOTHING, device=boxes.device), outside, empty, empty.clone()
    corners = _corners(boxes) * place.size  # [n, 4] pixels
    points = place.points[:, None]
    sides = torch.cat((points - corners[None, :, :2], corners[None, :, 2:] - points), dim=2)  # [HW, n, 4]
    allowed = _pyramid(corners, sides, place) if place.grid == "pyramid" else _fused(corners, sides, place)  # [HW, n]
    areas = (corners[:, 2:] - corners[:, :2]).prod(dim=1)  # [n]
    cost = torch.where(allowed, areas[None].expand_as(allowed), torch.inf)
    least, matched = cost.min(dim=1)
    matched = torch.where(least.isinf(), NOTHING, matched)
    positive = matched >= 0
    chosen = matched.clamp(min=0)
    own = sides[torch.arange(count, device=boxes.device), chosen].clamp(min=0.0) / place.reach  # [HW, 4]
    return (matched, outside | positive, torch.where(positive[:, None], own, 0.0),
            torch.where(positive[:, None], boxes[chosen], 0.0))


def _pyramid(corners: Tensor, sides: Tensor, place: _Places) -> Tensor:
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    offset = (place.points[:, None] - centres[None]).abs().amax(dim=2)  # [HW, n]
    near = offset < CENTRE_RADIUS * place.reach
    inside = sides.amin(dim=2) > 0
    low, high = place.reach * SIZE_RANGE[0], place.reach * SIZE_RANGE[1]
    low[: place.first] = 0.0
    high[place.last:] = torch.inf
    farthest = sides.amax(dim=2)
    return near & inside & (farthest > low) & (farthest < high)


def _fused(corners: Tensor, sides: Tensor, place: _Places) -> Tensor:
    centres, extents = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    offset = (place.points[:, None] - centres[None]).abs()  # [HW, n, 2]
    reach = (extents * MIDDLE_SHARE / 2).clamp(min=place.stride / 2)
    allowed = (offset <= reach[None]).all(dim=2) & (sides.amin(dim=2) > 0)
    nearest = offset.square().sum(dim=2).argmin(dim=0)  # [n]
    orphans = ~allowed.any(dim=0)
    allowed[nearest[orphans], orphans.nonzero().squeeze(1)] = True
    return allowed


def centerness(sides: Tensor) -> Tensor:
    """[...] FCOS's centre-ness 0..1 of distances [..., 4] to left, top, right, bottom; all must be positive."""
    across, down = sides[..., [0, 2]], sides[..., [1, 3]]
    return torch.sqrt((across.amin(-1) / across.amax(-1)) * (down.amin(-1) / down.amax(-1)))


def _corners(boxes: Tensor) -> Tensor:
    centre, extent = boxes[:, :2], boxes[:, 2:]
    return torch.cat((centre - extent / 2, centre + extent / 2), dim=1)


def _inside(points: Tensor, corners: Tensor) -> Tensor:
    """[HW, m] bool: which points lie in which boxes (pixels)."""
    return ((points[:, None] >= corners[None, :, :2]) & (points[:, None] <= corners[None, :, 2:])).all(dim=2)
