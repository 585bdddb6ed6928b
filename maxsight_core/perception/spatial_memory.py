"""Spatial memory: where things were that have left the view.

Bearings are kept against the camera's heading: the sum of its turning (the picture's shift over the focal length). The
sum drifts and walking moves the wearer, so every memory fades, faster for things that move by themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from maxsight_core import taxonomy
from maxsight_core.contracts import Detection, SceneView, Value

OUTPUTS: tuple[str, ...] = ("spatial_memory",)
METHOD = "last bearing of each track, turned with the camera's pan"
MEMORY = "spatial_memory"

STATIC_HALF_LIFE_S = 15.0  # a door or chair stays; walking at 1 m/s makes its bearing stale in about this time
MOVING_HALF_LIFE_S = 3.0  # a person or car is elsewhere soon
MIN_CONFIDENCE = 0.2  # under this a memory is dropped
MIN_SCORE = 0.4  # doubtful detections are not worth remembering
MAX_STEP_S = 1.0  # over a longer gap the turning is unknown: everything is forgotten
MAX_ITEMS = 12
AHEAD_DEG, SIDE_DEG, REAR_SIDE_DEG = 15.0, 110.0, 160.0  # 15: the alert policy's "ahead"
PAN_ERROR = 0.1  # relative error of the integrated pan (assumed field of view)


@dataclass
class _Item:
    class_id: int
    class_name: str
    world_deg: float
    seen_s: float
    distance_m: float | None
    score: float
    turned_deg: float = 0.0  # total turning since it was seen, whichever way: the error grows with it


@dataclass
class _Memory:
    heading_deg: float = 0.0
    time_s: float | None = None
    items: dict[int, _Item] = field(default_factory=dict)


def estimate(view: SceneView) -> dict[str, Value]:
    """``spatial_memory``: list of ``{class, bearing_deg, bearing_sd_deg, age_s, distance_m, confidence, words}``.

    Only things out of view; bearing -180..180 degrees from where the camera looks now, right positive. Surest first.
    """
    memory: _Memory = view.memory.setdefault(MEMORY, _Memory())
    now_s = view.frame.time_s
    step_s = 0.0 if memory.time_s is None else now_s - memory.time_s
    if not 0.0 <= step_s <= MAX_STEP_S or view.motion.ego.cut:
        memory.items.clear()
        step_s = 0.0
    memory.time_s = now_s
    _turn(memory, view, step_s)
    in_view = {one.track_id for one in view.detections}
    for one in view.detections:
        if one.score >= MIN_SCORE and one.class_id != taxonomy.SOMETHING_ID:
            memory.items[one.track_id] = _Item(
                one.class_id, one.class_name, memory.heading_deg + one.bearing_deg, now_s, one.distance_m, one.score)
    rows = _rows(memory, view, in_view, now_s)
    if not rows and not memory.items:
        return {OUTPUTS[0]: Value.unavailable(OUTPUTS[0], "nothing has been seen that could be remembered")}
    confidence = rows[0]["confidence"] if rows else 0.0
    return {OUTPUTS[0]: Value.measured(OUTPUTS[0], rows[:MAX_ITEMS], METHOD, confidence)}


def _turn(memory: _Memory, view: SceneView, step_s: float) -> None:
    """Adds the camera's turning since the last view; the present rate stands for the whole step."""
    ego = view.motion.ego
    if step_s <= 0.0 or ego.dt_s <= 0.0:
        return
    turned = -math.degrees(math.atan(ego.dx_px / view.camera.focal_px)) * step_s / ego.dt_s
    memory.heading_deg += turned
    for item in memory.items.values():
        item.turned_deg += abs(turned)


def _rows(memory: _Memory, view: SceneView, in_view: set[int], now_s: float) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for key in sorted(memory.items):
        item = memory.items[key]
        if key in in_view:
            continue
        age_s = now_s - item.seen_s
        confidence = item.score * 0.5 ** (age_s / _half_life(item.class_id))
        bearing = (item.world_deg - memory.heading_deg + 180.0) % 360.0 - 180.0
        if confidence < MIN_CONFIDENCE or _seen_again(item, bearing, view):
            del memory.items[key]
            continue
        rows.append({
            "class": item.class_name, "bearing_deg": bearing, "bearing_sd_deg": 3.0 + PAN_ERROR * item.turned_deg,
            "age_s": age_s, "distance_m": item.distance_m, "confidence": confidence, "words": words(bearing),
        })
    rows.sort(key=lambda row: (-row["confidence"], row["age_s"], row["class"]))
    return rows


def _half_life(class_id: int) -> float:
    return MOVING_HALF_LIFE_S if taxonomy.by_id(class_id).moving else STATIC_HALF_LIFE_S


def _seen_again(item: _Item, bearing_deg: float, view: SceneView) -> bool:
    """True when the same kind of thing is in view where the memory expects it: it came back under a new number."""
    tolerance = 5.0 + PAN_ERROR * item.turned_deg
    return any(_same(item, one) and abs(one.bearing_deg - bearing_deg) <= tolerance for one in view.detections)


def _same(item: _Item, one: Detection) -> bool:
    return one.class_id == item.class_id


def words(bearing_deg: float) -> str:
    """Where, in words: ahead, left, right, behind left, behind right, behind."""
    size = abs(bearing_deg)
    if size <= AHEAD_DEG:
        return "ahead"
    side = "left" if bearing_deg < 0 else "right"
    if size <= SIDE_DEG:
        return side
    return f"behind {side}" if size <= REAR_SIDE_DEG else "behind"
