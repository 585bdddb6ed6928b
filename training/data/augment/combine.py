"""Several samples in one: mosaic, mixup, pasted things.

Mosaic: Bochkovskiy et al., "YOLOv4", 2020. Mixup: Zhang et al. 2018. Copy-paste: Ghiasi et al. 2021. A class counts as
labelled in the result only where it was labelled in every part, except in a mosaic's own boxes; a part's unlabelled
classes may be in it.
"""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.engine.detect import PADDING_RGB
from training.data.augment.warp import warp
from training.data.sample import UNKNOWN, Sample

MIXUP_BETA = 0.2
LEAST_MIX = 0.3
"""Share of a picture under which its things are too faint to be asked for."""
PASTE_MOST = 4
HIDDEN_SHARE = 0.6
"""A thing of which pasted ones hide more than this is ignored."""


def mosaic(samples: list[Sample], rng: np.random.Generator, size_px: int) -> Sample:
    """Four samples around a random centre, [size, size]. Depth, flow and urgency of the whole are unknown."""
    centre = (rng.uniform(0.3, 0.7, 2) * size_px).astype(int)
    parts = []
    image = np.empty((size_px, size_px, 3), np.uint8)
    image[:] = PADDING_RGB
    for place, sample in enumerate(samples):
        left, right = (0, centre[0]) if place % 2 == 0 else (centre[0], size_px)
        top, bottom = (0, centre[1]) if place < 2 else (centre[1], size_px)
        width, height = int(right - left), int(bottom - top)
        old_h, old_w = sample.size
        scale = max(width / old_w, height / old_h) * rng.uniform(0.9, 1.3)
        slack = np.array([old_w * scale - width, old_h * scale - height])
        shift = -rng.uniform(0, 1, 2) * np.maximum(slack, 0.0)
        sample.depth_m = sample.flow_px = None
        warp(sample, np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]]), (height, width))
        image[top:bottom, left:right] = sample.image
        parts.append((sample, np.array([left, top, width, height], np.float32) / size_px))
    return _joined(image, parts)


def _joined(image: np.ndarray, parts: list[tuple[Sample, np.ndarray]]) -> Sample:
    first = parts[0][0]
    return Sample(
        image=image, boxes=np.concatenate([_placed(s.boxes, where) for s, where in parts]),
        columns=np.concatenate([s.columns for s, _ in parts]), zones=np.concatenate([s.zones for s, _ in parts]),
        labelled=np.logical_and.reduce([s.labelled for s, _ in parts]),
        ignored=np.concatenate([_placed(s.ignored, where) for s, where in parts]), urgency=UNKNOWN,
        source="+".join(s.source for s, _ in parts) or first.source)


def _placed(boxes: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.concatenate((boxes[:, :2] * where[2:] + where[:2], boxes[:, 2:] * where[2:]), axis=1).astype(np.float32)


def mixup(sample: Sample, other: Sample, rng: np.random.Generator) -> Sample:
    """Two pictures shining through each other; things of a faint one are ignored, not background."""
    share = float(rng.beta(MIXUP_BETA, MIXUP_BETA))
    height, width = sample.size
    matrix = np.array([[width / other.size[1], 0.0, 0.0], [0.0, height / other.size[0], 0.0]])
    other.depth_m = other.flow_px = None
    warp(other, matrix, (height, width))
    image = cv2.addWeighted(sample.image, share, other.image, 1.0 - share, 0.0)
    strong, faint = (sample, other) if share >= 0.5 else (other, sample)
    parts = [(strong, np.array([0, 0, 1, 1], np.float32))]
    if min(share, 1.0 - share) >= LEAST_MIX:
        return _joined(image, [*parts, (faint, parts[0][1])])
    joined = _joined(image, parts)
    joined.ignored = np.concatenate((joined.ignored, faint.boxes, faint.ignored)).astype(np.float32)
    return joined


def paste(sample: Sample, donor: Sample, rng: np.random.Generator) -> None:
    """Cut things out of ``donor`` by their outlines and put them into the sample, in front; in place."""
    outlined = [row for row, mask in enumerate(donor.masks or ()) if mask is not None and mask.any()]
    if not outlined:
        return
    height, width = sample.size
    covered = np.zeros((height, width), bool)
    count_before = len(sample.boxes)
    sample.depth_m = sample.flow_px = None
    sample.extra = {}
    for row in rng.permutation(outlined)[: int(rng.integers(1, PASTE_MOST + 1))]:
        _paste_one(sample, donor, int(row), rng, covered)
    _hide(sample, covered, count_before)


def _paste_one(sample: Sample, donor: Sample, row: int, rng: np.random.Generator, covered: np.ndarray) -> None:
    mask = donor.masks[row]
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    height, width = sample.size
    scale = min(rng.uniform(0.6, 1.4), 0.9 * width / mask[cut].shape[1], 0.9 * height / mask[cut].shape[0])
    size = tuple(max(4, round(side * scale)) for side in mask[cut].shape[::-1])
    piece = cv2.resize(donor.image[cut], size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    alpha = cv2.resize(mask[cut].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        piece, alpha = piece[:, ::-1], alpha[:, ::-1]
    if size[0] > width or size[1] > height:
        return
    left, top = int(rng.integers(0, width - size[0] + 1)), int(rng.integers(0, height - size[1] + 1))
    window = (slice(top, top + size[1]), slice(left, left + size[0]))
    blend = alpha[..., None]
    sample.image[window] = np.round(piece * blend + sample.image[window] * (1.0 - blend)).astype(np.uint8)
    solid = alpha > 0.5
    covered[window] |= solid
    box = np.array([[(left + size[0] / 2) / width, (top + size[1] / 2) / height, size[0] / width, size[1] / height]],
                   np.float32)
    whole = np.zeros((height, width), bool)
    whole[window] = solid
    sample.masks = [*(sample.masks or [None] * len(sample.boxes)), whole]
    sample.boxes = np.concatenate((sample.boxes, box))
    sample.columns = np.append(sample.columns, donor.columns[row])
    sample.zones = np.append(sample.zones, UNKNOWN)
    if sample.distances_m is not None:
        sample.distances_m = np.append(sample.distances_m, np.float32("nan"))
    sample.urgency = UNKNOWN


def _hide(sample: Sample, covered: np.ndarray, count: int) -> None:
    """Of the first ``count`` things, ignore those that pasted ones hide."""
    height, width = covered.shape
    kept = np.ones(len(sample.boxes), bool)
    for row in range(count):
        cx, cy, w, h = sample.boxes[row]
        window = (slice(max(0, int((cy - h / 2) * height)), max(1, int((cy + h / 2) * height) + 1)),
                  slice(max(0, int((cx - w / 2) * width)), max(1, int((cx + w / 2) * width) + 1)))
        kept[row] = covered[window].mean() <= HIDDEN_SHARE if covered[window].size else True
    hidden = sample.boxes[~kept]
    sample.keep(kept)
    sample.ignored = np.concatenate((sample.ignored, hidden)).astype(np.float32)
