"""Shelves, cupboards, kitchens and appliances, as flat faces: local origin on the floor, back towards +z, facing -z.

Fronts are textures of their own; sizes are those of product sheets, metres.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from maxsight_core.scenes.furniture import Tint, darker
from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.solid import Colour, Face, box
from maxsight_core.scenes.textures import Texture, coloured, grain, value_noise

Bake = Callable[[np.ndarray], np.ndarray]
_PPM = 110
_BOOKS: tuple[Colour, ...] = ((176, 42, 40), (38, 74, 128), (212, 176, 72), (48, 102, 70), (232, 226, 210),
                              (96, 60, 110), (40, 40, 46), (200, 110, 60), (120, 150, 170))


def _front(width_m: float, height_m: float, colour: Colour, rng: np.random.Generator) -> np.ndarray:
    rows, columns = max(8, round(height_m * _PPM)), max(8, round(width_m * _PPM))
    shade = 0.94 + 0.04 * value_noise(rng, rows, columns, (3, 3), 3) + 0.012 * grain(rng, rows, columns)
    return coloured(shade, colour)


def bookcase(rng: np.random.Generator, tint: Tint, bake: Bake, colour: Colour, width_m: float,
             height_m: float) -> list[Face]:
    """Open shelves full of books, boxes and gaps, 0.32 m deep."""
    picture = (_front(width_m, height_m, darker(colour, 0.45), rng)).copy()
    rows, columns = picture.shape[:2]
    shelves = max(2, round(height_m / 0.36))
    for k in range(shelves):
        base = rows - 8 - round(k * (rows - 12) / shelves)
        room = round((rows - 12) / shelves) - 6
        x = 7
        while x < columns - 12:
            width, high = int(rng.integers(3, 9)), int(room * rng.uniform(0.55, 0.95))
            if rng.random() < 0.15:
                x += int(rng.integers(6, 26))
                continue
            if rng.random() < 0.08:
                width, high = int(rng.integers(14, 26)), int(room * 0.5)
            book = tuple(int(c * rng.uniform(0.7, 1.1)) for c in _BOOKS[int(rng.integers(len(_BOOKS)))])
            right = min(x + width, columns - 8)
            cv2.rectangle(picture, (x, base - high), (right, base), book, -1)
            cv2.line(picture, (right, base - high), (right, base), darker(book, 0.5), 1)
            x += width + 1
        cv2.rectangle(picture, (0, base), (columns - 1, base + 5), colour, -1)
    cv2.rectangle(picture, (0, 0), (columns - 1, rows - 1), colour, 10)
    half = width_m / 2
    return box((-half, 0.0, -0.16), (half, height_m, 0.16), tint(darker(colour, 0.85)), Texture(bake(picture)))


def cupboard(rng: np.random.Generator, tint: Tint, bake: Bake, colour: Colour, width_m: float, height_m: float,
             depth_m: float, top: Colour | None = None) -> list[Face]:
    """Doors and drawers with handles; top: a worktop that stands out a little."""
    picture = _front(width_m, height_m, colour, rng)
    rows, columns = picture.shape[:2]
    doors = max(1, round(width_m / 0.5))
    drawer = int(0.2 * rows) if height_m < 1.1 and rng.random() < 0.7 else 0
    dark, steel = darker(colour, 0.6), (178, 180, 184)
    for k in range(doors):
        x0, x1 = round(k * columns / doors), round((k + 1) * columns / doors)
        cv2.rectangle(picture, (x0 + 1, drawer + 2), (x1 - 2, rows - 8), dark, 2)
        side = x1 - 12 if k % 2 == 0 else x0 + 12
        middle = (drawer + rows) // 2 if height_m > 1.1 else drawer + 18
        cv2.line(picture, (side, middle - 8), (side, middle + 8), steel, 3, cv2.LINE_AA)
        if drawer:
            cv2.rectangle(picture, (x0 + 1, 2), (x1 - 2, drawer - 2), dark, 2)
            cv2.line(picture, ((x0 + x1) // 2 - 9, drawer // 2), ((x0 + x1) // 2 + 9, drawer // 2), steel, 3)
    picture[rows - 7:] = darker(colour, 0.35)
    half, z = width_m / 2, depth_m / 2
    faces = box((-half, 0.0, -z), (half, height_m, z), tint(darker(colour, 0.9)), Texture(bake(picture)))
    if top is not None:
        faces += box((-half - 0.01, height_m, -z - 0.03), (half + 0.01, height_m + 0.04, z), tint(top))
    return faces


def refrigerator(rng: np.random.Generator, tint: Tint, bake: Bake) -> list[Face]:
    """Fridge over freezer, 0.60 m wide, 1.5 to 1.9 m high."""
    colour = ((236, 238, 238), (176, 180, 184), (48, 50, 54), (186, 60, 52))[int(rng.integers(4))]
    height = float(rng.uniform(1.5, 1.9))
    picture = _front(0.6, height, colour, rng)
    rows, columns = picture.shape[:2]
    split = int(rows * float(rng.choice((0.34, 0.62))))
    cv2.rectangle(picture, (0, split - 2), (columns, split + 2), darker(colour, 0.4), -1)
    for low, high in ((split - 42, split - 8), (split + 8, split + 42)):
        cv2.rectangle(picture, (columns - 12, low), (columns - 8, high), (110, 112, 116), -1)
    for _ in range(int(rng.integers(0, 5))):  # magnets and notes
        x, y = int(rng.integers(6, columns - 24)), int(rng.integers(10, max(12, split - 30)))
        note = _BOOKS[int(rng.integers(len(_BOOKS)))]
        cv2.rectangle(picture, (x, y), (x + int(rng.integers(5, 14)), y + int(rng.integers(5, 16))), note, -1)
    cv2.rectangle(picture, (0, 0), (columns - 1, rows - 1), darker(colour, 0.55), 2)
    return box((-0.30, 0.02, -0.31), (0.30, height, 0.31), tint(darker(colour, 0.88)), Texture(bake(picture)))


def oven(rng: np.random.Generator, tint: Tint, bake: Bake) -> list[Face]:
    """A cooker with four rings, 0.60 m wide, 0.90 m high."""
    colour = ((232, 234, 234), (62, 64, 68), (170, 172, 176))[int(rng.integers(3))]
    picture = _front(0.6, 0.88, colour, rng)
    rows, columns = picture.shape[:2]
    cv2.rectangle(picture, (6, 24), (columns - 6, rows - 26), (28, 28, 32), -1)
    cv2.line(picture, (12, 60), (columns - 26, 34), (84, 88, 94), 3, cv2.LINE_AA)
    cv2.line(picture, (10, 22), (columns - 10, 22), (190, 192, 196), 4)
    for k in range(5):
        cv2.circle(picture, (10 + k * (columns - 20) // 4, 10), 5, (40, 40, 44), -1, cv2.LINE_AA)
    top = np.full((72, 72, 3), 34, np.uint8)
    for x in (20, 52):
        for y in (20, 52):
            cv2.circle(top, (x, y), 11, (84, 84, 88), 2, cv2.LINE_AA)
    faces = box((-0.30, 0.0, -0.30), (0.30, 0.88, 0.30), tint(darker(colour, 0.88)), Texture(bake(picture)))
    return faces + box((-0.30, 0.88, -0.30), (0.30, 0.90, 0.30), Texture(bake(top)))


def sink_top(tint: Tint) -> list[Face]:
    """Basin and tap let into a worktop; local origin on the worktop."""
    steel, dark = tint((196, 200, 204)), tint((120, 124, 128))
    faces = [Face(np.array([(-0.30, 0.005, 0.20), (0.30, 0.005, 0.20), (0.30, 0.005, -0.22), (-0.30, 0.005, -0.22)]),
                  steel),
             Face(np.array([(-0.24, 0.006, 0.14), (0.14, 0.006, 0.14), (0.14, 0.006, -0.18), (-0.24, 0.006, -0.18)]),
                  dark)]
    faces += box((-0.07, 0.0, 0.16), (-0.03, 0.26, 0.20), steel)
    return faces + box((-0.065, 0.23, -0.04), (-0.035, 0.26, 0.18), steel)


def toilet(tint: Tint) -> list[Face]:
    """Bowl, seat and cistern, 0.80 m high."""
    white = (240, 242, 240)
    faces = box((-0.20, 0.36, 0.16), (0.20, 0.80, 0.34), tint(white))
    faces += box((-0.12, 0.0, -0.20), (0.12, 0.36, 0.16), tint(darker(white, 0.9)))
    faces += box((-0.19, 0.34, -0.34), (0.19, 0.41, 0.16), tint(white))
    return faces + box((-0.18, 0.41, -0.33), (0.18, 0.44, 0.14), tint(darker(white, 0.95)))


def screen(rng: np.random.Generator, bake: Bake, lit: bool, width_px: int = 192, height_px: int = 110) -> np.ndarray:
    """A television or monitor, RGB: a dark mirror or, lit, a picture that shines whatever the light."""
    rgb = np.full((height_px, width_px, 3), 16, np.uint8)
    inner = rgb[5:-5, 5:-5]
    if not lit:
        inner[:] = (np.linspace(26, 44, inner.shape[0])[:, None, None] * np.ones(3)).astype(np.uint8)
        cv2.line(rgb, (24, height_px - 16), (70, 12), (62, 66, 72), 6, cv2.LINE_AA)
        return bake(rgb)
    noise = value_noise(rng, *inner.shape[:2], (3, 4), 3)
    tone = rng.uniform(40, 220, 3)
    inner[:] = np.clip(tone * (0.8 + 0.6 * noise[..., None]), 0, 255).astype(np.uint8)
    for _ in range(5):
        x, y = int(rng.integers(8, width_px - 30)), int(rng.integers(8, height_px - 20))
        cv2.rectangle(rgb, (x, y), (x + int(rng.integers(10, 60)), y + int(rng.integers(4, 24))),
                      tuple(int(c) for c in rng.integers(30, 250, 3)), -1)
    cv2.rectangle(rgb, (0, 0), (width_px - 1, height_px - 1), (16, 16, 18), 5)
    return rgb


def machine_front(rng: np.random.Generator, title: str, ground: Colour) -> np.ndarray:
    """A vending or ticket machine, RGB [1.85 m, 0.90 m]: window or screen, buttons, slot."""
    rgb = _front(0.9, 1.85, ground, rng)
    rows, columns = rgb.shape[:2]
    draw_text(rgb, title, (6, 6, columns - 12, 22), (250, 250, 246), bold=True)
    if title == "TICKETS":
        cv2.rectangle(rgb, (14, 40), (columns - 14, 96), (24, 46, 70), -1)
        for k in range(6):
            x, y = 20 + (k % 2) * 32, 46 + (k // 2) * 16
            cv2.rectangle(rgb, (x, y), (x + 26, y + 11), (210, 220, 226), -1)
        cv2.rectangle(rgb, (20, 112), (46, 140), (60, 62, 66), -1)
        cv2.rectangle(rgb, (58, 112), (columns - 20, 118), (20, 20, 22), -1)
    else:
        cv2.rectangle(rgb, (8, 34), (columns - 26, rows - 52), (214, 226, 232), -1)
        for y in range(40, rows - 70, 24):
            for x in range(12, columns - 36, 11):
                cv2.rectangle(rgb, (x, y), (x + 7, y + 18), _BOOKS[int(rng.integers(len(_BOOKS)))], -1)
        cv2.rectangle(rgb, (columns - 20, 60), (columns - 8, 90), (30, 32, 36), -1)
    cv2.rectangle(rgb, (14, rows - 42), (columns - 14, rows - 24), (24, 24, 26), -1)
    cv2.rectangle(rgb, (0, 0), (columns - 1, rows - 1), darker(ground, 0.5), 3)
    return rgb
