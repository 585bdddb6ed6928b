"""From a frame to the network's square input, and from its tensors to detections. Outside the graph, NumPy only.

The pyramid's decoding is FCOS's (Tian et al. 2019) with torchvision's thresholds and gives torchvision's detections.

A frame is made square in one of two ways, which the checkpoint's manifest names (``fit``):

* ``letterbox``: scaled with its aspect kept, put at the top left, the rest filled with ImageNet's mean colour.
  Published COCO weights were trained on pictures with their own aspect.
* ``stretch``: both axes scaled to the square. Nothing of the grid is spent on padding: the ``fused`` grid's choice.

Boxes always come back as fractions of the original frame.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.contracts import RawDetection
from maxsight_core.models.contract import DETECTING
from maxsight_core.models.grid import boxes_cxcywh, check_grid, levels, location_count

FITS: tuple[str, ...] = ("letterbox", "stretch")
PADDING_RGB: tuple[int, int, int] = (124, 116, 104)
"""ImageNet's mean colour: zero after normalisation, which is what torchvision pads with."""
BACKGROUND_COLUMN = 0
"""Never reported: its id is the taxonomy's ``something``, which means a thing, not the absence of one."""
ENTROPY_LOCATIONS = 20
"""How many of the surest locations the entropy looks at: the rest is background, whose class means nothing."""
ENTROPY_MIN_OBJECTNESS = 0.1
"""Below this nothing is claimed to be there, so there is no claim to be unsure about."""
_LOGIT_MARGIN = 1e-3
"""Rounding room of the logit comparison; the exact comparison of scores follows."""
_SMALLEST_SIDE = 1e-4
"""Boxes thinner than this share of the frame are dropped: under a tenth of a pixel at 640."""


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """Thresholds of decoding.

    Args:
        score_threshold: least score of a detection, 0..1. nms_iou: a box that overlaps a better one of its class by
            more than this is dropped. max_detections: how many are kept. top_k_per_level: candidates per feature map.
    """

    score_threshold: float
    nms_iou: float
    max_detections: int
    top_k_per_level: int

    def __post_init__(self) -> None:
        for name, value in (("score_threshold", self.score_threshold), ("nms_iou", self.nms_iou)):
            if not 0.0 < value < 1.0:
                raise ValueError(f"DetectSettings.{name}: expected a number between 0 and 1; got {value!r}")
        for name, value in (("max_detections", self.max_detections), ("top_k_per_level", self.top_k_per_level)):
            if value < 1:
                raise ValueError(f"DetectSettings.{name}: expected at least 1; got {value!r}")


DEFAULTS: dict[str, DetectSettings] = {
    "fused": DetectSettings(score_threshold=0.3, nms_iou=0.5, max_detections=50, top_k_per_level=196),
    "pyramid": DetectSettings(score_threshold=0.2, nms_iou=0.6, max_detections=100, top_k_per_level=1000),
}
"""``pyramid``: torchvision's FCOS defaults. ``fused``: the customary 0.5 overlap (PASCAL VOC); its score is a product
of two probabilities, so 0.3 stands for two moderately sure heads."""


def can_detect(trained_heads: Collection[str]) -> bool:
    """True when every head that a detection is made of is trained."""
    return frozenset(trained_heads) >= DETECTING


