"""Where the way seems free: floor by appearance, then free distance per sector of the view.

What the floor looks like is taken from the picture's bottom centre, where somebody who walks has floor in
front of them (Ulrich & Nourbakhsh, "Appearance-based obstacle detection with monocular color vision", AAAI
2000). Each column is followed upwards until the colour leaves the floor's colours or a strong edge crosses it
(Lorigo, Brooks & Grimson, IROS 1997). Where that happens is the foot of the first obstacle; the ground plane
turns it into metres. Detections and approaching things block their columns too.

Monocular and uncalibrated: a shadow ends the floor too early, a wall painted like the floor too late, a step
down or a hole is not seen at all. It is advice, never a promise of a free way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.contracts import Camera, Detection, SceneView, Value
from maxsight_core.perception.geometry import corners

OUTPUTS = ("path_guidance",)

COLUMNS = 96
"""Working width: one column is 0.7 degrees at a 66 degree view, narrower than an ankle at 5 m."""
SECTORS = 5
MAX_RANGE_M = 8.0
"""Beyond, one row of pixels is more than half a metre and a tilt of one degree more than 1 m."""
MIN_FREE_M = 4.5
"""Two walking steps (0.75 m each) past the nearest floor that a level chest camera sees, 2.9 m away."""

_SEED_ROWS, _SEED_COLUMNS = 0.16, (0.30, 0.70)
_SEED_COLOURS = 3
_COLOUR_LIMIT = 14.0
"""Distance in weighted CIELAB from the nearest floor colour that still is floor: twice a clear step of paint."""
_LIGHTNESS_WEIGHT = 0.5
_EDGE_LIMIT = 11.0
"""Step of smoothed lightness over two cells that ends the floor; joints of paving and tiles stay below."""
_SEED_SPREAD_LIMIT = 16.0
"""Median distance of the seed's cells from its own colours: above it the bottom is clutter, not floor."""
_SEED_LIGHTNESS = (8.0, 98.0)
"""CIELAB L* of a floor that can be seen at all: below it is black, above it blown out."""
_RUN = 2
_WALL_ROWS = 0.12
_WALL_SHARE = 0.6
_CENTRE_PREFERENCE = 0.8
"""The sector nearest to straight ahead is kept while it offers this share of the best: fewer turns."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Free floor per column of a coarse picture of ``rows`` rows.

    ``foot_row`` [COLUMNS] is the row (from the top, fractional picture height 0..1) where the floor ends;
    ``wall`` [COLUMNS] is True where floor colours go on above the horizon, so that what is seen may as well
    be a wall; ``reason`` says why there is no estimate.
    """

    foot_row: np.ndarray | None
    wall: np.ndarray | None
    confidence: float
    reason: str | None = None


def horizon_row(camera: Camera) -> float:
    """Row of the horizon as a fraction of the picture's height (0 top); may lie outside 0..1."""
    return 0.5 - math.tan(math.radians(camera.pitch_deg)) * camera.focal_px / camera.height_px


def ground_distance_m(row: float | np.ndarray, camera: Camera) -> np.ndarray:
    """Horizontal distance to the ground seen at a row (fraction of height); infinite at and above the horizon."""
    below = np.arctan((np.asarray(row, np.float64) - 0.5) * camera.height_px / camera.focal_px)
    angle = below + math.radians(camera.pitch_deg)
    with np.errstate(divide="ignore"):
        return np.where(angle > 1e-6, camera.height_m / np.tan(np.maximum(angle, 1e-6)), np.inf)


def floor_of(view: SceneView) -> Floor:
    """The floor of this frame, computed once per frame and kept in the session's memory."""
    kept = view.memory.get("path_guidance")
    if kept is not None and kept["seq"] == view.frame.seq:
        return kept["floor"]
    floor = find_floor(view.frame.rgb, view.camera)
    view.memory["path_guidance"] = {"seq": view.frame.seq, "floor": floor}
    return floor


