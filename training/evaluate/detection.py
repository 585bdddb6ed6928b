"""Average precision, precision and recall of detections, COCO's way, honest with partly labelled pictures.

Lin et al., "Microsoft COCO", 2014; computed by faster-coco-eval. A detection of a class that nobody labelled in a
picture is neither right nor wrong and is left out; one inside a region to be ignored costs nothing.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maxsight_core.contracts import RawDetection
from training.data.sample import ClassTable, Sample

IOU_RIGHT = 0.5
"""Overlap from which a detection is right, for precision and recall."""
MOST_DETECTIONS = 100
THRESHOLD = 0.3
"""Score from which a detection counts for precision and recall, near the app's own."""
_SIDE = 1000.0
"""Boxes are compared in thousandths of the picture's sides, so that pictures of all sizes count alike."""
SIZES_COCO_AREA = {"small": (0.0, 0.01), "medium": (0.01, 0.1), "large": (0.1, 1.01)}
"""Share of the picture: the limits of the distance rule, since pictures are evaluated at one input size."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was found in one picture, and what is there."""

    found: Sequence[RawDetection]
    truth: Sample


def figures(pictures: Sequence[Picture], classes: ClassTable, threshold: float = THRESHOLD) -> dict[str, float]:
    """Figures of a set of pictures.

    Args:
        threshold: score from which a detection counts for precision and recall.

    Returns:
        map (IoU 0.5 to 0.95), map50, map_small/medium/large, and per class ``<class>.ap50``, ``.ap``, ``.precision``,
        ``.recall``, ``.f1`` (at ``threshold``), ``.recall_at_precision_50``, ``.boxes``. Classes without a box are
        left out.

    Raises:
        ImportError: faster-coco-eval is not installed.
    """
    truth, found = _as_coco(pictures, classes)
    if not any(not row["iscrowd"] for row in truth["annotations"]):
        return {}
    evaluation = _evaluate(truth, found)
    precision = evaluation.eval["precision"]  # [IoU, recall, class, area, detections]
    present = sorted({row["category_id"] for row in truth["annotations"] if not row["iscrowd"]})
    result = {"map": _mean(precision[:, :, [c - 1 for c in present], 0, -1]),
              "map50": _mean(precision[0][:, [c - 1 for c in present], 0, -1])}
    for place, name in enumerate(SIZES_COCO_AREA, start=1):
        value = precision[:, :, :, place, -1]
        if (value > -1).any():
            result[f"map_{name}"] = _mean(value)
    for column in present:
        name = classes.names[column]
        result[f"{name}.ap50"] = _mean(precision[0, :, column - 1, 0, -1])
        result[f"{name}.ap"] = _mean(precision[:, :, column - 1, 0, -1])
        result.update({f"{name}.{key}": value for key, value in _curve(pictures, classes, column, threshold).items()})
    return result


def _mean(values: np.ndarray) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else 0.0


def _as_coco(pictures: Sequence[Picture], classes: ClassTable) -> tuple[dict, list[dict]]:
    columns = classes.columns()
    annotations, found = [], []
    for number, picture in enumerate(pictures, start=1):
        truth = picture.truth
        for box, column in zip(truth.boxes, truth.columns, strict=True):
            annotations.append(_annotation(len(annotations) + 1, number, int(column), box, crowd=0))
        for box in truth.ignored:  # COCO's crowd: matches any number of detections of its class without penalty
            annotations += [_annotation(len(annotations) + 1 + place, number, int(column), box, crowd=1)
                            for place, column in enumerate(np.flatnonzero(truth.labelled[1:]) + 1)]
        for one in picture.found:
            column = columns.get(one.class_id)
            if column is not None and truth.labelled[column]:
                found.append({"image_id": number, "category_id": column, "bbox": _bbox(one.box_cxcywh),
                              "score": float(one.score)})
    side = round(_SIDE)
    images = [{"id": number, "width": side, "height": side} for number in range(1, len(pictures) + 1)]
    categories = [{"id": column, "name": name} for column, name in enumerate(classes.names) if column]
    return {"images": images, "annotations": annotations, "categories": categories}, found


def _annotation(number: int, image: int, column: int, box: np.ndarray, crowd: int) -> dict:
    bbox = _bbox(box)
    return {"id": number, "image_id": image, "category_id": column, "bbox": bbox, "area": bbox[2] * bbox[3],
            "iscrowd": crowd}


def _bbox(box: Sequence[float]) -> list[float]:
    cx, cy, w, h = (float(value) * _SIDE for value in box)
    return [cx - w / 2, cy - h / 2, w, h]


