"""A way that goes up and down: flights of stairs, landings, ramps and single steps between two walls.

The floor is made of pieces sorted by distance, so that a nearer edge hides what lies below it and the risers ahead
hide what lies above. Rise and going are those of ISO 21542 (0.15..0.18 and 0.26..0.32 m), ramps of 1:12 to 1:14.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core.scenes import finishes
from maxsight_core.scenes.textures import Texture, coloured, grain, value_noise
from maxsight_core.scenes.things import LAYER_OBJECTS, Quad, Thing, still
from maxsight_core.scenes.world import World

FLAT, UP, DOWN, RAMP_UP, RAMP_DOWN, STEP_UP, STEP_DOWN = (
    "flat", "stairs up", "stairs down", "ramp up", "ramp down", "step up", "step down")
_PIECE_M = 1.6  # of floor: each takes the texture level that it needs
_RAIL_M, _RAIL_HIGH_M = 0.90, 0.05
_NOSINGS: tuple[tuple[float, float, float] | None, ...] = ((228, 188, 44), (238, 236, 230), (40, 40, 42), None)


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the way. z0, z1: from, to. y0, y1: height of the floor there. steps: of a flight. rise_m: of one."""

    kind: str
    z0: float
    z1: float
    y0: float
    y1: float
    steps: int = 0
    rise_m: float = 0.0


def segments_of(rng: np.random.Generator, end_z: float, start_z: float) -> list[Segment]:
    """A way from start_z beyond end_z that stays within about two metres of where it began."""
    way = [Segment(FLAT, start_z, 3.2, 0.0, 0.0)]
    rise, run = float(rng.uniform(0.15, 0.178)), float(rng.uniform(0.27, 0.32))
    while way[-1].z1 < end_z:
        last = way[-1]
        z, y = last.z1, last.y1
        kind = (UP, DOWN, UP, DOWN, RAMP_UP, RAMP_DOWN, STEP_UP, STEP_DOWN)[int(rng.integers(8))]
        if (kind in (UP, RAMP_UP) and y > 0.7) or (kind in (DOWN, RAMP_DOWN) and y < -0.7):
            kind = {UP: DOWN, DOWN: UP, RAMP_UP: RAMP_DOWN, RAMP_DOWN: RAMP_UP}[kind]
        sign = 1.0 if kind.endswith("up") else -1.0
        if kind in (UP, DOWN):
            count = int(rng.integers(4, 12))
            way.append(Segment(kind, z, z + count * run, y, y + sign * count * rise, count, rise))
        elif kind in (RAMP_UP, RAMP_DOWN):
            high = float(rng.uniform(0.3, 0.5))
            way.append(Segment(kind, z, z + high * float(rng.uniform(12, 14)), y, y + sign * high))
        else:
            way.append(Segment(kind, z, z + 0.3, y, y + sign * rise, 1, rise))
        last = way[-1]
        way.append(Segment(FLAT, last.z1, last.z1 + float(rng.uniform(2.4, 5.0)), last.y1, last.y1))
    return way


def height_of(way: list[Segment]):
    """z -> height of the way, metres; flights count as slopes."""
    zs, ys = np.array([*(s.z0 for s in way), way[-1].z1]), np.array([*(s.y0 for s in way), way[-1].y1])
    return lambda z: float(np.interp(z, zs, ys))


class Piece(Quad):
    """A piece of floor or a riser: sorted by its far edge, so that what stands on it comes after it."""

    def __init__(self, texture: Texture, origin, along_u, along_v, thing: Thing | None = None,
                 nudge_m: float = 0.02) -> None:
        super().__init__(texture, origin, along_u, along_v, LAYER_OBJECTS, thing, nudge_m=nudge_m)
        self._reference = (0.0, float(self.corners[:, 2].max()))


