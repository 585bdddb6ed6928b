"""A shopping street: paving, kerb, road, zebra crossings of side roads, houses, parked and moving traffic, people.

Every forty seconds, at times that the seed varies a little: a cyclist leaves the road and comes straight at
the walker at more than 4 m/s, giving way in the last second (about 9.5 s); the walker waits at a side road
while a car crosses (20 to 25 s); and a pedestrian comes straight on and passes at arm's length (33.5 s).
Between these nothing is on a course that meets the walker, although traffic passes.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes.camera_path import NATURAL_PACE_MPS, CameraPath
from maxsight_core.scenes.lighting import light_for
from maxsight_core.scenes.people import Walker, random_look
from maxsight_core.scenes.riders import Rider
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.street_furniture import add_crossing, add_parked, add_pavement_life
from maxsight_core.scenes.street_ground import (
    FAR_LANE_X,
    GAP_M,
    NEAR_LANE_X,
    ROAD_Y,
    add_ground,
    add_houses,
    sky_backdrop,
)
from maxsight_core.scenes.textures import soft_disc
from maxsight_core.scenes.trips import Trip
from maxsight_core.scenes.vehicles import BUS, CAR, PAINTS, VAN, VehicleShape, vehicle_faces
from maxsight_core.scenes.world import World

CYCLE_S = 40.0
START_X = -0.35
_CYCLIST_MPS, _PEDESTRIAN_MPS, _CAR_MPS, _CROSSING_CAR_MPS = 4.4, 1.35, 9.0, 6.0
_BEYOND_END_M = 45.0
_WAIT_BEFORE_KERB_M = 1.0


def build(spec: SceneSpec) -> World:
    """The street of a specification."""
    rng = np.random.default_rng((spec.seed, 202))
    cycles = [(k * CYCLE_S, rng.uniform(-0.4, 0.4, 5)) for k in range(int(spec.seconds // CYCLE_S) + 1)]
    path = _path(spec, rng, cycles)
    gaps = [path.ground(start_s + 22.0)[1] + _WAIT_BEFORE_KERB_M for start_s, _ in cycles]
    world = empty(spec, rng, path, gaps)
    clear = []
    for (start_s, jitter), gap_z in zip(cycles, gaps, strict=True):
        clear.append(_cyclist(world, rng, start_s + 9.5 + float(jitter[0])))
        add_crossing(world, rng, gap_z, green_from_s=start_s + 25.0, red_from_s=start_s)
        _crossing_car(world, rng, start_s + 22.3 + float(jitter[1]), gap_z + GAP_M / 2)
        _pedestrians(world, rng, start_s, jitter, gap_z)
    _traffic(world, rng, spec.seconds)
    furnish(world, rng, gaps, clear)
    return world


def empty(spec: SceneSpec, rng: np.random.Generator, path: CameraPath, gaps: list[float]) -> World:
    """Road, pavements and houses, without anything on them. gaps: z of the side roads' near edges."""
    light = light_for(spec, indoor=False)
    world = World(spec, light, path, light.tint((150, 150, 150)), glare_at=(4.0, 11.0),
                  backdrop=sky_backdrop(rng, light))
    end_z = path.end_z + _BEYOND_END_M
    add_ground(world, rng, end_z, gaps)
    add_houses(world, rng, end_z, gaps)
    return world


def furnish(world: World, rng: np.random.Generator, gaps: list[float], clear: list[tuple[float, float]]) -> None:
    """Parked cars, except along the stretches of kerb in ``clear``, and what stands on the pavement."""
    end_z = world.path.end_z + _BEYOND_END_M
    add_parked(world, rng, end_z, gaps, clear)
    add_pavement_life(world, rng, end_z, gaps)


def add_vehicle(world: World, rng: np.random.Generator, shape: VehicleShape, trip: Trip, heading_deg: float) -> None:
    """A vehicle of any colour on a trip, with its lamps on where lamps are."""
    paint = PAINTS[int(rng.integers(len(PAINTS)))]
    faces = vehicle_faces(shape, paint, world.light)
    size = (shape.width_m, shape.height_m, shape.length_m)
    world.add_vehicle(shape.class_name, faces, size, trip, heading_deg, ROAD_Y)
    if heading_deg == 180.0 and world.light.lamps_on:
        glow = soft_disc(64, (255, 246, 214), 0.75, 4.0)
        for side in (-0.62, 0.62):
            def lamp(time_s: float, offset: float = side) -> tuple[float, float]:
                x, z = trip.place(time_s)
                return (x + offset, z - shape.length_m / 2 - 0.05)

            world.add_glow_following(lamp, trip.present, glow, 0.55, 1.1, -2.5)


