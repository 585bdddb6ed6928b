"""Pictures of floors and walls of many kinds, for rooms, stairs and stations: RGB, a number of pixels a metre."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.textures import coloured, grain, value_noise

PPM = 72
"""Texture pixels a metre."""
Colour = tuple[float, float, float]
_FLOORS: dict[str, tuple[Colour, ...]] = {
    "planks": ((170, 124, 80), (206, 170, 124), (112, 78, 52), (186, 150, 110)),
    "tiles": ((206, 200, 190), (150, 150, 152), (120, 96, 80), (222, 222, 216)),
    "carpet": ((96, 104, 120), (130, 70, 66), (110, 118, 96), (168, 152, 130), (72, 74, 82)),
    "lino": ((186, 180, 164), (140, 158, 150), (160, 130, 104), (196, 196, 190)),
    "terrazzo": ((196, 192, 184), (170, 166, 160), (140, 138, 136)),
}
_WALLS: dict[str, tuple[Colour, ...]] = {
    "paint": ((226, 220, 206), (206, 216, 208), (222, 206, 190), (188, 200, 214), (238, 236, 230), (214, 190, 150),
              (150, 168, 150), (196, 150, 130)),
    "paper": ((216, 206, 186), (190, 196, 206), (206, 182, 170), (182, 196, 176)),
    "tiles": ((226, 228, 224), (196, 212, 216), (120, 146, 138), (214, 200, 170)),
    "brick": ((160, 92, 72), (190, 150, 120), (206, 200, 190), (120, 104, 96)),
    "concrete": ((164, 162, 158), (146, 144, 142), (184, 180, 172)),
}
FLOOR_KINDS, WALL_KINDS = tuple(_FLOORS), tuple(_WALLS)


def floor(rng: np.random.Generator, length_m: float, width_m: float, kind: str) -> np.ndarray:
    """[width, length] pixels: rows across the walk, columns along it."""
    rows, columns = max(16, round(width_m * PPM)), max(16, round(length_m * PPM))
    shade = 0.88 + 0.045 * value_noise(rng, rows, columns, (5, 6), 4) + 0.018 * grain(rng, rows, columns)
    if kind == "planks":
        _planks(rng, shade)
    elif kind == "tiles":
        side = round(float(rng.choice((0.3, 0.45, 0.6))) * PPM)
        _grid(rng, shade, side, side, 0.05, 0.66)
        if rng.random() < 0.3:
            chequer = np.add.outer(np.arange(rows) // side, np.arange(columns) // side) % 2
            shade *= np.where(chequer == 1, 0.55, 1.0).astype(np.float32)
    elif kind == "carpet":
        shade += 0.05 * grain(rng, rows, columns)
        if rng.random() < 0.4:
            shade *= (1 + 0.12 * np.sign(np.sin(np.arange(columns) / PPM * 9)))[None].astype(np.float32)
    elif kind == "terrazzo":
        chips = value_noise(rng, rows, columns, (rows // 4, columns // 4), 1)
        shade += np.where(chips > 0.35, 0.10, np.where(chips < -0.35, -0.16, 0.0)).astype(np.float32)
        _grid(rng, shade, round(1.2 * PPM), round(1.2 * PPM), 0.01, 0.8)
    else:
        shade += 0.05 * np.sign(value_noise(rng, rows, columns, (30, 30), 1)) * 0.4
    colours = _FLOORS[kind]
    return coloured(shade, _near(rng, colours[int(rng.integers(len(colours)))]))


def wall(rng: np.random.Generator, length_m: float, height_m: float, kind: str, skirting: bool = True) -> np.ndarray:
    """[height, length] pixels, with shade towards floor and ceiling."""
    rows, columns = max(16, round(height_m * PPM)), max(16, round(length_m * PPM))
    shade = 0.90 + 0.022 * value_noise(rng, rows, columns, (6, 8), 4) + 0.014 * grain(rng, rows, columns)
    if kind == "tiles":
        _grid(rng, shade, round(0.2 * PPM), round(0.3 * PPM), 0.03, 0.78)
    elif kind == "brick":
        _grid(rng, shade, round(0.12 * PPM), round(0.30 * PPM), 0.10, 0.74, broken=True)
    elif kind == "concrete":
        shade += 0.05 * value_noise(rng, rows, columns, (10, 14), 4)
        _grid(rng, shade, round(1.2 * PPM), round(1.5 * PPM), 0.02, 0.7)
    elif kind == "paper":
        across = np.sin(np.arange(columns) / PPM * float(rng.uniform(14, 40)))
        shade *= (1 + 0.06 * np.sign(across))[None].astype(np.float32)
    height = np.linspace(height_m, 0, rows)[:, None]
    shade *= 1 - 0.16 * np.exp(-height / 0.25) - 0.14 * np.exp(-(height_m - height) / 0.2)
    colour = _near(rng, _WALLS[kind][int(rng.integers(len(_WALLS[kind])))])
    picture = coloured(shade, colour)
    if rng.random() < 0.25:  # a band of another colour up to the waist
        low = rows - round(float(rng.uniform(0.9, 1.3)) * PPM)
        picture[low:] = (picture[low:] * rng.uniform(0.5, 0.9, 3)).astype(np.uint8)
        picture[low - 3:low] = (picture[low - 3:low] * 0.6).astype(np.uint8)
    if skirting:
        picture[-round(0.09 * PPM):] = (226, 222, 214) if rng.random() < 0.5 else (84, 66, 54)
    return picture


def ceiling(rng: np.random.Generator, length_m: float, width_m: float, lamps: bool) -> np.ndarray:
    """[width, length] pixels; lamps: bright panels or round lamps."""
    rows, columns = max(16, round(width_m * PPM)), max(16, round(length_m * PPM))
    shade = 0.86 + 0.015 * value_noise(rng, rows, columns, (5, 5), 3) + 0.01 * grain(rng, rows, columns)
    if rng.random() < 0.5:
        _grid(rng, shade, round(0.6 * PPM), round(0.6 * PPM), 0.01, 0.86)
    picture = coloured(shade, (232, 230, 224))
    count, panels = max(1, round(length_m / 2.6)), rng.random() < 0.5
    for k in range(count):
        x, y = int((k + 0.5) * columns / count), rows // 2
        colour = (255, 254, 246) if lamps else (158, 158, 154)
        if panels:
            cv2.rectangle(picture, (x - 36, y - 20), (x + 36, y + 20), colour, -1)
            cv2.rectangle(picture, (x - 36, y - 20), (x + 36, y + 20), (130, 130, 128), 2)
        else:
            cv2.circle(picture, (x, y), 17, colour, -1, cv2.LINE_AA)
            cv2.circle(picture, (x, y), 18, (140, 130, 110), 2, cv2.LINE_AA)
    return picture


def window(rng: np.random.Generator, width_m: float, height_m: float, light: str) -> np.ndarray:
    """A framed window with what is outside under this light, RGB; it shines by itself."""
    rows, columns = round(height_m * PPM * 1.5), round(width_m * PPM * 1.5)
    top, low = {"day": ((140, 186, 232), (226, 236, 242)), "dim": ((70, 74, 96), (140, 120, 116)),
                "night": ((8, 10, 20), (26, 28, 42)), "glare": ((236, 240, 244), (255, 252, 240))}[light]
    share = np.linspace(0, 1, rows)[:, None, None]
    rgb = (np.asarray(top) * (1 - share) + np.asarray(low) * share).repeat(columns, axis=1).astype(np.uint8)
    dim = {"day": 1.0, "dim": 0.45, "night": 0.12, "glare": 0.95}[light]
    for _ in range(int(rng.integers(2, 6))):  # houses and trees
        x, high = int(rng.integers(-20, columns)), int(rows * rng.uniform(0.15, 0.6))
        if rng.random() < 0.5:
            colour = tuple(int(c * dim) for c in rng.integers(90, 200, 3))
            cv2.rectangle(rgb, (x, rows - high), (x + int(rng.integers(30, 90)), rows), colour, -1)
        else:
            green = tuple(int(c * dim) for c in (70, 120 + int(rng.integers(0, 40)), 60))
            cv2.circle(rgb, (x, rows - high // 2), max(4, high // 2), green, -1, cv2.LINE_AA)
    white = tuple(int(c * max(dim, 0.25)) for c in (238, 236, 230))
    cv2.rectangle(rgb, (0, 0), (columns - 1, rows - 1), white, 14)
    for k in range(1, int(rng.integers(2, 4))):
        x = k * columns // (2 if k == 1 else 3)
        cv2.line(rgb, (x, 0), (x, rows), white, 7)
    if rng.random() < 0.5:
        cv2.line(rgb, (0, rows // 3), (columns, rows // 3), white, 6)
    return rgb


def _near(rng: np.random.Generator, colour: Colour) -> Colour:
    r, g, b = (float(c * f) for c, f in zip(colour, rng.uniform(0.88, 1.08, 3), strict=True))
    return (r, g, b)


def _planks(rng: np.random.Generator, shade: np.ndarray) -> None:
    board = round(0.14 * PPM)
    for top in range(0, shade.shape[0], board):
        left = -int(rng.integers(0, 80))
        while left < shade.shape[1]:
            right = left + int(rng.integers(60, 130))
            shade[top:top + board, max(left, 0):right] *= 1 + 0.08 * float(rng.standard_normal())
            if 0 <= right < shade.shape[1]:
                shade[top:top + board, right:right + 1] *= 0.6
            left = right
        shade[top:top + 1] *= 0.62


def _grid(rng: np.random.Generator, shade: np.ndarray, high: int, wide: int, spread: float, joint: float,
          broken: bool = False) -> None:
    rows, columns = shade.shape
    row = np.arange(rows) // high
    shift = (row % 2) * (wide // 2) if broken else np.zeros_like(row)
    column = (np.arange(columns)[None] + shift[:, None]) // wide
    tones = 1 + spread * rng.standard_normal((int(row.max()) + 1, int(column.max()) + 1))
    shade *= tones[row[:, None], column].astype(np.float32)
    line = max(1, high // 24)
    shade[(np.arange(rows) % high) < line] *= joint
    shade[((np.arange(columns)[None] + shift[:, None]) % wide) < line] *= joint
