"""One affine map moves everything a sample knows of places: picture, boxes, outlines, ignored regions, depth, flow."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.engine.detect import PADDING_RGB
from training.data.sample import Sample

LEAST_SIDE_PX = 3.0
LEAST_VISIBLE = 0.35
"""A box that keeps less than this share of its area inside the picture is no longer an example of its class; what is
left of it is ignored, not background."""


def warp(sample: Sample, matrix: np.ndarray, size: tuple[int, int]) -> None:
    """Move a sample in place.

    Args:
        matrix: [2, 3] from old to new pixels. size: new height and width. Outside the old picture lies the mean colour.
    """
    old_height, old_width = sample.size
    sample.extra = {}  # truth by tensor name is of the picture as it was: nothing here can move it
    height, width = size
    sample.image = cv2.warpAffine(sample.image, matrix, (width, height), flags=cv2.INTER_LINEAR,
                                  borderValue=PADDING_RGB)
    if sample.masks is not None:
        sample.masks = [None if mask is None else _mask(mask, matrix, size) for mask in sample.masks]
    if sample.depth_m is not None:
        sample.depth_m = _map(sample.depth_m, matrix, size)
    if sample.flow_px is not None:
        turned = np.tensordot(matrix[:, :2], sample.flow_px, axes=1).astype(np.float32)  # [2, H, W]
        sample.flow_px = np.stack([_map(axis, matrix, size) for axis in turned])
    old, new = np.array([old_width, old_height]), np.array([width, height])
    sample.ignored = _cut(_moved(sample.ignored, matrix, old, new))[0]
    cut, visible = _cut(_moved(sample.boxes, matrix, old, new))
    if sample.masks is not None:  # an outline says better where a turned thing is than the turned corners of its box
        for row, mask in enumerate(sample.masks):
            if mask is not None and mask.any():
                cut[row] = _box_of(mask)
    large = (cut[:, 2] * width >= LEAST_SIDE_PX) & (cut[:, 3] * height >= LEAST_SIDE_PX)
    sample.boxes = cut
    kept = large & (visible >= LEAST_VISIBLE)
    lost = cut[large & ~kept]
    sample.keep(kept)
    sample.ignored = np.concatenate((sample.ignored, lost)).astype(np.float32)


def _map(values: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.warpAffine(values, matrix, size[::-1], flags=cv2.INTER_NEAREST, borderValue=float("nan"))


def _mask(mask: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.warpAffine(mask.astype(np.uint8), matrix, size[::-1], flags=cv2.INTER_NEAREST).astype(bool)


def _box_of(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    return np.array([(left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width,
                     (bottom - top) / height], np.float32)


def _moved(boxes: np.ndarray, matrix: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """[n, 4] ``cxcywh`` around the moved corners; a turned box is the upright one around it, so turns stay small."""
    if len(boxes) == 0:
        return boxes.reshape(0, 4).astype(np.float32)
    half = boxes[:, 2:] / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    corners = (boxes[:, None, :2] + signs[None] * half[:, None]) * old  # [n, 4, 2] pixels
    there = corners @ matrix[:, :2].T + matrix[:, 2]
    low, high = there.min(axis=1) / new, there.max(axis=1) / new
    return np.concatenate(((low + high) / 2, high - low), axis=1).astype(np.float32)


def _cut(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes cut at the picture's border, and which share of each is left; boxes wholly outside get no size."""
    low = np.clip(boxes[:, :2] - boxes[:, 2:] / 2, 0.0, 1.0)
    high = np.clip(boxes[:, :2] + boxes[:, 2:] / 2, 0.0, 1.0)
    cut = np.concatenate(((low + high) / 2, high - low), axis=1).astype(np.float32)
    return cut, cut[:, 2:].prod(axis=1) / np.maximum(boxes[:, 2:].prod(axis=1), 1e-9)
