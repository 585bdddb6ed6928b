"""Which parts of the view need attention because this person does not see them.

From the patient's own visual field when the profile holds one: priority is the share of contrast sensitivity
lost at a place, 1 - 10^(TD / 10) (total deviation in dB, as everywhere in MaxSight). Without a field, the
condition's default of the assistance table. The gaze is taken to be the camera's axis: nobody tracks the eyes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from maxsight_core.contracts import Camera, SceneView, Value

OUTPUTS = ("field_priority",)

GRID = 14
"""Rows and columns: the fused grid of Stage A."""

_NEIGHBOURS = 4
_MIN_DISTANCE_DEG = 0.5
MAX_TD_DB, MIN_TD_DB = 10.0, -40.0
MAX_ECCENTRICITY_DEG = 90.0

CONDITION_RAMPS = {
    # Priority rises from 0 at the first eccentricity to 1 at the second, degrees.
    "glaucoma": (10.0, 25.0),              # arcuate and nasal loss begins 10 to 20 degrees out (Bjerrum's area)
    "retinitis_pigmentosa": (10.0, 20.0),  # what is left late is a tunnel of about 10 degrees
    "amd": (10.0, 30.0),                   # things at the picture's edges, outside the enlarged centre
}


def eccentricities(camera: Camera, grid: int = GRID) -> tuple[np.ndarray, np.ndarray]:
    """Degrees right of and above the camera's axis of each cell's centre, [grid, grid] each."""
    across = (np.arange(grid) + 0.5) / grid * 2.0 - 1.0
    half_width = camera.width_px / 2.0 / camera.focal_px
    half_height = camera.height_px / 2.0 / camera.focal_px
    right = np.degrees(np.arctan(across * half_width))
    up = np.degrees(np.arctan(-across * half_height))
    return np.broadcast_to(right[None, :], (grid, grid)), np.broadcast_to(up[:, None], (grid, grid))


def field_points(profile: dict[str, Any]) -> np.ndarray | None:
    """[n, 3] (x_deg right, y_deg up, total deviation dB) from ``profile["visual_field"]``, or None.

    Raises:
        ValueError: something else than rows of three numbers in range.
    """
    raw = profile.get("visual_field")
    if raw is None:
        return None
    if isinstance(raw, dict):
        raw = raw.get("points")
    expected = "patient_profile.visual_field: expected rows [x_deg, y_deg, total deviation dB]"
    try:
        points = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{expected}; got {raw!r}") from error
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0 or not np.isfinite(points).all():
        raise ValueError(f"{expected}; got an array of shape {points.shape}")
    if (np.abs(points[:, :2]) > MAX_ECCENTRICITY_DEG).any() or (
            (points[:, 2] < MIN_TD_DB) | (points[:, 2] > MAX_TD_DB)).any():
        raise ValueError(f"{expected}, within +-90 degrees and {MIN_TD_DB:.0f}..{MAX_TD_DB:.0f} dB")
    return points


def from_field(points: np.ndarray, camera: Camera) -> np.ndarray:
    """[14, 14] float32, share of sensitivity lost in the direction of each cell, 0..1."""
    right, up = eccentricities(camera)
    distance = np.hypot(right[..., None] - points[:, 0], up[..., None] - points[:, 1])
    nearest = np.argsort(distance, axis=-1)[..., :_NEIGHBOURS]
    weight = 1.0 / np.maximum(np.take_along_axis(distance, nearest, axis=-1), _MIN_DISTANCE_DEG) ** 2
    deviation = (weight * points[nearest, 2]).sum(axis=-1) / weight.sum(axis=-1)
    return np.clip(1.0 - 10.0 ** (np.minimum(deviation, 0.0) / 10.0), 0.0, 1.0).astype(np.float32)


def from_condition(condition: str, camera: Camera) -> np.ndarray:
    """[14, 14] float32 default of a condition in :data:`CONDITION_RAMPS`, 0..1."""
    start, full = CONDITION_RAMPS[condition]
    right, up = eccentricities(camera)
    off_axis = np.degrees(np.arctan(np.hypot(np.tan(np.radians(right)), np.tan(np.radians(up)))))
    return np.clip((off_axis - start) / (full - start), 0.0, 1.0).astype(np.float32)


def at(priority_map: np.ndarray, x: float, y: float) -> float:
    """Priority at a normalised place of the picture."""
    rows, columns = priority_map.shape
    return float(priority_map[min(int(y * rows), rows - 1), min(int(x * columns), columns - 1)])


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``field_priority``: [14, 14] 0 (seen well) .. 1 (not seen: look here for this person)."""
    points = field_points(view.settings.patient_profile)
    if points is not None:
        reach = math.hypot(*np.abs(points[:, :2]).max(axis=0))
        return {"field_priority": Value.measured(
            "field_priority", from_field(points, view.camera),
            f"patient's visual field, {len(points)} points within {reach:.0f} degrees; gaze = camera axis", 0.7)}
    condition = view.settings.condition
    if condition in CONDITION_RAMPS:
        return {"field_priority": Value.measured(
            "field_priority", from_condition(condition, view.camera),
            f"default for {condition.replace('_', ' ')}; no visual field in the profile; gaze = camera axis", 0.3)}
    reason = "no visual field in the profile" + (
        "" if condition is None else f", and {condition.replace('_', ' ')} has no usual field loss")
    return {"field_priority": Value.unavailable("field_priority", reason)}
