"""Cyclists and scooter riders, seen from the front, the back and the side, with turning wheels and pedals."""

from __future__ import annotations

import functools
import math

import numpy as np

from maxsight_core.scenes.figure import Board, Colour
from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.people import Look, cloth
from maxsight_core.scenes.textures import Texture

CYCLIST_HEIGHT_M = 1.70
PHASES = 12
_FACING_WIDTH, _PROFILE_WIDTH = 0.50, 1.12
_WHEEL_RADIUS = 0.195  # of the height: a 28-inch wheel with tyre, 0.66 m across, on 1.70 m
_METRES_PER_TURN = 3.0  # of the pedals, in a middle gear
_TYRE: Colour = (26, 26, 28)
_METAL: Colour = (150, 152, 156)


class Rider:
    """All pictures of one cyclist under one light.

    Args:
        look: of the person. frame_colour: of the bicycle. light: of the scene.
    """

    height_m = CYCLIST_HEIGHT_M

    def __init__(self, look: Look, frame_colour: Colour, light: Light) -> None:
        self.look, self.frame_colour, self._light = look, frame_colour, light
        self._picture = functools.cache(self._draw)

    def texture(self, ridden_m: float, heading_deg: float) -> Texture:
        """The picture after ``ridden_m`` metres; heading as in :meth:`people.Walker.texture`."""
        phase = int(ridden_m / _METRES_PER_TURN * PHASES) % PHASES
        turned = heading_deg % 360.0
        if _is_side(heading_deg):
            return self._picture(phase, "right" if turned < 180 else "left")
        return self._picture(phase, "front" if 90 <= turned < 270 else "back")

    def _draw(self, phase: int, side: str) -> Texture:
        angle = 2 * math.pi * phase / PHASES
        if side in ("front", "back"):
            board = Board(_FACING_WIDTH)
            _draw_facing(board, self.look, self.frame_colour, angle, side == "front")
            pixels = board.pixels()
        else:
            board = Board(_PROFILE_WIDTH)
            _draw_profile(board, self.look, self.frame_colour, angle)
            pixels = board.pixels()
            if side == "left":
                pixels = np.ascontiguousarray(pixels[:, ::-1])
        return Texture(self._light.bake(pixels))


def _is_side(heading_deg: float) -> bool:
    turned = heading_deg % 180.0
    return 35.0 <= turned < 145.0


def _helmet(board: Board, x: float, y: float, colour: Colour) -> None:
    board.ball((x, y), 0.060, 0.052, colour)
    for offset in (-0.022, 0.0, 0.022):
        board.line([(x + offset, y - 0.040), (x + offset * 1.3, y + 0.018)], 0.007, tuple(c * 0.45 for c in colour))


def _draw_facing(board: Board, look: Look, frame: Colour, angle: float, front: bool) -> None:
    top = cloth(look)
    board.ring((0, 0.805), 0.020, _WHEEL_RADIUS - 0.008, 0.017, _TYRE)
    board.limb((0, 0.62), (0, 0.99), 0.017, 0.017, _TYRE)
    board.limb((-0.022, 0.55), (-0.024, 0.80), 0.009, 0.008, frame)
    board.limb((0.022, 0.55), (0.024, 0.80), 0.009, 0.008, frame)
    for sign in (-1, 1):
        push = sign * math.sin(angle)
        knee, foot = (sign * 0.105, 0.585 + 0.055 * push), (sign * 0.085, 0.835 + 0.060 * push)
        board.limb((sign * 0.060, 0.50), knee, 0.058, 0.046, look.legs)
        board.limb(knee, foot, 0.043, 0.028, look.skin if look.skirt else look.legs)
        board.ball((foot[0], foot[1] + 0.030), 0.032, 0.026, look.shoes)
    board.body([(0.165, 0, 0.070), (0.19, 0, 0.128), (0.26, 0, 0.140), (0.42, 0, 0.112), (0.54, 0, 0.108)], top)
    for sign in (-1, 1):
        elbow, hand = (sign * 0.190, 0.375), (sign * 0.172, 0.475)
        board.limb((sign * 0.118, 0.21), elbow, 0.040, 0.031, top)
        board.limb(elbow, hand, 0.030, 0.023, top)
        board.ball((hand[0], hand[1] + 0.012), 0.025, 0.020, look.skin)
    board.limb((-0.185, 0.495), (0.185, 0.495), 0.011, 0.011, (44, 44, 46))
    if front:
        board.ball((0, 0.545), 0.026, 0.026, (255, 250, 220))
    else:
        board.ball((0, 0.60), 0.020, 0.020, (210, 40, 36))
    board.ball((0, 0.100), 0.047, 0.066, look.skin if front else look.hair)
    if front:
        for sign in (-1, 1):
            board.ball((sign * 0.018, 0.097), 0.0075, 0.0060, (36, 28, 26))
        board.line([(-0.013, 0.137), (0.013, 0.137)], 0.005, (150, 74, 70))
    _helmet(board, 0.0, 0.040, look.second)


