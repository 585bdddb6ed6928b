"""What hangs on walls: notices, clocks, posters."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes import signs
from maxsight_core.scenes.solid import Colour

_NOTICES = ("QUIET|PLEASE", "NOTICES", "WASH|YOUR HANDS", "PRIVATE", "NO SMOKING", "TODAY|10:30")


def picture_of(rng: np.random.Generator) -> tuple[np.ndarray, str, str | None, tuple[float, float]]:
    """(RGB, class, writing, size_m) of something that hangs on a wall."""
    kind = int(rng.integers(4))
    if kind == 0:
        text = _NOTICES[int(rng.integers(len(_NOTICES)))]
        ink: Colour = (52, 44, 40)
        return signs.plate(text, 240, 160, (236, 232, 214), ink), "notice board", text.replace("|", " "), (0.8, 0.55)
    if kind == 1:
        return clock(rng), "clock", None, (0.32, 0.32)
    return signs.poster(rng), "poster", None, (0.6, 0.82)


def clock(rng: np.random.Generator) -> np.ndarray:
    """A wall clock, RGBA 96 x 96."""
    rgba = np.zeros((96, 96, 4), np.uint8)
    cv2.circle(rgba, (48, 48), 46, (40, 40, 44, 255), -1, cv2.LINE_AA)
    cv2.circle(rgba, (48, 48), 40, (246, 244, 236, 255), -1, cv2.LINE_AA)
    for reach, width in ((22, 6), (34, 4)):
        turn = float(rng.uniform(0, 2 * np.pi))
        tip = (int(48 + reach * np.sin(turn)), int(48 - reach * np.cos(turn)))
        cv2.line(rgba, (48, 48), tip, (20, 20, 24, 255), width, cv2.LINE_AA)
    return rgba
