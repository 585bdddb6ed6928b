"""A platform: edge with tactile paving, track, trains that come and go, gates, benches, columns, machines, travellers.

Every forty seconds: a traveller comes straight on and passes at arm's length (about 9.5 s), a train comes in (13 to
20 s) while the walker waits, stands, and leaves (34 s). The platform edge is always at the right.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes import cabinets, finishes, props, signs
from maxsight_core.scenes.bystanders import (
    add_seated,
    add_towed,
    add_walking,
    add_with_suitcase,
    pushchair,
    varied_look,
    wheelchair_user,
)
from maxsight_core.scenes.camera_path import CameraPath
from maxsight_core.scenes.doors import add_wall_door, random_door
from maxsight_core.scenes.furniture import FABRICS, FRAMES, pick, row_of_seats
from maxsight_core.scenes.indoor import add_hanging_sign
from maxsight_core.scenes.lighting import light_for, tinted
from maxsight_core.scenes.small_things import backpack, bird, dog, suitcase
from maxsight_core.scenes.solid import bench, box
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.station_parts import (
    EDGE_X,
    WALL_X,
    add_gates,
    add_platform,
    add_surroundings,
    add_train,
    departures,
    lift_doors,
)
from maxsight_core.scenes.street_ground import sky_backdrop
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.wall_pictures import picture_of
from maxsight_core.scenes.world import World

PACE_MPS, CYCLE_S = 1.05, 40.0
_MEET_S, _NOTICE_S, _COMES_MPS, _ARMS_LENGTH_M = 9.5, 5.5, 1.2, 0.66
_START_Z, _BEYOND_END_M = -4.0, 40.0
_OPEN_AIR_SHARE = 0.5
_STANDS = 9


def build(spec: SceneSpec) -> World:
    """The station of a specification."""
    rng = np.random.default_rng((spec.seed, 505))
    open_air = bool(rng.random() < _OPEN_AIR_SHARE)
    light = tinted(light_for(spec, indoor=not open_air), tuple(rng.uniform(0.88, 1.0, 3)))
    pace = [(0.0, PACE_MPS)]
    for start_s in np.arange(0.0, spec.seconds, CYCLE_S):
        pace += [(start_s + 15.0, 0.0), (start_s + 21.5, PACE_MPS)]
    gaze = ((9.0, 12.0, float(rng.random())), (4.0, 5.9, float(rng.random())))
    path = CameraPath(spec.seconds, pace, gaze=gaze, shake=spec.shake)
    world = World(spec, light, path, light.tint((84, 84, 86)), glare_at=(6.0, 9.0),
                  backdrop=sky_backdrop(rng, light) if open_air else None)
    end_z = path.end_z + _BEYOND_END_M
    add_surroundings(world, rng, _START_Z, end_z, open_air)
    add_platform(world, rng, _START_Z, end_z)
    gates_z = float(rng.uniform(4.5, 6.0)) if rng.random() < 0.7 else None
    if gates_z is not None:
        add_gates(world, rng, gates_z)
    _furnish(world, rng, 7.5, end_z - 4.0)
    for start_s in np.arange(0.0, spec.seconds, CYCLE_S):
        add_train(world, rng, float(start_s) + 20.0, float(start_s) + 33.0)
        _people(world, rng, float(start_s))
    return world


def _furnish(world: World, rng: np.random.Generator, start_z: float, end_z: float) -> None:
    platform, z = str(int(rng.integers(1, 13))), start_z
    turn = 0
    while z < end_z:
        _on_wall(world, rng, z)
        _stand(world, rng, int(rng.integers(_STANDS)), z + 1.2)
        if turn % 3 == 0:
            _column(world, rng, z)
        if turn % 2 == 0:
            _sign(world, rng, z + 2.0, platform)
        z += float(rng.uniform(2.8, 4.2))
        turn += 1


def _on_wall(world: World, rng: np.random.Generator, z: float) -> None:
    x, chance = WALL_X + 0.01, rng.random()
    if chance < 0.30:
        text = ("TICKETS", "TOILETS", "STAFF", "WAITING|ROOM", "LIFT")[int(rng.integers(5))]
        if text == "LIFT":
            world.add_quad(lift_doors(rng), (x, 2.15, z - 0.6), (0, 0, 1.2), (0, -2.15, 0), "lift door")
            plate = signs.plate(text, 120, 60, (34, 62, 112), (250, 250, 246))
            world.add_quad(plate, (x, 2.5, z - 0.25), (0, 0, 0.5), (0, -0.25, 0), "lift sign", text=text)
        else:
            add_wall_door(world, rng, random_door(rng), (x, 0.0, z), (0.0, 1.0), label=text,
                          label_class="toilet sign" if text == "TOILETS" else "information sign")
    elif chance < 0.6:
        pixels, name, text, (width, height) = picture_of(rng)
        world.add_quad(pixels, (x + 0.01, 2.1, z - width / 2), (0, 0, width * 1.4), (0, -height * 1.4, 0), name,
                       text=text)


def _stand(world: World, rng: np.random.Generator, kind: int, z: float) -> None:
    """Something along the wall."""
    x, tint = WALL_X + 0.5, world.light.tint
    if kind in (0, 1):
        world.add_solid(bench(1.6, tint(pick(rng, FRAMES)), tint((60, 62, 66))), x, z, "bench", heading_deg=-90.0,
                        half=(0.22, 0.8), height_m=0.82, body_m=0.22)
        if rng.random() < 0.6:
            add_seated(world, rng, x + 0.05, z + float(rng.uniform(-0.5, 0.5)), "right")
    elif kind == 2:
        world.add_solid(row_of_seats(tint, pick(rng, FABRICS), pick(rng, FRAMES), 3), x, z, "bench", heading_deg=-90.0,
                        half=(0.27, 0.83), height_m=0.86, body_m=0.27)
        for k in (-1, 1):
            if rng.random() < 0.5:
                add_seated(world, rng, x + 0.05, z + 0.55 * k, "right")
    elif kind in (3, 4):
        title, name = (("TICKETS", "ticket machine"), ("SNACKS", "vending machine"))[kind - 3]
        ground = ((26, 70, 140), (170, 30, 36), (40, 44, 50), (30, 110, 80))[int(rng.integers(4))]
        front = Texture(world.light.bake(cabinets.machine_front(rng, title, ground)))
        faces = box((-0.45, 0.0, -0.36), (0.45, 1.85, 0.36), tint(ground), front)
        world.add_solid(faces, x, z, name, heading_deg=-90.0, half=(0.36, 0.45), height_m=1.85, body_m=0.36, text=title)
    elif kind == 5:
        world.add_upright(props.litter_bin(), x, z, 0.95, "litter bin", body_m=0.25)
    elif kind == 6:
        pixels, height = suitcase(rng)
        world.add_upright(pixels, x + 0.5, z, height, "suitcase", body_m=0.2)
        add_walking(world, rng, standing(x + 0.9, z + 0.2, float(rng.choice((90.0, 180.0)))))
    elif kind == 7:
        pixels, height = dog(rng, harness=True)
        world.add_upright(pixels, x + 0.95, z - 0.15, height, "guide dog", body_m=0.3)
        add_walking(world, rng, standing(x + 0.5, z, 90.0))
    elif rng.random() < 0.5:
        world.add_upright(wheelchair_user(varied_look(rng)), x + 0.6, z, 1.3, "wheelchair user", body_m=0.33)
    else:
        for made, name, dz in ((backpack, "backpack", 0.0), (bird, "bird", 0.9)):
            pixels, height = made(rng)
            world.add_upright(pixels, x + float(rng.uniform(0.2, 1.0)), z + dz, height, name, body_m=0.1)


def _column(world: World, rng: np.random.Generator, z: float) -> None:
    side = float(rng.uniform(0.16, 0.28))
    kind = "tiles" if rng.random() < 0.5 else "concrete"
    texture = Texture(world.light.bake(finishes.wall(rng, 2 * side, 3.0, kind)))
    world.add_solid(box((-side, 0.0, -side), (side, 3.6, side), texture), WALL_X + 1.7, z, "column", half=(side, side),
                    height_m=3.6, body_m=side)


def _sign(world: World, rng: np.random.Generator, z: float, platform: str) -> None:
    chance, x = rng.random(), float(rng.uniform(-0.9, 0.3))
    if chance < 0.35:
        text = f"PLATFORM {platform}"
        pixels = signs.plate(text, 480, 90, (26, 52, 110), (250, 250, 246))
        add_hanging_sign(world, pixels, x, z, 1.25, 2.75, "platform number sign", text, emissive=False)
    elif chance < 0.6:
        rgb, text = departures(rng)
        add_hanging_sign(world, rgb, x, z, 1.5, 2.95, "departure board", text, emissive=True)
    elif chance < 0.8:
        arrow = ("", "<", ">")[int(rng.integers(3))]
        add_hanging_sign(world, signs.exit_sign(arrow), x, z, 0.7, 2.7, "exit sign", "EXIT", emissive=True)
    else:
        text = ("TRAINS TO CITY", "WAY OUT", "LIFTS", "TICKETS", "BUSES")[int(rng.integers(5))]
        pixels = signs.plate(text, 460, 90, (244, 200, 40), (24, 24, 26))
        add_hanging_sign(world, pixels, x, z, 1.2, 2.7, "direction sign", text, emissive=False)


def _people(world: World, rng: np.random.Generator, start_s: float) -> None:
    path = world.path
    meet_s = start_s + _MEET_S
    x, z = path.ground(meet_s)
    begin_s, far = meet_s - _NOTICE_S, z + _COMES_MPS * _NOTICE_S
    points = ((begin_s - 5.0, -1.3, far + 6.0), (begin_s - 0.8, -1.3, far + 0.6), (begin_s, x, far),
              (meet_s + 7.0, x, z - 7.0 * _COMES_MPS))
    trip = Trip(points, sidesteps=((meet_s - 1.3, -_ARMS_LENGTH_M, 1.0),), shown=(begin_s - 5.0, meet_s + 7.0))
    if rng.random() < 0.6:
        add_with_suitcase(world, rng, trip)
    else:
        add_walking(world, rng, trip, "runner" if rng.random() < 0.3 else "person")
    ahead = path.ground(start_s)[1] + 6.0
    add_with_suitcase(world, rng, Trip(((start_s, -0.9, ahead), (start_s + 15.0, -0.9, ahead + 16.0)),
                                       shown=(start_s - 1.0, start_s + 30.0)))
    wait_z = path.ground(start_s + 18.0)[1]
    for k in range(int(rng.integers(2, 6))):  # they wait near the edge and face the track
        add_walking(world, rng, standing(EDGE_X - float(rng.uniform(0.75, 1.1)), wait_z + 3.0 + 2.1 * k,
                                         float(rng.choice((90.0, 90.0, 180.0)))), "child" if k == 3 else "person")
    pass_s = start_s + 29.0
    z = path.ground(pass_s)[1]
    trip = Trip(((pass_s - 9.0, -1.5, z + 10.0), (pass_s + 5.0, -1.5, z - 5.5)), shown=(pass_s - 9.0, pass_s + 5.0))
    add_walking(world, rng, trip)
    if rng.random() < 0.5:
        add_towed(world, trip, pushchair(rng), 1.02, "pushchair", 0.05, -0.55)