class Surfaces:
    """The textures of one way."""

    def __init__(self, world: World, rng: np.random.Generator, width_m: float, outdoors: bool) -> None:
        bake = world.light.bake
        kinds = ("tiles", "terrazzo", "lino") if not outdoors else ("tiles", "terrazzo")
        kind = kinds[int(rng.integers(len(kinds)))]
        self.floors = [Texture(bake(finishes.floor(rng, _PIECE_M, width_m, kind))) for _ in range(1)]
        self.ramp = Texture(bake(finishes.floor(rng, _PIECE_M, width_m, "lino")))
        colour = tuple(float(c) for c in rng.uniform(110, 200) * rng.uniform(0.9, 1.08, 3))
        nosing = _NOSINGS[int(rng.integers(len(_NOSINGS)))]
        self.tread = Texture(bake(_step_picture(rng, colour, nosing)))
        self.riser = Texture(bake((_step_picture(rng, colour, None) * float(rng.uniform(0.55, 0.8))).astype(np.uint8)))
        self.rail = Texture(bake(_rail_picture(rng)))
        self.dots = Texture(bake(_warning_picture(rng)))


def add_way(world: World, rng: np.random.Generator, way: list[Segment], half_width_m: float, outdoors: bool) -> None:
    """Floors, flights, ramps, steps, handrails, and warning paving before some flights."""
    made = Surfaces(world, rng, 2 * half_width_m, outdoors)
    middle_rail = bool(rng.random() < 0.3) and half_width_m > 1.7
    for before, segment in zip([None, *way], way, strict=False):
        if segment.kind == FLAT:
            _sloped(world, made.floors, segment, half_width_m, None)
            continue
        if segment.kind in (UP, DOWN):
            _flight(world, made, segment, half_width_m)
            sides = (-1.0, 1.0)
            if before is not None and before.z1 - before.z0 > 2.0 and rng.random() < 0.5:
                _warning(world, made, segment, half_width_m)
        elif segment.kind in (RAMP_UP, RAMP_DOWN):
            thing = _thing(world, "ramp", segment, half_width_m)
            _sloped(world, [made.ramp], segment, half_width_m, thing)
            sides = (-1.0, 1.0) if rng.random() < 0.6 else ()
        else:
            _single_step(world, made, segment, half_width_m)
            sides = ()
        for side in sides:
            _rail(world, made, segment, side * (half_width_m - 0.05))
        if middle_rail and segment.kind in (UP, DOWN):
            _rail(world, made, segment, 0.95, posts=True)


def _thing(world: World, name: str, segment: Segment, half_width_m: float) -> Thing:
    middle = (segment.z0 + segment.z1) / 2
    return world.thing(name, still(0.0, middle), height_m=(segment.y0 + segment.y1) / 2, half_x_m=half_width_m,
                       half_z_m=(segment.z1 - segment.z0) / 2)


def _sloped(world: World, textures: list[Texture], segment: Segment, half: float, thing: Thing | None) -> None:
    length = segment.z1 - segment.z0
    count = max(1, round(length / _PIECE_M))
    for k in range(count):
        a, b = k / count, (k + 1) / count
        z0, y0 = segment.z0 + a * length, segment.y0 + a * (segment.y1 - segment.y0)
        dz, dy = (b - a) * length, (b - a) * (segment.y1 - segment.y0)
        world.parts.append(Piece(textures[k % len(textures)], (-half, y0, z0), (0, dy, dz), (2 * half, 0, 0), thing))


def _flight(world: World, made: Surfaces, segment: Segment, half: float) -> None:
    thing = _thing(world, segment.kind, segment, half)
    run, up = (segment.z1 - segment.z0) / segment.steps, segment.kind == UP
    for k in range(segment.steps):
        z = segment.z0 + k * run
        y = segment.y0 + (k + 1) * segment.rise_m * (1 if up else -1)
        # a tread's picture has its edge at the lower border: towards the walker going up, away from them going down
        world.parts.append(Piece(made.tread, (-half, y, z + run), (2 * half, 0, 0), (0, 0, -run), thing) if up else
                           Piece(made.tread, (half, y, z), (-2 * half, 0, 0), (0, 0, run), thing))
        if up:
            world.parts.append(Piece(made.riser, (-half, y, z), (2 * half, 0, 0), (0, -segment.rise_m, 0), thing, 0.0))
    if not up:  # the edge of the landing, seen from above
        edge = min(0.06, run / 4)
        world.parts.append(Piece(made.tread, (half, segment.y0 + 0.002, segment.z0 - 4 * edge), (-2 * half, 0, 0),
                                 (0, 0, 4 * edge), thing, -0.01))


