"""People: how they look, how they walk, as upright pictures for every phase of the stride."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from maxsight_core.scenes.figure import BOARD_ROWS, Board, Colour, Pattern
from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.textures import Texture

PHASES = 20
"""Pictures in one stride (two steps)."""
STRIDE_PER_HEIGHT = 0.83
"""Length of a stride as a share of body height at a comfortable walk (Winter, 1991: about 0.8 to 0.85)."""
BOARD_WIDTH = 0.56
"""Width of a person's picture as a share of its height."""

_SKINS: tuple[Colour, ...] = ((236, 196, 168), (214, 164, 128), (166, 116, 82), (116, 78, 56), (245, 212, 190))
_HAIRS: tuple[Colour, ...] = ((40, 30, 26), (92, 62, 38), (168, 128, 72), (150, 148, 146), (122, 58, 32))
_TOPS: tuple[Colour, ...] = ((196, 62, 56), (52, 92, 160), (226, 176, 60), (70, 130, 92), (222, 220, 212),
                             (120, 74, 134), (60, 66, 78), (226, 128, 84), (96, 160, 176))
_LEGS: tuple[Colour, ...] = ((52, 62, 92), (58, 54, 54), (128, 112, 88), (92, 98, 106), (38, 42, 50))
_PATTERNS = ("plain", "stripes", "checks", "jacket", "yoke")


@dataclass(frozen=True, slots=True)
class Look:
    """How one person looks; chosen once, drawn from every side."""

    height_m: float
    skin: Colour
    hair: Colour
    long_hair: bool
    top: Colour
    second: Colour
    pattern: str
    legs: Colour
    shoes: Colour
    skirt: bool
    bag: bool
    hat: Colour | None


def random_look(rng: np.random.Generator) -> Look:
    """A person; heights follow the taxonomy's prior, without its tails."""
    top, second = (_TOPS[i] for i in rng.choice(len(_TOPS), 2, replace=False))
    feminine = bool(rng.random() < 0.5)
    return Look(
        height_m=float(np.clip(rng.normal(1.65 if feminine else 1.76, 0.06), 1.5, 1.92)),
        skin=_SKINS[rng.integers(len(_SKINS))], hair=_HAIRS[rng.integers(len(_HAIRS))], long_hair=feminine,
        top=top, second=second, pattern=_PATTERNS[rng.integers(len(_PATTERNS))], legs=_LEGS[rng.integers(len(_LEGS))],
        shoes=(46, 40, 38) if rng.random() < 0.6 else (214, 212, 206), skirt=feminine and bool(rng.random() < 0.35),
        bag=bool(rng.random() < 0.4), hat=_TOPS[rng.integers(len(_TOPS))] if rng.random() < 0.2 else None)


def cloth(look: Look) -> Pattern:
    """The pattern of the upper garment."""
    top, second = np.asarray(look.top, float), np.asarray(look.second, float)

    def paint(across: np.ndarray, y: np.ndarray) -> np.ndarray:
        folds = 1 + 0.035 * np.sin(y * 120 + across * across * 9)
        if look.pattern == "stripes":
            pick = (y * 34) % 1 < 0.42
        elif look.pattern == "checks":
            pick = ((y * 26) % 1 < 0.5) ^ ((across * 2.5) % 1 < 0.5)
        elif look.pattern == "jacket":
            pick = np.abs(across) < 0.20 - np.clip(y - 0.17, 0, 1) * 0.45
        elif look.pattern == "yoke":
            pick = y < 0.27
        else:
            pick = np.zeros_like(y, bool)
        return np.where(pick[..., None], second, top) * folds[..., None]

    return paint


class Walker:
    """All pictures of one person under one light, made when first needed.

    Args:
        look: see :class:`Look`. light: of the scene. rows: height of its pictures, pixels.
    """

    def __init__(self, look: Look, light: Light, rows: int = BOARD_ROWS) -> None:
        self.look, self._light, self._rows = look, light, rows
        self._picture = functools.cache(self._draw)

    @property
    def height_m(self) -> float:
        return self.look.height_m

    def texture(self, walked_m: float | None, heading_deg: float) -> Texture:
        """The picture for a person who has walked so far (None: stands), seen from a side.

        Args:
            heading_deg: direction of walking against the line of sight: 0 walks away, 180 comes
                towards the camera, 90 walks to the right.
        """
        phase = None
        if walked_m is not None:
            phase = int(walked_m / (STRIDE_PER_HEIGHT * self.look.height_m) * PHASES) % PHASES
        turned = heading_deg % 360.0
        if 50.0 <= turned < 130.0:
            side = "right"
        elif 230.0 <= turned < 310.0:
            side = "left"
        else:
            side = "front" if 130.0 <= turned < 230.0 else "back"
        return self._picture(phase, side)

    def _draw(self, phase: int | None, side: str) -> Texture:
        board = Board(BOARD_WIDTH, self._rows)
        angle = None if phase is None else 2 * math.pi * phase / PHASES
        if side in ("front", "back"):
            _draw_facing(board, self.look, angle, side == "front")
        else:
            _draw_profile(board, self.look, angle)
        pixels = board.pixels()
        if side == "left":
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        return Texture(self._light.bake(pixels))