def _evaluate(truth: dict, found: list[dict]):
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise ImportError("evaluation needs faster-coco-eval: pip install -r training/requirements.txt") from error
    with contextlib.redirect_stdout(io.StringIO()):
        there = COCO(truth)
        seen = there.loadRes(found or [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 0, 0], "score": 0.0}])
        evaluation = COCOeval_faster(there, seen, "bbox")
        evaluation.params.maxDets = [1, 10, MOST_DETECTIONS]
        areas = [(0.0, 1e10), *((low * _SIDE**2, high * _SIDE**2) for low, high in SIZES_COCO_AREA.values())]
        evaluation.params.areaRng = [list(area) for area in areas]
        evaluation.params.areaRngLbl = ["all", *SIZES_COCO_AREA]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _curve(pictures: Sequence[Picture], classes: ClassTable, column: int, threshold: float) -> dict[str, float]:
    """Precision and recall at the threshold, and the recall that is reached while half of the detections are right."""
    curve = precision_recall(pictures, classes, column)
    taken = int((curve.scores >= threshold).sum())
    precision = float(curve.precision[taken - 1]) if taken else 0.0
    recall = float(curve.recall[taken - 1]) if taken else 0.0
    half = np.flatnonzero(curve.precision >= 0.5)
    return {
        "precision": precision, "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "recall_at_precision_50": float(curve.recall[half[-1]]) if len(half) else 0.0,
        "boxes": float(curve.boxes),
    }


@dataclass(frozen=True, slots=True)
class Curve:
    """Of one class, best detection first: [n] scores, and precision and recall down to each; ``boxes`` are there."""

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    boxes: int


def precision_recall(pictures: Sequence[Picture], classes: ClassTable, column: int) -> Curve:
    """Precision and recall of one class at every score, over the pictures in which it was labelled."""
    boxes = sum(int((p.truth.columns == column).sum()) for p in pictures if p.truth.labelled[column])
    scores, right, _ = judged(pictures, classes, (column,))
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order].astype(np.float64))
    return Curve(scores[order], hits / np.arange(1, len(order) + 1), hits / max(1, boxes), boxes)


def judged(
    pictures: Sequence[Picture], classes: ClassTable, columns: Sequence[int] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every detection that can be judged: [n] scores, [n] whether right (IoU 0.5), [n] number of its picture.

    Args:
        columns: of these classes; None: of all.
    """
    rows = [(score, hit, number) for number, picture in enumerate(pictures)
            for column in (columns or range(1, classes.count)) if picture.truth.labelled[column]
            for score, hit in _judged(picture, classes, column)]
    table = np.array(rows, np.float64).reshape(-1, 3)  # [n, 3]
    return table[:, 0], table[:, 1].astype(bool), table[:, 2].astype(np.int64)


def error_share(picture: Picture, classes: ClassTable, threshold: float = THRESHOLD) -> float | None:
    """1 - F1 of one picture at ``threshold``; None where nothing is there and nothing was found."""
    _, right, _ = judged([Picture([one for one in picture.found if one.score >= threshold], picture.truth)], classes)
    boxes = len(picture.truth.columns)
    return 1.0 - 2.0 * float(right.sum()) / (len(right) + boxes) if len(right) + boxes else None


def _judged(picture: Picture, classes: ClassTable, column: int) -> list[tuple[float, bool]]:
    """Score and rightness of every detection of one class; those in ignored regions are left out."""
    truth = [corners(box) for box in picture.truth.boxes[picture.truth.columns == column]]
    ignored = [corners(box) for box in picture.truth.ignored]
    free = list(range(len(truth)))
    judged = []
    for one in sorted((d for d in picture.found if d.class_id == classes.ids[column]), key=lambda d: -d.score):
        box = corners(one.box_cxcywh)
        best = max(free, key=lambda place: iou(box, truth[place]), default=None)
        if best is not None and iou(box, truth[best]) >= IOU_RIGHT:
            free.remove(best)
            judged.append((one.score, True))
        elif not any(_inside_share(box, region) >= IOU_RIGHT for region in ignored):
            judged.append((one.score, False))
    return judged


def corners(box: Sequence[float]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of ``cxcywh``."""
    cx, cy, w, h = (float(value) for value in box)
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def _shared(a: Sequence[float], b: Sequence[float]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _area(a: Sequence[float]) -> float:
    return (a[2] - a[0]) * (a[3] - a[1])


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes by their corners, 0..1."""
    shared = _shared(a, b)
    return shared / max(1e-12, _area(a) + _area(b) - shared)


def _inside_share(box: Sequence[float], region: Sequence[float]) -> float:
    return _shared(box, region) / max(1e-12, _area(box))
