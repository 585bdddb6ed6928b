"""Bicycles, motorcycles and scooters standing at the kerb, and a motorcyclist, seen from the side: RGBA, once drawn."""

from __future__ import annotations

import math

import numpy as np

from maxsight_core.scenes.figure import Board, Colour
from maxsight_core.scenes.people import Look, cloth

_TYRE: Colour = (26, 26, 28)
_METAL: Colour = (150, 152, 156)
_DARK: Colour = (36, 36, 40)


def _paint(rng: np.random.Generator) -> Colour:
    return tuple(float(c) for c in rng.integers(30, 230, 3))


def bicycle(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): front to the right."""
    board, frame = Board(1.75, 260), _paint(rng)
    rear, front, crank, seat, head = (-0.52, 0.66), (0.52, 0.66), (-0.08, 0.68), (-0.22, 0.20), (0.36, 0.16)
    for hub in (rear, front):
        board.ring(hub, 0.31, 0.31, 0.035, _TYRE)
        for k in range(8):
            turn = k * math.pi / 4
            board.line([hub, (hub[0] + 0.29 * math.cos(turn), hub[1] + 0.29 * math.sin(turn))], 0.005, _METAL)
    for a, b in ((rear, crank), (crank, seat), (seat, rear), ((-0.19, 0.30), (0.38, 0.26)), (crank, (0.40, 0.32)),
                 (head, front)):
        board.limb(a, b, 0.020, 0.018, frame)
    board.limb((-0.33, 0.17), (-0.12, 0.18), 0.030, 0.016, _DARK)
    board.limb(head, (0.30, 0.05), 0.016, 0.016, _METAL)
    board.limb((0.22, 0.04), (0.40, 0.06), 0.018, 0.018, _DARK)
    board.ring(crank, 0.06, 0.06, 0.02, _METAL)
    if rng.random() < 0.4:
        board.polygon([(0.34, 0.10), (0.62, 0.10), (0.58, 0.30), (0.38, 0.30)], (166, 130, 86))
    return board.pixels(), float(rng.uniform(0.98, 1.08))


def motorcycle(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): front to the right, on its stand."""
    board = Board(1.95, 260)
    _machine(board, _paint(rng), 0.0, 1.0)
    return board.pixels(), float(rng.uniform(1.05, 1.20))


def motorcyclist(look: Look, paint: Colour) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): a rider with helmet, riding to the right."""
    board, top = Board(1.45, 320), cloth(look)
    _machine(board, paint, 0.32, 0.68)
    board.limb((-0.12, 0.52), (0.10, 0.60), 0.062, 0.050, look.legs)
    board.limb((0.10, 0.60), (0.02, 0.84), 0.046, 0.032, look.legs)
    board.limb((0.0, 0.87), (0.08, 0.87), 0.030, 0.026, look.shoes)
    board.limb((-0.13, 0.48), (0.0, 0.26), 0.085, 0.080, top)
    board.limb((0.02, 0.27), (0.12, 0.40), 0.042, 0.034, top)
    board.limb((0.12, 0.40), (0.27, 0.42), 0.034, 0.026, top)
    board.ball((0.05, 0.11), 0.075, 0.095, look.second)
    board.ball((0.09, 0.115), 0.040, 0.045, (20, 22, 26))
    return board.pixels(), 1.65


def _machine(board: Board, paint: Colour, top: float, scale: float) -> None:
    """A motorcycle that fills the lower part of a board, from ``top`` down."""

    def at(x: float, y: float) -> tuple[float, float]:
        return (x * scale, top + y * scale)

    for x in (-0.58, 0.60):
        board.ring(at(x, 0.69), 0.25 * scale, 0.25 * scale, 0.11 * scale, _TYRE)
        board.ball(at(x, 0.69), 0.09 * scale, 0.09 * scale, _METAL)
    board.limb(at(0.60, 0.69), at(0.36, 0.16), 0.035 * scale, 0.030 * scale, _METAL)
    board.limb(at(-0.58, 0.69), at(-0.05, 0.62), 0.045 * scale, 0.05 * scale, _DARK)
    board.limb(at(-0.10, 0.62), at(0.16, 0.60), 0.15 * scale, 0.15 * scale, (74, 76, 80))
    board.limb(at(-0.70, 0.70), at(0.0, 0.78), 0.035 * scale, 0.04 * scale, _METAL)
    board.limb(at(-0.02, 0.36), at(0.28, 0.34), 0.13 * scale, 0.11 * scale, paint)
    board.limb(at(-0.62, 0.32), at(-0.08, 0.38), 0.05 * scale, 0.075 * scale, _DARK)
    board.limb(at(-0.68, 0.36), at(-0.42, 0.48), 0.05 * scale, 0.06 * scale, paint)
    board.limb(at(0.36, 0.12), at(0.26, 0.06), 0.022 * scale, 0.022 * scale, _DARK)
    board.ball(at(0.44, 0.22), 0.07 * scale, 0.08 * scale, (240, 238, 220))
    board.limb(at(-0.02, 0.80), at(-0.10, 0.975), 0.018 * scale, 0.018 * scale, _DARK)


def scooter(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """(RGBA, height_m): an electric scooter on its stand."""
    board, paint = Board(1.1, 240), _paint(rng)
    for x in (-0.36, 0.36):
        board.ring((x, 0.90), 0.075, 0.075, 0.04, _TYRE)
    board.limb((-0.34, 0.85), (0.26, 0.86), 0.026, 0.026, paint)
    board.limb((0.34, 0.88), (0.22, 0.06), 0.022, 0.018, _DARK)
    board.limb((0.12, 0.04), (0.30, 0.05), 0.018, 0.018, _DARK)
    board.limb((-0.06, 0.88), (-0.12, 0.98), 0.012, 0.012, _METAL)
    return board.pixels(), float(rng.uniform(1.08, 1.2))
