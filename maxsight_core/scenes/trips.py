"""Where moving things go: way points in time, joined smoothly, in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

_STILL_MPS = 0.08


class Placed(Protocol):
    """What is somewhere at a time, and there or not: a trip, or what goes along with one."""

    def place(self, time_s: float) -> tuple[float, float]:
        """(x, z), metres."""

    def present(self, time_s: float) -> bool:
        """Whether it is there."""


class Trip:
    """A path through way points.

    Args:
        points: ((time_s, x, z), ...), times ascending. Speed is constant between neighbours.
        sidesteps: ((time_s, dx_m, lasting_s), ...): from that time on, x changes smoothly by dx.
        shown: (from_s, to_s) in which the thing is there at all; always by default.
        faces_deg: heading while it stands still (0 away along +z, 180 towards the walker).
    """

    def __init__(self, points: Sequence[tuple[float, float, float]],
                 sidesteps: Sequence[tuple[float, float, float]] = (),
                 shown: tuple[float, float] | None = None, faces_deg: float = 180.0) -> None:
        table = np.asarray(points, float)
        if table.ndim != 2 or table.shape[1] != 3 or (np.diff(table[:, 0]) <= 0).any():
            raise ValueError(f"Trip.points: expected (time_s, x, z) rows with ascending times; got {points!r}")
        self._t, self._x, self._z = table.T
        lengths = np.hypot(np.diff(self._x), np.diff(self._z))
        self._walked = np.concatenate([[0.0], np.cumsum(lengths)])
        self._sidesteps, self._shown, self._faces_deg = tuple(sidesteps), shown, faces_deg

    def place(self, time_s: float) -> tuple[float, float]:
        """(x, z) at a time; beyond the ends it stays where it is."""
        x = float(np.interp(time_s, self._t, self._x))
        for start_s, dx, lasting_s in self._sidesteps:
            share = min(max((time_s - start_s) / lasting_s, 0.0), 1.0)
            x += dx * share * share * (3 - 2 * share)
        return (x, float(np.interp(time_s, self._t, self._z)))

    def walked(self, time_s: float) -> float:
        """Metres travelled, for the phase of the stride."""
        return float(np.interp(time_s, self._t, self._walked))

    def present(self, time_s: float) -> bool:
        """Whether it is there."""
        return self._shown is None or self._shown[0] <= time_s <= self._shown[1]

    def moving(self, time_s: float) -> bool:
        """Whether it is travelling."""
        return math.hypot(*self._velocity(time_s)) > _STILL_MPS

    def heading_deg(self, time_s: float) -> float:
        """Direction of travel from +z to the right; ``faces_deg`` while standing."""
        vx, vz = self._velocity(time_s)
        if math.hypot(vx, vz) <= _STILL_MPS:
            return self._faces_deg
        return math.degrees(math.atan2(vx, vz))

    def _velocity(self, time_s: float) -> tuple[float, float]:
        (x0, z0), (x1, z1) = self.place(time_s - 0.05), self.place(time_s + 0.05)
        return ((x1 - x0) / 0.1, (z1 - z0) / 0.1)


def standing(x: float, z: float, faces_deg: float = 180.0) -> Trip:
    """Somebody who stays."""
    return Trip(((0.0, x, z),), faces_deg=faces_deg)