def find_floor(rgb: np.ndarray, camera: Camera) -> Floor:
    """Floor of one picture [H, W, 3] uint8."""
    rows = max(16, round(COLUMNS * rgb.shape[0] / rgb.shape[1]))
    coarse = cv2.resize(rgb, (COLUMNS, rows), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(coarse.astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.8)
    horizon = horizon_row(camera)
    if horizon > 1.0 - _SEED_ROWS:
        return Floor(None, None, 0.0, "the camera looks up: no floor in view")
    distance, spread, lightness = _distance_from_floor_colours(lab)
    if not _SEED_LIGHTNESS[0] <= lightness <= _SEED_LIGHTNESS[1]:
        return Floor(None, None, 0.0, "the bottom of the picture is too dark or too bright to see a floor")
    if spread > _SEED_SPREAD_LIMIT:
        return Floor(None, None, 0.0, "no even floor at the bottom of the picture")
    edges = _edges(lab[..., 0])
    other = (distance > _COLOUR_LIMIT) | (edges > _EDGE_LIMIT)
    first_row = max(0, math.ceil(horizon * rows))
    foot = _first_obstacle(other, first_row)
    wall = _goes_on_above(distance, first_row, foot)
    evenness = 1.0 - spread / _SEED_SPREAD_LIMIT
    return Floor((foot / rows).astype(np.float32), wall, 0.2 + 0.4 * evenness)


def _distance_from_floor_colours(lab: np.ndarray) -> tuple[np.ndarray, float, float]:
    """[rows, COLUMNS] distance to the nearest floor colour; spread of the seed's colours; its lightness."""
    rows, columns = lab.shape[:2]
    weighted = lab * np.array([_LIGHTNESS_WEIGHT, 1.0, 1.0], np.float32)
    seed = weighted[round(rows * (1 - _SEED_ROWS)):, int(columns * _SEED_COLUMNS[0]):int(columns * _SEED_COLUMNS[1])]
    samples = np.ascontiguousarray(seed.reshape(-1, 3))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 0.5)
    order = np.argsort(samples[:, 0], kind="stable")  # clusters start at even steps of lightness: deterministic
    start = np.zeros((len(samples), 1), np.int32)
    start[order, 0] = np.arange(len(samples)) * _SEED_COLOURS // len(samples)
    _, labels, centres = cv2.kmeans(samples, _SEED_COLOURS, start, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    share = np.bincount(labels.ravel(), minlength=_SEED_COLOURS) / len(samples)
    centres = centres[share >= 0.1]
    far = np.sqrt(((weighted[..., None, :] - centres) ** 2).sum(axis=-1)).min(axis=-1)
    seed_far = np.sqrt(((samples[:, None] - samples.mean(axis=0)) ** 2).sum(axis=-1))
    return far, float(np.median(seed_far)), float(np.median(samples[:, 0])) / _LIGHTNESS_WEIGHT


def _edges(lightness: np.ndarray) -> np.ndarray:
    """Step of lightness over two cells, either direction, without the outermost cells."""
    across, down = np.zeros_like(lightness), np.zeros_like(lightness)
    across[:, 1:-1] = np.abs(lightness[:, 2:] - lightness[:, :-2])
    down[1:-1] = np.abs(lightness[2:] - lightness[:-2])
    return np.maximum(across, down)


def _first_obstacle(other: np.ndarray, first_row: int) -> np.ndarray:
    """Row below which each column is floor, from the bottom up to the horizon; one odd cell is jumped over."""
    rows = other.shape[0]
    run = other.copy()
    for step in range(1, _RUN):
        run[step:] &= other[:-step]  # the cell and the _RUN - 1 cells above it
    run[:first_row] = True
    upwards = run[::-1]
    free_cells = upwards.argmax(axis=0)
    return rows - free_cells


def _goes_on_above(distance: np.ndarray, first_row: int, foot: np.ndarray) -> np.ndarray:
    """True where the floor reaches the horizon and its colours go on above it."""
    band = distance[max(0, first_row - round(_WALL_ROWS * len(distance))):first_row]
    if band.size == 0:
        return np.zeros(distance.shape[1], bool)
    return (foot <= first_row) & ((band <= _COLOUR_LIMIT).mean(axis=0) >= _WALL_SHARE)


def blocked_columns(detections: tuple[Detection, ...], camera: Camera) -> np.ndarray:
    """Distance in metres at which a thing stands in each column; infinite where none does."""
    nearest = np.full(COLUMNS, np.inf)
    for thing in detections:
        left, _, right, bottom = corners(thing.box_cxcywh)
        distance = thing.distance_m
        if distance is None:
            distance = float(ground_distance_m(bottom, camera))
            if bottom > 0.98:  # its foot is below the picture: nearer than the nearest visible floor
                distance = 0.0
        columns = slice(int(left * COLUMNS), max(int(left * COLUMNS) + 1, math.ceil(right * COLUMNS)))
        nearest[columns] = np.minimum(nearest[columns], distance)
    return nearest


def sectors(floor: Floor, view: SceneView) -> list[dict[str, float | None]]:
    """Free distance for each of the sectors, left to right; ``free_m`` None where nothing can be said."""
    free = np.minimum(ground_distance_m(floor.foot_row, view.camera), MAX_RANGE_M)
    free[floor.foot_row >= 0.98] = 0.0
    free = np.minimum(free, blocked_columns(view.detections, view.camera))
    for thing in view.motion.approaching:
        left, _, right, _ = corners(thing.box_cxcywh)
        free[int(left * COLUMNS):math.ceil(right * COLUMNS)] = 0.0
    result = []
    for number in range(SECTORS):
        columns = slice(number * COLUMNS // SECTORS, (number + 1) * COLUMNS // SECTORS)
        unknown = floor.wall[columns].mean() > 0.5
        # The nearest fifth decides: a way is as free as its narrow side.
        free_m = None if unknown else round(float(np.percentile(free[columns], 20)), 1)
        centre = (number + 0.5) / SECTORS
        result.append({"bearing_deg": round(view.camera.bearing_deg(centre), 1), "free_m": free_m,
                       "score": 0.0 if free_m is None else round(free_m / MAX_RANGE_M, 2)})
    return result


def choose(free_sectors: list[dict]) -> float | None:
    """Bearing of the free sector nearest to straight ahead among the good ones; None when none is free.

    Also None when nothing can be said about the middle: nobody is turned away from a way that may be free.
    """
    if free_sectors[len(free_sectors) // 2]["free_m"] is None:
        return None
    free = [sector for sector in free_sectors if sector["free_m"] is not None and sector["free_m"] >= MIN_FREE_M]
    if not free:
        return None
    best = max(sector["free_m"] for sector in free)
    good = [sector for sector in free if sector["free_m"] >= _CENTRE_PREFERENCE * best]
    return min(good, key=lambda sector: abs(sector["bearing_deg"]))["bearing_deg"]


def words(bearing_deg: float | None, free_sectors: list[dict]) -> str:
    """One sentence; never more certain than the estimate."""
    if bearing_deg is None:
        unknown = free_sectors[len(free_sectors) // 2]["free_m"] is None
        return "Open floor unknown" if unknown else "No open floor seen"
    if abs(bearing_deg) <= 15.0:  # the same "ahead" as in the alerts
        return "Most open floor is ahead"
    return f"More open floor to the {'right' if bearing_deg > 0 else 'left'}"


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``path_guidance``: ``{sectors: [{bearing_deg, free_m, score}], free_bearing_deg, words}``."""
    floor = floor_of(view)
    if floor.reason is not None:
        return {"path_guidance": Value.unavailable("path_guidance", floor.reason)}
    if view.quality.lighting == "dark":
        return {"path_guidance": Value.unavailable("path_guidance", "too dark to see the floor")}
    found = sectors(floor, view)
    bearing = choose(found)
    return {"path_guidance": Value.measured(
        "path_guidance", {"sectors": found, "free_bearing_deg": bearing, "words": words(bearing, found)},
        "floor by appearance, ground plane at "
        f"{view.camera.height_m:.1f} m camera height, detections; sees no steps down",
        confidence=floor.confidence * (1.0 - view.quality.uncertainty))}
