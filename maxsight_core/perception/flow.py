"""Optical flow between two frames: a dense field, and about a thousand sparse points good to 0.2 pixels.

The dense field (DIS, Kroeger et al. 2016, "Fast optical flow using dense inverse search") is fast and survives large
motion, but pulls small expansions towards zero (measured: docs/motion.md). So it only starts the sparse points
(pyramidal Lucas-Kanade, Bouguet 2000), one per cell of a lattice where the picture has a corner, checked forwards
and backwards; everything that is measured (ego-motion, growth, time to contact) is measured on those points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from maxsight_core.perception.order_statistics import median

WORK_WIDTH_PX = 640  # widest working picture: the browser's frames; wider ones are reduced
DENSE_WIDTH_PX = 320  # DIS below this width loses things 60 px tall in a 640 px frame
GRID_STRIDE_PX = 4  # dense cells that are averaged into one of the published flow grid
LATTICE_COLUMNS = 40  # sparse points: one per 1/40 of the width, 16 px in a 640 px frame
MIN_CORNER_RESPONSE = 1.5e-4  # minimal eigenvalue of [0, 1] grey; webcam noise and JPEG alone stay under 6e-5
FULL_CORNER_RESPONSE = 4e-4  # a corner this strong counts half; weaker ones wander along their edge
FINE_POINTS = 110  # at most so many extra points in one region
MIN_FINE_CELL_PX = 3  # dense pixels between extra points: nearer ones share their windows
LK_WINDOW_PX = 9  # small: a larger window mixes the thing with its background (bias -10 % at 13 px)
LK_LEVELS = 1
LK_ITERATIONS = 8
LK_EPSILON_PX = 0.03
MAX_ROUND_TRIP_PX = 0.5  # forward-backward error of a point that is still believed (Kalal et al. 2010)
GAIN_TOLERANCE = 0.01  # brightness change between two frames that is left alone
CLIP_GAIN = 0.02  # beyond this change, points beside burnt-out areas are dropped: their edges grow with the light
CLIPPED_LEVEL = 250
BLACK_LEVEL = 10
FLAT_CONTRAST = 2.0  # grey levels: pictures without more contrast cannot be compared
NCC_WIDTH_PX = 80  # aligned pictures are compared at this width


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame, prepared once: grey working picture, the DIS picture, and its corners."""

    grey: np.ndarray  # [h, w] uint8
    dense: np.ndarray  # [h', w'] uint8, at most DENSE_WIDTH_PX wide
    response: np.ndarray  # [h', w'] float32 corner strength
    points: np.ndarray  # [n, 2] float32, x y in working pixels
    cells: np.ndarray  # [n] int, lattice cell of each point (row * columns + column)
    strength: np.ndarray  # [n] 0..1, how well the picture's texture holds each point
    lattice: tuple[int, int]  # rows, columns
    scale: float  # original pixels per working pixel
    time_s: float


@dataclass(frozen=True, slots=True)
class FlowField:
    """Motion from a reference frame to the current one, at the positions of the current one.

    Args:
        points: [n, 2] working pixels in the current frame. shift: [n, 2] how far each came since the reference.
        cells: [n] lattice cell of each point. lattice: rows, columns. strength: [n] 0..1 trust in each point.
        dense: [2, gh, gw] float32 flow in *original* pixels on the published grid.
        tracked: share of the corners that survived the forward-backward check, 0..1.
        texture: share of the lattice that holds a corner, 0..1.
        likeness: correlation of the current picture with the motion-compensated reference, -1..1.
        dt_s: time between the two. scale: original pixels per working pixel. size: (w, h) working pixels.
    """

    points: np.ndarray
    shift: np.ndarray
    cells: np.ndarray
    strength: np.ndarray
    lattice: tuple[int, int]
    dense: np.ndarray
    tracked: float
    texture: float
    likeness: float
    dt_s: float
    scale: float
    size: tuple[int, int]


