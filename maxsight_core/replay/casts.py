"""Who and what is in a scenario: functions that put people, vehicles and obstacles into an empty place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maxsight_core.replay.encounters import across, aslant, head_on, same_way, steps_out
from maxsight_core.scenes import props, signs
from maxsight_core.scenes.bystanders import add_walking, pushchair, varied_look, wheelchair_user
from maxsight_core.scenes.doors import leaf_picture, random_door
from maxsight_core.scenes.riders import Rider
from maxsight_core.scenes.solid import bench, box
from maxsight_core.scenes.street import add_vehicle
from maxsight_core.scenes.street_ground import FAR_LANE_X, NEAR_LANE_X
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.vehicles import BUS, CAR, PAINTS, VAN
from maxsight_core.scenes.world import World

SECONDS = 12.0
"""Of a scenario."""
MEET_S = 8.0
"""When whoever comes would meet the walker."""
REACH_S = 7.0
"""So long before it meets or passes, a vehicle is there."""

Fill = Callable[[World, np.random.Generator], object]


def comes(speed_mps: float, seen_s: float, class_name: str = "person", meet_s: float = MEET_S, **course: float):
    return lambda world, rng: add_walking(world, rng, head_on(world.path, meet_s, speed_mps, seen_s, **course),
                                          class_name)


def slants(closing_mps: float, bearing_deg: float, class_name: str = "person"):
    return lambda world, rng: add_walking(world, rng, aslant(world.path, MEET_S, closing_mps, bearing_deg, 6.0),
                                          class_name)


def crosses_ahead(world: World, rng: np.random.Generator) -> None:
    add_walking(world, rng, across(world.path, MEET_S, 1.3, 1, 5.0, ahead_m=5.5))


def out(side: int, out_s: float, takes_s: float, class_name: str = "person"):
    return lambda world, rng: add_walking(world, rng, steps_out(world.path, MEET_S, side, out_s, takes_s), class_name)


def rides(world: World, rng: np.random.Generator, trip: Trip, sideways: bool = False) -> None:
    rider = Rider(varied_look(rng), PAINTS[int(rng.integers(len(PAINTS)))], world.light)
    world.add_rider(rider, trip, facing_side=sideways)


def cyclist_on(world: World, rng: np.random.Generator) -> None:
    rides(world, rng, head_on(world.path, MEET_S, 4.4, 7.0, 0.95))


def cyclist_across(world: World, rng: np.random.Generator) -> None:
    rides(world, rng, aslant(world.path, MEET_S, 4.6, 27.0, 6.0), sideways=True)


def car_across(world: World, rng: np.random.Generator) -> None:
    add_vehicle(world, rng, CAR, aslant(world.path, MEET_S, 6.5, -27.0, REACH_S), 90.0)


def van_across(world: World, rng: np.random.Generator) -> None:
    add_vehicle(world, rng, VAN, aslant(world.path, MEET_S, 5.5, -27.0, REACH_S), 90.0)


def traffic_across(world: World, rng: np.random.Generator) -> None:
    """The walker stands at the kerb; cars pass in front and none turns."""
    for number, (shape, speed) in enumerate(((CAR, 8.0), (VAN, 7.0), (CAR, 8.0))):
        course = across(world.path, 3.0 + 3.2 * number, speed, -1, 3.0, ahead_m=4.2)
        add_vehicle(world, rng, shape, course, 90.0)


def traffic_along(world: World, rng: np.random.Generator) -> None:
    for pass_s, x, heading, sign in ((3.0, FAR_LANE_X, 180.0, -1), (6.5, NEAR_LANE_X, 0.0, 1),
                                     (9.0, FAR_LANE_X, 180.0, -1)):
        z = world.path.ground(pass_s)[1]
        reach_m = sign * REACH_S * 9.0
        trip = Trip(((pass_s - REACH_S, x, z - reach_m), (pass_s + REACH_S, x, z + reach_m)))
        add_vehicle(world, rng, BUS if pass_s == 9.0 else CAR, trip, heading)


def crowd(world: World, rng: np.random.Generator) -> None:
    """A dozen people both ways, none of them in the walker's way."""
    for number in range(8):
        meet_s, aside = 1.5 + 1.2 * number, (-1.35, 1.15)[number % 2] + float(rng.uniform(-0.15, 0.15))
        add_walking(world, rng, head_on(world.path, meet_s, float(rng.uniform(1.0, 1.4)), 6.0, miss_m=aside))
    for ahead_m, aside in ((4.0, -1.2), (6.5, 0.9), (9.0, -0.9), (5.2, 1.3)):
        add_walking(world, rng, same_way(world.path, 0.0, ahead_m, 1.3, aside, SECONDS))


