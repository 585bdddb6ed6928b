"""Upright furniture of corridors and streets, drawn once: bins, plants, poles, lamps, signals, trees."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.figure import Board, Colour
from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.textures import value_noise, with_alpha

_STEEL: Colour = (118, 122, 128)


def bollard() -> np.ndarray:
    """1.0 m, with a light band. RGBA, width 0.24 of the height."""
    board = Board(0.24, 260)
    board.body([(0.03, 0, 0.07), (0.08, 0, 0.085), (1.0, 0, 0.085)], (64, 66, 70))
    board.ball((0, 0.06), 0.085, 0.06, (74, 76, 80))
    board.body([(0.14, 0, 0.088), (0.24, 0, 0.088)], (232, 232, 226))
    board.body([(0.92, 0, 0.10), (1.0, 0, 0.11)], (54, 56, 60))
    return board.pixels()


def litter_bin() -> np.ndarray:
    """1.0 m. RGBA, width 0.6 of the height."""
    board = Board(0.6, 240)
    board.body([(0.02, 0, 0.16), (0.10, 0, 0.25), (1.0, 0, 0.23)], (44, 74, 60))
    board.body([(0.14, 0, 0.18), (0.26, 0, 0.18)], (20, 24, 22))
    for y in (0.34, 0.9):
        board.body([(y, 0, 0.255), (y + 0.035, 0, 0.255)], (196, 176, 92))
    pixels = board.pixels()
    rgb = np.ascontiguousarray(pixels[..., :3])
    draw_text(rgb, "LITTER", (24, 110, 96, 40), (226, 214, 160), bold=True)
    return with_alpha(rgb, pixels[..., 3])


def waste_basket() -> np.ndarray:
    """0.4 m. RGBA, width 0.9 of the height."""
    board = Board(0.9, 140)
    board.body([(0.0, 0, 0.40), (1.0, 0, 0.30)], (96, 100, 108))
    board.body([(0.02, 0, 0.36), (0.10, 0, 0.36)], (34, 36, 40))
    for k in range(-3, 4):
        board.line([(k * 0.11, 0.12), (k * 0.085, 0.98)], 0.015, (70, 74, 80))
    return board.pixels()


def extinguisher() -> np.ndarray:
    """0.52 m. RGBA, width 0.5 of the height."""
    board = Board(0.5, 220)
    board.body([(0.20, 0, 0.10), (0.26, 0, 0.155), (0.96, 0, 0.16), (1.0, 0, 0.13)], (206, 30, 32))
    board.body([(0.45, 0, 0.158), (0.66, 0, 0.158)], (238, 236, 228))
    board.body([(0.08, 0, 0.05), (0.20, 0, 0.05)], (40, 40, 42))
    board.line([(0.0, 0.10), (0.17, 0.05)], 0.03, (36, 36, 38))
    board.line([(0.03, 0.13), (0.20, 0.24), (0.20, 0.62)], 0.028, (24, 24, 26))
    return board.pixels()


def plant(rng: np.random.Generator) -> np.ndarray:
    """A potted plant, 1.1 m. RGBA, width 0.7 of the height."""
    board = Board(0.7, 300)
    for _ in range(46):
        turn, reach = rng.uniform(-1.35, 1.35), rng.uniform(0.25, 0.60)
        tip = (np.sin(turn) * reach * 0.55, 0.62 - np.cos(turn) * reach)
        green = rng.uniform(0.6, 1.15)
        board.limb((rng.uniform(-0.03, 0.03), 0.70), tip, 0.012, 0.006, (46 * green, 104 * green, 52 * green))
        board.ball(tip, 0.038, 0.050, (58 * green, 132 * green, 64 * green))
    board.body([(0.70, 0, 0.17), (0.75, 0, 0.17), (1.0, 0, 0.125)], (176, 98, 66))
    return board.pixels()


def lamp_post(lit: bool) -> np.ndarray:
    """5.6 m. RGBA, width 0.16 of the height."""
    board = Board(0.16, 560)
    board.limb((0, 0.06), (0, 0.99), 0.0065, 0.012, (70, 76, 80))
    board.body([(0.90, 0, 0.016), (1.0, 0, 0.018)], (58, 62, 66))
    board.limb((0, 0.055), (0.045, 0.030), 0.006, 0.006, (70, 76, 80))
    board.polygon([(0.028, 0.020), (0.076, 0.012), (0.078, 0.032), (0.030, 0.044)],
                  (255, 244, 206) if lit else (206, 208, 204))
    board.polygon([(0.028, 0.016), (0.076, 0.006), (0.076, 0.014), (0.028, 0.026)], (52, 56, 60))
    return board.pixels()


SIGNAL_COLOURS: dict[str, Colour] = {"red": (255, 44, 36), "amber": (255, 176, 32), "green": (48, 230, 130)}


def traffic_light(lit: str) -> np.ndarray:
    """Signal head on a pole, 3.3 m; lit: red, amber or green. RGBA, width 0.16 of the height."""
    board = Board(0.16, 560)
    board.limb((0, 0.10), (0, 0.995), 0.012, 0.016, (92, 96, 100))
    board.body([(0.0, 0, 0.056), (0.30, 0, 0.056)], (30, 32, 34))
    for name, y in (("red", 0.055), ("amber", 0.15), ("green", 0.245)):
        colour = SIGNAL_COLOURS[name]
        board.ball((0, y), 0.040, 0.040, (12, 12, 12))
        board.ball((0, y), 0.033, 0.033, tuple(min(255, c * 1.5) for c in colour) if name == lit
                   else tuple(c * 0.18 for c in colour))
    board.body([(0.62, 0, 0.030), (0.68, 0, 0.030)], (228, 190, 40))
    return board.pixels()


def tree(rng: np.random.Generator) -> np.ndarray:
    """A broad-leaved tree, 6 m. RGBA, width 0.75 of the height; leaves from noise, lit from the upper left."""
    rows, columns = 480, 360
    board = Board(0.75, rows)
    board.limb((0, 0.45), (0.004, 0.995), 0.016, 0.026, (98, 78, 60))
    for turn, length in ((-0.6, 0.22), (0.5, 0.24), (-0.2, 0.28), (0.9, 0.18)):
        board.limb((0, 0.58), (np.sin(turn) * length, 0.58 - np.cos(turn) * length), 0.011, 0.005, (90, 72, 56))
    pixels = board.pixels()
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x, y = (x - columns / 2) / rows, y / rows
    crown = np.full((rows, columns), -1.0, np.float32)
    for _ in range(13):
        cx, cy, r = rng.normal(0, 0.13), rng.normal(0.29, 0.10), rng.uniform(0.10, 0.17)
        crown = np.maximum(crown, 1 - np.sqrt((x - cx) ** 2 + (y - np.clip(cy, 0.17, 0.46)) ** 2) / r)
    leaves = value_noise(rng, rows, columns, (30, 24), 3)
    mask = (crown + 0.32 * leaves) > 0.02
    mask[:4], mask[:, :4], mask[:, -4:] = False, False, False
    shade = 0.80 + 0.38 * leaves - 0.55 * (y - 0.28) - 0.5 * x
    foliage = np.clip(shade[..., None] * np.array([74, 118, 54], np.float32), 0, 255).astype(np.uint8)
    alpha = cv2.GaussianBlur(mask.astype(np.uint8) * 255, (3, 3), 0.6)
    pixels[mask, :3] = foliage[mask]
    pixels[..., 3] = np.maximum(pixels[..., 3], alpha)
    return pixels


def a_board(text: str, ground: Colour) -> np.ndarray:
    """A pavement sign, 0.95 m; ``|`` in the text starts a new line. RGBA, width 0.62 of the height."""
    board = Board(0.62, 260)
    board.polygon([(-0.28, 0.0), (0.28, 0.0), (0.31, 1.0), (0.26, 1.0), (0.25, 0.94), (-0.25, 0.94), (-0.26, 1.0),
                   (-0.31, 1.0)], (70, 50, 38))
    board.polygon([(-0.245, 0.05), (0.245, 0.05), (0.255, 0.88), (-0.255, 0.88)], ground)
    pixels = board.pixels()
    rgb = np.ascontiguousarray(pixels[..., :3])
    for k, line in enumerate(text.split("|")):
        draw_text(rgb, line, (20, 26 + 62 * k, 121, 58), (244, 240, 226), bold=True)
    return with_alpha(rgb, pixels[..., 3])


def bus_stop() -> np.ndarray:
    """A bus stop flag on a pole, 2.7 m. RGBA, width 0.22 of the height."""
    board = Board(0.22, 440)
    board.limb((-0.06, 0.01), (-0.06, 0.995), 0.010, 0.011, _STEEL)
    board.polygon([(-0.055, 0.02), (0.10, 0.02), (0.10, 0.19), (-0.055, 0.19)], (196, 34, 40))
    board.polygon([(-0.10, 0.45), (-0.02, 0.45), (-0.02, 0.62), (-0.10, 0.62)], (236, 236, 230))
    pixels = board.pixels()
    rgb = np.ascontiguousarray(pixels[..., :3])
    draw_text(rgb, "BUS", (26, 12, 64, 36), (250, 250, 248), bold=True)
    draw_text(rgb, "STOP", (26, 46, 64, 34), (250, 250, 248), bold=True)
    return with_alpha(rgb, pixels[..., 3])


def cone() -> np.ndarray:
    """A traffic cone, 0.7 m. RGBA, width 0.62 of the height."""
    board = Board(0.62, 200)
    board.body([(0.0, 0, 0.035), (0.92, 0, 0.21)], (236, 92, 34))
    for y in (0.28, 0.56):
        half = 0.035 + 0.19 * y
        board.body([(y, 0, half), (y + 0.15, 0, half + 0.0285)], (240, 238, 230))
    board.body([(0.92, 0, 0.29), (1.0, 0, 0.30)], (200, 70, 28))
    return board.pixels()
