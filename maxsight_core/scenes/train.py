"""A train: cars with doors and windows, seen along its side and from the front."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.solid import Colour, Face, box
from maxsight_core.scenes.textures import Texture

CAR_M, WIDTH_M, FLOOR_Y, ROOF_Y, RAIL_Y = 17.0, 2.8, 0.02, 2.75, -1.05
"""One car; heights against the platform: floors are level with it."""
LIVERIES: tuple[tuple[Colour, Colour], ...] = (
    ((206, 34, 40), (236, 236, 232)), ((30, 74, 150), (220, 222, 224)), ((232, 190, 40), (70, 74, 80)),
    ((40, 120, 84), (236, 234, 226)), ((150, 154, 160), (200, 60, 40)))
_PPM = 64
_PIECE_M = 4.25  # of a side: each takes the texture level that it needs


def train_faces(rng: np.random.Generator, light: Light, livery: tuple[Colour, Colour], cars: int) -> list[Face]:
    """Faces of a train of so many cars, middle at the local origin, rails at RAIL_Y: its left side, ends and roof."""
    body, stripe = livery
    half, length = WIDTH_M / 2, cars * CAR_M
    pieces = [Texture(_lit(light, _side(body, stripe, door=k % 2 == 0))) for k in range(2)]
    faces: list[Face] = []
    count = round(length / _PIECE_M)
    for k in range(count):
        z0 = -length / 2 + k * _PIECE_M
        z1 = z0 + _PIECE_M - (0.25 if (k + 1) % round(CAR_M / _PIECE_M) == 0 else 0.0)
        corners = [(-half, ROOF_Y, z1), (-half, ROOF_Y, z0), (-half, RAIL_Y, z0), (-half, RAIL_Y, z1)]
        faces.append(Face(np.array(corners, float), pieces[k % 2]))
    front = Texture(_lit(light, _front(rng, body, stripe)))
    low, high = (-half, RAIL_Y, -length / 2), (half, ROOF_Y, length / 2)
    ends = box(low, high, light.tint((70, 72, 76)), front)
    return [*faces, ends[0], ends[1], ends[4]]


def _lit(light: Light, pictures: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The picture under the light, with its windows shining when lamps are on. pictures: (RGB, mask of windows)."""
    rgb, windows = pictures
    out = light.bake(rgb)
    if light.lamps_on or light.name == "dim":
        out = out.copy()
        out[windows > 0] = (rgb[windows > 0] * 0.3 + np.array([178, 172, 142])).clip(0, 255).astype(np.uint8)
    return out


def _side(body: Colour, stripe: Colour, door: bool) -> tuple[np.ndarray, np.ndarray]:
    columns, rows = round(_PIECE_M * _PPM), round((ROOF_Y - RAIL_Y) * _PPM)

    def row(y: float) -> int:
        return int((ROOF_Y - y) * _PPM)

    rgb, windows = np.empty((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.uint8)
    rgb[:] = np.clip(np.asarray(body) * np.linspace(1.1, 0.8, rows)[:, None, None], 0, 255)
    rgb[row(0.55):row(0.35)] = stripe
    rgb[:row(2.5)] = (110, 112, 116)
    rgb[row(0.0):] = (48, 48, 52)
    for axle in (0.2, 0.8):
        cv2.circle(rgb, (int(axle * columns), row(-0.6)), int(0.42 * _PPM), (30, 30, 32), -1, cv2.LINE_AA)
    spans = ((0.30, 1.25), (3.0, 3.95)) if door else ((0.35, 1.95), (2.25, 3.9))
    for a, b in spans:
        cv2.rectangle(rgb, (int(a * _PPM), row(2.15)), (int(b * _PPM), row(1.05)), (54, 68, 82), -1)
        cv2.rectangle(windows, (int(a * _PPM), row(2.15)), (int(b * _PPM), row(1.05)), 255, -1)
        cv2.line(rgb, (int(a * _PPM) + 8, row(1.15)), (int(a * _PPM) + 40, row(2.05)), (120, 138, 150), 4, cv2.LINE_AA)
    if door:
        x0, x1 = int(1.45 * _PPM), int(2.80 * _PPM)
        cv2.rectangle(rgb, (x0, row(2.3)), (x1, row(0.0)), stripe, -1)
        cv2.rectangle(rgb, (x0, row(2.3)), (x1, row(0.0)), (30, 30, 34), 3)
        cv2.line(rgb, ((x0 + x1) // 2, row(2.3)), ((x0 + x1) // 2, row(0.0)), (30, 30, 34), 3)
        for left in (x0 + 8, (x0 + x1) // 2 + 8):
            cv2.rectangle(rgb, (left, row(2.1)), (left + 24, row(0.95)), (54, 68, 82), -1)
            cv2.rectangle(windows, (left, row(2.1)), (left + 24, row(0.95)), 255, -1)
    return rgb, windows


def _front(rng: np.random.Generator, body: Colour, stripe: Colour) -> tuple[np.ndarray, np.ndarray]:
    columns, rows = round(WIDTH_M * _PPM), round((ROOF_Y - RAIL_Y) * _PPM)
    rgb, lamps = np.empty((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.uint8)
    rgb[:] = np.clip(np.asarray(body) * np.linspace(1.1, 0.8, rows)[:, None, None], 0, 255)
    cv2.rectangle(rgb, (14, 34), (columns - 14, 106), (40, 52, 64), -1)
    cv2.line(rgb, (30, 98), (70, 44), (110, 128, 140), 5, cv2.LINE_AA)
    cv2.rectangle(rgb, (0, 118), (columns, 150), stripe, -1)
    cv2.rectangle(rgb, (34, 8), (columns - 34, 28), (16, 16, 18), -1)
    text = ("CENTRAL", "AIRPORT", "HARBOUR", "NORTH")[int(rng.integers(4))]
    draw_text(rgb, text, (36, 8, columns - 72, 20), (250, 180, 40), bold=True)
    for x in (26, columns - 26):
        cv2.circle(rgb, (x, 134), 9, (255, 252, 232), -1, cv2.LINE_AA)
        cv2.circle(lamps, (x, 134), 9, 255, -1)
    cv2.rectangle(rgb, (0, rows - 66), (columns, rows), (44, 44, 48), -1)
    return rgb, lamps
