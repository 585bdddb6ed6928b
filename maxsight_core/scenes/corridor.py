"""A corridor of a public building: doors, handles, room numbers, exit signs, stairwells, furniture, people.

Every forty seconds the same kinds of things happen, at times that the seed varies a little: somebody comes
straight towards the walker and passes at arm's length (about 9.5 s), somebody crosses (16 s), the walker
stands still (20 to 24 s), a runner comes (29 s), a wet-floor sign stands in the way (34 s), and somebody
stops one metre in front of the walker (39 s). Between these nothing approaches.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes import props, signs
from maxsight_core.scenes.camera_path import NATURAL_PACE_MPS, CameraPath
from maxsight_core.scenes.indoor import Opening, add_door, add_end_wall, add_hanging_sign, add_recess, add_shell
from maxsight_core.scenes.lighting import light_for
from maxsight_core.scenes.people import Walker, random_look
from maxsight_core.scenes.solid import bench, chair
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.things import Quad, still
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.world import World

HALF_WIDTH_M, HEIGHT_M = 1.30, 2.70
CYCLE_S = 40.0
_START_Z, _BEYOND_END_M = -4.0, 9.0
_ARMS_LENGTH_M = 0.62
_SCHEMES = (((196, 192, 184), (226, 220, 204), (126, 150, 158)), ((188, 178, 160), (214, 224, 214), (104, 138, 116)),
            ((176, 184, 192), (228, 214, 200), (166, 122, 96)), ((204, 198, 180), (206, 214, 228), (96, 112, 150)))
_LEAVES = ((164, 116, 72), (126, 84, 54), (94, 118, 136), (150, 138, 120))


def build(spec: SceneSpec) -> World:
    """The corridor of a specification."""
    rng = np.random.default_rng((spec.seed, 101))
    cycles = [(k * CYCLE_S, rng.uniform(-0.4, 0.4, 6)) for k in range(int(spec.seconds // CYCLE_S) + 1)]
    world = empty(spec, rng, _path(spec, rng, cycles))
    for start_s, jitter in cycles:
        _people(world, rng, start_s, jitter)
    return world


def empty(spec: SceneSpec, rng: np.random.Generator, path: CameraPath) -> World:
    """The corridor with its furniture and nobody in it."""
    light = light_for(spec, indoor=True)
    world = World(spec, light, path, light.tint((70, 68, 66)), glare_at=(0.0, 3.0))
    end_z = path.end_z + _BEYOND_END_M
    floor, walls, dado = _SCHEMES[rng.integers(len(_SCHEMES))]
    openings = _openings(rng, end_z)
    add_shell(world, rng, HALF_WIDTH_M, HEIGHT_M, _START_Z, end_z, floor, walls, dado, openings)
    for side, cuts in openings.items():
        for k, cut in enumerate(cuts):
            add_recess(world, rng, side, cut, HALF_WIDTH_M, HEIGHT_M, down=(k + (side > 0)) % 2 == 0, wall=walls)
    add_end_wall(world, rng, end_z, HALF_WIDTH_M, HEIGHT_M, walls)
    _furnish(world, rng, end_z, openings)
    return world


def _path(spec: SceneSpec, rng: np.random.Generator, cycles) -> CameraPath:
    pace, detours = [(0.0, NATURAL_PACE_MPS)], []
    for start_s, jitter in cycles:
        pace += [(start_s + 20.0, 0.0), (start_s + 24.0, NATURAL_PACE_MPS),
                 (start_s + 37.4 + jitter[4], 0.0), (start_s + 41.6 + jitter[4], NATURAL_PACE_MPS)]
        detours.append((start_s + 34.0 + jitter[3], -0.42, 3.6))
    gaze = ((2.4, 11.0, float(rng.random())), (1.6, 5.7, float(rng.random())))
    return CameraPath(spec.seconds, pace, gaze=gaze, detours=detours, shake=spec.shake)


def _openings(rng: np.random.Generator, end_z: float) -> dict[int, list[Opening]]:
    openings: dict[int, list[Opening]] = {-1: [], 1: []}
    z, side = float(rng.uniform(8.5, 9.5)), 1
    while z < end_z - 6:
        openings[side].append((z, z + 2.3))
        z, side = z + float(rng.uniform(11, 14)), -side
    return openings


def _furnish(world: World, rng: np.random.Generator, end_z: float, openings: dict[int, list[Opening]]) -> None:
    leaf = _LEAVES[rng.integers(len(_LEAVES))]
    for side in (-1, 1):
        number = 101 if side < 0 else 102
        for z in np.arange(3.0 if side < 0 else 1.2, end_z - 2.0, 4.0):
            if _blocked(openings[side], z - 0.8, z + 0.9):
                continue
            add_door(world, rng, side, float(z), HALF_WIDTH_M, leaf, str(number), bool(rng.random() < 0.5))
            number += 2
            between = float(z) + 2.0
            if not _blocked(openings[side], between - 1.1, between + 1.1):
                _stand(world, rng, side, between)
    for z in np.arange(6.0, end_z - 3, 14.0):
        arrow = ("", "<", ">")[int(rng.integers(3))]
        add_hanging_sign(world, signs.exit_sign(arrow), 0.0, float(z), 0.60, 2.45, "exit sign", "EXIT", emissive=True)
    for z in np.arange(13.0, end_z - 3, 14.0):
        text = ("RECEPTION", "WARD 3", "TOILETS", "LIBRARY", "ROOMS 101-140")[int(rng.integers(5))]
        add_hanging_sign(world, signs.plate(text, 420, 80, (34, 62, 112), (250, 250, 246)), 0.0, float(z), 1.0, 2.45,
                         "direction sign", text, emissive=False)
    _handrails(world, openings[-1], end_z)


def _blocked(cuts: list[Opening], low: float, high: float) -> bool:
    return any(z0 < high and low < z1 for z0, z1 in cuts)


def _handrails(world: World, cuts: list[Opening], end_z: float) -> None:
    shade = np.repeat(np.array([0.7, 1.1, 1.2, 0.95, 0.7, 0.45])[:, None], 64, axis=1)
    texture = Texture(world.light.bake((shade[..., None] * (150, 104, 66)).clip(0, 255).astype(np.uint8)))
    z = 0.0
    for z0, z1 in [*cuts, (end_z, end_z)]:
        while z + 3.0 < z0 - 0.2:
            x, length = -HALF_WIDTH_M + 0.05, 2.6
            thing = world.thing("handrail", still(x, z + length / 2), height_m=0.9, half_z_m=length / 2)
            world.parts.append(Quad(texture, (x, 0.93, z), (0, 0, length), (0, -0.06, 0), thing=thing))
            z += 4.0
        z = max(z, z1 + 0.3)


def _stand(world: World, rng: np.random.Generator, side: int, z: float) -> None:
    """Something along the wall."""
    x = side * (HALF_WIDTH_M - 0.26)
    pick = int(rng.integers(8))
    wall_x, along = side * (HALF_WIDTH_M - 0.012), -side
    if pick == 0:
        colour = ((58, 96, 150), (170, 64, 56), (70, 120, 92))[int(rng.integers(3))]
        for offset in (-0.3, 0.3):
            world.add_solid(chair(world.light.tint(colour), world.light.tint((86, 88, 92))), x, z + offset, "chair",
                            heading_deg=90.0 * side, half=(0.23, 0.22), height_m=0.84, body_m=0.23)
    elif pick == 1:
        world.add_upright(props.plant(rng), x - side * 0.02, z, 1.15, "potted plant", body_m=0.18)
    elif pick == 2:
        world.add_upright(props.waste_basket(), x, z, 0.42, "waste basket", body_m=0.16)
    elif pick == 3:
        world.add_upright(props.extinguisher(), side * (HALF_WIDTH_M - 0.10), z, 0.52, "fire extinguisher", base_m=0.55)
        plate = signs.plate("FIRE", 120, 120, (196, 26, 30), (250, 250, 250))
        world.add_quad(plate, (wall_x, 1.75, z - along * 0.1), (0, 0, along * 0.2), (0, -0.2, 0),
                       "fire extinguisher sign", text="FIRE")
    elif pick == 4:
        faces = bench(1.3, world.light.tint((176, 130, 84)), world.light.tint((70, 72, 76)))
        world.add_solid(faces, x, z, "bench", heading_deg=90.0 * side, half=(0.22, 0.65), height_m=0.82, body_m=0.22)
    elif pick == 5:
        text = ("QUIET|PLEASE", "NOTICES", "WASH|YOUR HANDS", "NO ENTRY")[int(rng.integers(4))]
        board = signs.plate(text, 240, 180, (236, 232, 214), (52, 44, 40))
        world.add_quad(board, (wall_x, 1.95, z - along * 0.5), (0, 0, along), (0, -0.75, 0), "notice board",
                       text=text.replace("|", " "))
    else:
        world.add_quad(signs.poster(rng), (wall_x, 2.05, z - along * 0.35), (0, 0, along * 0.7), (0, -0.95, 0),
                       "poster")


def _people(world: World, rng: np.random.Generator, start_s: float, jitter: np.ndarray) -> None:
    path = world.path

    def somebody() -> Walker:
        return Walker(random_look(rng), world.light)

    # 1. waits by the wall, then comes straight on and passes at arm's length
    meet_s = start_s + 9.5 + float(jitter[0])
    side = -1 if rng.random() < 0.5 else 1
    world.add_person(somebody(), _oncoming(path, meet_s, 1.3, 5.0, side))
    # 2. crosses from one wall to the other, four metres ahead
    cross_s = start_s + 16.0 + float(jitter[1])
    z = path.ground(cross_s)[1] + 4.2
    edge = HALF_WIDTH_M - 0.35
    world.add_person(somebody(), Trip(((cross_s - 1.0, -edge, z + 0.5), (cross_s + 1.2, edge, z + 0.9)),
                                      faces_deg=90.0 if rng.random() < 0.5 else 180.0))
    # 3. a runner
    run_s = start_s + 29.0 + float(jitter[2])
    if run_s < path.duration_s + 5:
        world.add_person(somebody(), _oncoming(path, run_s, 3.0, 4.2, 1), "runner")
    # 4. the wet-floor sign that the walker goes round
    sign_s = start_s + 34.0 + float(jitter[3])
    world.add_upright(signs.wet_floor(), 0.22, path.ground(sign_s)[1], 0.62, "wet floor sign", body_m=0.16,
                      text="WET FLOOR")
    # 5. comes up to the walker, who stops, and stays one metre in front for two seconds
    stop_s = start_s + 39.0 + float(jitter[4])
    x, z = path.ground(stop_s + 1.0)
    world.add_person(somebody(), Trip(((stop_s - 4.5, x, z + 1.0 + 4.5 * 1.25), (stop_s, x, z + 1.0),
                                       (stop_s + 2.0, x, z + 1.0), (stop_s + 3.0, x + 0.85, z + 0.7),
                                       (stop_s + 14.0, x + 0.85, z - 14.0)),
                                      shown=(stop_s - 12.0, stop_s + 14.0)))
    # 6. walks ahead in the same direction, and two who stand and talk by the wall
    ahead_z = path.ground(start_s)[1] + 5.5
    world.add_person(somebody(), Trip(((start_s, -0.55, ahead_z), (start_s + 24.0, -0.55, ahead_z + 24 * 1.45)),
                                      shown=(start_s - 1.0, start_s + 23.5)))
    talk_z = path.ground(start_s + 14.0)[1] + float(jitter[5])
    for x, turn, dz in ((0.98, 180.0, 0.5), (0.90, 0.0, -0.3)):
        world.add_person(somebody(), standing(x, talk_z + dz, turn))


def _oncoming(path: CameraPath, meet_s: float, speed_mps: float, notice_s: float, side: int) -> Trip:
    """Stands by the wall, walks straight at the walker from ``notice_s`` before they meet, gives way at the last."""
    x, z = path.ground(meet_s)
    begin_s = meet_s - notice_s
    far = z + speed_mps * notice_s
    wall_x = side * (HALF_WIDTH_M - 0.34)
    points = ((begin_s - 1.0, wall_x, far + 0.5), (begin_s, x, far), (meet_s + 5.0, x, z - 5.0 * speed_mps))
    reach_s = 1.0 if speed_mps < 2 else 0.7
    return Trip(points, sidesteps=((meet_s - reach_s - 0.25, side * _ARMS_LENGTH_M, reach_s),))
