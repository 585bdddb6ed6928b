"""People standing or walking upright, by HOG and a linear SVM (Dalal & Triggs, CVPR 2005; OpenCV's detector).

Weak, and said so: the detector was made for whole upright people against a street, at least 96 pixels tall in
the reduced picture. On everyday photographs it finds about one person in fifty, and one in ten of those who
stand upright and large (docs/perception.md). The
threshold is chosen for precision; a person is ``steady`` only when found in two of three consecutive looks.
No safety decision stands on this output.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np

from maxsight_core import taxonomy
from maxsight_core.contracts import SceneView, Value
from maxsight_core.perception.geometry import Box, centre_box, iou

OUTPUTS = ("pedestrians",)
_PERSON_ID = taxonomy.by_name("person").id

WIDTH_PX = 320
"""Longer side searched: 13 ms on one core. 448 costs three times as much and finds hardly more people."""
SCALE_STEP = 1.05
STRIDE_PX = 8
MIN_WEIGHT = 0.9
"""SVM distance from which a window is reported: 17 of 22 reports right on 1,058 labelled people in three sets of
photographs; at 0.5 it would be 28 of 45."""

_PRECISION_AT = ((0.9, 0.60), (1.2, 0.80), (1.5, 0.90))
"""Share of right reports near each SVM distance on the same photographs, smoothed: there are few of them."""

_PERSON_WIDTH, _PERSON_HEIGHT = 0.62, 0.80
"""Part of the 64 x 128 window that the person fills: the training windows had 16 pixels of margin."""
_SAME_PERSON_IOU = 0.4
_TRACK_IOU = 0.3
"""Overlap of one walking person between two looks, up to a second apart."""
_LOOKS = 3
_STEADY_HITS = 2
_MAX_GAP_S = 2.0

_lock = threading.Lock()
_detector: cv2.HOGDescriptor | None = None


def _hog() -> cv2.HOGDescriptor:
    global _detector
    with _lock:
        if _detector is None:
            _detector = cv2.HOGDescriptor()
            _detector.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
        return _detector


def find_people(rgb: np.ndarray, min_weight: float = MIN_WEIGHT) -> list[tuple[Box, float]]:
    """Boxes (cxcywh, 0..1) with the SVM distance of each, best first, one per person.

    Args:
        rgb: [H, W, 3] uint8.
        min_weight: SVM distance from which a window counts.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, WIDTH_PX / max(width, height))
    reduced = rgb
    if scale < 1.0:
        reduced = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rows, columns = reduced.shape[:2]
    if rows < 128 or columns < 64:  # smaller than the detector's window
        return []
    windows, weights = _hog().detectMultiScale(
        reduced, hitThreshold=min_weight, winStride=(STRIDE_PX, STRIDE_PX), scale=SCALE_STEP, groupThreshold=0)
    candidates = sorted(zip(np.ravel(weights).tolist(), np.reshape(windows, (-1, 4)).tolist(), strict=True),
                        reverse=True)
    kept: list[tuple[Box, float]] = []
    for weight, (x, y, w, h) in candidates:
        left, top = x + w * (1 - _PERSON_WIDTH) / 2, y + h * (1 - _PERSON_HEIGHT) / 2
        box = centre_box(
            max(0.0, left / columns), max(0.0, top / rows),
            min(1.0, (left + w * _PERSON_WIDTH) / columns), min(1.0, (top + h * _PERSON_HEIGHT) / rows))
        if all(iou(box, other) < _SAME_PERSON_IOU for other, _ in kept):
            kept.append((box, float(weight)))
    return kept


def score_of(weight: float) -> float:
    """Measured share of right reports at this SVM distance, 0..1."""
    return float(np.interp(weight, *zip(*_PRECISION_AT, strict=True)))


def _seen_before(box: Box, looks: list[list[Box]]) -> int:
    """In how many of the earlier looks this person was found."""
    return sum(any(iou(box, other) >= _TRACK_IOU for other in look) for look in looks)


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``pedestrians``: list of ``{box, score, bearing_deg, steady}``; an empty list says little.

    People that Stage A's network already named are left out: nobody is told twice of one person.
    """
    memory = view.memory.get("pedestrians", {"time_s": view.frame.time_s, "looks": []})
    looks = memory["looks"]
    if view.motion.ego.cut or not 0.0 <= view.frame.time_s - memory["time_s"] <= _MAX_GAP_S:
        looks = []
    named = [thing.box_cxcywh for thing in view.detections if thing.class_id == _PERSON_ID]
    found = [(box, weight) for box, weight in find_people(view.frame.rgb)
             if all(iou(box, other) < _SAME_PERSON_IOU for other in named)]
    people = [
        {"box": [round(part, 4) for part in box], "score": round(score_of(weight), 3),
         "bearing_deg": round(view.camera.bearing_deg(box[0]), 1),
         "steady": 1 + _seen_before(box, looks) >= _STEADY_HITS}
        for box, weight in found
    ]
    view.memory["pedestrians"] = {
        "time_s": view.frame.time_s, "looks": [*looks, [box for box, _ in found]][-(_LOOKS - 1):]}
    return {"pedestrians": Value.measured(
        "pedestrians", people, "HOG people detector; misses most people: no safety claim",
        confidence=max((person["score"] for person in people), default=None))}
