"""Temporal consistency: how steadily the things in view stay the same things in the same places.

Each thing counts by the overlap of its present box with its previous one (moved with the camera), each thing that came
or went counts zero; the value is their mean. A detector that flickers, or a cut, lowers it.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.contracts import Detection, EgoMotion, SceneView, Value
from maxsight_core.perception.distance import clipped

OUTPUTS: tuple[str, ...] = ("temporal_consistency",)
METHOD = "overlap of each track with itself, camera motion taken out"
MAX_AGE_S = 1.0  # an older view is no ground for comparison
MEMORY = "consistency"
_Box = tuple[float, float, float, float]


def estimate(view: SceneView) -> dict[str, Value]:
    """``temporal_consistency`` [1, 1], 0..1; unavailable without an earlier view under one second old, or any track."""
    now_s = view.frame.time_s
    boxes: dict[int, _Box] = {d.track_id: d.box_cxcywh for d in view.detections}
    before = view.memory.get(MEMORY)
    view.memory[MEMORY] = (now_s, boxes)
    if view.motion.ego.cut:
        return _none("the picture changed altogether")
    if before is None or not 0.0 < now_s - before[0] <= MAX_AGE_S:
        return _none("no earlier view under one second old")
    then_s, earlier = before
    if not boxes and not earlier:
        return _none("nothing is tracked")
    moved = {key: _moved(box, view, now_s - then_s) for key, box in earlier.items()}
    shares = [_overlap(moved[key], boxes[key]) for key in boxes.keys() & moved.keys()]
    gone = sum(1 for key in moved.keys() - boxes.keys() if not _leaves(moved[key]))
    came = sum(1 for d in view.detections if d.track_id not in moved and not _entering(d))
    counted = len(shares) + gone + came
    if counted == 0:
        return _none("everything in view has just entered or left it")
    value = sum(sorted(shares)) / counted
    confidence = 1.0 - 1.0 / (1.0 + counted)
    return {OUTPUTS[0]: Value.measured(OUTPUTS[0], np.array([[value]], np.float32), METHOD, confidence)}


def _none(reason: str) -> dict[str, Value]:
    return {OUTPUTS[0]: Value.unavailable(OUTPUTS[0], reason)}


def _moved(box: _Box, view: SceneView, elapsed_s: float) -> _Box:
    """The box where the camera's motion alone would have carried it."""
    ego: EgoMotion = view.motion.ego
    if ego.dt_s <= 0.0:
        return box
    share = elapsed_s / ego.dt_s
    zoom = ego.zoom**share
    x = 0.5 + zoom * (box[0] - 0.5) + ego.dx_px * share / view.camera.width_px
    y = 0.5 + zoom * (box[1] - 0.5) + ego.dy_px * share / view.camera.height_px
    return (x, y, box[2] * zoom, box[3] * zoom)


def _leaves(box: _Box) -> bool:
    """True when the camera's motion carried the thing to the frame's edge or out: then it may go without blame."""
    return any(clipped(box))


def _entering(one: Detection) -> bool:
    return any(clipped(one.box_cxcywh))


def _overlap(a: _Box, b: _Box) -> float:
    """Intersection over union of two cxcywh boxes."""
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    shared = max(0.0, width) * max(0.0, height)
    total = a[2] * a[3] + b[2] * b[3] - shared
    return shared / total if total > 0 else 0.0
