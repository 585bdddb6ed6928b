"""What stands on the pavement and at the kerb: crossings with signals and signs, lamps, trees, bins, parked cars."""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes import outdoor, props, signs
from maxsight_core.scenes.figure import Board
from maxsight_core.scenes.geometry import View
from maxsight_core.scenes.solid import bench
from maxsight_core.scenes.street_ground import GAP_M, HOUSE_X, KERB_X, PARKED_X, ROAD_Y, stretches
from maxsight_core.scenes.textures import Texture, soft_disc
from maxsight_core.scenes.things import LAYER_BEYOND, Billboard, Quad, still
from maxsight_core.scenes.trips import standing
from maxsight_core.scenes.vehicles import CAR, PAINTS, VAN, vehicle_faces
from maxsight_core.scenes.world import World

_KERB_SIDE_X = KERB_X - 0.45
_LAMP_EVERY_M = 17.0
_TACTILE_M = 0.8


def add_crossing(world: World, rng: np.random.Generator, gap_z: float, red_from_s: float, green_from_s: float) -> None:
    """A zebra over the side road, tactile paving on both sides, signal, sign and bollards."""
    x0, x1 = HOUSE_X + 0.5, KERB_X - 0.3
    world.add_quad(outdoor.zebra(rng), (x0, ROAD_Y, gap_z + GAP_M - 0.15), (x1 - x0, 0, 0), (0, 0, -(GAP_M - 0.3)),
                   "crosswalk", layer=LAYER_BEYOND, nudge_m=-4.0, half_z_m=(GAP_M - 0.3) / 2)
    picture = outdoor.tactile(rng)
    for z in (gap_z - 0.12, gap_z + GAP_M + _TACTILE_M + 0.12):
        world.add_quad(picture, (x0 + 0.3, 0.0, z), (2.4, 0, 0), (0, 0, -_TACTILE_M), "tactile paving",
                       half_z_m=_TACTILE_M / 2)
    far_z = gap_z + GAP_M
    red, green = (Texture(world.light.bake(props.traffic_light(name))) for name in ("red", "green"))
    place = still(_KERB_SIDE_X, far_z + 0.7)
    thing = world.thing("traffic light", place, height_m=1.65, body_m=0.10,
                        state=lambda t: "red" if red_from_s <= t < green_from_s else "green")

    def lit(time_s: float, _view: View) -> Texture:
        return red if red_from_s <= time_s < green_from_s else green

    world.parts.append(Billboard(lit, place, 3.3, 0.0, thing))
    _sign_post(world, signs.crossing_sign(), HOUSE_X + 0.35, far_z + 0.6, "pedestrian crossing sign", None)
    limit = ("20", "30", "40")[int(rng.integers(3))]
    _sign_post(world, signs.round_sign(limit), _KERB_SIDE_X, gap_z - 7.0, "speed limit sign", limit)
    for z in (gap_z - 0.5, far_z + 0.45):
        for x in (HOUSE_X + 0.3, KERB_X - 0.3):
            world.add_upright(props.bollard(), x, z, 1.0, "bollard", body_m=0.09)


def _sign_post(world: World, plate: np.ndarray, x: float, z: float, class_name: str, text: str | None) -> None:
    board = Board(0.05, 400)
    board.limb((0, 0.01), (0, 0.995), 0.012, 0.012, (120, 124, 130))
    world.add_upright(board.pixels(), x, z, 2.75, "pole", body_m=0.05)
    world.add_upright(plate, x, z - 0.04, 0.62, class_name, base_m=2.10, text=text)


def add_parked(world: World, rng: np.random.Generator, end_z: float, gaps: list[float],
               clear: list[tuple[float, float]]) -> None:
    """Cars along the near kerb, off the mouths of side roads and off the stretches in ``clear``."""
    keep_free = [(gap - 7.0, gap + GAP_M + 5.0) for gap in gaps] + clear
    z = 6.0
    while z < end_z - 6:
        shape = VAN if rng.random() < 0.2 else CAR
        half = shape.length_m / 2
        if any(low < z + half and z - half < high for low, high in keep_free):
            z += 1.0
            continue
        faces = vehicle_faces(shape, PAINTS[int(rng.integers(len(PAINTS)))], world.light)
        size = (shape.width_m, shape.height_m, shape.length_m)
        world.add_vehicle(shape.class_name, faces, size, standing(PARKED_X, z), 0.0, ROAD_Y)
        z += shape.length_m + float(rng.choice((1.0, 1.3, 6.0, 11.0)))


def add_pavement_life(world: World, rng: np.random.Generator, end_z: float, gaps: list[float]) -> None:
    """Lamps and trees by turns along the kerb; bins, benches, boards and a bus stop between."""
    glow = (soft_disc(96, (255, 226, 160), 0.85, 5.0), 5.42, 3.2)
    lamp = props.lamp_post(world.light.lamps_on)
    trees = [props.tree(rng) for _ in range(3)]
    pool = Texture(soft_disc(64, (120, 100, 60), 0.9, 2.0), additive=True)
    for z0, z1 in stretches(end_z, gaps):
        z = z0 + 5.0 if z0 > 0 else 3.0
        turn = 0
        while z < z1 - 2.0:
            if turn % 2 == 0:
                world.add_upright(lamp, _KERB_SIDE_X, z, 5.6, "lamp post", body_m=0.10, glow=glow)
                if world.light.lamps_on:
                    corner = (_KERB_SIDE_X - 2.6, 0.0, z + 2.6)
                    world.parts.append(Quad(pool, corner, (5.2, 0, 0), (0, 0, -5.2), mark=True))
            else:
                world.add_upright(trees[int(rng.integers(3))], _KERB_SIDE_X - 0.05, z,
                                  float(rng.uniform(5.2, 6.6)), "tree", body_m=0.18)
            _between(world, rng, z + _LAMP_EVERY_M / 4)
            z += _LAMP_EVERY_M / 2
            turn += 1


def _between(world: World, rng: np.random.Generator, z: float) -> None:
    pick = int(rng.integers(7))
    if pick == 0:
        world.add_upright(props.litter_bin(), _KERB_SIDE_X, z, 1.0, "litter bin", body_m=0.25)
    elif pick == 1:
        faces = bench(1.6, world.light.tint((164, 118, 74)), world.light.tint((60, 62, 66)))
        world.add_solid(faces, HOUSE_X + 0.38, z, "bench", heading_deg=-90.0, half=(0.22, 0.8), height_m=0.82,
                        body_m=0.22)
    elif pick in (2, 3):
        text = ("FRESH|COFFEE|2.50", "OPEN|TODAY", "SALE|50% OFF", "LUNCH|MENU")[int(rng.integers(4))]
        ground = ((40, 44, 42), (112, 40, 44), (38, 66, 92))[int(rng.integers(3))]
        world.add_upright(props.a_board(text, ground), HOUSE_X + 0.42, z, 0.95, "a-board", body_m=0.28,
                          text=text.replace("|", " "))
    elif pick == 4:
        world.add_upright(props.bus_stop(), _KERB_SIDE_X, z, 2.7, "bus stop", body_m=0.12, text="BUS STOP")
    elif pick == 5:
        for offset in (-0.8, 0.0, 0.8):
            world.add_upright(props.cone(), KERB_X - 0.35, z + offset, 0.7, "traffic cone", body_m=0.2)
    else:
        world.add_upright(props.plant(rng), HOUSE_X + 0.35, z, 1.1, "planter", body_m=0.2)
