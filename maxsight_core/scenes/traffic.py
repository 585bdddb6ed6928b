"""Traffic on a road across the walk: vehicles that pass, stop at the line while people may cross, queue, and go on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core.scenes.trips import Trip
from maxsight_core.scenes.vehicle_shapes import TRAFFIC, random_paint
from maxsight_core.scenes.vehicles import VehicleShape, vehicle_faces
from maxsight_core.scenes.world import World

SPEED_MPS = 8.0
"""30 km/h, of an inner town."""
STOP_LINE_M = 3.3
"""From the middle of the crossing."""
_BRAKE_M, _BRAKE_S, _STARTS_MPS2 = 14.0, 3.5, 1.8
_REACH_M, _QUEUE_GAP_M, _REACT_S, _HEADWAY_S = 42.0, 1.8, 1.0, 2.6
_STEP_S = 0.35
Red = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle on a lane: when it would reach the line unhindered, and where and until when it is held.

    Args:
        arrives_s: at the stop line at full speed. held_until_s: None when it passes. back_m: of the line, when held.
    """

    shape: VehicleShape
    arrives_s: float
    held_until_s: float | None = None
    back_m: float = 0.0

    def track(self) -> list[tuple[float, float]]:
        """((time_s, metres of its front beyond the line), ...)."""
        if self.held_until_s is None:
            reach_s = _REACH_M / SPEED_MPS
            return [(self.arrives_s - reach_s, -_REACH_M), (self.arrives_s + reach_s, _REACH_M)]
        brake_s = self.arrives_s - (self.back_m + _BRAKE_M) / SPEED_MPS
        begin_s = self.arrives_s - (self.back_m + _REACH_M) / SPEED_MPS
        points = [(begin_s, -self.back_m - _REACH_M)]
        points += [(brake_s + t, -self.back_m - _BRAKE_M * (1 - t / _BRAKE_S) ** 2)
                   for t in np.arange(0.0, _BRAKE_S + 0.01, _STEP_S)]
        go_s = max(self.held_until_s, points[-1][0] + 0.1)
        rolls_s = SPEED_MPS / _STARTS_MPS2
        points += [(go_s + t, -self.back_m + 0.5 * _STARTS_MPS2 * t * t) for t in np.arange(0.0, rolls_s, _STEP_S)]
        last_s, last = points[-1]
        return [*points, (last_s + _REACH_M / SPEED_MPS, last + _REACH_M)]


def lane(rng: np.random.Generator, from_s: float, to_s: float, reds: list[Red]) -> list[Passage]:
    """The vehicles of one lane in order; reds: when they are held."""
    passages: list[Passage] = []
    arrives_s, free_s, queue, held = from_s + float(rng.uniform(0, 4)), from_s, 0.0, None
    while arrives_s < to_s:
        shape = TRAFFIC[int(rng.integers(len(TRAFFIC)))]
        red = next((r for r in reds if r[0] <= arrives_s < r[1]), None)
        if red is None:
            arrives_s = max(arrives_s, free_s)
            passages.append(Passage(shape, arrives_s))
            free_s = arrives_s + _HEADWAY_S
        else:
            queue, held = (queue, held) if red is held else (0.0, red)
            places = sum(1 for p in passages if p.held_until_s is not None and p.held_until_s >= red[1])
            passages.append(Passage(shape, arrives_s, red[1] + _REACT_S * (1 + places), queue))
            queue += shape.length_m + _QUEUE_GAP_M
            free_s = red[1] + _REACT_S * (2 + places) + queue / SPEED_MPS + _HEADWAY_S
        arrives_s += float(rng.uniform(_HEADWAY_S, 7.0))
    return passages


def add_lane(world: World, rng: np.random.Generator, z: float, direction: int, ground_y: float, from_s: float,
             to_s: float, reds: list[Red]) -> None:
    """Puts a lane's vehicles into the world. direction: +1 to the right, -1 to the left."""
    for passage in lane(rng, from_s, to_s, reds):
        shape = passage.shape
        points = [(t, direction * (s - shape.length_m / 2 - STOP_LINE_M), z) for t, s in passage.track()]
        trip = Trip(points, shown=(points[0][0], points[-1][0]))
        faces = vehicle_faces(shape, random_paint(rng, shape), world.light)
        world.add_vehicle(shape.class_name, faces, (shape.width_m, shape.height_m, shape.length_m), trip,
                          90.0 * direction, ground_y, body_m=shape.width_m / 2)
