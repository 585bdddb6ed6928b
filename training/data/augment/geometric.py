"""Turning, scaling, shifting and mirroring, all in one resampling (system description's ranges)."""

from __future__ import annotations

import cv2
import numpy as np

from training.data.augment.warp import warp
from training.data.sample import Sample

TURN_DEG, SCALE, SHIFT = 15.0, (0.8, 1.2), 0.1
FLIP_SHARE = 0.5
SIDED = frozenset({"speed limit sign", "stop sign"})
"""Things with writing: mirrored they do not exist."""


def geometric(sample: Sample, rng: np.random.Generator, strength: float = 1.0, may_flip: bool = True) -> None:
    """Turn by up to 15 degrees, scale 0.8..1.2, shift by up to a tenth, mirror half of the time; in place.

    Args:
        strength: multiplies the ranges. may_flip: False keeps left and right (a picture with writing).
    """
    height, width = sample.size
    angle = rng.uniform(-TURN_DEG, TURN_DEG) * strength
    scale = np.exp(rng.uniform(np.log(SCALE[0]), np.log(SCALE[1])) * strength)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * strength * (width, height)
    if rng.random() < FLIP_SHARE and may_flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += width - 1
    warp(sample, matrix, (height, width))


def crop(sample: Sample, rng: np.random.Generator, least: float = 0.4) -> None:
    """A random part of the picture, ``least`` to all of its area, its sides' ratio changed by a third; in place."""
    height, width = sample.size
    area = rng.uniform(least, 1.0)
    ratio = np.exp(rng.uniform(-0.3, 0.3))
    part_w, part_h = min(1.0, np.sqrt(area * ratio)), min(1.0, np.sqrt(area / ratio))
    new_w, new_h = max(32, round(width * part_w)), max(32, round(height * part_h))
    left, top = rng.integers(0, max(1, width - new_w + 1)), rng.integers(0, max(1, height - new_h + 1))
    warp(sample, np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]]), (new_h, new_w))
