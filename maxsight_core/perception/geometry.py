"""Boxes in the picture: corners, pixel slices, overlap. Shared by the estimators of this package."""

from __future__ import annotations

Box = tuple[float, float, float, float]


def corners(box_cxcywh: Box) -> Box:
    """(left, top, right, bottom), clipped to 0..1, of a normalised centre box."""
    cx, cy, w, h = box_cxcywh
    return (max(0.0, cx - w / 2), max(0.0, cy - h / 2), min(1.0, cx + w / 2), min(1.0, cy + h / 2))


def centre_box(left: float, top: float, right: float, bottom: float) -> Box:
    """(cx, cy, w, h) of normalised corners."""
    return ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def pixel_slices(box_cxcywh: Box, height: int, width: int, inner: float = 1.0) -> tuple[slice, slice]:
    """Row and column slices of a box, never empty; ``inner`` < 1 keeps that part about the centre."""
    cx, cy, w, h = box_cxcywh
    left, top, right, bottom = corners((cx, cy, w * inner, h * inner))
    x0, y0 = min(int(left * width), width - 1), min(int(top * height), height - 1)
    return slice(y0, max(y0 + 1, round(bottom * height))), slice(x0, max(x0 + 1, round(right * width)))


def intersection(a: Box, b: Box) -> float:
    """Shared area of two centre boxes, as a fraction of the picture."""
    al, at, ar, ab = corners(a)
    bl, bt, br, bb = corners(b)
    return max(0.0, min(ar, br) - max(al, bl)) * max(0.0, min(ab, bb) - max(at, bt))


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    shared = intersection(a, b)
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / union if union > 0 else 0.0