def _draw_profile(board: Board, look: Look, frame: Colour, angle: float) -> None:
    """Seen from the side, riding to the right."""
    top = cloth(look)
    rear, front = (-0.315, 0.805), (0.315, 0.805)
    crank, seat, bars = (-0.045, 0.79), (-0.125, 0.515), (0.215, 0.47)
    for hub in (rear, front):
        board.ring(hub, _WHEEL_RADIUS - 0.010, _WHEEL_RADIUS - 0.010, 0.019, _TYRE)
        for spoke in range(10):
            turn = angle * 2 + spoke * math.pi / 5
            board.line([hub, (hub[0] + 0.18 * math.cos(turn), hub[1] + 0.18 * math.sin(turn))], 0.003, _METAL)
    _pedalling_leg(board, look, seat, crank, angle + math.pi, 0.75)
    for a, b in ((rear, crank), (crank, seat), (seat, rear), (seat, (0.205, 0.56)), (crank, (0.215, 0.60)),
                 ((0.200, 0.50), front)):
        board.limb(a, b, 0.011, 0.010, frame)
    board.limb((seat[0] - 0.05, 0.508), (seat[0] + 0.06, 0.512), 0.014, 0.009, (30, 28, 28))
    board.limb((0.200, 0.50), bars, 0.010, 0.010, _METAL)
    board.ring(crank, 0.030, 0.030, 0.008, _METAL)
    _pedalling_leg(board, look, seat, crank, angle, 1.0)
    hips, shoulder = (seat[0] + 0.005, 0.475), (0.050, 0.235)
    board.limb(hips, shoulder, 0.082, 0.070, top)
    elbow = (0.120, 0.375)
    board.limb(shoulder, elbow, 0.040, 0.031, top)
    board.limb(elbow, (bars[0] - 0.005, bars[1] - 0.012), 0.030, 0.022, top)
    board.ball((bars[0], bars[1] - 0.010), 0.025, 0.021, look.skin)
    board.limb((0.062, 0.19), (0.085, 0.135), 0.030, 0.028, look.skin)
    board.ball((0.098, 0.098), 0.050, 0.064, look.skin)
    board.ball((0.128, 0.096), 0.006, 0.006, (36, 28, 26))
    _helmet(board, 0.092, 0.052, look.second)


def _pedalling_leg(board: Board, look: Look, seat, crank, angle: float, shade: float) -> None:
    """Thigh and shin of equal length between hip and pedal: the knee is where two circles meet."""
    colour = tuple(c * shade for c in look.legs)
    hip = (seat[0] + 0.01, 0.495)
    pedal = (crank[0] + 0.098 * math.cos(angle), crank[1] + 0.098 * math.sin(angle))
    ankle = (pedal[0] - 0.012, pedal[1] - 0.030)
    dx, dy = ankle[0] - hip[0], ankle[1] - hip[1]
    reach = math.hypot(dx, dy)
    bulge = math.sqrt(max(0.235**2 - (reach / 2) ** 2, 0.0))
    knee = ((hip[0] + ankle[0]) / 2 + dy / reach * bulge, (hip[1] + ankle[1]) / 2 - dx / reach * bulge)
    board.line([crank, pedal], 0.012, _METAL)
    board.limb(hip, knee, 0.062, 0.044, colour)
    board.limb(knee, ankle, 0.043, 0.027, colour)
    board.limb((pedal[0] - 0.030, pedal[1] - 0.012), (pedal[0] + 0.040, pedal[1] - 0.010), 0.022, 0.019, look.shoes)