def crowd_with_one(world: World, rng: np.random.Generator) -> None:
    crowd(world, rng)
    comes(1.3, 5.0)(world, rng)


def two_talk(world: World, rng: np.random.Generator) -> None:
    z = world.path.ground(6.0)[1]
    for x, dz, turn in ((0.95, 0.4, 180.0), (0.90, -0.35, 0.0)):
        add_walking(world, rng, standing(x, z + dz, turn))


def passes_standing(world: World, rng: np.random.Generator) -> None:
    """The walker stands; people pass at the sides and across, four metres ahead."""
    for meet_s, miss in ((3.0, -1.3), (6.0, 1.2), (9.0, -1.25)):
        add_walking(world, rng, head_on(world.path, meet_s, 1.2, 5.0, miss_m=miss))
    add_walking(world, rng, across(world.path, 5.0, 1.2, 1, 4.0, ahead_m=4.0))


def obstacle(world: World, rng: np.random.Generator, kind: str) -> None:
    """Something stands in the way; the walker goes round it at the last moment."""
    x, z = world.path.ground(MEET_S)
    x += 0.55  # the way bends round it here (``ROUND``)
    if kind == "a-board":
        world.add_upright(props.a_board("LUNCH|MENU", (40, 44, 42)), x, z, 0.95, "a-board", body_m=0.28,
                          text="LUNCH MENU")
    elif kind == "bollard":
        world.add_upright(props.bollard(), x, z, 1.0, "bollard", body_m=0.12)
    elif kind == "wet floor sign":
        world.add_upright(signs.wet_floor(), x, z, 0.62, "wet floor sign", body_m=0.16, text="WET FLOOR")
    elif kind == "bench":
        faces = bench(1.3, world.light.tint((176, 130, 84)), world.light.tint((70, 72, 76)))
        world.add_solid(faces, x, z, "bench", half=(0.6, 0.22), height_m=0.82, body_m=0.5)
    else:  # a door that somebody left standing open across the way
        leaf = leaf_picture(rng, random_door(rng))
        faces = box((-0.45, 0.005, -0.02), (0.45, 2.05, 0.02), world.light.tint((120, 96, 70)),
                    Texture(world.light.bake(leaf)))
        world.add_solid(faces, x, z, "door", half=(0.45, 0.02), height_m=2.05, body_m=0.45)


ROUND = ((MEET_S, -0.55, 2.6),)
ROUND_WIDE = ((MEET_S, -0.55, 3.2),)


def stands_in_the_way(kind: str):
    return lambda world, rng: obstacle(world, rng, kind)


def pushchair_on(world: World, rng: np.random.Generator) -> None:
    pixels = pushchair(rng)
    texture = Texture(world.light.bake(pixels))
    world.add_actor("pushchair", lambda _t, _v: texture, 1.0, head_on(world.path, MEET_S, 1.2, 6.0), 0.2)


def wheelchair_on(world: World, rng: np.random.Generator) -> None:
    texture = Texture(world.light.bake(wheelchair_user(varied_look(rng))))
    world.add_actor("wheelchair user", lambda _t, _v: texture, 1.3, head_on(world.path, MEET_S, 1.1, 6.0), 0.33)


def stops_in_front(world: World, rng: np.random.Generator) -> None:
    """Somebody walks ahead, stops, and turns aside only when the walker is near."""
    x, z = world.path.ground(MEET_S)
    trip = Trip(((0.0, x, z - 2.6), (2.6, x, z), (MEET_S - 1.1, x, z), (MEET_S, x + 0.9, z), (14.0, x + 0.9, z)),
                faces_deg=0.0)
    add_walking(world, rng, trip)
