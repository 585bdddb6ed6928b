"""Predictive alerts: what will be in the way in the next seconds, and what to do about it.

Two grounds. A thing that grows on a collision course arrives at its measured time to contact. A thing of known
distance is followed in the ground plane (x sideways, z ahead, metres relative to the wearer) by a constant-velocity
Kalman filter; if its path crosses the walking corridor within the horizon, it is a hazard before it grows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maxsight_core.contracts import Detection, SceneView, Value
from maxsight_core.perception.urgency import DANGER_BELOW_S, WARNING_BELOW_S

OUTPUTS: tuple[str, ...] = ("predictive_alerts",)
METHOD = "constant-velocity extrapolation of tracks, and looming"
MEMORY = "prediction"

HORIZON_S = 5.0  # the alert policy's P1: nothing is said about what is farther off
CORRIDOR_M = 0.6  # half the width a walking person needs, with margin
REACH_M = 4.0  # crossings farther ahead than this do not meet the wearer
MIN_UPDATES = 3
MIN_SPEED_MPS = 0.3  # slower is ranging error
AHEAD_DEG = 15.0  # alert policy: ahead is within 15 degrees
FORGET_S = 1.5
ACCELERATION_SD = 1.0  # m/s^2: people and bicycles in streets
BEARING_SD = 0.01  # rad, of a box centre
MAX_PREDICTED = 8


@dataclass
class _Path:
    """Kalman filter of one thing: x, z, vx, vz in metres and metres a second relative to the camera."""

    state: np.ndarray
    covariance: np.ndarray
    time_s: float
    updates: int = 1


@dataclass
class _Memory:
    paths: dict[int, _Path] = field(default_factory=dict)


def estimate(view: SceneView) -> dict[str, Value]:
    """``predictive_alerts``: list of ``{hazard, track_id, bearing_deg, time_to_hazard_s, recommended_action, ground}``.

    Soonest first, possibly empty (nothing tracked meets the wearer within 5 s); unavailable while nothing is tracked.
    """
    memory: _Memory = view.memory.setdefault(MEMORY, _Memory())
    now_s = view.frame.time_s
    if view.motion.ego.cut:
        memory.paths.clear()
    memory.paths = {k: p for k, p in memory.paths.items() if 0.0 <= now_s - p.time_s <= FORGET_S}
    if not view.detections:
        return {OUTPUTS[0]: Value.unavailable(OUTPUTS[0], "nothing is tracked")}
    hazards: list[dict[str, Any]] = []
    confidences: list[float] = []
    for one in view.detections:
        path = _follow(memory, one, view)
        seconds, ground = _time_to_hazard(one, path)
        if seconds is not None:
            hazards.append(_hazard(one, seconds, ground))
            confidences.append(one.score)
    hazards.sort(key=lambda h: (h["time_to_hazard_s"], h["track_id"]))
    confidence = float(np.mean(confidences)) if confidences else float(np.mean([d.score for d in view.detections]))
    return {OUTPUTS[0]: Value.measured(OUTPUTS[0], hazards[:MAX_PREDICTED], METHOD, confidence)}


def _follow(memory: _Memory, one: Detection, view: SceneView) -> _Path | None:
    """One more position into the thing's filter; None where its distance is not known."""
    if one.distance_m is None or one.distance_sd_m is None:
        return None
    slope = math.tan(math.radians(one.bearing_deg))
    position = np.array([one.distance_m * slope, one.distance_m])
    # Most of the distance's error is a class prior that stays the same from frame to frame: only the jitter is noise.
    jitter = 0.06 * one.distance_m
    noise = np.diag([(one.distance_m * BEARING_SD) ** 2 + (jitter * slope) ** 2, jitter**2])
    now_s = view.frame.time_s
    path = memory.paths.get(one.track_id)
    if path is None:
        covariance = np.diag([noise[0, 0], noise[1, 1], 4.0, 4.0])
        path = _Path(np.array([position[0], position[1], 0.0, 0.0]), covariance, now_s)
        memory.paths[one.track_id] = path
        return path
    step = now_s - path.time_s
    if step <= 0.0:
        return path
    turn = _turned_rad(view, step)
    cos, sin = math.cos(turn), math.sin(turn)
    rotate = np.array([[cos, -sin], [sin, cos]])  # the camera turned: positions and speeds turn the other way
    path.state[:2], path.state[2:] = rotate @ path.state[:2], rotate @ path.state[2:]
    move = np.eye(4)
    move[0, 2] = move[1, 3] = step
    push = np.array([[step**2 / 2, 0], [0, step**2 / 2], [step, 0], [0, step]]) * ACCELERATION_SD
    path.state = move @ path.state
    path.covariance = move @ path.covariance @ move.T + push @ push.T
    gain = path.covariance[:, :2] @ np.linalg.inv(path.covariance[:2, :2] + noise)
    path.state = path.state + gain @ (position - path.state[:2])
    path.covariance = path.covariance - gain @ path.covariance[:2, :]
    path.time_s = now_s
    path.updates += 1
    return path


def _turned_rad(view: SceneView, step_s: float) -> float:
    """How far the camera turned to the right in ``step_s``, radians, from the picture's shift."""
    ego = view.motion.ego
    if ego.dt_s <= 0.0:
        return 0.0
    return -math.atan(ego.dx_px / view.camera.focal_px) * step_s / ego.dt_s


def _time_to_hazard(one: Detection, path: _Path | None) -> tuple[float | None, str]:
    """Seconds until the thing meets the wearer, and the ground: ``looming`` or ``crossing``."""
    if one.time_to_contact_s is not None and one.on_course and one.time_to_contact_s <= HORIZON_S:
        return one.time_to_contact_s, "looming"
    if path is None or path.updates < MIN_UPDATES:
        return None, ""
    x, z, vx, vz = path.state
    if abs(x) < CORRIDOR_M or abs(vx) < MIN_SPEED_MPS or x * vx >= 0.0:
        return None, ""
    seconds = (abs(x) - CORRIDOR_M) / abs(vx)
    ahead = z + vz * seconds
    if seconds > HORIZON_S or not 0.0 < ahead <= REACH_M:
        return None, ""
    return float(seconds), "crossing"


def _hazard(one: Detection, seconds: float, ground: str) -> dict[str, Any]:
    return {
        "hazard": one.class_name, "track_id": one.track_id, "bearing_deg": one.bearing_deg,
        "time_to_hazard_s": seconds, "recommended_action": recommended_action(one.bearing_deg, seconds, ground),
        "ground": ground,
    }


def recommended_action(bearing_deg: float, seconds: float, ground: str) -> str:
    """What to do: stop when it is near or crosses, else slow down ahead, else keep away from its side."""
    if seconds < DANGER_BELOW_S:
        return "stop"
    if ground == "crossing":
        return "wait"
    if abs(bearing_deg) <= AHEAD_DEG or seconds >= WARNING_BELOW_S:
        return "slow down"
    return "keep right" if bearing_deg < 0 else "keep left"
