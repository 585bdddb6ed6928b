"""People who sit, wheel, push or pull something, and looks with more colours than those of :mod:`people`."""

from __future__ import annotations

import colorsys
import dataclasses

import numpy as np

from maxsight_core.scenes.figure import BOARD_ROWS, Board, Colour
from maxsight_core.scenes.people import Look, Walker, cloth, random_look
from maxsight_core.scenes.small_things import suitcase
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.trips import Trip
from maxsight_core.scenes.world import World

CHILD_HEIGHT_M = (0.95, 1.35)
SEATED_HEIGHT_M = 1.30
"""Soles to crown on a chair of 0.45 m: popliteal height 0.43 m and sitting height 0.87 m (ISO 7250 means)."""
_LEAST_ROWS, _SEATED_SHARE = 180, 0.75
_TOWED_BODY_M = 0.2
_METAL: Colour = (150, 152, 158)
_TYRE: Colour = (26, 26, 28)


def varied_look(rng: np.random.Generator, child: bool = False) -> Look:
    """A person in clothes of any colour; skin in a range of tones."""
    def any_colour(low: float, high: float) -> Colour:
        r, g, b = colorsys.hsv_to_rgb(float(rng.random()), float(rng.uniform(0.0, 0.85)), float(rng.uniform(low, high)))
        return (r * 255, g * 255, b * 255)

    tone = float(rng.uniform(0.0, 1.0)) ** 0.8
    skin = tuple(a * (1 - tone) + b * tone for a, b in zip((248, 214, 190), (92, 58, 42), strict=True))
    look = dataclasses.replace(random_look(rng), top=any_colour(0.2, 0.95), second=any_colour(0.2, 0.95),
                               legs=any_colour(0.12, 0.6), skin=skin)
    return dataclasses.replace(look, height_m=float(rng.uniform(*CHILD_HEIGHT_M)), bag=False) if child else look


def add_walking(world: World, rng: np.random.Generator, trip: Trip, class_name: str = "person"):
    """Somebody on a trip, with a look of their own; class ``child`` is smaller."""
    walker = Walker(varied_look(rng, class_name == "child"), world.light, picture_rows(world))
    return world.add_person(walker, trip, class_name)


def picture_rows(world: World) -> int:
    """Rows of a person's picture: as many as the frame has, within reason; drawing takes longer than anything else."""
    return int(min(max(world.spec.height, _LEAST_ROWS), BOARD_ROWS))


def seated(look: Look, side: str, rows: int = 280) -> np.ndarray:
    """RGBA, soles to crown, width 0.62 of the height; side: front, left or right."""
    board, top = Board(0.62, rows), cloth(look)
    skin_or_cloth = look.skin if look.skirt else look.legs
    if side == "front":
        _seated_front(board, look, top, skin_or_cloth)
        return board.pixels()
    board.limb((-0.06, 0.645), (0.20, 0.645), 0.078, 0.062, look.legs)
    board.limb((0.205, 0.65), (0.205, 0.93), 0.055, 0.038, skin_or_cloth)
    board.limb((0.205, 0.965), (0.27, 0.97), 0.030, 0.026, look.shoes)
    board.body([(0.215, -0.075, 0.04), (0.25, -0.075, 0.085), (0.40, -0.07, 0.10), (0.66, -0.065, 0.095)], top)
    board.limb((-0.07, 0.29), (-0.02, 0.47), 0.045, 0.036, top)
    board.limb((-0.02, 0.47), (0.14, 0.55), 0.035, 0.026, top)
    board.ball((0.165, 0.56), 0.028, 0.026, look.skin)
    board.limb((-0.07, 0.17), (-0.075, 0.23), 0.036, 0.042, look.skin)
    if look.long_hair:
        board.ball((-0.10, 0.13), 0.058, 0.10, look.hair)
    board.ball((-0.068, 0.098), 0.064, 0.090, look.skin)
    board.ball((-0.088, 0.068), 0.066, 0.066, look.hair)
    board.ball((-0.048, 0.108), 0.052, 0.066, look.skin)
    board.ball((-0.024, 0.090), 0.007, 0.008, (36, 28, 26))
    pixels = board.pixels()
    return pixels if side == "right" else np.ascontiguousarray(pixels[:, ::-1])