def _path(spec: SceneSpec, rng: np.random.Generator, cycles) -> CameraPath:
    pace = [(0.0, NATURAL_PACE_MPS)]
    for start_s, _ in cycles:
        pace += [(start_s + 20.0, 0.0), (start_s + 25.4, NATURAL_PACE_MPS)]
    gaze = ((2.8, 13.0, float(rng.random())), (1.5, 6.1, float(rng.random())), (2.0, 41.0, 0.0))
    return CameraPath(spec.seconds, pace, start_x=START_X, gaze=gaze, shake=spec.shake)


def _cyclist(world: World, rng: np.random.Generator, meet_s: float) -> tuple[float, float]:
    """Adds the cyclist; returns the stretch of kerb that must stay free of parked cars."""
    x, z = world.path.ground(meet_s)
    points = [(meet_s + dt, px, z - _CYCLIST_MPS * dt)
              for dt, px in ((-9.0, 3.9), (-5.2, 3.9), (-4.0, x), (0.0, x), (6.0, x))]
    trip = Trip(points, sidesteps=((meet_s - 1.15, 0.95, 0.95),), shown=(meet_s - 9.0, meet_s + 6.0))
    colour = PAINTS[int(rng.integers(len(PAINTS)))]
    world.add_rider(Rider(random_look(rng), colour, world.light), trip)
    return (z + _CYCLIST_MPS * 3.0, z + _CYCLIST_MPS * 6.2)


def _crossing_car(world: World, rng: np.random.Generator, pass_s: float, z: float) -> None:
    reach_s = 4.5
    trip = Trip(((pass_s - reach_s, START_X - reach_s * _CROSSING_CAR_MPS, z - 0.6),
                 (pass_s + reach_s, START_X + reach_s * _CROSSING_CAR_MPS, z - 0.6)),
                shown=(pass_s - reach_s, pass_s + reach_s))
    add_vehicle(world, rng, CAR, trip, 90.0)


def _traffic(world: World, rng: np.random.Generator, seconds: float) -> None:
    """Both lanes: oncoming on the far side, overtaking from behind on the near side."""
    for lane_x, heading, direction in ((FAR_LANE_X, 180.0, -1), (NEAR_LANE_X, 0.0, 1)):
        time_s = float(rng.uniform(1.0, 4.0))
        while time_s < seconds + 4:
            shape = (CAR, CAR, VAN, CAR, BUS)[int(rng.integers(5))]
            z = world.path.ground(time_s)[1]
            trip = Trip(((time_s - 8.0, lane_x, z - direction * 8.0 * _CAR_MPS),
                         (time_s + 8.0, lane_x, z + direction * 8.0 * _CAR_MPS)), shown=(time_s - 8.0, time_s + 8.0))
            add_vehicle(world, rng, shape, trip, heading)
            time_s += float(rng.uniform(5.5, 11.0))


def _pedestrians(world: World, rng: np.random.Generator, start_s: float, jitter: np.ndarray, gap_z: float) -> None:
    path = world.path

    def somebody() -> Walker:
        return Walker(random_look(rng), world.light)

    # comes straight on and passes at arm's length; until then walks close to the houses
    meet_s = start_s + 33.5 + float(jitter[2])
    x, z = path.ground(meet_s)
    points = [(meet_s + dt, px, z - _PEDESTRIAN_MPS * dt)
              for dt, px in ((-12.0, -1.75), (-6.0, -1.75), (-4.6, x), (0.0, x), (9.0, x))]
    world.add_person(somebody(), Trip(points, sidesteps=((meet_s - 1.3, -0.66, 1.0),),
                                      shown=(meet_s - 12.0, meet_s + 9.0)))
    # others keep to the houses, walk ahead, or cross the side road beside the walker
    for pass_s, speed in ((start_s + 5.0, 1.25), (start_s + 15.0 + float(jitter[3]), 1.4), (start_s + 38.0, 1.3)):
        z = path.ground(pass_s)[1]
        points = ((pass_s - 14.0, -1.80, z + 14.0 * speed), (pass_s + 6.0, -1.80, z - 6.0 * speed))
        world.add_person(somebody(), Trip(points, shown=(pass_s - 14.0, pass_s + 6.0)))
    ahead_z = path.ground(start_s)[1] + 7.0
    world.add_person(somebody(), Trip(((start_s, 0.62, ahead_z), (start_s + 26.0, 0.62, ahead_z + 26.0 * 1.42)),
                                      shown=(start_s - 1.0, start_s + 26.0)))
    walk_s = start_s + 27.0
    world.add_person(somebody(), Trip(((start_s + 19.0, -1.5, gap_z + GAP_M + 0.6), (walk_s, -1.5, gap_z + GAP_M + 0.6),
                                       (walk_s + 8.0, -1.5, gap_z - 4.0)), shown=(start_s, walk_s + 8.0)))
