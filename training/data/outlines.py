"""Outlines of COCO's annotations as masks: polygons, and run lengths (column by column, background first)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

_BITS, _MORE, _SIGN, _FIRST = 5, 0x20, 0x10, 48
"""A character holds five bits of a number and whether more follow; the last one's highest bit is the sign."""
_REPEATED_FROM = 2
"""Run lengths after the third are written as the difference from the last but one."""


def compact(outline: Any) -> Any:
    """The same outline in a fifth of the memory: polygons as float32 arrays. None stays None."""
    return [np.array(polygon, np.float32) for polygon in outline] if isinstance(outline, list) else outline


def mask_of(outline: Any, height: int, width: int) -> np.ndarray | None:
    """[H, W] bool of one object, or None where there is no usable outline.

    Args:
        outline: COCO's ``segmentation``: a list of polygons (x, y, x, y, ... in pixels), or ``{"counts": ...}`` with
            run lengths, as numbers or as COCO's text.
    """
    if isinstance(outline, dict):
        counts = outline.get("counts")
        return _runs(_lengths(counts) if isinstance(counts, str) else counts, height, width)
    mask = np.zeros((height, width), np.uint8)
    for polygon in () if outline is None else outline:
        if len(polygon) >= 6 and len(polygon) % 2 == 0:
            points = np.round(np.asarray(polygon, np.float64).reshape(-1, 2)).astype(np.int32)  # [2 n] -> [n, 2]
            cv2.fillPoly(mask, [points], 1)
    return mask.astype(bool) if mask.any() else None


def _runs(counts: Any, height: int, width: int) -> np.ndarray | None:
    if not isinstance(counts, list) or sum(counts) != height * width or min(counts) < 0:
        return None
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T  # [H W] column by column -> [H, W]


def _lengths(text: str) -> list[int]:
    """Run lengths of COCO's compressed text; a text that ends within a number gives lengths that fit no picture."""
    lengths: list[int] = []
    number = shift = 0
    for character in text:
        code = ord(character) - _FIRST
        number |= (code & (_MORE - 1)) << shift
        shift += _BITS
        if code & _MORE:
            continue
        if code & _SIGN:
            number -= 1 << shift
        lengths.append(number + (lengths[-2] if len(lengths) > _REPEATED_FROM else 0))
        number = shift = 0
    return lengths
