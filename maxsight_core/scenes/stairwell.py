"""A way of stairs, landings, ramps and single steps, indoors as in an underpass or outdoors between walls.

The walker goes up and down with the ground. On a landing somebody comes straight on and passes at arm's length (after
about ten seconds, and again every forty); others stand on landings or go the same way.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes import finishes, props, signs
from maxsight_core.scenes.bystanders import add_walking
from maxsight_core.scenes.camera_path import CameraPath
from maxsight_core.scenes.doors import add_wall_door, random_door
from maxsight_core.scenes.indoor import add_hanging_sign
from maxsight_core.scenes.level_changes import FLAT, Segment, add_way, height_of, segments_of
from maxsight_core.scenes.lighting import light_for, tinted
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.street_ground import sky_backdrop
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.things import LAYER_BEYOND, LAYER_SHELL, LongPlane, Quad, repeated
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.wall_pictures import picture_of
from maxsight_core.scenes.world import World

PACE_MPS = 0.8
CYCLE_S = 40.0
_START_Z, _BEYOND_END_M, _HEADROOM_M, _DEEPEST_M = -3.0, 10.0, 2.7, 3.2
_MEET_S, _NOTICE_S, _COMES_MPS, _ARMS_LENGTH_M = 9.5, 5.5, 0.9, 0.64
_OUTDOORS_SHARE = 0.35
_WALL_PERIOD_M = 8.0
_DOOR_NAMES = ("EXIT", "LEVEL 1", "LEVEL 2", "GARAGE", "STORE", "PLANT ROOM")


def build(spec: SceneSpec) -> World:
    """The stairs of a specification."""
    rng = np.random.default_rng((spec.seed, 404))
    outdoors = bool(rng.random() < _OUTDOORS_SHARE)
    light = tinted(light_for(spec, indoor=not outdoors), tuple(rng.uniform(0.86, 1.0, 3)))
    pace = [(0.0, PACE_MPS)]
    for start_s in np.arange(0.0, spec.seconds, CYCLE_S):
        pace += [(start_s + 22.0, 0.0), (start_s + 25.0, PACE_MPS)]
    gaze = ((7.0, 11.0, float(rng.random())), (4.0, 5.7, float(rng.random())))
    level = CameraPath(spec.seconds, pace)
    way = segments_of(rng, level.end_z + _BEYOND_END_M, _START_Z)
    height = height_of(way)
    path = CameraPath(spec.seconds, pace, gaze=gaze, shake=spec.shake, ground=height)
    world = World(spec, light, path, light.tint((84, 82, 80)), glare_at=(0.0, 8.0),
                  backdrop=sky_backdrop(rng, light) if outdoors else None)
    world.floor = lambda _x, z: height(z)
    half = float(rng.uniform(1.35, 2.3))
    _walls(world, rng, way, half, outdoors)
    add_way(world, rng, way, half, outdoors)
    for segment in way[1:]:
        if segment.kind == FLAT:
            _landing(world, rng, segment, half, outdoors)
    for start_s in np.arange(0.0, spec.seconds, CYCLE_S):
        _people(world, rng, float(start_s), half)
    return world


def _walls(world: World, rng: np.random.Generator, way: list[Segment], half: float, outdoors: bool) -> None:
    """Side walls from below the deepest floor to the ceiling, or to a parapet's height over the highest outdoors."""
    top = max(s.y1 for s in way) + (_HEADROOM_M if not outdoors else float(rng.uniform(1.6, 3.6)))
    start_z, end_z, tall = way[0].z0, way[-1].z1, top + _DEEPEST_M
    kinds = ("brick", "concrete", "tiles") if outdoors else finishes.WALL_KINDS
    kind = kinds[int(rng.integers(len(kinds)))]
    for side in (-1, 1):
        picture = finishes.wall(rng, _WALL_PERIOD_M, tall, kind, skirting=False)
        texture = repeated(world.light.bake(picture), _WALL_PERIOD_M)
        world.parts.append(LongPlane(texture, (side * half, top, start_z), end_z - start_z, (0, -tall, 0), u_sign=-side,
                                     period_m=_WALL_PERIOD_M))
    if not outdoors:
        lit = world.light.lamps_on
        above = finishes.ceiling(rng, _WALL_PERIOD_M, 2 * half, lit)
        above = above if lit and world.light.name == "day" else world.light.bake(above)
        world.parts.append(LongPlane(repeated(above, _WALL_PERIOD_M), (-half, top, start_z), end_z - start_z,
                                     (2 * half, 0, 0), period_m=_WALL_PERIOD_M))
    end = Texture(world.light.bake((finishes.wall(rng, 2 * half, tall, kind) * 0.9).astype(np.uint8)))
    world.parts.append(Quad(end, (-half, top, end_z), (2 * half, 0, 0), (0, -tall, 0), LAYER_BEYOND))
    low = world.light.bake(finishes.floor(rng, 4.0, 2 * half, "terrazzo"))
    world.parts.append(LongPlane(repeated(low, 4.0), (-half, -_DEEPEST_M, start_z), end_z - start_z,
                                 (2 * half, 0, 0), period_m=4.0, layer=LAYER_SHELL))


