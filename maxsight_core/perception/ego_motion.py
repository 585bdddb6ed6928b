"""The camera's own motion: one global model of the picture's motion, fitted robustly and without chance.

In coordinates P = (X, Y) = (x - cx, y - cy) / f the shift of a point of the static world is modelled as::

    t + a P + b J P  +  q1 (X^2, XY) + q2 (XY, Y^2)  +  k max(0, Y - Yh) (X, Y)

translation and pan/tilt, zoom or forward motion, roll; the perspective terms of a pan or tilt (Longuet-Higgins and
Prazdny 1980); and the ground plane under a camera that moves forward, below the horizon Yh. Without the last term
the ground at a walker's feet would look like something approaching.

The fit is iteratively reweighted least squares: first L1 (tolerates up to half outliers), then Geman-McClure. It has
no random sampling, so the same points give the same motion bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from maxsight_core.contracts import Camera, EgoMotion
from maxsight_core.perception.flow import FlowField
from maxsight_core.perception.order_statistics import median

MIN_POINTS = 12  # under these the global motion is not determined
MAX_FIT_POINTS = 300  # enough for seven parameters; more only costs time
L1_ITERATIONS = 4
ROBUST_ITERATIONS = 4
MIN_INLIER_PX = 0.5  # Lucas-Kanade error under JPEG noise, working pixels at 640
MAX_INLIER_PX = 2.5  # parallax of a static scene that still counts as background
STILL_PX = 0.35  # mean model shift under which the camera did not move
CUT_LIKENESS = 0.75  # aligned pictures that correlate less may show something else
CUT_TRACKED = 0.12  # share of corners found again: unrelated street pictures 0.01..0.06, a third of overlap 0.17
RIDGE_FLOOR = 1e-4
MAX_WALK_MPS = 3.0  # forward speed of a wearer: bounds the ground term
SIMILARITY_TERMS = 4


@dataclass(frozen=True, slots=True)
class EgoFit:
    """A fitted model: parameters, the residual shift of every point, and which points obey it."""

    parameters: np.ndarray  # [7] tx ty a b q1 q2 k, in units of the focal length
    residual: np.ndarray  # [n, 2] working pixels
    inliers: np.ndarray  # [n] bool
    motion: EgoMotion
    focal_px: float
    centre_px: tuple[float, float]
    horizon: float

    def shift_at(self, point: np.ndarray) -> np.ndarray:
        """Shift [2], working pixels, that the camera's motion gives to a point [2] of the static far scene."""
        x = (float(point[0]) - self.centre_px[0]) / self.focal_px
        y = (float(point[1]) - self.centre_px[1]) / self.focal_px
        tx, ty, a, b, q1, q2, k = self.parameters.tolist()
        radial = a + q1 * x + q2 * y + k * max(0.0, y - self.horizon)
        return np.array([tx - b * y + x * radial, ty + b * x + y * radial]) * self.focal_px

    def residual_of(self, points: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """[n, 2] working pixels: what is left of the shifts of points [n, 2] after the camera's motion."""
        normalised = (points - self.centre_px) / self.focal_px
        return _residual(self.parameters, normalised, shift / self.focal_px, self.horizon) * self.focal_px

    def field_at(self, x_px: np.ndarray, y_px: np.ndarray) -> np.ndarray:
        """[2, len(y), len(x)] shift, working pixels, of the camera's motion on a grid."""
        x = ((x_px - self.centre_px[0]) / self.focal_px)[None, :]
        y = ((y_px - self.centre_px[1]) / self.focal_px)[:, None]
        tx, ty, a, b, q1, q2, k = self.parameters
        radial = a + q1 * x + q2 * y + k * np.maximum(0.0, y - self.horizon)
        return np.stack([tx - b * y + x * radial, ty + b * x + y * radial]) * self.focal_px

    def expansion_at(self, x_px: float, y_px: float) -> float:
        """Half the divergence of the model there: relative growth over the interval, zoom and ground included."""
        x, y = (x_px - self.centre_px[0]) / self.focal_px, (y_px - self.centre_px[1]) / self.focal_px
        _, _, a, _, q1, q2, k = self.parameters
        below = max(0.0, y - self.horizon)
        ground = k * (below + (0.5 * y if below > 0 else 0.0))
        return float(a + 1.5 * (q1 * x + q2 * y) + ground)


def _residual(parameters: np.ndarray, points: np.ndarray, shift: np.ndarray, horizon: float) -> np.ndarray:
    """[n, 2] shift minus the model's, all in units of the focal length."""
    x, y = points[:, 0], points[:, 1]
    tx, ty, a, b, q1, q2, k = parameters
    radial = a + q1 * x + q2 * y + k * np.maximum(0.0, y - horizon)
    return shift - np.stack([tx - b * y + x * radial, ty + b * x + y * radial], axis=1)


def _basis(points: np.ndarray, horizon: float) -> np.ndarray:
    """[n, 2, 7]: how each parameter moves each point."""
    x, y = points[:, 0], points[:, 1]
    below = np.maximum(0.0, y - horizon)
    basis = np.zeros((len(points), 2, 7))
    basis[:, 0, 0] = 1.0
    basis[:, 1, 1] = 1.0
    basis[:, 0, 2], basis[:, 1, 2] = x, y
    basis[:, 0, 3], basis[:, 1, 3] = -y, x
    basis[:, 0, 4], basis[:, 1, 4] = x * x, x * y
    basis[:, 0, 5], basis[:, 1, 5] = x * y, y * y
    basis[:, 0, 6], basis[:, 1, 6] = x * below, y * below
    return basis


def fit(field: FlowField, camera: Camera, weights: np.ndarray | None = None) -> EgoFit:
    """Fits the camera's motion to the sparse points.

    Args:
        weights: [n] 0..1, zero for points known to belong to something that moves; None: all count.
    """
    focal = camera.focal_px * field.size[0] / camera.width_px
    centre = ((field.size[0] - 1) / 2.0, (field.size[1] - 1) / 2.0)
    horizon = -math.tan(math.radians(camera.pitch_deg))
    points = (field.points - centre) / focal
    shift = field.shift / focal
    weights = field.strength if weights is None else weights * field.strength
    if (weights > 0).sum() < MIN_POINTS:
        weights = field.strength
    chosen = np.nonzero(weights > 0)[0]
    parameters = np.zeros(7)
    if len(chosen) >= MIN_POINTS:
        chosen = chosen[:: max(1, -(-len(chosen) // MAX_FIT_POINTS))]
        basis = _basis(points[chosen], horizon)
        parameters = _solve(basis, shift[chosen], weights[chosen], focal, field.dt_s, camera.height_m)
    residual = _residual(parameters, points, shift, horizon) * focal
    size = np.hypot(residual[:, 0], residual[:, 1])
    limit = 2.0 * _inlier_scale(size[weights > 0], MIN_INLIER_PX, MAX_INLIER_PX) if len(size) else MIN_INLIER_PX
    inliers = size < limit
    motion = _motion(parameters, focal, field, inliers)
    return EgoFit(parameters, residual, inliers, motion, focal, centre, horizon)


def _solve(
    basis: np.ndarray, shift: np.ndarray, weights: np.ndarray, focal: float, dt_s: float, camera_height_m: float
) -> np.ndarray:
    """Similarity by L1, then all terms by Geman-McClure with priors that keep the extra terms physical."""
    flat, target = basis.reshape(-1, basis.shape[2]), shift.reshape(-1)  # [2n, 7], [2n]
    simple = np.ascontiguousarray(flat[:, :SIMILARITY_TERMS])
    start = np.median(shift, axis=0)
    parameters = np.array([start[0], start[1], 0.0, 0.0])
    size = np.zeros(len(shift))
    for _ in range(L1_ITERATIONS):
        size = _sizes(target - simple @ parameters)
        parameters = _weighted(simple, target, weights / (size + 0.3 / focal))
    pan = float(np.hypot(parameters[0], parameters[1])) + RIDGE_FLOOR
    ground = MAX_WALK_MPS * max(dt_s, 0.03) / camera_height_m * 0.5
    prior_sd = np.array([np.inf, np.inf, np.inf, np.inf, pan, pan, ground])
    ridge = (0.3 / focal / prior_sd) ** 2 * max(1.0, len(weights) / 20.0)
    full = np.concatenate([parameters, np.zeros(3)])
    scale = _inlier_scale(size * focal, MIN_INLIER_PX, 4.0 * MAX_INLIER_PX) / focal
    for step in range(ROBUST_ITERATIONS):
        size = _sizes(target - flat @ full)
        if step:
            scale = max(0.6 * scale, _inlier_scale(size * focal, MIN_INLIER_PX, MAX_INLIER_PX) / focal)
        full = _weighted(flat, target, weights / (1.0 + (size / scale) ** 2) ** 2, ridge)
    return full


def _sizes(rest: np.ndarray) -> np.ndarray:
    """Lengths [n] of residuals [2n] in x y order."""
    square = rest * rest
    return np.sqrt(square[0::2] + square[1::2])


def _weighted(flat: np.ndarray, target: np.ndarray, weights: np.ndarray, ridge: np.ndarray | None = None) -> np.ndarray:
    heavy = flat * np.repeat(weights, 2)[:, None]
    normal = flat.T @ heavy
    diagonal = np.arange(len(normal))
    normal[diagonal, diagonal] += 1e-9 if ridge is None else ridge + 1e-9
    return np.linalg.solve(normal, heavy.T @ target)


def _inlier_scale(size_px: np.ndarray, low: float, high: float) -> float:
    """1.5 times the median residual, within sensible bounds: about one standard deviation of a 2-D error."""
    return float(min(high, max(low, 1.5 * median(size_px)))) if len(size_px) else low


def _motion(parameters: np.ndarray, focal: float, field: FlowField, inliers: np.ndarray) -> EgoMotion:
    tx, ty, a, b = parameters[:SIMILARITY_TERMS]
    radius = 0.35 * math.hypot(*field.size) / focal  # mean distance of a pixel from the centre, about
    moved_px = focal * math.hypot(math.hypot(tx, ty), radius * math.hypot(a, b))
    return EgoMotion(
        dx_px=float(tx * focal * field.scale), dy_px=float(ty * focal * field.scale),
        rotation_deg=math.degrees(math.atan2(b, 1.0 - a)), zoom=float(1.0 / math.hypot(1.0 - a, b)),
        inlier_fraction=float(inliers.mean()) if len(inliers) else 0.0,
        still=bool(moved_px < STILL_PX * max(1.0, field.size[0] / 640.0)), cut=is_cut(field), dt_s=field.dt_s,
    )


def is_cut(field: FlowField) -> bool:
    """True when the two pictures do not show the same scene: neither their corners nor their shading match."""
    return field.likeness < CUT_LIKENESS and field.tracked < CUT_TRACKED
