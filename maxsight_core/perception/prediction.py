"""Predictive alerts: what will reach the person, when, and where to go instead.

The time is the track's own time to contact (constant velocity, from its growth in the picture) less the age of the
measurement; the action comes from where it comes from and from which side is free. Advice only: P0 and P1 are
decided in Stage A.
"""

from __future__ import annotations

from maxsight_core.contracts import SceneView, Value

OUTPUTS = ("predictive_alerts",)
METHOD = "constant-velocity extrapolation of growth (time to contact)"
HORIZON_S = 10.0
STOP_BELOW_S = 2.5
"""Below this there is no time to walk round it (the alert policy's P0)."""
AHEAD_DEG = 15.0


def _action(seconds: float, bearing_deg: float, free_bearing_deg: float | None) -> str:
    if seconds < STOP_BELOW_S and abs(bearing_deg) <= AHEAD_DEG:
        return "stop"
    if abs(bearing_deg) > AHEAD_DEG:
        return "keep right" if bearing_deg < 0 else "keep left"
    if free_bearing_deg is not None and abs(free_bearing_deg - bearing_deg) > AHEAD_DEG:
        return "move left" if free_bearing_deg < bearing_deg else "move right"
    return "slow down"


def estimate(view: SceneView) -> dict[str, Value]:
    """``predictive_alerts``: list of ``{hazard, track_id, bearing_deg, time_to_hazard_s, recommended_action}``."""
    if view.motion.flow is None and not view.detections:
        reason = view.motion.reason or "nothing is tracked"
        return {"predictive_alerts": Value.unavailable("predictive_alerts", f"no motion to extrapolate: {reason}")}
    guidance = view.so_far.get("path_guidance")
    free = guidance.value.get("free_bearing_deg") if guidance is not None and guidance.value else None
    hazards = [
        {
            "hazard": d.class_name, "track_id": d.track_id, "bearing_deg": round(d.bearing_deg, 1),
            "time_to_hazard_s": round(d.time_to_contact_s, 2), "on_course": d.on_course,
            "recommended_action": _action(d.time_to_contact_s, d.bearing_deg, free),
        }
        for d in view.detections
        if d.time_to_contact_s is not None and d.on_course and d.time_to_contact_s <= HORIZON_S
    ]
    hazards.sort(key=lambda hazard: hazard["time_to_hazard_s"])
    confidence = max((d.score for d in view.detections if d.on_course), default=None)
    return {"predictive_alerts": Value.measured("predictive_alerts", hazards, METHOD, confidence)}
