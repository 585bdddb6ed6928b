"""Seats, tables and beds of rooms, as flat faces: local origin on the floor, the back towards +z, facing -z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maxsight_core.scenes.solid import Colour, Face, box
from maxsight_core.scenes.textures import Texture, coloured, grain, value_noise

FABRICS: tuple[Colour, ...] = ((92, 104, 128), (150, 62, 56), (74, 112, 92), (196, 176, 144), (70, 70, 78),
                               (176, 122, 70), (120, 92, 134), (210, 200, 186), (52, 84, 110), (140, 134, 126))
WOODS: tuple[Colour, ...] = ((164, 116, 72), (112, 74, 46), (206, 174, 128), (226, 220, 208), (74, 60, 52),
                             (186, 140, 92))
FRAMES: tuple[Colour, ...] = ((58, 60, 64), (150, 152, 156), (200, 202, 204), (96, 68, 44))
Tint = Callable[[Colour], Colour]
"""A colour under the light of the scene."""


def pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """One of the colours, varied a little in shade."""
    shade = float(rng.uniform(0.85, 1.12))
    r, g, b = (int(min(255, c * shade)) for c in colours[int(rng.integers(len(colours)))])
    return (r, g, b)


def darker(colour: Colour, share: float = 0.7) -> Colour:
    """The colour in shade."""
    r, g, b = (int(c * share) for c in colour)
    return (r, g, b)


def fabric(rng: np.random.Generator, colour: Colour, bake: Callable[[np.ndarray], np.ndarray]) -> Texture:
    """Woven cloth with soft folds; a third of them patterned."""
    shade = 0.9 + 0.07 * value_noise(rng, 64, 96, (3, 4), 3) + 0.03 * grain(rng, 64, 96)
    kind = int(rng.integers(3))
    if kind == 1:
        shade[:, ::12] *= 0.8
    picture = coloured(shade, colour)
    if kind == 2:
        picture[::10] = np.clip(picture[::10] * 1.25, 0, 255).astype(np.uint8)
    return Texture(bake(picture))


def wood(rng: np.random.Generator, colour: Colour, bake: Callable[[np.ndarray], np.ndarray]) -> Texture:
    """Boards with grain along the picture's width."""
    shade = 0.92 + 0.10 * value_noise(rng, 48, 128, (14, 2), 3) + 0.02 * grain(rng, 48, 128)
    return Texture(bake(coloured(shade, colour)))


def couch(rng: np.random.Generator, tint: Tint, cloth: Texture, colour: Colour, width_m: float) -> list[Face]:
    """A couch or, narrow, an armchair: 0.85 m high, 0.86 m deep."""
    half, arm = width_m / 2, float(rng.uniform(0.12, 0.22))
    low, dark = float(rng.uniform(0.10, 0.16)), tint(darker(colour, 0.86))
    back = float(rng.uniform(0.74, 0.92))
    faces = box((-half, low, 0.20), (half, back, 0.43), tint(colour), cloth)
    seats = max(1, round((width_m - 2 * arm) / 0.65))
    for k in range(seats):
        x0 = -half + arm + (width_m - 2 * arm) * k / seats
        x1 = -half + arm + (width_m - 2 * arm) * (k + 1) / seats - 0.015
        faces += box((x0, 0.30, -0.40), (x1, 0.45, 0.22), cloth)
        faces += box((x0 + 0.02, 0.45, 0.12), (x1 - 0.02, back - 0.06, 0.24), dark, cloth)
    for x in (-half, half - arm):
        faces += box((x, low, -0.42), (x + arm, 0.62, 0.40), dark)
    faces += box((-half + arm, low, -0.41), (half - arm, 0.31, 0.20), tint(darker(colour, 0.7)))
    for x in (-half + 0.05, half - 0.11):
        faces += box((x, 0.0, -0.38), (x + 0.06, low, -0.32), tint((60, 46, 36)))
    return faces


def wooden_chair(tint: Tint, colour: Colour, seat: Colour) -> list[Face]:
    """A dining chair, 0.92 m high, with a slatted back."""
    faces: list[Face] = []
    for x in (-0.20, 0.17):
        faces += box((x, 0.0, 0.17), (x + 0.035, 0.92, 0.205), tint(colour))
        faces += box((x, 0.0, -0.20), (x + 0.035, 0.44, -0.165), tint(colour))
    for y in (0.56, 0.68, 0.80):
        faces += box((-0.18, y, 0.18), (0.18, y + 0.07, 0.20), tint(colour))
    return faces + box((-0.21, 0.43, -0.21), (0.21, 0.47, 0.21), tint(seat))


