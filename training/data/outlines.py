"""Outlines of COCO's annotations as masks: polygons, and run lengths (column by column, background first)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def mask_of(outline: Any, height: int, width: int) -> np.ndarray | None:
    """[H, W] bool of one object, or None where there is no usable outline.

    Args:
        outline: COCO's ``segmentation``: a list of polygons (x, y, x, y, ... in pixels) or ``{"counts": [...]}`` with
            uncompressed run lengths.
    """
    if isinstance(outline, dict):
        counts = outline.get("counts")
        return _runs(counts, height, width) if isinstance(counts, list) else None
    mask = np.zeros((height, width), np.uint8)
    for polygon in outline or ():
        if len(polygon) >= 6:
            points = np.round(np.array(polygon, np.float64).reshape(-1, 2)).astype(np.int32)
            cv2.fillPoly(mask, [points], 1)
    return mask.astype(bool) if mask.any() else None


def _runs(counts: list[int], height: int, width: int) -> np.ndarray | None:
    if sum(counts) != height * width:
        return None
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T
