"""Depth by ground-plane geometry: what a floor, a camera height and the horizon say about each cell.

Floor cells lie where their ray meets the ground. Above the foot of the first obstacle of a column, things are
taken to stand upright on that foot (the "vertical surfaces on the ground" of Hoiem, Efros & Hebert, "Automatic
photo pop-up", 2005). Detections with a distance of their own overwrite their box. Everything else, the sky
among it, is only "far". The tilt of the camera is assumed, so the uncertainty grows with the square of the
distance; it is given in metres for every cell and the confidence is low on purpose.
"""

from __future__ import annotations

import math

import numpy as np

from maxsight_core.contracts import Camera, SceneView, Value
from maxsight_core.perception import path_guidance
from maxsight_core.perception.geometry import pixel_slices

OUTPUTS = ("depth_map", "depth_uncertainty")

COLUMNS = 64
FAR_M = 30.0
"""Given to cells that nothing limits; their uncertainty is the same, so they say "far or unknown"."""
NEAR_M = 0.3

PITCH_SD_DEG = 5.0
"""A camera worn on the chest or held in the hand tilts by about this much while walking."""
HEIGHT_SD_FRACTION = 0.10
"""Height of a worn camera between people of 1.5 and 1.85 m, when it was not calibrated."""
UPRIGHT_SD_FRACTION = 0.35
"""How far a thing above a foot may really be from that foot (furniture, slopes, a missed foot)."""
CONFIDENCE = 0.15


def ground_map(camera: Camera, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth along the optical axis of the bare ground, and its standard deviation, [rows, columns] metres."""
    row_centres = (np.arange(rows) + 0.5) / rows
    distance = path_guidance.ground_distance_m(row_centres, camera)
    depth = np.clip(distance, NEAR_M, FAR_M)
    # d = h / tan(a): dd/da = -(d^2 + h^2) / h, dd/dh = d / h.
    by_pitch = (depth**2 + camera.height_m**2) / camera.height_m * math.radians(PITCH_SD_DEG)
    spread = np.hypot(by_pitch, depth * HEIGHT_SD_FRACTION)
    spread = np.where(depth >= FAR_M, FAR_M, np.minimum(spread, FAR_M))
    return (np.repeat(plane.astype(np.float32)[:, None], columns, axis=1) for plane in (depth, spread))


def depth_maps(view: SceneView, columns: int = COLUMNS) -> tuple[np.ndarray, np.ndarray, str]:
    """Depth and its standard deviation, [rows, columns] metres, and what they stand on."""
    rows = max(8, round(columns * view.frame.height / view.frame.width))
    depth, spread = ground_map(view.camera, rows, columns)
    floor = path_guidance.floor_of(view)
    basis = "bare ground plane"
    if floor.foot_row is not None:
        _stand_on_feet(depth, spread, floor, view.camera)
        basis = "ground plane, upright surfaces on the floor's end"
    for thing in sorted(view.detections, key=lambda found: -(found.distance_m or 0.0)):
        if thing.distance_m is None:
            continue
        cells = pixel_slices(thing.box_cxcywh, rows, columns)
        depth[cells] = np.clip(thing.distance_m, NEAR_M, FAR_M)
        spread[cells] = min(thing.distance_sd_m or UPRIGHT_SD_FRACTION * thing.distance_m, FAR_M)
    return depth, spread, basis


def _stand_on_feet(depth: np.ndarray, spread: np.ndarray, floor: path_guidance.Floor, camera: Camera) -> None:
    rows, columns = depth.shape
    source = np.minimum(np.arange(columns) * path_guidance.COLUMNS // columns, path_guidance.COLUMNS - 1)
    foot, wall = floor.foot_row[source], floor.wall[source]
    at_foot = np.clip(path_guidance.ground_distance_m(foot, camera), NEAR_M, FAR_M)
    above = (np.arange(rows)[:, None] + 0.5) / rows < foot[None, :]
    # A floor that runs to the horizon leaves nothing to stand on; a foot at the very bottom is only a bound.
    standing = above & ((at_foot < FAR_M) & ~wall)[None, :]
    depth[standing] = np.broadcast_to(at_foot, depth.shape)[standing]
    foot_spread = np.hypot(
        UPRIGHT_SD_FRACTION * at_foot,
        (at_foot**2 + camera.height_m**2) / camera.height_m * math.radians(PITCH_SD_DEG))
    spread[standing] = np.broadcast_to(np.minimum(foot_spread, FAR_M), depth.shape)[standing]


def estimate(view: SceneView) -> dict[str, Value]:
    """Outputs ``depth_map`` and ``depth_uncertainty``, both [rows, 64] float32 metres."""
    depth, spread, basis = depth_maps(view)
    if view.quality.lighting == "dark":
        basis = "bare ground plane, too dark to see the floor" if basis.startswith("bare") else basis
    confidence = CONFIDENCE * (1.0 - view.quality.uncertainty)
    method = f"{basis}; camera {view.camera.height_m:.1f} m up, tilt {view.camera.pitch_deg:.0f} degrees assumed"
    return {
        "depth_map": Value.measured("depth_map", depth, method, confidence),
        "depth_uncertainty": Value.measured(
            "depth_uncertainty", spread, f"tilt +-{PITCH_SD_DEG:.0f} degrees, height, upright assumption", confidence),
    }
