"""Things that stand on tables and floors, and animals: upright pictures, drawn once a world."""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes.figure import Board, Colour

_BRIGHT: tuple[Colour, ...] = ((206, 58, 52), (52, 98, 170), (232, 186, 62), (72, 140, 96), (238, 234, 226),
                               (126, 78, 142), (60, 64, 72), (226, 130, 80))
_FURS: tuple[Colour, ...] = ((70, 58, 50), (196, 150, 96), (226, 220, 210), (42, 40, 42), (150, 110, 78),
                            (178, 170, 164))


def _colour(rng: np.random.Generator) -> Colour:
    return _BRIGHT[int(rng.integers(len(_BRIGHT)))]


def _shade(colour: Colour, share: float) -> Colour:
    return (colour[0] * share, colour[1] * share, colour[2] * share)


def cup(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a mug with its handle."""
    board, colour = Board(1.3, 90), _colour(rng)
    board.ring((0.40, 0.48), 0.16, 0.24, 0.09, _shade(colour, 0.8))
    board.body([(0.04, 0, 0.40), (0.98, 0, 0.36)], colour)
    board.ball((0, 0.08), 0.36, 0.07, (60, 40, 30))
    return board.pixels(), 0.10


def bottle(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): glass or plastic, with a label."""
    board = Board(0.42, 160)
    glass = ((40, 92, 58), (92, 60, 34), (150, 190, 210), (206, 62, 54))[int(rng.integers(4))]
    board.body([(0.06, 0, 0.055), (0.28, 0, 0.06), (0.42, 0, 0.15), (1.0, 0, 0.15)], glass)
    board.body([(0.0, 0, 0.065), (0.07, 0, 0.065)], _colour(rng))
    board.body([(0.52, 0, 0.152), (0.80, 0, 0.152)], (238, 234, 222))
    board.body([(0.60, 0, 0.12), (0.68, 0, 0.12)], _colour(rng))
    return board.pixels(), float(rng.uniform(0.22, 0.32))


def bowl(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a bowl of fruit."""
    board, colour = Board(2.4, 90), _colour(rng)
    for x in (-0.5, -0.1, 0.35):
        board.ball((x, 0.36), 0.30, 0.30, ((214, 60, 44), (236, 150, 40), (130, 170, 60))[int(rng.integers(3))])
    board.body([(0.42, 0, 1.0), (0.7, 0, 0.9), (1.0, 0, 0.42)], colour)
    return board.pixels(), 0.12


def vase(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): flowers in a vase."""
    board, colour = Board(0.8, 160), _colour(rng)
    for _ in range(9):
        tip = (float(rng.uniform(-0.30, 0.30)), float(rng.uniform(0.06, 0.34)))
        board.limb((0, 0.60), tip, 0.012, 0.008, (62, 118, 60))
        board.ball(tip, 0.065, 0.060, _colour(rng))
    board.body([(0.55, 0, 0.09), (0.72, 0, 0.15), (0.95, 0, 0.12), (1.0, 0, 0.12)], colour)
    return board.pixels(), 0.36


def teddy(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a sitting teddy bear."""
    board, fur = Board(0.9, 150), _FURS[int(rng.integers(2))]
    for sign in (-1, 1):
        board.ball((sign * 0.17, 0.10), 0.08, 0.08, fur)
        board.limb((sign * 0.18, 0.50), (sign * 0.34, 0.66), 0.08, 0.07, fur)
        board.limb((sign * 0.12, 0.84), (sign * 0.28, 0.92), 0.10, 0.08, _shade(fur, 0.92))
    board.ball((0, 0.70), 0.24, 0.26, fur)
    board.ball((0, 0.28), 0.22, 0.21, fur)
    board.ball((0, 0.34), 0.09, 0.08, _shade(fur, 1.25))
    for x in (-0.08, 0.08):
        board.ball((x, 0.24), 0.022, 0.025, (20, 18, 18))
    return board.pixels(), float(rng.uniform(0.3, 0.45))


def floor_lamp(rng: np.random.Generator, lit: bool) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a shade on a thin stand."""
    board = Board(0.34, 320)
    board.limb((0, 0.2), (0, 0.985), 0.007, 0.008, (66, 66, 70))
    board.body([(0.975, 0, 0.10), (1.0, 0, 0.11)], (60, 60, 64))
    shade = (255, 232, 176) if lit else _shade(_colour(rng), 0.9)
    board.body([(0.0, 0, 0.08), (0.20, 0, 0.155)], shade)
    return board.pixels(), float(rng.uniform(1.5, 1.75))


def suitcase(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a wheeled case with its handle pulled out."""
    board, colour = Board(0.5, 220), _colour(rng)
    for x in (-0.09, 0.09):
        board.limb((x, 0.02), (x, 0.40), 0.010, 0.010, (120, 122, 126))
    board.limb((-0.10, 0.015), (0.10, 0.015), 0.014, 0.014, (40, 40, 44))
    board.body([(0.36, 0, 0.19), (0.39, 0, 0.21), (0.93, 0, 0.21), (0.955, 0, 0.19)], colour)
    for y in (0.50, 0.64, 0.78):
        board.line([(-0.19, y), (0.19, y)], 0.008, _shade(colour, 0.6))
    for x in (-0.14, 0.14):
        board.ball((x, 0.975), 0.03, 0.025, (28, 28, 30))
    return board.pixels(), float(rng.uniform(0.85, 1.05))


def backpack(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): standing on the floor."""
    board, colour = Board(0.8, 160), _colour(rng)
    board.ring((0, 0.07), 0.09, 0.07, 0.03, _shade(colour, 0.5))
    board.body([(0.06, 0, 0.16), (0.20, 0, 0.30), (0.9, 0, 0.34), (1.0, 0, 0.30)], colour)
    board.body([(0.55, 0, 0.24), (0.90, 0, 0.26)], _shade(colour, 0.75))
    board.line([(-0.2, 0.56), (0.2, 0.56)], 0.02, _shade(colour, 0.4))
    return board.pixels(), float(rng.uniform(0.42, 0.52))


def cat(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): sitting, seen from the front or from the side."""
    fur, eyes = _FURS[int(rng.integers(len(_FURS)))], (150, 190, 70)
    board = Board(1.1, 180)
    side = float(rng.choice((-1.0, 1.0)))
    board.limb((side * 0.18, 0.92), (side * 0.46, 0.80), 0.05, 0.035, _shade(fur, 0.9))
    board.body([(0.40, 0, 0.13), (0.60, 0, 0.20), (0.86, 0, 0.28), (1.0, 0, 0.25)], fur)
    for x in (-0.09, 0.09):
        board.limb((x, 0.62), (x, 0.95), 0.055, 0.05, _shade(fur, 1.06))
        board.polygon([(x * 2.2 - 0.06, 0.16), (x * 2.0, 0.0), (x * 2.2 + 0.06, 0.17)], _shade(fur, 0.85))
    board.ball((0, 0.26), 0.21, 0.18, fur)
    for x in (-0.085, 0.085):
        board.ball((x, 0.23), 0.035, 0.028, eyes)
        board.ball((x, 0.23), 0.012, 0.026, (16, 16, 16))
    board.ball((0, 0.31), 0.025, 0.018, (206, 130, 130))
    for x in (-1, 1):
        board.line([(x * 0.05, 0.33), (x * 0.27, 0.30)], 0.006, (236, 234, 230))
    return board.pixels(), float(rng.uniform(0.38, 0.50))


def dog(rng: np.random.Generator, harness: bool = False) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): standing, seen from the side, head to the right. harness: of a guide dog."""
    fur = _FURS[int(rng.integers(len(_FURS)))]
    dark, board = _shade(fur, 0.75), Board(1.5, 240)
    for x, shade in ((-0.40, dark), (0.24, dark), (-0.32, fur), (0.32, fur)):
        board.limb((x, 0.55), (x + 0.02, 0.78), 0.075, 0.05, shade)
        board.limb((x + 0.02, 0.78), (x + 0.01, 0.965), 0.045, 0.038, shade)
        board.ball((x + 0.035, 0.965), 0.065, 0.035, shade)
    board.limb((-0.44, 0.42), (-0.62, 0.24), 0.05, 0.025, fur)
    board.limb((-0.32, 0.48), (0.30, 0.48), 0.165, 0.185, fur)
    board.limb((0.34, 0.42), (0.46, 0.22), 0.13, 0.10, fur)
    board.ball((0.50, 0.17), 0.135, 0.12, fur)
    board.limb((0.56, 0.20), (0.68, 0.23), 0.075, 0.055, _shade(fur, 1.05))
    board.ball((0.73, 0.21), 0.03, 0.028, (20, 18, 18))
    board.limb((0.42, 0.10), (0.38, 0.26), 0.05, 0.04, dark)
    board.ball((0.55, 0.14), 0.02, 0.02, (20, 16, 14))
    if harness:
        board.body([(0.30, 0.16, 0.05), (0.64, 0.16, 0.05)], (226, 120, 30))
        board.limb((0.14, 0.33), (-0.20, 0.03), 0.018, 0.018, (236, 236, 230))
    return board.pixels(), float(rng.uniform(0.45, 0.75))


def bird(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a pigeon on the ground."""
    board, grey = Board(1.5, 110), float(rng.uniform(0.7, 1.2))
    board.limb((-0.50, 0.62), (0.16, 0.52), 0.06, 0.26, (110 * grey, 114 * grey, 124 * grey))
    board.limb((0.24, 0.44), (0.34, 0.18), 0.15, 0.10, (76 * grey, 96 * grey, 96 * grey))
    board.ball((0.38, 0.15), 0.12, 0.12, (96 * grey, 100 * grey, 112 * grey))
    board.line([(0.48, 0.16), (0.60, 0.20)], 0.05, (60, 56, 54))
    board.ball((0.40, 0.13), 0.025, 0.025, (230, 120, 40))
    for x in (0.0, 0.12):
        board.limb((x, 0.74), (x, 0.97), 0.022, 0.02, (200, 96, 80))
    return board.pixels(), float(rng.uniform(0.22, 0.32))