def _single_step(world: World, made: Surfaces, segment: Segment, half: float) -> None:
    up = segment.kind == STEP_UP
    thing = _thing(world, "single step", segment, half)
    z, depth = segment.z0, segment.z1 - segment.z0
    if up:
        world.parts += [Piece(made.tread, (-half, segment.y1, z + depth), (2 * half, 0, 0), (0, 0, -depth), thing),
                        Piece(made.riser, (-half, segment.y1, z), (2 * half, 0, 0), (0, -segment.rise_m, 0), thing,
                              0.0)]
    else:
        world.parts += [Piece(made.floors[0], (-half, segment.y1, z), (0, 0, depth), (2 * half, 0, 0)),
                        Piece(made.tread, (half, segment.y0 + 0.002, z - 0.25), (-2 * half, 0, 0), (0, 0, 0.25), thing,
                              -0.01)]


def _rail(world: World, made: Surfaces, segment: Segment, x: float, posts: bool = False) -> None:
    """A handrail along a flight or ramp; posts: standing free in the way."""
    middle, dy = (segment.z0 + segment.z1) / 2, segment.y1 - segment.y0
    thing = world.thing("handrail", still(x, middle), height_m=(segment.y0 + segment.y1) / 2 + _RAIL_M,
                        half_z_m=(segment.z1 - segment.z0) / 2, body_m=0.04 if posts else 0.0)
    length, count = segment.z1 - segment.z0, max(1, round((segment.z1 - segment.z0) / 1.2))
    for k in range(count):
        z, y = segment.z0 + k * length / count, segment.y0 + k * dy / count
        rail = Quad(made.rail, (x, y + _RAIL_M + _RAIL_HIGH_M, z), (0, dy / count, length / count),
                    (0, -_RAIL_HIGH_M, 0), LAYER_OBJECTS, thing)
        world.parts.append(rail)
        if posts:
            world.parts.append(Quad(made.rail, (x - 0.02, y + _RAIL_M, z), (0.04, 0, 0), (0, -_RAIL_M, 0),
                                    LAYER_OBJECTS, thing, nudge_m=-0.05))


def _warning(world: World, made: Surfaces, segment: Segment, half: float) -> None:
    """Blister paving before a flight (ISO 23599)."""
    z = segment.z0 - 0.75
    thing = world.thing("tactile paving", still(0.0, z + 0.2), height_m=segment.y0, half_x_m=half, half_z_m=0.2)
    world.parts.append(Piece(made.dots, (-half, segment.y0 + 0.002, z + 0.4), (2 * half, 0, 0), (0, 0, -0.4), thing,
                             -0.2))


def _step_picture(rng: np.random.Generator, colour, nosing) -> np.ndarray:
    shade = 0.86 + 0.05 * value_noise(rng, 48, 256, (3, 12), 3) + 0.03 * grain(rng, 48, 256)
    shade[:8] *= np.linspace(0.72, 1.0, 8)[:, None]
    picture = coloured(shade, colour)
    picture[40:] = coloured(shade[40:] + 0.08, nosing) if nosing else np.clip(picture[40:] * 1.16, 0, 255)
    return picture


def _rail_picture(rng: np.random.Generator) -> np.ndarray:
    colour = ((150, 104, 66), (176, 180, 184), (60, 62, 66), (40, 84, 140), (206, 178, 60))[int(rng.integers(5))]
    shade = np.repeat(np.array([0.75, 1.1, 1.25, 1.0, 0.75, 0.5], np.float32)[:, None], 48, axis=1)
    return coloured(shade, colour)


def _warning_picture(rng: np.random.Generator) -> np.ndarray:
    shade = 0.9 + 0.03 * grain(rng, 32, 240)
    shade[4::8, 4::8] = 0.6
    shade[3::8, 3::8] = 1.2
    return coloured(shade, ((214, 172, 60), (196, 192, 184), (206, 120, 80))[int(rng.integers(3))])