def _seated_front(board: Board, look: Look, top, skin_or_cloth: Colour) -> None:
    if look.long_hair:
        board.ball((0.0, 0.135), 0.078, 0.115, look.hair)
    for sign in (-1, 1):
        board.limb((sign * 0.085, 0.70), (sign * 0.090, 0.92), 0.052, 0.036, skin_or_cloth)
        board.ball((sign * 0.095, 0.965), 0.042, 0.034, look.shoes)
    board.body([(0.205, 0, 0.045), (0.225, 0, 0.10), (0.245, 0, 0.145), (0.30, 0, 0.165), (0.45, 0, 0.150),
                (0.64, 0, 0.140)], top)
    for sign in (-1, 1):
        board.ball((sign * 0.085, 0.665), 0.080, 0.075, look.legs)
        elbow, hand = (sign * 0.195, 0.47), (sign * 0.11, 0.59)
        board.limb((sign * 0.14, 0.28), elbow, 0.046, 0.038, top)
        board.limb(elbow, hand, 0.036, 0.027, top)
        board.ball((hand[0] * 0.95, hand[1] + 0.012), 0.030, 0.027, look.skin)
    board.limb((0, 0.16), (0, 0.23), 0.038, 0.046, look.skin)
    board.ball((0, 0.100), 0.063, 0.094, look.skin)
    board.body([(0.004, 0, 0.020), (0.018, 0, 0.050), (0.040, 0, 0.066), (0.060, 0, 0.067)], look.hair)
    for sign in (-1, 1):
        board.ball((sign * 0.024, 0.095), 0.010, 0.007, (250, 248, 244))
        board.ball((sign * 0.024, 0.095), 0.006, 0.006, (36, 28, 26))
    board.line([(-0.018, 0.148), (0.018, 0.148)], 0.006, (150, 74, 70))


def add_seated(world: World, rng: np.random.Generator, x: float, z: float, side: str, nudge_m: float = -0.3) -> None:
    """Somebody on a seat at (x, z)."""
    pixels = seated(varied_look(rng), side, round(_SEATED_SHARE * picture_rows(world)))
    world.add_upright(pixels, x, z, SEATED_HEIGHT_M * float(rng.uniform(0.94, 1.05)), "person",
                      body_m=0.24, grounded=False, nudge_m=nudge_m)


def wheelchair_user(look: Look) -> np.ndarray:
    """RGBA, 1.30 m high, seen from the front; width 0.62 of the height."""
    board = Board(0.62)
    for sign in (-1, 1):
        board.limb((sign * 0.235, 0.52), (sign * 0.245, 0.98), 0.016, 0.016, _TYRE)
        board.limb((sign * 0.205, 0.56), (sign * 0.205, 0.90), 0.010, 0.010, _METAL)
        board.limb((sign * 0.12, 0.90), (sign * 0.12, 0.985), 0.014, 0.014, _TYRE)
    board.body([(0.34, 0, 0.17), (0.66, 0, 0.18)], (44, 48, 56))
    _seated_front(board, look, cloth(look), look.legs)
    for sign in (-1, 1):
        board.limb((sign * 0.21, 0.57), (sign * 0.21, 0.66), 0.016, 0.012, _METAL)
    board.body([(0.955, 0, 0.13), (0.975, 0, 0.13)], _METAL)
    return board.pixels()


def pushchair(rng: np.random.Generator) -> np.ndarray:
    """RGBA, 1.02 m high, seen from the front; width 0.62 of the height."""
    colour = tuple(float(c) for c in rng.integers(40, 220, 3))
    board = Board(0.62, 300)
    for sign in (-1, 1):
        board.limb((sign * 0.20, 0.03), (sign * 0.22, 0.90), 0.014, 0.014, _METAL)
        board.limb((sign * 0.235, 0.78), (sign * 0.235, 0.985), 0.026, 0.026, _TYRE)
    board.limb((-0.20, 0.03), (0.20, 0.03), 0.018, 0.018, (40, 40, 44))
    board.body([(0.14, 0, 0.12), (0.22, 0, 0.20), (0.40, 0, 0.22)], colour)
    board.body([(0.40, 0, 0.20), (0.78, 0, 0.19)], tuple(c * 0.55 for c in colour))
    board.ball((0, 0.46), 0.075, 0.085, (232, 190, 160))
    board.body([(0.54, 0, 0.13), (0.80, 0, 0.15)], tuple(min(255.0, c * 1.2) for c in colour))
    board.body([(0.84, 0, 0.17), (0.88, 0, 0.17)], (60, 60, 64))
    return board.pixels()


def add_with_suitcase(world: World, rng: np.random.Generator, trip: Trip) -> None:
    """A traveller with a case beside them."""
    add_walking(world, rng, trip)
    pixels, height = suitcase(rng)
    add_towed(world, trip, pixels, height, "suitcase", 0.42 if rng.random() < 0.5 else -0.42, 0.05)


@dataclasses.dataclass(frozen=True, slots=True)
class Alongside:
    """The motion of what goes along with a trip: aside_m to the right of it, ahead_m towards +z."""

    trip: Trip
    aside_m: float
    ahead_m: float

    def place(self, time_s: float) -> tuple[float, float]:
        """(x, z) at a time."""
        x, z = self.trip.place(time_s)
        return (x + self.aside_m, z + self.ahead_m)

    def present(self, time_s: float) -> bool:
        """Whether it is there."""
        return self.trip.present(time_s)


def add_towed(world: World, trip: Trip, pixels: np.ndarray, height_m: float, class_name: str, aside_m: float,
              ahead_m: float) -> None:
    """A thing that goes along with a trip (see :class:`Alongside`): a suitcase, a pushchair."""
    texture, beside = Texture(world.light.bake(pixels)), Alongside(trip, aside_m, ahead_m)
    ground = None if world.floor is None else lambda time_s: world.floor(*beside.place(time_s))
    world.add_actor(class_name, lambda _t, _v: texture, height_m, beside, _TOWED_BODY_M, ground=ground)
