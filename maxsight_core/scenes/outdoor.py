"""Pictures of the street: paving, asphalt, kerbs, house fronts, sky."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.surfaces import shop_fascia
from maxsight_core.scenes.textures import coloured, grain, value_noise

PAVING_PERIOD_M, ROAD_PERIOD_M = 3.0, 6.0
_PAVING_PPM, _ROAD_PPM = 128, 80
FRONT_PPM = 64
"""Texture pixels a metre of house fronts."""
_STOREY_M, _SHOP_M = 3.1, 3.6
Colour = tuple[float, float, float]
SHOPS = ("BAKERY", "CAFE ROMA", "PHARMACY", "BOOKS", "FLOWERS", "HAIR & NAILS", "OPTICIAN", "FISH BAR", "BANK",
         "PHONE REPAIR", "TAILOR", "GREENGROCER", "SHOES", "POST OFFICE")


def paving(rng: np.random.Generator, width_m: float) -> np.ndarray:
    """[width, 3 m] concrete slabs of 0.6 x 0.75 m in broken bond."""
    rows, columns = round(width_m * _PAVING_PPM), round(PAVING_PERIOD_M * _PAVING_PPM)
    shade = 0.86 + 0.05 * value_noise(rng, rows, columns, (8, 8), 4) + 0.035 * grain(rng, rows, columns)
    slab_u, slab_v = round(0.75 * _PAVING_PPM), round(0.6 * _PAVING_PPM)
    for row, top in enumerate(range(0, rows, slab_v)):
        shift = (row % 2) * slab_u // 2
        for left in range(-shift, columns, slab_u):
            window = (slice(top, top + slab_v), slice(max(left, 0), left + slab_u))
            # the slab cut by the seam must look the same at both ends
            shade[window] *= 1 + (0.05 * rng.standard_normal() if 0 <= left <= columns - slab_u else 0.0)
            if left > 0:
                shade[top:top + slab_v, left:left + 3] *= 0.66
        shade[top:top + 3] *= 0.66
    for _ in range(26):  # chewing gum and stains
        x, y = int(rng.integers(4, columns - 4)), int(rng.integers(4, rows - 4))
        cv2.circle(shade, (x, y), int(rng.integers(1, 4)), float(rng.uniform(0.6, 0.75)), -1, cv2.LINE_AA)
    return coloured(shade, (182, 176, 166))


def asphalt(rng: np.random.Generator, width_m: float, lines: bool) -> np.ndarray:
    """[width, 6 m] worn asphalt; lines: dashed middle and solid edges."""
    rows, columns = round(width_m * _ROAD_PPM), round(ROAD_PERIOD_M * _ROAD_PPM)
    shade = 0.82 + 0.06 * value_noise(rng, rows, columns, (6, 6), 4) + 0.085 * grain(rng, rows, columns)
    across = (np.arange(rows) + 0.5) / rows
    for lane in (0.25, 0.75):
        shade *= 1 - 0.07 * np.exp(-((across - lane) / 0.10) ** 2)[:, None]
    picture = coloured(shade, (92, 92, 95))
    if lines:
        worn = (0.88 + 0.10 * value_noise(rng, rows, columns, (20, 20), 3))[..., None]
        paint = (np.array([226, 226, 220]) * worn).clip(0, 255).astype(np.uint8)
        half = int(0.06 * _ROAD_PPM)
        middle = rows // 2
        picture[middle - half:middle + half, :columns // 2] = paint[middle - half:middle + half, :columns // 2]
        for edge in (int(0.30 * _ROAD_PPM), rows - int(0.30 * _ROAD_PPM)):
            picture[edge - half:edge + half] = (236, 196, 64) * worn[edge - half:edge + half]
    return picture


def kerb_stone(rng: np.random.Generator, rows: int = 24) -> np.ndarray:
    """[kerb, 3 m] granite blocks of 1 m."""
    columns = round(PAVING_PERIOD_M * _PAVING_PPM)
    shade = 0.86 + 0.05 * value_noise(rng, rows, columns, (2, 12), 3) + 0.04 * grain(rng, rows, columns)
    for left in range(0, columns, _PAVING_PPM):
        shade[:, left:left + 3] *= 0.6
    return coloured(shade, (198, 194, 186))


def zebra(rng: np.random.Generator, stripes: int = 7) -> np.ndarray:
    """Zebra stripes on asphalt, to be crossed along the picture's height, RGB 448 x 256."""
    shade = 0.84 + 0.05 * value_noise(rng, 256, 448, (6, 8), 4) + 0.06 * grain(rng, 256, 448)
    picture = coloured(shade, (92, 92, 95))
    worn = coloured(0.90 + 0.12 * value_noise(rng, 256, 448, (16, 24), 3), (232, 232, 226))
    step = 448 // stripes
    for k in range(stripes):
        stripe = slice(k * step + step // 4, k * step + step * 3 // 4)
        picture[:, stripe] = worn[:, stripe]
    return picture


def tactile(rng: np.random.Generator) -> np.ndarray:
    """Blister paving (truncated domes), RGB 320 x 128 for 2.0 x 0.8 m."""
    shade = 0.90 + 0.03 * grain(rng, 128, 320)
    for y in range(5, 128, 11):
        for x in range(5, 320, 11):
            cv2.circle(shade, (x, y), 4, 0.70, -1, cv2.LINE_AA)
            cv2.circle(shade, (x - 1, y - 1), 3, 1.12, -1, cv2.LINE_AA)
    for k in range(0, 320, 64):
        shade[:, k:k + 2] *= 0.7
    return coloured(shade, (214, 172, 78))


def house_front(rng: np.random.Generator, length_m: float, storeys: int, shop: str | None, lit: bool, surface,
                relief: np.ndarray) -> tuple[np.ndarray, float]:
    """(RGB picture, height_m) of a front, seen by an onlooker; surface: the light's bake function.

    relief: shade of plaster (:func:`plaster_relief`), of which each house shows a part.
    Lit windows are painted after the light, so that they shine at night.
    """
    height_m = (_SHOP_M if shop else _STOREY_M) + (storeys - 1) * _STOREY_M + 0.7
    rows, columns = round(height_m * FRONT_PPM), round(length_m * FRONT_PPM)
    wall = ((176, 96, 78), (206, 192, 164), (190, 176, 168), (162, 108, 84), (214, 206, 190), (150, 160, 166),
            (196, 150, 108))[int(rng.integers(7))]
    top, left = (int(rng.integers(0, spare + 1)) for spare in (relief.shape[0] - rows, relief.shape[1] - columns))
    picture = coloured(relief[top:top + rows, left:left + columns], wall)
    if rng.random() < 0.5:
        _bricks(rng, picture)
    picture[:int(0.35 * FRONT_PPM)] = (picture[:int(0.35 * FRONT_PPM)] * 0.62).astype(np.uint8)
    picture[-int(0.5 * FRONT_PPM):] = (picture[-int(0.5 * FRONT_PPM):] * 0.72).astype(np.uint8)
    lights: list[tuple[int, int, int, int]] = []
    count = max(2, int(length_m / 2.3))
    for storey in range(1 if shop else 0, storeys):
        base = (_SHOP_M if shop else _STOREY_M) + (storey - 1) * _STOREY_M if storey else 0.0
        for k in range(count):
            middle = (k + 0.5) / count * columns
            if storey == 0 and k == count // 2:
                _house_door(rng, picture, middle, rows)
                continue
            _window(picture, middle, rows - (base + 0.95) * FRONT_PPM, rng.random() < 0.45, lights)
    if shop:
        _shop_window(rng, picture, shop, lights)
    picture = surface(picture)
    if lit:
        for x0, y0, x1, y1 in lights:
            glow = np.array([255, 214, 140]) * rng.uniform(0.7, 1.0) * np.linspace(1, 0.72, y1 - y0)[:, None, None]
            picture[y0:y1, x0:x1] = np.maximum(picture[y0:y1, x0:x1], glow.clip(0, 255).astype(np.uint8))
    return picture, height_m


def plaster_relief(rng: np.random.Generator) -> np.ndarray:
    """Shade of a large plastered wall, [15 m, 32 m]."""
    rows, columns = 15 * FRONT_PPM, 32 * FRONT_PPM
    return 0.88 + 0.045 * value_noise(rng, rows, columns, (10, 20), 4) + 0.018 * grain(rng, rows, columns)


def _bricks(rng: np.random.Generator, picture: np.ndarray) -> None:
    """Courses of 0.15 m: fine enough to be texture, coarse enough for the camera."""
    rows, columns = picture.shape[:2]
    course, brick = 10, 24
    tones = rng.uniform(0.88, 1.10, (rows // course + 1, columns // brick + 2))
    row = np.arange(rows) // course
    column = (np.arange(columns)[None] + (row % 2)[:, None] * (brick // 2)) // brick
    tone = tones[row[:, None], column].astype(np.float32)
    tone[::course] = 0.82  # mortar
    joint = (np.arange(columns)[None] + (row % 2)[:, None] * (brick // 2)) % brick == 0
    tone[joint] = 0.82
    picture[:] = np.clip(picture * tone[..., None], 0, 255).astype(np.uint8)


def _window(picture: np.ndarray, middle: float, sill: float, lit: bool, lights: list) -> None:
    half, high = int(0.55 * FRONT_PPM), int(1.55 * FRONT_PPM)
    x0, x1, y1 = int(middle) - half, int(middle) + half, int(sill)
    y0 = max(y1 - high, 2)
    cv2.rectangle(picture, (x0 - 5, y0 - 5), (x1 + 5, y1 + 4), (232, 228, 218), -1)
    glass = np.linspace(96, 150, max(y1 - y0, 1))[:, None, None] * np.array([0.80, 0.95, 1.10])
    picture[y0:y1, x0:x1] = glass.clip(0, 255).astype(np.uint8)
    cv2.line(picture, (x0 + 8, y1 - 10), (x1 - 14, y0 + 14), (176, 196, 210), 3, cv2.LINE_AA)
    if lit:
        lights.append((x0, y0, x1, y1))
    cv2.line(picture, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), (226, 222, 212), 3)
    cv2.line(picture, (x0, (y0 * 2 + y1) // 3), (x1, (y0 * 2 + y1) // 3), (226, 222, 212), 3)
    cv2.rectangle(picture, (x0 - 8, y1 + 2), (x1 + 8, y1 + 8), (206, 202, 194), -1)


def _house_door(rng: np.random.Generator, picture: np.ndarray, middle: float, rows: int) -> None:
    half, high = int(0.5 * FRONT_PPM), int(2.15 * FRONT_PPM)
    colour = tuple(int(c) for c in rng.integers(30, 150, 3))
    x0, x1 = int(middle) - half, int(middle) + half
    cv2.rectangle(picture, (x0 - 5, rows - high - 5), (x1 + 5, rows), (226, 220, 208), -1)
    cv2.rectangle(picture, (x0, rows - high), (x1, rows), colour, -1)
    for top, bottom in ((high - 8, high // 2 + 6), (high // 2 - 6, 10)):
        cv2.rectangle(picture, (x0 + 8, rows - top), (x1 - 8, rows - bottom), tuple(int(c * 0.7) for c in colour), 2)
    cv2.circle(picture, (x1 - 8, rows - high // 2), 3, (220, 196, 120), -1, cv2.LINE_AA)


def _shop_window(rng: np.random.Generator, picture: np.ndarray, shop: str, lights: list) -> None:
    rows, columns = picture.shape[:2]
    accent = tuple(int(c) for c in rng.integers(30, 150, 3))
    top = rows - int(_SHOP_M * FRONT_PPM)
    picture[top:] = accent
    low, high = rows - int(0.45 * FRONT_PPM), rows - int(2.55 * FRONT_PPM)
    door = int(columns * rng.uniform(0.3, 0.7))
    for x0, x1 in ((14, door - 38), (door + 38, columns - 14)):
        if x1 - x0 < 30:
            continue
        glass = np.linspace(70, 120, low - high)[:, None, None] * np.array([0.85, 0.95, 1.05])
        picture[high:low, x0:x1] = glass.astype(np.uint8)
        for _ in range(max(3, (x1 - x0) // 40)):  # goods on display
            x, size = int(rng.integers(x0 + 6, max(x0 + 7, x1 - 26))), int(rng.integers(12, 34))
            goods = tuple(int(c) for c in rng.integers(70, 240, 3))
            cv2.rectangle(picture, (x, low - size - 8), (min(x + size, x1 - 2), low - 8), goods, -1)
        cv2.line(picture, (x0 + 10, low - 20), (min(x0 + 70, x1), high + 12), (166, 184, 196), 4, cv2.LINE_AA)
        lights.append((x0, high, x1, low))
    cv2.rectangle(picture, (door - 30, high - 6), (door + 30, rows), tuple(int(c * 0.6) for c in accent), -1)
    cv2.rectangle(picture, (door - 22, high + 6), (door + 22, rows - 22), (96, 110, 120), -1)
    fascia = shop_fascia(shop, accent, (246, 240, 222))
    band = cv2.resize(fascia, (columns - 12, int(0.70 * FRONT_PPM)), interpolation=cv2.INTER_AREA)
    y0 = rows - int(3.42 * FRONT_PPM)
    picture[y0:y0 + band.shape[0], 6:columns - 6] = band


def sky(rng: np.random.Generator, light: str) -> np.ndarray:
    """RGB 300 x 1200: 120 degrees of heading, 60 of elevation above the horizon (bottom row)."""
    rows, columns = 300, 1200
    top, low = {"day": ((92, 148, 212), (206, 222, 234)), "dim": ((96, 96, 120), (190, 160, 150)),
                "night": ((8, 10, 22), (34, 38, 56)), "glare": ((170, 190, 214), (255, 240, 206))}[light]
    share = np.linspace(0, 1, rows)[:, None, None] ** 1.4
    picture = np.asarray(top, float) * (1 - share) + np.asarray(low, float) * share
    picture = np.repeat(picture, columns, axis=1)
    if light == "night":
        for _ in range(160):
            y, x = int(rng.integers(0, 200)), int(rng.integers(0, columns))
            picture[y, x] += rng.uniform(40, 160)
    else:
        clouds = np.clip(value_noise(rng, rows, columns, (5, 9), 5) * 1.2 - 0.05, 0, 1)[..., None]
        white = np.array([255, 254, 250]) if light != "dim" else np.array([206, 184, 186])
        picture = picture * (1 - 0.75 * clouds) + white * 0.75 * clouds
    return np.clip(picture, 0, 255).astype(np.uint8)
