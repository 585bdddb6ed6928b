"""Where a scenario takes place: a pavement, a corridor or a road to cross, with nothing going on yet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maxsight_core.scenes import corridor, street
from maxsight_core.scenes.camera_path import NATURAL_PACE_MPS, CameraPath
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.street_furniture import add_parked
from maxsight_core.scenes.world import World

Pace = Sequence[tuple[float, float]]
WALKING: Pace = ((0.0, NATURAL_PACE_MPS),)
STANDING: Pace = ((0.0, 0.0),)
_GAZE = ((2.4, 11.0, 0.3), (1.5, 6.1, 0.7))
_PAVEMENT_X = -0.35


def pavement(
    spec: SceneSpec, *, pace: Pace = WALKING, detours: Sequence[tuple[float, float, float]] = (),
    parked: bool = False, furnished: bool = False, side_road_at_s: float | None = None,
) -> tuple[World, np.random.Generator]:
    """A pavement with houses on the left and the road on the right.

    Args:
        detours: see :class:`CameraPath`. parked: cars along the kerb. furnished: lamps, trees, bins as well.
        side_road_at_s: a side road begins where the walker is then; without, the pavement goes on.
    """
    rng = np.random.default_rng((spec.seed, 707))
    path = CameraPath(spec.seconds, pace, start_x=_PAVEMENT_X, gaze=_GAZE, detours=detours, shake=spec.shake)
    gaps = [] if side_road_at_s is None else [path.ground(side_road_at_s)[1]]
    world = street.empty(spec, rng, path, gaps)
    if furnished:
        street.furnish(world, rng, gaps, [])
    elif parked:
        add_parked(world, rng, path.end_z + 30.0, gaps, [])
    return world, rng


def hall(
    spec: SceneSpec, *, pace: Pace = WALKING, detours: Sequence[tuple[float, float, float]] = (),
) -> tuple[World, np.random.Generator]:
    """A corridor of a public building, furnished and empty of people."""
    rng = np.random.default_rng((spec.seed, 808))
    path = CameraPath(spec.seconds, pace, gaze=_GAZE, detours=detours, shake=spec.shake)
    return corridor.empty(spec, rng, path), rng
