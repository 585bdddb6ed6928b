"""Where the locations of a detection grid lie in the input picture. NumPy only, so that decoding needs no network.

Two grids: ``fused`` is one map at stride 16 (14x14 at 224 px); ``pyramid`` is P3..P7 laid out as torchvision's
``fcos_resnet50_fpn`` lays its anchors, so that published weights give the published boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

GRIDS: tuple[str, ...] = ("fused", "pyramid")
DEFAULT_INPUT_PX: dict[str, int] = {"fused": 224, "pyramid": 320}
"""Side of the square input: the description's 224; 320 keeps the pyramid under 90 ms on two CPU cores."""

FUSED_STRIDE_PX = 16
PYRAMID_REACH_PX: tuple[int, ...] = (8, 16, 32, 64, 128)
"""Pixels per unit of the box regression on P3..P7 (FCOS, Tian et al. 2019: the stride of each level)."""
INPUT_MULTIPLE_PX = 32
"""Coarsest stride of ResNet50: another size would leave a border that no location of C5 covers."""


@dataclass(frozen=True, slots=True)
class Level:
    """One feature map: ``side`` x ``side`` locations, ``stride_px`` apart.

    Args:
        reach_px: pixels per unit of the box regression (the whole input for ``fused``).
        offset_px: position of the first location (torchvision's FCOS puts it at 0, ``fused`` at mid-cell).
    """

    side: int
    stride_px: float
    reach_px: float
    offset_px: float

    @property
    def locations(self) -> int:
        return self.side * self.side


def check_grid(grid: str) -> str:
    """``grid`` itself; ValueError names the grids there are."""
    if grid not in GRIDS:
        raise ValueError(f"grid: expected one of {', '.join(GRIDS)}; got {grid!r}")
    return grid


def check_input_size(input_size_px: int) -> int:
    """``input_size_px`` itself; ValueError unless it is a positive multiple of 32."""
    if input_size_px < INPUT_MULTIPLE_PX or input_size_px % INPUT_MULTIPLE_PX:
        raise ValueError(
            f"input size: expected a multiple of {INPUT_MULTIPLE_PX} pixels, such as 224 or 320; got {input_size_px}"
        )
    return input_size_px


@lru_cache(maxsize=16)
def levels(grid: str, input_size_px: int) -> tuple[Level, ...]:
    """The feature maps of a grid for a square input, finest first."""
    check_grid(grid)
    size = check_input_size(input_size_px)
    if grid == "fused":
        return (Level(size // FUSED_STRIDE_PX, FUSED_STRIDE_PX, size, FUSED_STRIDE_PX / 2),)
    sides = [size // 8, size // 16, size // 32]
    for _ in ("P6", "P7"):
        sides.append(-(-sides[-1] // 2))  # 3x3 convolution, stride 2, padding 1: rounds up
    # torchvision's anchor generator rounds the stride down: at 320 px P7 (3x3) has 106, not 128
    return tuple(
        Level(side, size // side, reach, 0.0) for side, reach in zip(sides, PYRAMID_REACH_PX, strict=True)
    )


@lru_cache(maxsize=16)
def location_count(grid: str, input_size_px: int) -> int:
    """HW, the number of locations: 196 for ``fused`` and 1049 for ``pyramid`` at 224 px."""
    return sum(level.locations for level in levels(grid, input_size_px))


@lru_cache(maxsize=16)
def points_px(grid: str, input_size_px: int) -> np.ndarray:
    """[HW, 2] float32: x and y of every location in pixels of the input, row by row, finest level first."""
    found = []
    for level in levels(grid, input_size_px):
        along = level.offset_px + level.stride_px * np.arange(level.side, dtype=np.float32)
        y, x = np.meshgrid(along, along, indexing="ij")
        found.append(np.stack((x.ravel(), y.ravel()), axis=1))  # [side * side, 2]
    points = np.concatenate(found).astype(np.float32)
    points.setflags(write=False)
    return points


@lru_cache(maxsize=16)
def reach_px(grid: str, input_size_px: int) -> np.ndarray:
    """[HW, 1] float32: pixels per unit of the box regression at every location."""
    found = [np.full((level.locations, 1), level.reach_px, np.float32) for level in levels(grid, input_size_px)]
    reach = np.concatenate(found)
    reach.setflags(write=False)
    return reach


def boxes_cxcywh(sides: np.ndarray, grid: str, input_size_px: int) -> np.ndarray:
    """Boxes from the distances to their four sides.

    Args:
        sides: [..., HW, 4] left, top, right, bottom, in units of ``reach_px``, each >= 0.

    Returns:
        [..., HW, 4] float32 ``cxcywh``, fractions of the input, cut at its border.
    """
    points, reach = points_px(grid, input_size_px), reach_px(grid, input_size_px)
    low = np.clip(points - sides[..., :2] * reach, 0.0, input_size_px)
    high = np.clip(points + sides[..., 2:] * reach, 0.0, input_size_px)
    return np.concatenate(((low + high) / 2, high - low), axis=-1).astype(np.float32) / np.float32(input_size_px)
