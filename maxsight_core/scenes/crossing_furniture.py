"""What stands on squares and corners: signals, signs, trees, bins, two-wheelers, hydrants, planters, cafe tables."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from maxsight_core.scenes import furniture, props, signs, small_things, two_wheelers
from maxsight_core.scenes.bystanders import add_seated
from maxsight_core.scenes.crossing_ground import ROAD_M
from maxsight_core.scenes.figure import Board
from maxsight_core.scenes.furniture import FABRICS, FRAMES, WOODS, pick
from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.solid import bench, box
from maxsight_core.scenes.textures import Texture, soft_disc, with_alpha
from maxsight_core.scenes.things import Billboard, still
from maxsight_core.scenes.world import World

State = Callable[[float], str]
_STREETS = ("MARKET ST", "MILL LANE", "STATION RD", "KING ST", "CHURCH ST", "PARK AVE")


def add_signals(world: World, kerb: float, cars: State, people: State) -> None:
    """Lights for cars at both sides of the road, and for people on the far side, facing the walker."""
    heads = {name: Texture(world.light.bake_lamps(props.traffic_light(name))) for name in props.SIGNAL_COLOURS}
    for x, z in ((2.75, kerb - 0.45), (-2.75, kerb + ROAD_M + 0.5)):
        place = still(x, z)
        thing = world.thing("traffic light", place, height_m=1.65, body_m=0.10, state=cars)
        world.parts.append(Billboard(lambda t, _v: heads[cars(t)], place, 3.3, 0.0, thing))
    men = {name: Texture(world.light.bake_lamps(_pedestrian_head(name))) for name in ("red", "green")}
    place = still(1.75, kerb + ROAD_M + 0.75)
    thing = world.thing("pedestrian signal", place, height_m=1.3, body_m=0.08, state=people)
    world.parts.append(Billboard(lambda t, _v: men[people(t)], place, 2.6, 0.0, thing))


def _pedestrian_head(lit: str) -> np.ndarray:
    """Two lamps on a pole with a push-button box, RGBA, 2.6 m, width 0.20 of the height."""
    board = Board(0.20, 480)
    board.limb((0, 0.10), (0, 0.995), 0.016, 0.020, (96, 100, 104))
    board.body([(0.0, 0, 0.080), (0.235, 0, 0.080)], (28, 30, 32))
    for name, y, colour in (("red", 0.06, (255, 50, 40)), ("green", 0.175, (60, 240, 130))):
        board.ball((0, y), 0.056, 0.050, (10, 10, 10))
        tone = tuple(c * (1.4 if name == lit else 0.14) for c in colour)
        board.ball((0, y - 0.028), 0.011, 0.011, tone)
        board.limb((0, y - 0.012), (0, y + 0.012), 0.013, 0.011, tone)
        spread = 0.018 if name == "green" else 0.008
        for sign in (-1, 1):
            board.limb((0, y + 0.010), (sign * spread, y + 0.036), 0.007, 0.006, tone)
    board.body([(0.56, 0, 0.045), (0.63, 0, 0.045)], (228, 190, 40))
    return board.pixels()


def add_sign(world: World, plate: np.ndarray, x: float, z: float, class_name: str, text: str | None,
             size_m: float = 0.64) -> None:
    """A plate on a post."""
    board = Board(0.05, 400)
    board.limb((0, 0.01), (0, 0.995), 0.012, 0.012, (120, 124, 130))
    world.add_upright(board.pixels(), x, z, 2.7, "pole", body_m=0.05)
    world.add_upright(plate, x, z - 0.04, size_m, class_name, base_m=2.66 - size_m, text=text)


def stop_sign() -> np.ndarray:
    """An octagon with STOP (Vienna Convention B,2a), RGBA."""
    size = 200
    rgb, alpha = np.full((size, size, 3), (190, 24, 34), np.uint8), np.zeros((size, size), np.uint8)
    turns = (np.arange(8) + 0.5) * np.pi / 4
    ring = np.stack([100 + 104 * np.cos(turns), 100 + 104 * np.sin(turns)], axis=1)
    cv2.fillPoly(alpha, [ring.astype(np.int32)], 255, cv2.LINE_AA)
    inner = (ring - 100) * 0.92 + 100
    cv2.polylines(rgb, [inner.astype(np.int32)], True, (248, 248, 246), 6, cv2.LINE_AA)
    draw_text(rgb, "STOP", (22, 58, 156, 84), (250, 250, 248), bold=True)
    return with_alpha(rgb, alpha)


def add_road_signs(world: World, rng: np.random.Generator, kerb: float, zebra: bool) -> None:
    """Crossing signs at a zebra; limits, stop signs, no-entry signs and street names."""
    if zebra:
        for x in (-2.6, 2.6):
            add_sign(world, signs.crossing_sign(), x, kerb + ROAD_M + 0.55, "pedestrian crossing sign", None)
    chance = rng.random()
    side = float(rng.choice((-1.0, 1.0)))
    if chance < 0.4:
        limit = ("20", "30", "40", "50")[int(rng.integers(4))]
        add_sign(world, signs.round_sign(limit), side * 3.4, kerb - 1.2, "speed limit sign", limit)
    elif chance < 0.75:
        add_sign(world, stop_sign(), side * 3.4, kerb - 0.8, "stop sign", "STOP", 0.72)
    name = _STREETS[int(rng.integers(len(_STREETS)))]
    plate = signs.plate(name, 300, 66, (30, 70, 120), (250, 250, 246))
    plate = with_alpha(plate, np.full(plate.shape[:2], 255, np.uint8))
    add_sign(world, plate, -side * 3.6, kerb + ROAD_M + 0.9, "street name sign", name, 0.24)


def add_corner(world: World, kerb: float) -> None:
    """Bollards along both kerbs, off the crossing."""
    for z in (kerb - 0.4, kerb + ROAD_M + 0.4):
        for x in (-4.6, -3.7, 3.7, 4.6):
            world.add_upright(props.bollard(), x, z, 1.0, "bollard", body_m=0.09)


def add_piece(world: World, rng: np.random.Generator, x: float, z: float) -> None:
    """One piece of street furniture at a place beside the walk."""
    kind = int(rng.integers(16))
    drawn = {0: ("tree", props.tree, (4.6, 6.6), 0.2), 1: ("tree", props.tree, (4.6, 6.6), 0.2),
             2: ("potted plant", props.plant, (0.9, 1.5), 0.2)}
    if kind in drawn:
        name, draw, (low, high), body = drawn[kind]
        pixels = world.one_of(name, lambda: draw(rng), rng)
        world.add_upright(pixels, x, z, float(rng.uniform(low, high)), name, body_m=body)
    elif kind in (3, 4, 5, 6):
        name, draw = (("bicycle", two_wheelers.bicycle), ("motorcycle", two_wheelers.motorcycle),
                      ("e-scooter", two_wheelers.scooter), ("bicycle", two_wheelers.bicycle))[kind - 3]
        pixels, height = world.one_of(name, lambda: draw(rng), rng)
        if rng.random() < 0.5:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        world.add_upright(pixels, x, z, height, name, body_m=0.4)
    elif kind == 7:
        faces = bench(1.6, world.light.tint(pick(rng, WOODS)), world.light.tint((60, 62, 66)))
        turn = float(rng.choice((0.0, 90.0 if x > 0 else -90.0)))
        half = (0.8, 0.22) if turn == 0.0 else (0.22, 0.8)
        world.add_solid(faces, x, z, "bench", heading_deg=turn, half=half, height_m=0.82, body_m=0.22)
        if rng.random() < 0.5:
            add_seated(world, rng, x, z - 0.05, "front" if turn == 0.0 else "left" if x > 0 else "right")
    elif kind == 8:
        world.add_upright(props.litter_bin(), x, z, 1.0, "litter bin", body_m=0.25)
    elif kind == 9:
        world.add_upright(hydrant(), x, z, 0.75, "fire hydrant", body_m=0.15)
    elif kind == 10:
        _cafe(world, rng, x, z)
    elif kind == 11:
        text = ("FRESH|COFFEE|2.50", "OPEN|TODAY", "SALE|50% OFF", "LUNCH|MENU")[int(rng.integers(4))]
        ground = ((40, 44, 42), (112, 40, 44), (38, 66, 92))[int(rng.integers(3))]
        world.add_upright(props.a_board(text, ground), x, z, 0.95, "a-board", body_m=0.28, text=text.replace("|", " "))
    elif kind == 12:
        glow = (soft_disc(96, (255, 226, 160), 0.85, 5.0), 5.42, 3.2)
        world.add_upright(props.lamp_post(world.light.lamps_on), x, z, 5.6, "lamp post", body_m=0.10, glow=glow)
    elif kind == 13:
        _wheelie_bin(world, rng, x, z)
    elif kind == 14:
        pixels, height = world.one_of("dog", lambda: small_things.dog(rng), rng)
        world.add_upright(pixels, x, z, height, "dog", body_m=0.3)
    else:
        for k in range(int(rng.integers(1, 4))):
            pixels, height = world.one_of("bird", lambda: small_things.bird(rng), rng)
            world.add_upright(pixels, x + 0.4 * k, z + 0.3 * (k % 2), height, "bird", body_m=0.1)


def hydrant() -> np.ndarray:
    """0.75 m, RGBA, width 0.7 of the height."""
    board = Board(0.7, 200)
    red = (206, 46, 38)
    board.body([(0.06, 0, 0.10), (0.20, 0, 0.20), (0.90, 0, 0.19)], red)
    board.ball((0, 0.10), 0.19, 0.10, red)
    board.body([(0.22, 0, 0.23), (0.28, 0, 0.23)], (170, 34, 30))
    for x in (-0.24, 0.24):
        board.ball((x, 0.48), 0.08, 0.08, (224, 190, 60))
    board.ball((0, 0.52), 0.10, 0.10, (224, 190, 60))
    board.body([(0.90, 0, 0.26), (1.0, 0, 0.27)], (150, 30, 28))
    return board.pixels()


def _cafe(world: World, rng: np.random.Generator, x: float, z: float) -> None:
    top = furniture.wood(rng, pick(rng, WOODS), world.light.bake)
    faces = furniture.pedestal_table(world.light.tint, top, pick(rng, FRAMES), 0.7, 0.74)
    world.add_solid(faces, x, z, "cafe table", half=(0.35, 0.35), height_m=0.74, body_m=0.35)
    seat, frame = pick(rng, FABRICS), pick(rng, WOODS)
    for dx, turn in ((-0.6, -90.0), (0.6, 90.0)):
        world.add_solid(furniture.wooden_chair(world.light.tint, frame, seat), x + dx, z, "chair", heading_deg=turn,
                        half=(0.21, 0.21), height_m=0.92, body_m=0.21)
        if rng.random() < 0.5:
            add_seated(world, rng, x + dx * 0.9, z, "right" if dx < 0 else "left")
    pixels, height = world.one_of("cup", lambda: small_things.cup(rng), rng)
    world.add_upright(pixels, x, z, height, "cup", base_m=0.74, nudge_m=-0.5)


def _wheelie_bin(world: World, rng: np.random.Generator, x: float, z: float) -> None:
    colour = ((40, 74, 52), (50, 54, 60), (36, 70, 130), (110, 74, 48))[int(rng.integers(4))]
    tint = world.light.tint
    faces = box((-0.28, 0.08, -0.30), (0.28, 0.98, 0.30), tint(colour))
    faces += box((-0.30, 0.98, -0.34), (0.30, 1.06, 0.34), tint(furniture.darker(colour)))
    for wheel in (-0.30, 0.24):
        faces += box((wheel, 0.0, 0.12), (wheel + 0.06, 0.2, 0.32), tint((20, 20, 22)))
    world.add_solid(faces, x, z, "wheelie bin", heading_deg=float(rng.uniform(-30, 30)), half=(0.3, 0.34),
                    height_m=1.06, body_m=0.3)
