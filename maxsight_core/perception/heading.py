"""Where a walking camera is going, how it turns, how fast, and how soon every point would be reached.

In coordinates P = (x, y) = (column - cx, row - cy) / f the shift of a point of a static scene over dt is::

    v = (P - e) rate dt + B(P) omega

e: where the camera is heading (the focus of expansion), omega: its rotation, rate = 1 / (seconds until the point is
level with the camera), different for every point (Longuet-Higgins & Prazdny 1980, Proc. R. Soc. Lond. B 208:385).
What is left of v across the line from e does not depend on the rate, so e and omega come from that alone (robust
Gauss-Newton, five unknowns); then the rate of every point follows from what is left along the line. The ground gives
the speed: a point of it d below the heading, seen from height h, has rate = speed d / h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from maxsight_core.contracts import Camera
from maxsight_core.perception.flow import FlowField
from maxsight_core.perception.order_statistics import median

MIN_POINTS = 30
MAX_FIT_POINTS = 320
ITERATIONS = 7
POINT_PX = 0.15
"""Error of a point's shift, one axis, working pixels (docs/motion.md)."""
HEADING_SD = 0.01
"""Error of e, in units of the focal length: half a degree."""
DRIFT_SD = 0.03
"""By which e moves between frames: the wearer looks around."""
TURN_SD = 0.05
FOLLOW = 0.3
"""Share of a new e that the next frame starts from."""
GROUND_BELOW = 0.15
"""Nearer to the heading than this the ground is too far away to be measured (15 m from 1.4 m up: 0.09)."""
GROUND_ASIDE = 0.5
GROUND_POINTS = 15
GROUND_PERCENTILE = 35.0
"""Of the rates below the heading: everything that stands on the ground is faster than it."""
SPEED_FOLLOWS = 0.2
FASTEST_MPS = 1.8
SPEED_LASTS_S = 1.0
"""A ground that is out of view is believed this long."""
WALKS_MPS = 0.5
"""Slower than this the wearer stands, and nothing is said of a way."""


@dataclass(frozen=True, slots=True)
class Heading:
    """One frame pair of a camera that goes forward.

    Args:
        focus: [2] e. turn: [3] omega over dt_s. focal_px, centre_px: of the working picture. speed_mps: of the wearer.
        camera_height_m: above the ground.
        rates: [n] 1 / s per point, negative: recedes. rate_sd: [n] their standard errors.
        away: [n, 2] P - e. across: [n] shift across the line from e that the model leaves, units of the focal length.
    """

    focus: np.ndarray
    turn: np.ndarray
    dt_s: float
    focal_px: float
    centre_px: tuple[float, float]
    speed_mps: float
    camera_height_m: float
    rates: np.ndarray
    rate_sd: np.ndarray
    away: np.ndarray
    across: np.ndarray

    @property
    def walks(self) -> bool:
        """Whether there is a way that the wearer goes."""
        return self.speed_mps >= WALKS_MPS

    def sideways_per_s(self, point_px: np.ndarray, velocity_px_s: np.ndarray) -> float:
        """Columns a second, in focal lengths, that a point [2] moves beyond the camera's own turning."""
        point = (np.asarray(point_px, np.float64) - self.centre_px) / self.focal_px
        turning = _turning(point[None])[0, 0] @ self.turn / self.dt_s
        return float(velocity_px_s[0] / self.focal_px - turning)


