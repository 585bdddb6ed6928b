"""Writing and pictograms: exit signs, room numbers, shop fascias, road signs, posters."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.figure import Board
from maxsight_core.scenes.textures import with_alpha

Box = tuple[int, int, int, int]
_FONT = cv2.FONT_HERSHEY_DUPLEX
_FILL = 0.80  # share of its box that writing fills
EXIT_GREEN = (0, 132, 84)
"""ISO 3864 safety green, close to RAL 6032."""


def draw_text(rgb: np.ndarray, text: str, box: Box, colour: tuple[int, int, int], bold: bool = False) -> None:
    """Writes one line as large as fits, centred in box = (x, y, width, height)."""
    (width, height), base = cv2.getTextSize(text, _FONT, 1.0, 1)
    scale = _FILL * min(box[2] / max(width, 1), box[3] / max(height + base * 0.3, 1))
    thickness = max(1, round(scale * (2.2 if bold else 1.4)))
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    at = (int(box[0] + (box[2] - width) / 2), int(box[1] + (box[3] + height) / 2))
    cv2.putText(rgb, text, at, _FONT, scale, colour, thickness, cv2.LINE_AA)


def plate(text: str, columns: int, rows: int, ground: tuple[int, int, int], ink: tuple[int, int, int],
          border: bool = True) -> np.ndarray:
    """A rectangular sign, RGB; ``|`` in the text starts a new line."""
    rgb = np.empty((rows, columns, 3), np.uint8)
    rgb[:] = ground
    lines = text.split("|")
    for k, line in enumerate(lines):
        top, high = int(rows * (0.06 + 0.88 * k / len(lines))), int(rows * 0.88 / len(lines))
        draw_text(rgb, line, (0, top, columns, high), ink, bold=True)
    if border:
        cv2.rectangle(rgb, (0, 0), (columns - 1, rows - 1), ink, max(1, rows // 40))
    return rgb


def exit_sign(arrow: str = "") -> np.ndarray:
    """EXIT with the running figure, after ISO 7010 E001, RGB 400 x 160. arrow: '<', '>' or none."""
    rgb = np.empty((160, 400, 3), np.uint8)
    rgb[:] = EXIT_GREEN
    white = (250, 252, 250)
    cv2.rectangle(rgb, (30, 24), (96, 140), white, -1)
    for a, b, width in (((62, 66), (56, 96), 13), ((56, 96), (78, 112), 9), ((78, 112), (74, 134), 8),
                        ((56, 96), (42, 112), 9), ((42, 112), (26, 116), 8), ((64, 68), (84, 82), 7),
                        ((62, 68), (44, 80), 7)):
        cv2.line(rgb, a, b, EXIT_GREEN, width, cv2.LINE_AA)
    cv2.circle(rgb, (68, 48), 10, EXIT_GREEN, -1, cv2.LINE_AA)
    draw_text(rgb, "EXIT", (106, 20, 216 if arrow else 280, 120), white, bold=True)
    if arrow:
        tip, tail = (380, 330) if arrow == ">" else (330, 380)
        cv2.arrowedLine(rgb, (tail, 80), (tip, 80), white, 9, cv2.LINE_AA, tipLength=0.45)
    return rgb


def round_sign(text: str, rim: tuple[int, int, int] = (200, 30, 36)) -> np.ndarray:
    """A round limit sign (Vienna Convention C,14), RGBA."""
    size = 200
    rgb, alpha = np.full((size, size, 3), 250, np.uint8), np.zeros((size, size), np.uint8)
    cv2.circle(alpha, (100, 100), 97, 255, -1, cv2.LINE_AA)
    cv2.circle(rgb, (100, 100), 86, rim, 22, cv2.LINE_AA)
    draw_text(rgb, text, (36, 46, 128, 108), (20, 20, 22), bold=True)
    return with_alpha(rgb, alpha)


def crossing_sign() -> np.ndarray:
    """A pedestrian crossing sign (Vienna Convention E,12a): white triangle on blue, walking figure, RGBA."""
    size = 200
    rgb = np.empty((size, size, 3), np.uint8)
    rgb[:] = (24, 84, 164)
    cv2.fillPoly(rgb, [np.array([(100, 22), (184, 172), (16, 172)])], (250, 250, 250), cv2.LINE_AA)
    dark = (20, 20, 24)
    cv2.circle(rgb, (102, 78), 10, dark, -1, cv2.LINE_AA)
    for a, b, width in (((101, 90), (99, 122), 15), ((99, 120), (80, 148), 9), ((100, 120), (120, 146), 9),
                        ((100, 94), (82, 114), 7), ((102, 94), (120, 112), 7)):
        cv2.line(rgb, a, b, dark, width, cv2.LINE_AA)
    for x in range(36, 168, 26):
        cv2.rectangle(rgb, (x, 152), (x + 13, 166), dark, -1)
    alpha = np.zeros((size, size), np.uint8)
    cv2.rectangle(alpha, (3, 3), (196, 196), 255, -1)
    return with_alpha(rgb, alpha)


def poster(rng: np.random.Generator) -> np.ndarray:
    """A framed picture, RGB 160 x 220: blocks of colour, circles and lines."""
    ground = rng.integers(150, 245, 3)
    rgb = np.empty((220, 160, 3), np.uint8)
    rgb[:] = ground
    for _ in range(6):
        colour = tuple(int(c) for c in rng.integers(20, 235, 3))
        x, y = int(rng.integers(0, 150)), int(rng.integers(0, 210))
        if rng.random() < 0.5:
            cv2.circle(rgb, (x, y), int(rng.integers(12, 46)), colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(rgb, (x, y), (x + int(rng.integers(20, 80)), y + int(rng.integers(10, 60))), colour, -1)
    for k in range(4):
        cv2.line(rgb, (20, 168 + 11 * k), (int(rng.integers(90, 142)), 168 + 11 * k), (30, 30, 34), 3)
    cv2.rectangle(rgb, (0, 0), (159, 219), (46, 40, 36), 7)
    return rgb


def wet_floor() -> np.ndarray:
    """A yellow A-frame with warning triangle and writing, RGBA."""
    board = Board(0.52, 260)
    board.polygon([(-0.16, 0.0), (0.16, 0.0), (0.25, 1.0), (0.17, 1.0), (0.14, 0.93), (-0.14, 0.93), (-0.17, 1.0),
                   (-0.25, 1.0)], (244, 200, 24))
    board.polygon([(0, 0.14), (0.12, 0.40), (-0.12, 0.40)], (24, 22, 20))
    board.polygon([(0, 0.20), (0.085, 0.375), (-0.085, 0.375)], (244, 200, 24))
    board.line([(0, 0.26), (0, 0.32)], 0.018, (24, 22, 20))
    board.ball((0, 0.352), 0.012, 0.012, (24, 22, 20))
    pixels = board.pixels()
    rgb = np.ascontiguousarray(pixels[..., :3])
    columns = rgb.shape[1]
    draw_text(rgb, "WET", (columns // 2 - 38, 116, 76, 40), (24, 22, 20), bold=True)
    draw_text(rgb, "FLOOR", (columns // 2 - 44, 158, 88, 44), (24, 22, 20), bold=True)
    return with_alpha(rgb, pixels[..., 3])
