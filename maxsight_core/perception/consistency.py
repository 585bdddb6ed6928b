"""Temporal consistency: how steadily the same things are seen from one Stage B look to the next."""

from __future__ import annotations

from maxsight_core.contracts import SceneView, Value

OUTPUTS = ("temporal_consistency",)
METHOD = "share of tracks kept between looks, with their class"
MAX_GAP_S = 2.0
SMOOTHING = 0.5
"""Weight of the newest look: about three looks of memory."""


def estimate(view: SceneView) -> dict[str, Value]:
    """``temporal_consistency`` 0..1: 1 when every thing of the last look is here again as the same thing.

    Jaccard index of (track, class) pairs between two looks, smoothed. Unavailable without a second look, after a cut,
    or while nothing is tracked: consistency of nothing is not 1.
    """
    now = {(d.track_id, d.class_id) for d in view.detections}
    memory = view.memory.get("consistency")
    state = {"time_s": view.frame.time_s, "seen": now, "value": None}
    view.memory["consistency"] = state
    if view.motion.ego.cut or memory is None or not 0.0 < view.frame.time_s - memory["time_s"] <= MAX_GAP_S:
        return _unavailable("first look at this view")
    both = now | memory["seen"]
    if not both:
        return _unavailable("nothing is tracked")
    kept = len(now & memory["seen"]) / len(both)
    earlier = memory["value"]
    state["value"] = kept if earlier is None else SMOOTHING * kept + (1.0 - SMOOTHING) * earlier
    return {"temporal_consistency": Value.measured("temporal_consistency", state["value"], METHOD)}


def _unavailable(reason: str) -> dict[str, Value]:
    return {"temporal_consistency": Value.unavailable("temporal_consistency", reason)}
