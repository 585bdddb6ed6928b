"""Motion results of Stage A as registry outputs."""

from __future__ import annotations

import numpy as np

from maxsight_core.contracts import MotionResult, Value

METHOD = "DIS optical flow on a reduced grey picture (Kroeger et al. 2016)"
NAMES = ("motion_flow", "motion_magnitude", "motion_direction", "ego_motion")


def values(motion: MotionResult) -> dict[str, Value]:
    """``motion_flow`` [2, h, w] and what follows from it; all unavailable with one reason when there is no flow."""
    if motion.flow is None:
        return {name: Value.unavailable(name, motion.reason or "no flow for this frame") for name in NAMES}
    u, v = motion.flow[0], motion.flow[1]
    confidence = float(np.clip(motion.quality, 0.0, 1.0))
    return {
        "motion_flow": Value.measured("motion_flow", motion.flow, METHOD, confidence),
        "motion_magnitude": Value.measured("motion_magnitude", np.hypot(u, v), METHOD, confidence),
        "motion_direction": Value.measured("motion_direction", np.arctan2(v, u), METHOD, confidence),
        "ego_motion": Value.measured(
            "ego_motion", motion.ego.to_json(), "robust global motion of the flow field", confidence
        ),
    }