def prepare(rgb: np.ndarray, time_s: float) -> Picture:
    """Grey working picture and corners of one frame ([H, W, 3] uint8)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = max(1.0, width / WORK_WIDTH_PX)
    if scale > 1.0:
        size = (WORK_WIDTH_PX, max(1, round(height / scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    dense = grey
    if grey.shape[1] > DENSE_WIDTH_PX:
        size = (DENSE_WIDTH_PX, max(1, round(grey.shape[0] * DENSE_WIDTH_PX / grey.shape[1])))
        dense = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    cell = max(4, round(dense.shape[1] / LATTICE_COLUMNS))
    lattice = (dense.shape[0] // cell, dense.shape[1] // cell)
    response = cv2.cornerMinEigenVal(dense, 3, ksize=3)  # Shi and Tomasi 1994
    points, cells, strength = best_corners(response, cell, grey.shape[1] / dense.shape[1])
    return Picture(grey, dense, response, points, cells, strength, lattice, scale, time_s)


def best_corners(response: np.ndarray, cell: int, enlarge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best corner of every cell that has one: points [n, 2] (times ``enlarge``), cells [n], strength [n] 0..1."""
    rows, columns = response.shape[0] // cell, response.shape[1] // cell
    blocks = response[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
    blocks = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, cell * cell)
    best = blocks.argmax(axis=1)
    height = blocks[np.arange(rows * columns), best]
    cells = np.nonzero(height > MIN_CORNER_RESPONSE)[0]
    best, height = best[cells], height[cells].astype(float)
    x = (cells % columns) * cell + best % cell
    y = (cells // columns) * cell + best // cell
    points = (np.stack([x, y], axis=1) + 0.5) * enlarge - 0.5
    return points.astype(np.float32), cells, height / (height + FULL_CORNER_RESPONSE)


class FlowEstimator:
    """Flow between prepared pictures. One per session: OpenCV's DIS object keeps working memory between calls."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._pair: tuple[Picture, Picture, np.ndarray] | None = None
        self._criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, LK_ITERATIONS, LK_EPSILON_PX)

    def between(self, reference: Picture, current: Picture) -> FlowField:
        """Motion from ``reference`` to ``current``, both of one size, at the current picture's positions."""
        back = self._dis.calc(current.dense, reference.dense, None)  # [h', w', 2], current -> reference
        likeness, gain = _compare(reference.dense, current.dense, back)
        if abs(gain - 1.0) > GAIN_TOLERANCE:  # automatic exposure, a flickering lamp: Lucas-Kanade needs equal light
            reference = replace(reference, grey=cv2.convertScaleAbs(reference.grey, alpha=gain))
        if abs(gain - 1.0) > CLIP_GAIN:
            current = _without_clipped(reference, current)
        points, shift, good = self._sparse(reference, current, current.points, back)
        found = len(current.points)
        rows, columns = current.lattice
        height, width = current.grey.shape
        self._pair = (reference, current, back)
        return FlowField(
            points=points, shift=shift, cells=current.cells[good], strength=current.strength[good],
            lattice=current.lattice, dense=_published(back, current.scale * width / current.dense.shape[1]),
            tracked=len(points) / found if found else 0.0,
            texture=found / (rows * columns) if rows * columns else 0.0,
            likeness=likeness,
            dt_s=current.time_s - reference.time_s, scale=current.scale, size=(width, height),
        )

    def denser(self, field: FlowField, boxes: Sequence[np.ndarray]) -> FlowField:
        """``field``, the result of the last :meth:`between`, with more points inside boxes (x0, y0, x1, y1 working px).

        A thing that covers few lattice cells gets up to 110 points of its own, so that its growth is as well
        determined as that of a large one. The points of the lattice come first and keep their order.
        """
        if self._pair is None or not boxes:
            return field
        reference, current, back = self._pair
        fine = [_fine_corners(current, box) for box in boxes]
        points = np.concatenate([f[0] for f in fine])
        if len(points) == 0:
            return field
        strength = np.concatenate([f[1] for f in fine])
        _, kept = np.unique(points.astype(np.int64) @ np.array([1, 100_000]), return_index=True)
        points, strength = points[kept], strength[kept]
        points, shift, good = self._sparse(reference, current, points, back)
        rows, columns = field.lattice
        cell = field.size[0] / columns
        column = (points[:, 0] / cell).astype(int).clip(0, columns - 1)
        row = (points[:, 1] / cell).astype(int).clip(0, rows - 1)
        return replace(
            field, points=np.concatenate([field.points, points]), shift=np.concatenate([field.shift, shift]),
            cells=np.concatenate([field.cells, row * columns + column]),
            strength=np.concatenate([field.strength, strength[good]]),
        )

    def _sparse(
        self, reference: Picture, current: Picture, points: np.ndarray, back: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points [m, 2] that were found again, their shifts [m, 2], and which of the given ones [n] bool they are."""
        if len(points) == 0:
            return np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, bool)
        shrink = current.dense.shape[1] / current.grey.shape[1]
        near = (points * shrink).astype(int)
        near[:, 0] = near[:, 0].clip(0, back.shape[1] - 1)
        near[:, 1] = near[:, 1].clip(0, back.shape[0] - 1)
        guess = points + back[near[:, 1], near[:, 0]] / np.float32(shrink)
        options = {"winSize": (LK_WINDOW_PX, LK_WINDOW_PX), "criteria": self._criteria,
                   "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
        there, ok, _ = cv2.calcOpticalFlowPyrLK(
            current.grey, reference.grey, points, guess, maxLevel=LK_LEVELS, **options)
        again, ok_back, _ = cv2.calcOpticalFlowPyrLK(
            reference.grey, current.grey, there, points.copy(), maxLevel=0, **options)
        good = (ok[:, 0] > 0) & (ok_back[:, 0] > 0) & (np.abs(again - points).max(axis=1) < MAX_ROUND_TRIP_PX)
        return points[good].astype(float), (points - there)[good].astype(float), good


def _fine_corners(current: Picture, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners inside a box on cells small enough for FINE_POINTS of them: points [n, 2] float32, strength [n]."""
    enlarge = current.grey.shape[1] / current.dense.shape[1]
    height, width = current.response.shape
    x0, y0 = max(0, int(box[0] / enlarge)), max(0, int(box[1] / enlarge))
    x1, y1 = min(width, int(box[2] / enlarge) + 1), min(height, int(box[3] / enlarge) + 1)
    area = max(0, x1 - x0) * max(0, y1 - y0)
    lattice_cell = width / current.lattice[1]
    cell = max(MIN_FINE_CELL_PX, math.ceil(math.sqrt(area / FINE_POINTS)))
    if area < cell * cell or cell >= 0.8 * lattice_cell or x1 - x0 < cell or y1 - y0 < cell:
        return np.zeros((0, 2), np.float32), np.zeros(0)
    points, _, strength = best_corners(current.response[y0:y1, x0:x1], cell, enlarge)
    return points + np.array([x0 * enlarge, y0 * enlarge], np.float32), strength


def _published(back: np.ndarray, scale: float) -> np.ndarray:
    """[2, gh, gw] float32: the content's motion, cell means, in original pixels."""
    height, width = back.shape[:2]
    size = (max(1, width // GRID_STRIDE_PX), max(1, height // GRID_STRIDE_PX))
    grid = cv2.resize(back, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(grid.transpose(2, 0, 1)) * np.float32(-scale)


def _without_clipped(reference: Picture, current: Picture) -> Picture:
    """The picture without corners whose window touches burnt-out pixels in either frame."""
    top = np.maximum(current.dense, cv2.resize(reference.grey, current.dense.shape[::-1], interpolation=cv2.INTER_AREA))
    near = cv2.dilate(top, np.ones((9, 9), np.uint8)) >= CLIPPED_LEVEL
    shrink = current.dense.shape[1] / current.grey.shape[1]
    at = (current.points * shrink).astype(int)
    keep = ~near[at[:, 1].clip(0, near.shape[0] - 1), at[:, 0].clip(0, near.shape[1] - 1)]
    response = np.where(near, np.float32(0.0), current.response)
    return replace(current, points=current.points[keep], cells=current.cells[keep], strength=current.strength[keep],
                   response=response)


def _compare(reference: np.ndarray, current: np.ndarray, back: np.ndarray) -> tuple[float, float]:
    """Likeness and brightness ratio of the current picture and the reference moved along the flow.

    Likeness is their correlation (1.0 when neither has any contrast); the ratio is the median over places that are
    neither black nor burnt out, so that pans and moving things do not count as a change of light.
    """
    width = min(NCC_WIDTH_PX, current.shape[1])
    size = (width, max(1, round(current.shape[0] * width / current.shape[1])))
    flow = cv2.resize(back, size, interpolation=cv2.INTER_AREA)
    there = flow * np.float32(size[0] / current.shape[1])
    there[..., 0] += np.arange(size[0], dtype=np.float32)
    there[..., 1] += np.arange(size[1], dtype=np.float32)[:, None]
    small = cv2.resize(reference, size, interpolation=cv2.INTER_AREA)
    moved = cv2.remap(small, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    here = cv2.resize(current, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    usable = (here > BLACK_LEVEL) & (here < CLIPPED_LEVEL) & (moved > BLACK_LEVEL) & (moved < CLIPPED_LEVEL)
    enough = np.count_nonzero(usable) >= 0.05 * usable.size
    gain = median(here[usable] / moved[usable]) if enough else 1.0
    moved -= moved.mean()
    here -= here.mean()
    energy = math.sqrt(float((moved * moved).sum()) * float((here * here).sum()))
    flat = FLAT_CONTRAST**2 * moved.size
    return (1.0 if energy < flat else float((moved * here).sum()) / energy), gain
