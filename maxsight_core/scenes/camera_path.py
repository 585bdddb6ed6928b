"""The walk: where the camera is at any time, in closed form, so that any frame can be rendered first.

A walker's head rises and falls twice a stride and sways once (Pozzo, Berthoz and Lefort 1990: about
2 to 4 cm vertically at a natural pace, pitch under 2 degrees).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from maxsight_core.contracts import DEFAULT_CAMERA_HEIGHT_M
from maxsight_core.scenes.geometry import Pose

STEP_HZ = 1.8
"""Steps a second at 1.2 m/s."""
NATURAL_PACE_MPS = 1.2
_BOB_M, _SWAY_M, _PITCH_DEG, _ROLL_DEG, _YAW_DEG = 0.014, 0.012, 0.30, 0.40, 0.35
_TREMOR_DEG, _TREMOR_HZ = 0.25, (5.3, 7.1)  # only from shake > 1: a hand-held or loose camera
_GRID_HZ = 50.0
_LOOK_PITCH_DEG = 4.0  # walkers look slightly down
_RAMP_S = 0.9  # to start or stop walking


class CameraPath:
    """Position and gaze over time.

    Args:
        duration_s: of the scene. pace: ((time_s, speed_mps), ...): from that time on, walk at that speed.
        start_x: lateral position at the start. drift: (amplitude_m, period_s) of slow wandering.
        gaze: ((amplitude_deg, period_s, phase), ...) of slow turns of the head.
        detours: ((time_s, side_m, lasting_s), ...): passing an obstacle, centred on that time.
        shake: 0 steady .. 3.
        way: ((z, x), ...): added to x, smoothly joined, z ascending: round furniture and through doorways.
        ground: z -> height of the ground, metres; level by default.
    """

    def __init__(self, duration_s: float, pace: Sequence[tuple[float, float]], start_x: float = 0.0,
                 drift: tuple[float, float] = (0.06, 21.0), gaze: Sequence[tuple[float, float, float]] = (),
                 detours: Sequence[tuple[float, float, float]] = (), shake: float = 1.0,
                 height_m: float = DEFAULT_CAMERA_HEIGHT_M, way: Sequence[tuple[float, float]] = (),
                 ground: Callable[[float], float] | None = None) -> None:
        self._way, self._ground = tuple(way), ground
        self.height_m, self._shake, self._gaze, self._detours = height_m, shake, tuple(gaze), tuple(detours)
        self._start_x, self._drift, self.duration_s = start_x, drift, duration_s
        self._times = np.arange(-1.0, duration_s + 3.0, 1.0 / _GRID_HZ)
        self._speed = _smooth_speed(self._times, pace)
        steps = (self._speed[1:] + self._speed[:-1]) / 2 / _GRID_HZ
        travelled = np.concatenate([[0.0], np.cumsum(steps)])
        self._travelled = travelled - np.interp(0.0, self._times, travelled)

    @property
    def end_z(self) -> float:
        """How far the walk leads, metres."""
        return float(self._travelled[-1])

    def ground(self, time_s: float) -> tuple[float, float]:
        """(x, z) of the walker, without gait."""
        z = float(np.interp(time_s, self._times, self._travelled))
        amplitude, period_s = self._drift
        # wandering is tied to distance, so that a standing walker stands still
        x = self._start_x + amplitude * math.sin(2 * math.pi * z / (period_s * NATURAL_PACE_MPS))
        for centre_s, side_m, lasting_s in self._detours:
            x += side_m * math.exp(-((time_s - centre_s) / (0.42 * lasting_s)) ** 2)
        return (x + _along(self._way, z), z) if self._way else (x, z)

    def speed(self, time_s: float) -> float:
        """Forward speed, m/s."""
        return float(np.interp(time_s, self._times, self._speed))

    def velocity(self, time_s: float) -> tuple[float, float]:
        """(vx, vz) of the walker over the ground, without gait."""
        (x0, z0), (x1, z1) = self.ground(time_s - 0.05), self.ground(time_s + 0.05)
        return ((x1 - x0) / 0.1, (z1 - z0) / 0.1)

    def pose(self, time_s: float) -> Pose:
        """Camera pose, gait included."""
        x, z = self.ground(time_s)
        share = min(1.0, self.speed(time_s) / NATURAL_PACE_MPS)
        gait = self._shake * share
        # phase follows the distance: stride frequency rises with speed and stops with the walker
        step = 2 * math.pi * STEP_HZ / NATURAL_PACE_MPS * z
        tremor = max(0.0, self._shake - 1.0)
        eyes_m = self.height_m if self._ground is None else self.height_m + self._ground(z)
        yaw = sum(a * math.sin(2 * math.pi * (time_s / period_s + phase)) for a, period_s, phase in self._gaze)
        return Pose(
            x=x + gait * _SWAY_M * math.sin(step / 2),
            y=eyes_m + gait * _BOB_M * math.cos(step),
            z=z,
            yaw_deg=yaw + gait * _YAW_DEG * math.sin(step / 2 + 0.4)
            + tremor * _TREMOR_DEG * math.sin(2 * math.pi * _TREMOR_HZ[0] * time_s),
            pitch_deg=_LOOK_PITCH_DEG + gait * _PITCH_DEG * math.sin(step + 0.7)
            + tremor * _TREMOR_DEG * math.sin(2 * math.pi * _TREMOR_HZ[1] * time_s + 1.0),
            roll_deg=gait * _ROLL_DEG * math.sin(step / 2 + 0.2))

    def time_at(self, z: float) -> float:
        """When the walker first reaches z."""
        return float(np.interp(z, self._travelled + np.arange(len(self._travelled)) * 1e-9, self._times))


def _along(way: Sequence[tuple[float, float]], z: float) -> float:
    """x of the way at z: cubic ease between neighbours, constant beyond the ends."""
    for (z0, x0), (z1, x1) in itertools.pairwise(way):
        if z < z1:
            share = min(max((z - z0) / (z1 - z0), 0.0), 1.0)
            return x0 + (x1 - x0) * share * share * (3 - 2 * share)
    return way[-1][1]


def _smooth_speed(times: np.ndarray, pace: Sequence[tuple[float, float]]) -> np.ndarray:
    """Speed on the grid: each change is a smooth ramp."""
    speed = np.full(len(times), float(pace[0][1]))
    for (_, before), (start_s, after) in itertools.pairwise(pace):
        share = np.clip((times - start_s) / _RAMP_S, 0, 1)
        speed += (after - before) * share * share * (3 - 2 * share)
    return speed