def scale_to(rgb_shape: Sequence[int], input_size: int, fit: str) -> tuple[int, int]:
    """Height and width in pixels that a frame takes in the square input."""
    height, width = int(rgb_shape[0]), int(rgb_shape[1])
    if fit not in FITS:
        raise ValueError(f"fit: expected {' or '.join(FITS)}; got {fit!r}")
    if height < 1 or width < 1:
        raise ValueError(f"frame: expected at least one pixel each way; got {width}x{height}")
    if fit == "stretch":
        return input_size, input_size
    scale = input_size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def prepare(rgb: np.ndarray, input_size: int, fit: str = "letterbox") -> np.ndarray:
    """Fit a frame into the network's square.

    Args:
        rgb: [H, W, 3] uint8. input_size: side of the square, pixels. fit: see the module.

    Returns:
        [1, input_size, input_size, 3] uint8.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"prepare: expected a uint8 frame of shape [H, W, 3]; got {rgb.dtype} {list(rgb.shape)}")
    height, width = scale_to(rgb.shape, input_size, fit)
    shrinks = height * width < rgb.shape[0] * rgb.shape[1]
    # averaging over the covered area keeps thin things (poles, cables) from falling between the samples
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    fitted = rgb if rgb.shape[:2] == (height, width) else cv2.resize(rgb, (width, height), interpolation=method)
    if (height, width) == (input_size, input_size):
        return np.ascontiguousarray(fitted)[None]
    batch = np.empty((1, input_size, input_size, 3), np.uint8)
    batch[0] = PADDING_RGB
    batch[0, :height, :width] = fitted
    return batch


def decode(
    raw: Mapping[str, np.ndarray], grid: str, input_size: int, image_size: tuple[int, int], *, fit: str = "letterbox",
    classes: Sequence[int] | None = None, settings: DetectSettings | None = None, index: int = 0,
) -> list[RawDetection]:
    """Detections of one picture of a batch, best first.

    Args:
        raw: tensors of ``StageARuntime.infer``. grid, input_size: of the runtime.
        image_size: height and width of the original frame, pixels. fit: as given to :func:`prepare`.
        classes: taxonomy id of every column of the classifier; None: the column is the id (COCO).
        settings: thresholds; None: :data:`DEFAULTS`. index: which picture of the batch.

    Raises:
        ValueError: unknown grid, or tensors of another size than the grid has locations.
    """
    return decode_with_locations(raw, grid, input_size, image_size, fit=fit, classes=classes, settings=settings,
                                 index=index)[0]


def decode_with_locations(
    raw: Mapping[str, np.ndarray], grid: str, input_size: int, image_size: tuple[int, int], *, fit: str = "letterbox",
    classes: Sequence[int] | None = None, settings: DetectSettings | None = None, index: int = 0,
) -> tuple[list[RawDetection], np.ndarray]:
    """As :func:`decode`; also [N] the grid location of each detection, for reading other per-location heads there."""
    chosen = settings or DEFAULTS[check_grid(grid)]
    candidates = _fused_candidates if grid == "fused" else _pyramid_candidates
    scores, columns, locations = candidates(raw, index, input_size, chosen)
    side = raw["sides" if grid == "fused" else "bbox_regression"][index]
    boxes = boxes_cxcywh(side, grid, input_size) if len(scores) else np.empty((0, 4), np.float32)
    corners = _frame_corners(boxes[locations], input_size, scale_to(image_size, input_size, fit))
    kept = np.flatnonzero((corners[:, 2:] - corners[:, :2]).min(axis=1, initial=1.0) > _SMALLEST_SIDE)
    scores, columns, locations, corners = scores[kept], columns[kept], locations[kept], corners[kept]
    kept = suppress(corners, scores, columns, chosen.nms_iou, chosen.max_detections)
    ids = columns[kept] if classes is None else np.asarray(classes)[columns[kept]]
    middle = np.concatenate(
        ((corners[kept, :2] + corners[kept, 2:]) / 2, corners[kept, 2:] - corners[kept, :2]), axis=1
    )
    found = [
        RawDetection(class_id=class_id, score=score, box_cxcywh=tuple(box))
        for class_id, score, box in zip(ids.tolist(), scores[kept].tolist(), middle.tolist(), strict=True)
    ]
    return found, locations[kept]


def _fused_candidates(raw, index, input_size, settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, classifier columns and locations above the threshold: objectness x probability of the best class."""
    objectness, classification = raw["objectness"][index], raw["classification"][index]  # [HW], [HW, C]
    _require_locations(classification, "classification", "fused", input_size)
    locations = np.flatnonzero(objectness > settings.score_threshold)  # the product cannot be larger
    columns = classification[locations, BACKGROUND_COLUMN + 1:].argmax(axis=1) + 1
    scores = objectness[locations] * classification[locations, columns]
    kept = scores > settings.score_threshold
    return scores[kept], columns[kept], locations[kept]