def _draw_facing(board: Board, look: Look, angle: float | None, front: bool) -> None:
    swing = 0.0 if angle is None else math.sin(angle)
    top = cloth(look)
    if look.long_hair and front:
        board.ball((0.0, 0.100), 0.058, 0.082, look.hair)
    for sign in (-1, 1):
        lift = max(0.0, sign * swing) * 0.055  # one sole is always on the ground
        hip, knee = (sign * 0.048, 0.50), (sign * 0.056, 0.725 - 0.35 * lift)
        ankle = (sign * (0.052 + 0.1 * lift), 0.945 - lift)
        skin_or_cloth = look.skin if look.skirt else look.legs
        board.limb(hip, knee, 0.056, 0.042, look.legs if not look.skirt else skin_or_cloth)
        board.limb(knee, ankle, 0.041, 0.027, skin_or_cloth)
        board.ball((ankle[0] + sign * 0.008, 0.975 - lift), 0.033, 0.0255, look.shoes)
    for sign in (-1, 1):
        reach = -sign * swing
        elbow = (sign * 0.142, 0.325 - 0.012 * abs(reach))
        hand = (sign * (0.148 - 0.03 * max(reach, 0)), 0.47 - 0.05 * max(reach, 0) - 0.02 * max(-reach, 0))
        board.limb((sign * 0.100, 0.207), elbow, 0.033, 0.028, top)
        board.limb(elbow, hand, 0.028, 0.021, top)
        board.ball((hand[0], hand[1] + 0.022), 0.020, 0.026, look.skin)
    board.limb((0, 0.12), (0, 0.18), 0.028, 0.034, look.skin)
    board.body([(0.155, 0, 0.036), (0.168, 0, 0.070), (0.180, 0, 0.100), (0.205, 0, 0.120), (0.30, 0, 0.110),
                (0.41, 0, 0.092), (0.50, 0, 0.100), (0.520, 0, 0.098)], top)
    if look.skirt:
        board.body([(0.47, 0, 0.100), (0.55, 0, 0.116), (0.70, 0, 0.138)], look.legs)
    if look.bag:
        board.line([(-0.10, 0.19), (0.115, 0.46)], 0.012, (74, 54, 40))
        board.body([(0.45, 0.135, 0.036), (0.56, 0.135, 0.042)], (112, 80, 52))
    _head(board, look, 0.0, front)


def _head(board: Board, look: Look, x: float, front: bool) -> None:
    board.ball((x, 0.073), 0.046, 0.070, look.skin)
    if look.long_hair and front:
        for sign in (-1, 1):
            board.limb((x + sign * 0.044, 0.045), (x + sign * 0.052, 0.135), 0.014, 0.012, look.hair)
    for sign in (-1, 1):
        board.ball((x + sign * 0.046, 0.078), 0.009, 0.015, look.skin)
    if not front:
        drop = 0.032 if look.long_hair else 0.0
        board.ball((x, 0.062 + drop), 0.052, 0.062 + drop, look.hair)
    else:
        board.body([(0.000, x, 0.014), (0.010, x, 0.036), (0.026, x, 0.049), (0.042, x, 0.050)], look.hair)
        for sign in (-1, 1):
            board.line([(x + sign * 0.027, 0.059), (x + sign * 0.011, 0.057)], 0.005, look.hair)
            board.ball((x + sign * 0.018, 0.069), 0.0085, 0.0050, (250, 248, 244))
            board.ball((x + sign * 0.018, 0.069), 0.0042, 0.0046, (40, 30, 26))
        board.line([(x, 0.072), (x + 0.005, 0.090), (x - 0.002, 0.092)], 0.003, tuple(c * 0.72 for c in look.skin))
        board.line([(x - 0.014, 0.109), (x, 0.112), (x + 0.014, 0.109)], 0.005, (150, 74, 70))
    if look.hat is not None:
        board.body([(0.000, x, 0.030), (0.012, x, 0.050), (0.044, x, 0.055)], look.hat)
        if front:
            board.limb((x - 0.050, 0.046), (x + 0.050, 0.046), 0.007, 0.007, look.hat)


