"""The ground of a town walked straight through: squares and streets by turns, houses beside, the end of the view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core.scenes import finishes, outdoor
from maxsight_core.scenes.outdoor import SHOPS
from maxsight_core.scenes.textures import Texture, coloured, grain, value_noise
from maxsight_core.scenes.things import LAYER_BEYOND, LAYER_SHELL, LongPlane, Quad, repeated, still
from maxsight_core.scenes.world import World

ROAD_M, ROAD_Y, ZEBRA_HALF_M = 7.0, -0.12, 2.0
"""Width of a road with two lanes; a kerb of 0.12 m; half the width of a crossing."""
START_Z = -6.0
_PERIOD_M, _STRIP_M, _SIDE_M = 6.0, 8.0, 12.0
_ROAD_REACH_M, _ROAD_PIECE_M = 36.0, 6.0
_PAVING_KINDS = ("tiles", "terrazzo", "tiles")


@dataclass(frozen=True, slots=True)
class Block:
    """What lies between two roads. cell: its number. z0, z1: kerbs. half_m: where houses stand; None: open square."""

    cell: int
    z0: float
    z1: float
    half_m: float | None


def blocks_of(rng: np.random.Generator, kerbs: list[float], end_z: float) -> list[Block]:
    """Blocks between roads that begin at these kerbs."""
    edges = [START_Z, *(edge for kerb in kerbs for edge in (kerb, kerb + ROAD_M)), end_z]
    return [Block(k, a, b, None if rng.random() < 0.35 else float(rng.uniform(4.5, 9.0)))
            for k, (a, b) in enumerate(zip(edges[::2], edges[1::2], strict=True))]


def add_ground(world: World, rng: np.random.Generator, blocks: list[Block], kerbs: list[float],
               marked: list[str]) -> None:
    """Paving of the blocks, roads with their kerbs. marked: per road, ``zebra`` or ``signals``."""
    wet = 1.0 - 0.35 * world.spec.rain

    def bake(picture: np.ndarray) -> np.ndarray:
        return world.light.bake((picture * wet).astype(np.uint8) if wet < 1 else picture)

    pavings = [repeated(bake(finishes.floor(rng, _PERIOD_M, _STRIP_M, kind)), _PERIOD_M) for kind in _PAVING_KINDS[:2]]
    stone = repeated(bake(outdoor.kerb_stone(rng)), outdoor.PAVING_PERIOD_M)
    for block in blocks:
        paving = pavings[block.cell % 2]
        for x in (-1.5 * _STRIP_M, -0.5 * _STRIP_M, 0.5 * _STRIP_M):
            plane = LongPlane(paving, (x, 0, block.z0), block.z1 - block.z0, (_STRIP_M, 0, 0), period_m=_PERIOD_M)
            plane.cell = block.cell
            world.parts.append(plane)
    face, asphalt = Texture(bake(outdoor.kerb_stone(rng))), Texture(bake(_asphalt(rng)))
    crossings = {"zebra": Texture(bake(outdoor.zebra(rng))), "signals": Texture(bake(_dashes(rng)))}
    dots = Texture(bake(outdoor.tactile(rng)))
    for k, (kerb, kind) in enumerate(zip(kerbs, marked, strict=True)):
        _road(world, k + 1, kerb, asphalt)
        _kerbs(world, k, kerb, face, stone)
        thing = world.thing("crosswalk", still(0.0, kerb + ROAD_M / 2), height_m=ROAD_Y, half_x_m=ZEBRA_HALF_M,
                            half_z_m=ROAD_M / 2 - 0.2)
        part = Quad(crossings[kind], (-ZEBRA_HALF_M, ROAD_Y, kerb + ROAD_M - 0.2), (2 * ZEBRA_HALF_M, 0, 0),
                    (0, 0, 0.4 - ROAD_M), LAYER_BEYOND, thing, nudge_m=-9.0)
        part.cell = k + 1
        world.parts.append(part)
        for cell, z in ((k, kerb - 0.25), (k + 1, kerb + ROAD_M + 1.05)):
            thing = world.thing("tactile paving", still(0.0, z - 0.4), half_x_m=1.2, half_z_m=0.4)
            part = Quad(dots, (-1.2, 0.002, z), (2.4, 0, 0), (0, 0, -0.8), thing=thing)
            part.cell = cell
            world.parts.append(part)


def _road(world: World, cell: int, kerb: float, asphalt: Texture) -> None:
    x = -_ROAD_REACH_M
    while x < _ROAD_REACH_M - 0.1:
        part = Quad(asphalt, (x, ROAD_Y, kerb + ROAD_M), (_ROAD_PIECE_M, 0, 0), (0, 0, -ROAD_M), LAYER_BEYOND)
        part.cell = cell
        world.parts.append(part)
        x += _ROAD_PIECE_M


def _kerbs(world: World, k: int, kerb: float, face: Texture, stone: Texture) -> None:
    """The face of the far kerb, which is seen, and the top of the near one."""
    thing = world.thing("kerb", still(0.0, kerb + ROAD_M), height_m=ROAD_Y / 2, half_x_m=_SIDE_M)
    near = world.thing("kerb", still(0.0, kerb), half_x_m=_SIDE_M)
    x = -_SIDE_M
    while x < _SIDE_M - 0.1:
        part = Quad(face, (x, 0, kerb + ROAD_M), (3.0, 0, 0), (0, ROAD_Y, 0), LAYER_SHELL, thing)
        part.cell = k + 1
        world.parts.append(part)
        part = Quad(face, (x, 0.002, kerb), (3.0, 0, 0), (0, 0, -0.18), thing=near)
        part.cell = k
        world.parts.append(part)
        x += 3.0


def add_houses(world: World, rng: np.random.Generator, blocks: list[Block]) -> None:
    """Fronts along the blocks that have houses, their ends towards the road before them, and the end of the view."""
    bake, lit, relief = world.light.bake, world.light.lamps_on, outdoor.plaster_relief(rng)
    shops = list(rng.permutation(SHOPS))
    for block in blocks:
        half = block.half_m if block.half_m is not None else _SIDE_M
        for side in (-1, 1):
            z = block.z0
            while z < block.z1 - 0.1:
                length = min(float(rng.uniform(7.0, 12.0)), block.z1 - z)
                length = block.z1 - z if block.z1 - z - length < 4.0 else length
                shop = shops[int(rng.integers(len(shops)))] if rng.random() < 0.55 and length > 5.0 else None
                storeys = int(rng.integers(2, 5))
                picture, height = outdoor.house_front(rng, max(length, 4.0), storeys, shop, lit, bake, relief)
                plane = LongPlane(Texture(picture), (side * half, height, z), length, (0, -height, 0), u_sign=-side)
                plane.cell = block.cell
                world.parts.append(plane)
                z += length
            if block.cell > 0:
                picture, height = outdoor.house_front(rng, 10.0, int(rng.integers(2, 5)), None, lit, bake, relief)
                end = Texture(picture)
                for n in range(3):
                    x = half + 10.0 * n if side > 0 else -half - 10.0 * (n + 1)
                    part = Quad(end, (x, height, block.z0), (10.0, 0, 0), (0, -height, 0), LAYER_SHELL)
                    part.cell = block.cell
                    world.parts.append(part)
    picture, height = outdoor.house_front(rng, 30.0, 4, None, lit, bake, relief)
    world.parts.append(Quad(Texture(picture), (-15.0, height, blocks[-1].z1), (30.0, 0, 0), (0, -height, 0),
                            LAYER_BEYOND))


def _asphalt(rng: np.random.Generator) -> np.ndarray:
    """A piece of road, RGB [7 m, 6 m]: rows across the road, dashes in the middle."""
    rows, columns = 420, 360
    shade = 0.82 + 0.06 * value_noise(rng, rows, columns, (6, 6), 4) + 0.08 * grain(rng, rows, columns)
    picture = coloured(shade, tuple(float(c) for c in rng.uniform(78, 104) * np.array([1.0, 1.0, 1.03])))
    for y in (16, rows - 20):
        picture[y:y + 5] = (214, 206, 160)
    picture[rows // 2 - 4:rows // 2 + 4, :columns // 2] = (224, 224, 218)
    return picture


def _dashes(rng: np.random.Generator) -> np.ndarray:
    """A crossing with signals: two dotted lines on asphalt instead of stripes, RGB 448 x 256."""
    shade = 0.82 + 0.05 * value_noise(rng, 256, 448, (6, 8), 4) + 0.06 * grain(rng, 256, 448)
    picture = coloured(shade, (94, 94, 97))
    for x in (12, 410):
        for y in range(6, 250, 22):
            picture[y:y + 13, x:x + 24] = (230, 230, 224)
    return picture
