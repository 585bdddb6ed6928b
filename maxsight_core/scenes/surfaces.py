"""Pictures of large surfaces: floors, walls, ceilings, paving, asphalt, doors, house fronts, sky.

Pictures of long surfaces have columns along z and repeat seamlessly; the doc of each gives its size in metres.
"""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.textures import coloured, grain, value_noise

INDOOR_PERIOD_M = 4.0
"""Ceiling lights repeat after this; so do floor, walls and ceiling, into which their light is painted."""
_INDOOR_PPM = 128
Colour = tuple[float, float, float]


def corridor_floor(rng: np.random.Generator, width_m: float, tile: Colour, lights_on: bool) -> np.ndarray:
    """[width, 4 m] polished tiles of 0.5 m with the sheen of the lamps above."""
    rows, columns = round(width_m * _INDOOR_PPM), round(INDOOR_PERIOD_M * _INDOOR_PPM)
    shade = 0.86 + 0.05 * value_noise(rng, rows, columns, (6, 9), 3) + 0.016 * grain(rng, rows, columns)
    side = _INDOOR_PPM // 2
    for r in range(0, rows, side):
        for c in range(0, columns, side):
            shade[r:r + side, c:c + side] *= 1 + 0.055 * rng.standard_normal()
    chequer = (np.add.outer(np.arange(rows) // side, np.arange(columns) // side) % 2).astype(np.float32)
    shade *= 1 - 0.09 * chequer
    for k in range(0, max(rows, columns), side):
        shade[k:k + 2] *= 0.74
        shade[:, k:k + 2] *= 0.74
    across, along = _centred(rows, columns)
    if lights_on:
        shade += 0.30 * np.exp(-(across / 0.35) ** 2 - (along / 0.20) ** 2)
    shade *= 1 - 0.30 * np.abs(across) ** 5
    picture = coloured(shade, tile)
    border = int(0.12 * _INDOOR_PPM)
    for rows_at in (slice(0, border), slice(rows - border, rows)):
        picture[rows_at] = (picture[rows_at] * 0.62).astype(np.uint8)
    return picture


def corridor_ceiling(rng: np.random.Generator, width_m: float, lights_on: bool) -> np.ndarray:
    """[width, 4 m] mineral tiles of 0.5 m and one lamp panel."""
    rows, columns = round(width_m * _INDOOR_PPM), round(INDOOR_PERIOD_M * _INDOOR_PPM)
    across, along = _centred(rows, columns)
    shade = 0.78 + 0.020 * grain(rng, rows, columns) + 0.02 * value_noise(rng, rows, columns, (12, 16), 2)
    if lights_on:
        shade += 0.14 * np.exp(-(across / 0.7) ** 2 - (along / 0.35) ** 2)
    side = _INDOOR_PPM // 2
    for k in range(0, max(rows, columns), side):
        shade[k:k + 3] *= 0.86
        shade[:, k:k + 3] *= 0.86
    picture = coloured(shade, (226, 226, 222))
    y0, y1 = int(rows / 2 - 0.3 * _INDOOR_PPM), int(rows / 2 + 0.3 * _INDOOR_PPM)
    x0, x1 = int(columns / 2 - 0.6 * _INDOOR_PPM), int(columns / 2 + 0.6 * _INDOOR_PPM)
    cv2.rectangle(picture, (x0, y0), (x1, y1), (255, 255, 250) if lights_on else (150, 150, 146), -1)
    cv2.rectangle(picture, (x0, y0), (x1, y1), (120, 120, 118), 3)
    cv2.line(picture, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), (196, 196, 190), 2)
    return picture


def corridor_wall(rng: np.random.Generator, height_m: float, paint: Colour, dado: Colour,
                  lights_on: bool) -> np.ndarray:
    """[height, 4 m] painted plaster over a darker dado with rail and skirting."""
    rows, columns = round(height_m * _INDOOR_PPM), round(INDOOR_PERIOD_M * _INDOOR_PPM)
    height = np.linspace(height_m, 0, rows)[:, None]  # of each row above the floor
    _, along = _centred(rows, columns)
    shade = 0.86 + 0.022 * value_noise(rng, rows, columns, (7, 10), 4) + 0.016 * grain(rng, rows, columns)
    if lights_on:
        shade += 0.13 * np.exp(-(along / 0.42) ** 2) * np.clip((height - 0.9) / 1.6, 0, 1)
    shade *= 1 - 0.26 * np.exp(-height / 0.22) - 0.18 * np.exp(-(height_m - height) / 0.16)
    picture = np.where((height > 1.0)[..., None], coloured(shade, paint), coloured(shade, dado))
    for low, high, colour in ((0.98, 1.06, (146, 116, 84)), (0.0, 0.11, (86, 74, 66))):
        band = (height[:, 0] >= low) & (height[:, 0] < high)
        picture[band] = coloured(shade[band] * np.linspace(1.12, 0.82, int(band.sum()))[:, None], colour)
    for c in range(0, columns, _INDOOR_PPM):  # panel joints of the dado
        picture[(height[:, 0] < 0.98) & (height[:, 0] > 0.11), c:c + 2] //= 2
    return picture.astype(np.uint8)


def plaster(rng: np.random.Generator, rows: int, columns: int, colour: Colour) -> np.ndarray:
    """A plain wall."""
    shade = 0.88 + 0.04 * value_noise(rng, rows, columns, (5, 5), 4) + 0.018 * grain(rng, rows, columns)
    return coloured(shade, colour)


def door(rng: np.random.Generator, leaf: Colour, glazed: bool, hinge_left: bool) -> np.ndarray:
    """A leaf with its frame, [2.10 m, 1.04 m] at 200 pixels a metre; the fitting is a thing of its own."""
    rows, columns = 420, 208
    wood = 0.92 + 0.07 * value_noise(rng, rows, columns, (3, 26), 3) + 0.02 * grain(rng, rows, columns)
    picture = coloured(wood, leaf)
    for top, bottom in ((40, 180), (230, 390)):
        if glazed and top == 40:
            glass = np.linspace(150, 206, bottom - top)[:, None, None] * np.array([0.88, 1.0, 1.02])
            picture[top:bottom, 62:146] = np.clip(glass, 0, 255).astype(np.uint8)
            cv2.line(picture, (70, 168), (132, 56), (236, 242, 242), 4, cv2.LINE_AA)
            cv2.rectangle(picture, (62, top), (146, bottom), (60, 52, 46), 3)
        else:
            cv2.rectangle(picture, (48, top), (160, bottom), tuple(c * 0.74 for c in leaf), 3)
            cv2.line(picture, (48, bottom), (160, bottom), tuple(min(255, c * 1.2) for c in leaf), 2)
    cv2.rectangle(picture, (24, 396), (184, 418), (168, 170, 172), -1)  # kick plate
    for y in (60, 210, 350):
        x = 16 if hinge_left else 184
        cv2.rectangle(picture, (x, y), (x + 7, y + 20), (146, 146, 142), -1)
    frame = tuple(int(c * 0.55) for c in leaf)
    cv2.rectangle(picture, (0, 0), (columns - 1, rows + 20), frame, 26)
    cv2.line(picture, (13, 13), (13, rows), tuple(int(c * 0.36) for c in leaf), 3)
    cv2.line(picture, (columns - 14, 13), (columns - 14, rows), tuple(int(c * 0.36) for c in leaf), 3)
    return picture


def lever_handle(points_right: bool) -> np.ndarray:
    """A lever on its rose, RGBA [0.06 m, 0.15 m]."""
    picture = np.zeros((48, 120, 4), np.uint8)
    steel, shine = (176, 180, 184, 255), (236, 238, 240, 255)
    cv2.line(picture, (24, 24), (106, 24), (70, 72, 76, 255), 21, cv2.LINE_AA)
    cv2.circle(picture, (24, 24), 22, steel, -1, cv2.LINE_AA)
    cv2.line(picture, (24, 23), (104, 23), steel, 14, cv2.LINE_AA)
    cv2.line(picture, (18, 19), (104, 19), shine, 4, cv2.LINE_AA)
    return picture if points_right else np.ascontiguousarray(picture[:, ::-1])


def concrete_step(rng: np.random.Generator, nosing: bool) -> np.ndarray:
    """A tread or riser, 256 x 48; nosing: with the yellow edge strip that ISO 21542 asks for, at the bottom."""
    shade = 0.82 + 0.05 * value_noise(rng, 48, 256, (3, 12), 3) + 0.03 * grain(rng, 48, 256)
    picture = coloured(shade, (168, 164, 158))
    if nosing:
        picture[40:] = coloured(shade[40:] + 0.1, (226, 186, 44))
    else:
        picture = (picture * np.linspace(0.78, 0.6, 48)[:, None, None]).astype(np.uint8)
    return picture


def shop_fascia(text: str, ground: Colour, ink: Colour) -> np.ndarray:
    """A name board, RGB 640 x 80."""
    picture = np.empty((80, 640, 3), np.uint8)
    picture[:] = np.clip(np.asarray(ground) * np.linspace(1.1, 0.85, 80)[:, None, None], 0, 255)
    draw_text(picture, text, (20, 6, 600, 66), ink, bold=True)
    cv2.rectangle(picture, (0, 0), (639, 79), tuple(int(c * 0.5) for c in ground), 3)
    return picture


def _centred(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """(across, along), each -1..1 from edge to edge, broadcastable."""
    across = (np.arange(rows, dtype=np.float32) + 0.5)[:, None] / rows * 2 - 1
    along = (np.arange(columns, dtype=np.float32) + 0.5)[None] / columns * 2 - 1
    return across, along