def _draw_profile(board: Board, look: Look, angle: float | None) -> None:
    """Seen from the side, walking to the right."""
    top = cloth(look)
    hips = (0.0, 0.505)
    legs = [_leg(hips, angle, offset) for offset in (math.pi, 0.0)]
    stretch = (0.972 - hips[1]) / max(foot[1] - hips[1] for _, foot in legs)  # the lower sole touches the ground
    legs = [tuple((p[0], hips[1] + (p[1] - hips[1]) * stretch) for p in leg) for leg in legs]
    swing = 0.0 if angle is None else math.sin(angle)
    _arm(board, look, top, swing * 0.45, 0.82)
    for (knee, foot), shade in zip(legs, (0.8, 1.0), strict=True):
        cloth_leg = tuple(c * shade for c in (look.skin if look.skirt else look.legs))
        board.limb(hips, knee, 0.062, 0.043, tuple(c * shade for c in look.legs) if not look.skirt else cloth_leg)
        board.limb(knee, (foot[0], foot[1] - 0.03), 0.042, 0.027, cloth_leg)
        board.limb((foot[0] - 0.012, foot[1] + 0.004), (foot[0] + 0.055, foot[1] + 0.008), 0.024, 0.020, look.shoes)
    if look.bag:
        board.body([(0.19, -0.075, 0.02), (0.22, -0.085, 0.045), (0.36, -0.09, 0.05), (0.39, -0.08, 0.03)], look.second)
    board.limb((0.005, 0.12), (0.0, 0.18), 0.027, 0.032, look.skin)
    board.body([(0.160, 0, 0.030), (0.185, 0, 0.062), (0.26, 0.004, 0.078), (0.36, 0, 0.070), (0.44, 0, 0.068),
                (0.535, 0, 0.072)], top)
    if look.skirt:
        board.body([(0.47, 0, 0.070), (0.70, 0, 0.115)], look.legs)
    if look.long_hair:
        board.ball((-0.022, 0.098), 0.044, 0.080, look.hair)
    board.ball((0.004, 0.072), 0.048, 0.068, look.skin)
    board.limb((0.046, 0.076), (0.056, 0.084), 0.006, 0.008, look.skin)
    board.ball((-0.012, 0.050), 0.050, 0.050, look.hair)
    board.ball((0.018, 0.082), 0.040, 0.050, look.skin)
    board.ball((0.036, 0.068), 0.005, 0.006, (36, 28, 26))
    board.ball((-0.004, 0.080), 0.010, 0.016, tuple(c * 0.86 for c in look.skin))
    if look.hat is not None:
        board.body([(0.000, 0, 0.030), (0.012, 0, 0.052), (0.042, 0.003, 0.056)], look.hat)
    _arm(board, look, top, -swing * 0.45, 1.0)


def _leg(hips: tuple[float, float], angle: float | None, offset: float) -> tuple[tuple[float, float], ...]:
    """(knee, foot) of one leg: thigh swings as a sine, the knee bends while the leg comes forward."""
    if angle is None:
        return ((hips[0] + (0.008 if offset else -0.008), 0.735), (hips[0] + (0.008 if offset else -0.008), 0.972))
    thigh = 0.44 * math.sin(angle + offset)
    bend = 0.95 * max(0.0, math.cos(angle + offset)) ** 1.5 + 0.10
    knee = (hips[0] + 0.23 * math.sin(thigh), hips[1] + 0.23 * math.cos(thigh))
    shin = thigh - bend
    return (knee, (knee[0] + 0.237 * math.sin(shin), knee[1] + 0.237 * math.cos(shin)))


def _arm(board: Board, look: Look, top: Pattern, swing: float, shade: float) -> None:
    shoulder = (0.0, 0.205)
    elbow = (shoulder[0] + 0.135 * math.sin(swing), shoulder[1] + 0.135 * math.cos(swing))
    lower = swing + 0.25 + 0.25 * max(swing, 0)
    hand = (elbow[0] + 0.125 * math.sin(lower), elbow[1] + 0.125 * math.cos(lower))

    def shaded(across, y):
        return top(across, y) * shade

    board.limb(shoulder, elbow, 0.035, 0.028, shaded)
    board.limb(elbow, hand, 0.028, 0.021, shaded)
    board.ball((hand[0] + 0.004, hand[1] + 0.022), 0.019, 0.025, tuple(c * shade for c in look.skin))
