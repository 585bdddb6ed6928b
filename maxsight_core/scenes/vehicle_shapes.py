"""More silhouettes for :mod:`vehicles`: small and tall cars, a lorry, a taxi; and colours between the catalogue's."""

from __future__ import annotations

import dataclasses

import numpy as np

from maxsight_core.scenes.solid import Colour
from maxsight_core.scenes.vehicles import BUS, CAR, PAINTS, VAN, VehicleShape

HATCHBACK = VehicleShape(
    "car",
    ((-1.76, 0.24), (-1.80, 0.72), (-1.66, 1.06), (-1.36, 1.46), (-1.0, 1.52), (0.15, 1.50), (0.95, 1.02),
     (1.65, 0.84), (1.80, 0.62), (1.76, 0.24)),
    CAR.kinds,
    (((-1.36, 1.04), (-1.22, 1.38), (-0.56, 1.43), (-0.56, 1.02)),
     ((-0.48, 1.02), (-0.48, 1.43), (0.10, 1.42), (0.76, 1.02))),
    (-1.12, 1.14), 0.31, 1.70)
SUV = VehicleShape(
    "car",
    ((-2.25, 0.34), (-2.30, 0.80), (-2.22, 1.20), (-2.02, 1.68), (-1.6, 1.74), (0.35, 1.73), (1.05, 1.20),
     (2.10, 1.02), (2.28, 0.74), (2.25, 0.34)),
    CAR.kinds,
    (((-1.98, 1.22), (-1.86, 1.60), (-0.72, 1.65), (-0.72, 1.20)),
     ((-0.64, 1.20), (-0.64, 1.65), (0.28, 1.64), (0.86, 1.20))),
    (-1.42, 1.44), 0.38, 1.88)
TRUCK = VehicleShape(
    "truck",
    ((-3.8, 0.50), (-3.82, 3.20), (1.60, 3.20), (1.72, 2.62), (2.85, 2.55), (3.30, 1.62), (3.40, 0.50)),
    ("rear", "paint", "paint", "paint", "glass", "front"),
    (((1.95, 1.55), (1.95, 2.35), (2.62, 2.32), (2.98, 1.55)),), (-2.5, 2.3), 0.50, 2.45)
TAXI = dataclasses.replace(CAR, class_name="taxi")
TRAFFIC: tuple[VehicleShape, ...] = (CAR, CAR, HATCHBACK, HATCHBACK, SUV, SUV, VAN, BUS, TRUCK, TAXI)
_TAXI_PAINTS: tuple[Colour, ...] = ((24, 24, 28), (232, 186, 40), (236, 236, 232))
_STEP = 24  # paints are rounded so that vehicles of a world share their pictures


def random_paint(rng: np.random.Generator, shape: VehicleShape) -> Colour:
    """A colour for a vehicle of this shape."""
    if shape is TAXI:
        return _TAXI_PAINTS[int(rng.integers(len(_TAXI_PAINTS)))]
    paint = PAINTS[int(rng.integers(len(PAINTS)))]
    r, g, b = (int(min(245, c * rng.uniform(0.8, 1.1))) // _STEP * _STEP for c in paint)
    return (r, g, b)
