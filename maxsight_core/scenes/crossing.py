"""A town walked straight through: squares and streets, each road crossed on a zebra or with signals.

Every twenty seconds the walker stops at a kerb, waits five seconds while traffic passes, and crosses with others while
it stands. In between somebody comes straight on and passes at arm's length (at about 9.5 s, then every forty): a
pedestrian, a runner or a child.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes.bystanders import add_towed, add_walking, pushchair, varied_look, wheelchair_user
from maxsight_core.scenes.camera_path import CameraPath
from maxsight_core.scenes.crossing_furniture import add_corner, add_piece, add_road_signs, add_signals
from maxsight_core.scenes.crossing_ground import ROAD_M, ROAD_Y, Block, add_ground, add_houses, blocks_of
from maxsight_core.scenes.lighting import light_for, tinted
from maxsight_core.scenes.riders import Rider
from maxsight_core.scenes.small_things import backpack
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.street_ground import sky_backdrop
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.traffic import add_lane
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.two_wheelers import motorcyclist
from maxsight_core.scenes.vehicle_shapes import PAINTS
from maxsight_core.scenes.world import World

PACE_MPS, PERIOD_S, STOPS_S = 1.2, 20.0, 15.0
CYCLE_S = 40.0
_KERB_AHEAD_M, _GREEN_S, _AMBER_S, _CLEAR_S = 0.9, 8.5, 2.0, 1.2
_MEET_S, _ARMS_LENGTH_M = 9.5, 0.66
_COMERS = (("person", 1.3, 5.0), ("runner", 2.7, 3.0), ("child", 1.2, 5.0), ("person", 1.3, 5.0))
_BEYOND_END_M = 24.0
_SEEN_BEFORE_S = 30.0  # traffic is there so long before the walker arrives


def build(spec: SceneSpec) -> World:
    """The town of a specification."""
    rng = np.random.default_rng((spec.seed, 606))
    light = tinted(light_for(spec, indoor=False), tuple(rng.uniform(0.90, 1.0, 3)))
    greens = [k * PERIOD_S + PERIOD_S for k in range(int(spec.seconds // PERIOD_S) + 1)]
    pace = [(0.0, PACE_MPS)]
    for green_s in greens:
        pace += [(green_s - PERIOD_S + STOPS_S, 0.0), (green_s, PACE_MPS)]
    gaze = ((7.0, 10.0, float(rng.random())), (4.0, 5.3, float(rng.random())))
    path = CameraPath(max(spec.seconds, greens[-1]), pace, gaze=gaze, shake=spec.shake, drift=(0.05, 21.0))
    world = World(spec, light, path, light.tint((150, 150, 150)), glare_at=(5.0, 11.0),
                  backdrop=sky_backdrop(rng, light))
    kerbs = [path.ground(green_s - 0.5)[1] + _KERB_AHEAD_M for green_s in greens]
    world.cells = tuple(kerbs)
    world.ambience = ("wind",) if rng.random() < 0.3 else ()
    blocks = blocks_of(rng, kerbs, kerbs[-1] + ROAD_M + _BEYOND_END_M)
    marked = ["zebra" if rng.random() < 0.5 else "signals" for _ in kerbs]
    add_ground(world, rng, blocks, kerbs, marked)
    add_houses(world, rng, blocks)
    for kerb, green_s, kind in zip(kerbs, greens, marked, strict=True):
        _road(world, rng, kerb, green_s, kind == "zebra")
    for block in blocks:
        _furnish(world, rng, block)
    for start_s in np.arange(0.0, spec.seconds, CYCLE_S):
        _comer(world, rng, float(start_s) + _MEET_S)
    return world


def signal_states(green_s: float):
    """(state for cars, state for people), time_s -> colour: people have green from green_s on, every PERIOD_S."""
    def since(time_s: float) -> float:
        return (time_s - green_s + _AMBER_S + _CLEAR_S) % PERIOD_S  # 0: cars get amber

    def cars(time_s: float) -> str:
        passed = since(time_s)
        return "amber" if passed < _AMBER_S else "red" if passed < _AMBER_S + 2 * _CLEAR_S + _GREEN_S else "green"

    def people(time_s: float) -> str:
        passed = since(time_s) - _AMBER_S - _CLEAR_S
        return "green" if 0 <= passed < _GREEN_S - _CLEAR_S else "red"

    return cars, people


def _road(world: World, rng: np.random.Generator, kerb: float, green_s: float, zebra: bool) -> None:
    if not zebra:
        add_signals(world, kerb, *signal_states(green_s))
    add_road_signs(world, rng, kerb, zebra)
    add_corner(world, kerb)
    held = [(g - _CLEAR_S - 0.5, g + _GREEN_S + _CLEAR_S) for g in green_s + PERIOD_S * np.arange(-3, 1)]
    right_first = 1 if rng.random() < 0.5 else -1
    for z, direction in ((kerb + 1.75, right_first), (kerb + 5.25, -right_first)):
        add_lane(world, rng, z, direction, ROAD_Y, green_s - _SEEN_BEFORE_S, green_s + 2.0, held)
    if rng.random() < 0.7:
        _two_wheeler(world, rng, kerb, green_s - float(rng.uniform(2.5, 5.5)), right_first)
    _crossing_people(world, rng, kerb, green_s)


def _two_wheeler(world: World, rng: np.random.Generator, kerb: float, pass_s: float, direction: int) -> None:
    """A cyclist or a motorcyclist passes close to the near kerb while the walker waits."""
    fast = rng.random() < 0.5
    speed = direction * (8.5 if fast else 4.5)
    z = kerb + (1.2 if fast else 0.8)
    trip = Trip(((pass_s - 4.0, -4.0 * speed, z), (pass_s + 4.0, 4.0 * speed, z)), shown=(pass_s - 4.0, pass_s + 4.0))
    if not fast:
        paint = PAINTS[int(rng.integers(len(PAINTS)))]
        world.add_rider(Rider(varied_look(rng), paint, world.light), trip, facing_side=True)
        return
    pixels, height = motorcyclist(varied_look(rng), tuple(float(c) for c in rng.integers(30, 220, 3)))
    texture = Texture(world.light.bake(pixels if direction > 0 else np.ascontiguousarray(pixels[:, ::-1])))
    world.add_actor("motorcyclist", lambda _t, _v: texture, height, trip, 0.4)


def _crossing_people(world: World, rng: np.random.Generator, kerb: float, green_s: float) -> None:
    """Some wait on the far side and come over, some cross with the walker."""
    far = kerb + ROAD_M
    for k in range(int(rng.integers(1, 4))):
        x = float(rng.choice((-1.0, 1.0))) * float(rng.uniform(0.85, 1.7))
        go_s, z = green_s + 0.3 + 0.7 * k, far + 0.5 + 0.5 * k
        trip = Trip(((go_s - 18.0, x, z), (go_s, x, z), (go_s + 14.0, x, z - 14.0 * 1.25)),
                    shown=(go_s - 18.0, go_s + 14.0))
        if k == 2:
            texture = Texture(world.light.bake(wheelchair_user(varied_look(rng))))
            world.add_actor("wheelchair user", lambda _t, _v, shown=texture: shown, 1.3, trip, 0.33)
            continue
        add_walking(world, rng, trip, "child" if rng.random() < 0.2 else "person")
        if rng.random() < 0.25:
            add_towed(world, trip, pushchair(rng), 1.02, "pushchair", 0.05, -0.6)
    x = float(rng.choice((-1.15, 1.15)))
    add_walking(world, rng, Trip(((green_s - 4.0, x, kerb - 0.3), (green_s + 0.2, x, kerb - 0.3),
                                  (green_s + 11.0, x * 1.6, kerb + 14.5)), shown=(green_s - 16.0, green_s + 11.0),
                                 faces_deg=0.0))


def _furnish(world: World, rng: np.random.Generator, block: Block) -> None:
    """Furniture in two rows on either side of the walk, people who stand or stroll."""
    reach = (block.half_m or 11.0) - 0.7
    low, high = block.z0 + 1.6, block.z1 - 1.4
    for side in (-1, 1):
        z = low + float(rng.uniform(0.0, 1.5))
        while z < high:
            x = side * float(rng.uniform(1.9, max(2.0, min(reach, 7.0))))
            if rng.random() < 0.72:
                add_piece(world, rng, x, z)
            elif rng.random() < 0.7:
                add_walking(world, rng, standing(x, z, float(rng.choice((0.0, 90.0, 180.0, 270.0)))),
                            "child" if rng.random() < 0.2 else "person")
            else:
                pixels, height = world.one_of("backpack", lambda: backpack(rng), rng)
                world.add_upright(pixels, x, z, height, "backpack", body_m=0.15)
            z += float(rng.uniform(1.3, 2.8))
    if reach > 6.0:  # somebody strolls across the square, far from the walk
        z, begin_s = float(rng.uniform(low, high)), world.path.time_at(block.z0) - 8.0
        add_walking(world, rng, Trip(((begin_s, -reach, z), (begin_s + 6.0, -reach + 6.0 * 0.6, z)), faces_deg=90.0,
                                     shown=(begin_s, begin_s + 40.0)))


def _comer(world: World, rng: np.random.Generator, meet_s: float) -> None:
    """Comes straight on and gives way at the last."""
    name, speed, notice_s = _COMERS[int(rng.integers(len(_COMERS)))]
    x, z = world.path.ground(meet_s)
    side = float(rng.choice((-1.0, 1.0)))
    far = z + speed * notice_s
    begin_s, aside = meet_s - notice_s, x + side * 1.3
    points = ((begin_s - 6.0, aside, far + 4.0), (begin_s - 1.0, aside, far + 0.6), (begin_s, x, far),
              (meet_s + 6.0, x, z - 6.0 * speed))
    reach_s = 1.0 if speed < 2 else 0.7
    add_walking(world, rng, Trip(points, sidesteps=((meet_s - reach_s - 0.25, side * _ARMS_LENGTH_M, reach_s),),
                                 shown=(begin_s - 6.0, meet_s + 6.0)), name)