class HeadingEstimator:
    """Follows heading and speed through one session. Deterministic."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets heading and speed."""
        self._focus: np.ndarray | None = None
        self._speed_mps: float | None = None
        self._ground_s = -math.inf

    @property
    def walking_to(self) -> np.ndarray | None:
        """Where a walking camera is expected to head, [2] focal lengths; None while it stands or that is not known."""
        return self._focus if self._speed_mps is not None and self._speed_mps >= WALKS_MPS else None

    def update(self, flow: FlowField, camera: Camera, now_s: float) -> Heading | None:
        """The heading of this frame; None while there are too few points or the ground has not shown the speed."""
        if len(flow.points) < MIN_POINTS:
            return None
        focal = camera.focal_px * flow.size[0] / camera.width_px
        centre = ((flow.size[0] - 1) / 2.0, (flow.size[1] - 1) / 2.0)
        points, shift = (flow.points - centre) / focal, flow.shift / focal
        if self._focus is None:
            self._focus = np.array([0.0, -math.tan(math.radians(camera.pitch_deg))])
        chosen = slice(None, None, max(1, -(-len(points) // MAX_FIT_POINTS)))
        focus, turn = fit(points[chosen], shift[chosen], flow.strength[chosen], self._focus, focal)
        self._focus = (1.0 - FOLLOW) * self._focus + FOLLOW * focus
        away, left = points - focus, shift - _turning(points) @ turn
        radius = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-6)
        rates = (away * left).sum(axis=1) / (radius * radius * flow.dt_s)
        across = (away[:, 0] * left[:, 1] - away[:, 1] * left[:, 0]) / radius
        rate_sd = np.hypot(POINT_PX / (radius * focal * flow.dt_s), HEADING_SD * np.abs(rates) / radius)
        self._learn_speed(rates, away, camera.height_m, now_s)
        if self._speed_mps is None or now_s - self._ground_s > SPEED_LASTS_S:
            return None
        return Heading(focus, turn, flow.dt_s, focal, centre, self._speed_mps, camera.height_m, rates, rate_sd, away,
                       across)

    def _learn_speed(self, rates: np.ndarray, away: np.ndarray, height_m: float, now_s: float) -> None:
        ground = (away[:, 1] > GROUND_BELOW) & (np.abs(away[:, 0]) < GROUND_ASIDE)
        if int(ground.sum()) < GROUND_POINTS:
            return
        seen = height_m * float(np.percentile(rates[ground] / away[ground, 1], GROUND_PERCENTILE))
        seen = min(max(seen, 0.0), FASTEST_MPS)
        known = self._speed_mps if now_s - self._ground_s <= SPEED_LASTS_S else None
        self._speed_mps = seen if known is None else (1.0 - SPEED_FOLLOWS) * known + SPEED_FOLLOWS * seen
        self._ground_s = now_s


def _turning(points: np.ndarray) -> np.ndarray:
    """[n, 2, 3]: how each rotation rate moves each point."""
    x, y = points[:, 0], points[:, 1]
    basis = np.empty((len(points), 2, 3))
    basis[:, 0, 0], basis[:, 0, 1], basis[:, 0, 2] = x * y, -(1.0 + x * x), y
    basis[:, 1, 0], basis[:, 1, 1], basis[:, 1, 2] = 1.0 + y * y, -x * y, -x
    return basis


def fit(
    points: np.ndarray, shift: np.ndarray, strength: np.ndarray, focus: np.ndarray, focal_px: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Heading e [2] and rotation omega [3] over the interval, from points and shifts [n, 2] in focal lengths.

    Args:
        strength: [n] 0..1 trust in each point. focus: e as it is expected. focal_px: in working pixels.
    """
    basis = _turning(points)
    expected, e, turn = focus, focus.copy(), np.zeros(3)
    ridge = (0.3 / focal_px / np.array([DRIFT_SD, DRIFT_SD, TURN_SD, TURN_SD, TURN_SD])) ** 2 * len(points) / 20.0
    slope = np.empty((len(points), 5))
    for _ in range(ITERATIONS):
        left, away = shift - basis @ turn, points - e
        x, y = away[:, 0], away[:, 1]
        radius = np.hypot(x, y) + 1e-6
        error = (x * left[:, 1] - y * left[:, 0]) / radius
        slope[:, 0], slope[:, 1] = -left[:, 1] / radius, left[:, 0] / radius
        slope[:, 2:] = (y[:, None] * basis[:, 0] - x[:, None] * basis[:, 1]) / radius[:, None]
        scale = max(0.25 / focal_px, 1.5 * median(np.abs(error)))
        weight = strength / (1.0 + (error / scale) ** 2) ** 2 * np.minimum(1.0, radius / 0.03)
        heavy = slope * weight[:, None]
        normal = slope.T @ heavy
        normal[np.arange(5), np.arange(5)] += ridge + 1e-12
        target = heavy.T @ error + ridge * np.concatenate([e - expected, turn])
        step = np.linalg.solve(normal, target)
        e = e - np.clip(step[:2], -0.05, 0.05)
        turn = turn - step[2:]
    return e, turn