def _landing(world: World, rng: np.random.Generator, segment: Segment, half: float, outdoors: bool) -> None:
    """Doors, notices, extinguishers on the walls; signs hang before flights; somebody or something stands there."""
    y, length, middle = segment.y0, segment.z1 - segment.z0, (segment.z0 + segment.z1) / 2
    for side in (-1, 1):
        z = segment.z0 + float(rng.uniform(0.35, 0.65)) * length
        x, pick = side * (half - 0.01), rng.random()
        if pick < 0.5 and length > 2.4:
            text = _DOOR_NAMES[int(rng.integers(len(_DOOR_NAMES)))] if rng.random() < 0.5 else None
            add_wall_door(world, rng, random_door(rng), (x, y, z), (0.0, -float(side)), label=text,
                          label_class="information sign")
        elif pick < 0.75:
            pixels, name, text, (width, height) = picture_of(rng)
            world.add_quad(pixels, (x - side * 0.01, y + 1.95, z + side * width / 2), (0, 0, -side * width),
                           (0, -height, 0), name, text=text)
        elif pick < 0.85:
            world.add_upright(props.extinguisher(), side * (half - 0.12), z, 0.52, "fire extinguisher", base_m=y + 0.55)
    if rng.random() < 0.45 and length > 2.6:
        x = float(rng.choice((-1.0, 1.0))) * (half - 0.4)
        if rng.random() < 0.6:
            add_walking(world, rng, standing(x, segment.z0 + 0.6 * length, float(rng.choice((180.0, 90.0, 270.0)))),
                        "child" if rng.random() < 0.2 else "person")
        elif rng.random() < 0.5:
            world.add_upright(props.plant(rng), x, middle, 1.1, "potted plant", base_m=y, body_m=0.18)
        else:
            world.add_upright(props.litter_bin(), x, middle, 0.95, "litter bin", base_m=y, body_m=0.24)
    if not outdoors and rng.random() < 0.35:
        arrow = ("", "<", ">")[int(rng.integers(3))]
        add_hanging_sign(world, signs.exit_sign(arrow), 0.0, segment.z1 - 0.3, 0.6, y + 2.45, "exit sign", "EXIT",
                         emissive=True)


def _people(world: World, rng: np.random.Generator, start_s: float, half: float) -> None:
    path = world.path
    side = -1.0 if rng.random() < 0.5 else 1.0
    meet_s = start_s + _MEET_S
    x, z = path.ground(meet_s)
    begin_s, far = meet_s - _NOTICE_S, z + _COMES_MPS * _NOTICE_S
    aside = side * min(half - 0.35, 1.1)
    points = ((begin_s - 6.0, aside, far + 5.0), (begin_s - 1.0, aside, far + 0.6), (begin_s, x, far),
              (meet_s + 6.0, x, z - 6.0 * _COMES_MPS))
    add_walking(world, rng, Trip(points, sidesteps=((meet_s - 1.3, side * _ARMS_LENGTH_M, 1.0),),
                                 shown=(begin_s - 6.0, meet_s + 6.0)))
    ahead = path.ground(start_s)[1] + 4.5
    add_walking(world, rng, Trip(((start_s, -side * 0.75, ahead), (start_s + 18.0, -side * 0.75, ahead + 18.0)),
                                 shown=(start_s - 1.0, start_s + 18.0)))
    pass_s = start_s + 31.0
    z = path.ground(pass_s)[1]
    x = side * (half - 0.35)
    add_walking(world, rng, Trip(((pass_s - 9.0, x, z + 9.0), (pass_s + 4.0, x, z - 4.0)),
                                 shown=(pass_s - 9.0, pass_s + 4.0)))