def _pyramid_candidates(raw, index, input_size, settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every (location, class) above the threshold: sqrt(class probability x centre-ness), best ``top_k`` per level."""
    logits, centreness = raw["cls_logits"][index], raw["bbox_ctrness"][index, :, 0]  # [HW, C], [HW]
    _require_locations(logits, "cls_logits", "pyramid", input_size)
    # score > t needs class probability > t^2, which a comparison of logits finds without 200,000 exponentials
    least = settings.score_threshold**2
    possible = np.flatnonzero(logits > math.log(least / (1.0 - least)) - _LOGIT_MARGIN)
    locations, columns = np.divmod(possible, logits.shape[1])
    scores = np.sqrt(_sigmoid(logits[locations, columns]) * _sigmoid(centreness[locations]))
    kept = np.flatnonzero((scores > settings.score_threshold) & (columns != BACKGROUND_COLUMN))
    scores, columns, locations = scores[kept], columns[kept], locations[kept]
    ends = np.cumsum([level.locations for level in levels("pyramid", input_size)])
    level_of = np.searchsorted(ends, locations, side="right")
    if len(scores) <= settings.top_k_per_level:
        return scores, columns, locations
    best = [
        members[np.argsort(-scores[members], kind="stable")[: settings.top_k_per_level]]
        for members in (np.flatnonzero(level_of == level) for level in range(len(ends)))
    ]
    chosen = np.concatenate(best)
    return scores[chosen], columns[chosen], locations[chosen]


def _require_locations(tensor: np.ndarray, name: str, grid: str, input_size: int) -> None:
    expected = location_count(grid, input_size)
    if tensor.shape[0] != expected:
        raise ValueError(
            f"decode: a {grid} grid at {input_size} px has {expected} locations; {name} has {tensor.shape[0]}"
        )


def _frame_corners(boxes: np.ndarray, input_size: int, fitted: tuple[int, int]) -> np.ndarray:
    """[N, 4] cxcywh of the square -> [N, 4] x0, y0, x1, y1 of the frame, 0..1, cut at its border."""
    half = boxes[:, 2:] / 2
    corners = np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1)
    height, width = fitted
    return np.clip(corners * (input_size / np.array((width, height, width, height), np.float32)), 0.0, 1.0)


def suppress(corners: np.ndarray, scores: np.ndarray, labels: np.ndarray, iou: float, limit: int) -> np.ndarray:
    """Greedy non-maximum suppression within each class.

    Args:
        corners: [N, 4] x0, y0, x1, y1. scores, labels: [N]. iou: a box that overlaps a kept one of its class by more
            is dropped. limit: stop after so many.

    Returns:
        Indices of the kept boxes, best first.
    """
    waiting = np.argsort(-scores, kind="stable")
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    kept: list[int] = []
    while waiting.size and len(kept) < limit:
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        if not waiting.size:
            break
        others = corners[waiting]
        sides = np.minimum(others[:, 2:], corners[best, 2:]) - np.maximum(others[:, :2], corners[best, :2])
        shared = np.maximum(sides, 0.0).prod(axis=1)
        overlap = shared / np.maximum(area[waiting] + area[best] - shared, np.finfo(np.float32).tiny)
        waiting = waiting[(overlap <= iou) | (labels[waiting] != labels[best])]
    return np.array(kept, dtype=np.intp)


def entropy(raw: Mapping[str, np.ndarray], trained_heads: Collection[str], index: int = 0) -> float | None:
    """How undecided the classifier is about what it sees, 0 (sure) .. 1 (a coin toss), weighted by objectness.

    The binary entropy of the best class's probability, over the surest locations. None when the heads are untrained or
    nothing is claimed to be in view.
    """
    if not can_detect(trained_heads):
        return None
    objectness, classification = raw["objectness"][index], raw["classification"][index]
    surest = np.argsort(-objectness)[:ENTROPY_LOCATIONS]
    surest = surest[objectness[surest] >= ENTROPY_MIN_OBJECTNESS]
    if not surest.size:
        return None
    best = np.clip(classification[surest, BACKGROUND_COLUMN + 1:].max(axis=1).astype(np.float64), 1e-7, 1.0 - 1e-7)
    bits = -(best * np.log2(best) + (1.0 - best) * np.log2(1.0 - best))
    bits = np.where(best < 0.5, 1.0, bits)  # no class reaches a half: undecided, not "surely something else"
    return float(np.average(bits, weights=objectness[surest]))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x.astype(np.float32)))