def office_chair(tint: Tint, colour: Colour) -> list[Face]:
    """A swivel chair on five castors, 1.05 m high."""
    metal = tint((52, 54, 58))
    faces: list[Face] = []
    for turn in range(5):
        angle = turn * 2 * np.pi / 5
        x, z = 0.28 * np.cos(angle), 0.28 * np.sin(angle)
        faces += box((min(0, x) - 0.02, 0.05, min(0, z) - 0.02), (max(0, x) + 0.02, 0.09, max(0, z) + 0.02), metal)
        faces += box((x - 0.03, 0.0, z - 0.03), (x + 0.03, 0.06, z + 0.03), tint((26, 26, 28)))
    faces += box((-0.03, 0.08, -0.03), (0.03, 0.44, 0.03), metal)
    faces += box((-0.25, 0.44, -0.24), (0.25, 0.53, 0.24), tint(colour))
    for x in (-0.29, 0.25):
        faces += box((x, 0.66, -0.16), (x + 0.04, 0.70, 0.14), metal)
        faces += box((x, 0.50, 0.0), (x + 0.04, 0.66, 0.05), metal)
    return faces + box((-0.23, 0.58, 0.20), (0.23, 1.05, 0.27), tint(colour))


def stool(tint: Tint, colour: Colour, height_m: float = 0.47) -> list[Face]:
    """A stool with four legs."""
    faces: list[Face] = []
    for x in (-0.16, 0.12):
        for z in (-0.16, 0.12):
            faces += box((x, 0.0, z), (x + 0.04, height_m - 0.04, z + 0.04), tint(darker(colour)))
    return faces + box((-0.18, height_m - 0.05, -0.18), (0.18, height_m, 0.18), tint(colour))


def bed(tint: Tint, cloth: Texture, colour: Colour, frame: Colour, width_m: float) -> list[Face]:
    """A made bed, head at +z: 2.0 m long, mattress at 0.52 m, headboard 0.95 m."""
    half = width_m / 2
    faces = box((-half - 0.03, 0.0, 1.0), (half + 0.03, 0.95, 1.06), tint(frame))
    faces += box((-half, 0.10, -1.0), (half, 0.30, 1.0), tint(frame))
    faces += box((-half + 0.02, 0.30, -0.98), (half - 0.02, 0.50, 0.98), tint((232, 230, 224)))
    faces += box((-half - 0.01, 0.28, -1.01), (half + 0.01, 0.54, 0.42), tint(colour), cloth)
    pillows = 1 if width_m < 1.2 else 2
    for k in range(pillows):
        x0 = -half + 0.08 + k * width_m / pillows
        faces += box((x0, 0.50, 0.52), (x0 + width_m / pillows - 0.16, 0.64, 0.92), tint((246, 244, 238)))
    return faces


def desk(tint: Tint, top: Texture, colour: Colour, legs: Colour, width_m: float) -> list[Face]:
    """A desk with a drawer unit and a panel at the back, 0.74 m high, 0.70 m deep."""
    half = width_m / 2
    faces = box((-half + 0.05, 0.30, 0.30), (half - 0.05, 0.70, 0.32), tint(darker(colour, 0.8)))
    faces += box((half - 0.48, 0.04, -0.30), (half - 0.06, 0.70, 0.28), tint(darker(colour, 0.9)))
    for y in (0.08, 0.29, 0.50):
        faces += box((half - 0.46, y, -0.31), (half - 0.08, y + 0.18, -0.30), tint(colour))
        faces += box((half - 0.32, y + 0.12, -0.33), (half - 0.22, y + 0.135, -0.31), tint((120, 122, 126)))
    for z in (-0.30, 0.26):
        faces += box((-half + 0.03, 0.0, z), (-half + 0.07, 0.70, z + 0.04), tint(legs))
    return faces + box((-half, 0.70, -0.35), (half, 0.74, 0.35), top)


def pedestal_table(tint: Tint, top: Texture, legs: Colour, side_m: float, height_m: float) -> list[Face]:
    """A square table on one leg, as in cafes."""
    half = side_m / 2
    faces = box((-0.22, 0.0, -0.22), (0.22, 0.03, 0.22), tint(legs))
    faces += box((-0.035, 0.03, -0.035), (0.035, height_m - 0.03, 0.035), tint(legs))
    return faces + box((-half, height_m - 0.03, -half), (half, height_m, half), top)


def row_of_seats(tint: Tint, colour: Colour, frame: Colour, count: int) -> list[Face]:
    """Seats joined on a beam, as in waiting rooms, along local x."""
    width = 0.55
    faces = box((-count * width / 2, 0.34, -0.03), (count * width / 2, 0.40, 0.05), tint(frame))
    for x in (-count * width / 2 + 0.12, count * width / 2 - 0.18):
        faces += box((x, 0.0, -0.26), (x + 0.06, 0.05, 0.26), tint(frame))
        faces += box((x, 0.05, -0.03), (x + 0.06, 0.36, 0.03), tint(frame))
    for k in range(count):
        x0 = -count * width / 2 + k * width + 0.03
        faces += box((x0, 0.41, -0.24), (x0 + width - 0.06, 0.46, 0.22), tint(colour))
        faces += box((x0, 0.50, 0.20), (x0 + width - 0.06, 0.86, 0.24), tint(colour))
    return faces
