"""Cars, vans and buses: a side view cut out along the silhouette, and faces across it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.solid import Colour, Face
from maxsight_core.scenes.textures import Texture, with_alpha

_PPM = 120  # texture pixels a metre
_GLASS: Colour = (44, 56, 68)
_TYRE: Colour = (24, 24, 26)


@dataclass(frozen=True, slots=True)
class VehicleShape:
    """A silhouette seen from the side, front to the right: points (z, y) from the rear bumper over the roof.

    Args:
        class_name: of the taxonomy. outline: (z, y) metres. kinds: what lies across between neighbouring
            points: ``rear``, ``glass``, ``paint`` or ``front``. windows: polygons of the side windows.
        wheels: z of the axles. wheel_radius_m, width_m: metres.
    """

    class_name: str
    outline: tuple[tuple[float, float], ...]
    kinds: tuple[str, ...]
    windows: tuple[tuple[tuple[float, float], ...], ...]
    wheels: tuple[float, ...]
    wheel_radius_m: float
    width_m: float

    @property
    def length_m(self) -> float:
        return max(z for z, _ in self.outline) - min(z for z, _ in self.outline)

    @property
    def height_m(self) -> float:
        return max(y for _, y in self.outline)


CAR = VehicleShape(
    "car",
    ((-2.08, 0.24), (-2.10, 0.62), (-2.00, 0.98), (-1.60, 1.42), (-1.2, 1.48), (0.25, 1.47), (1.05, 0.99),
     (1.95, 0.80), (2.10, 0.60), (2.08, 0.24)),
    ("rear", "rear", "glass", "paint", "paint", "glass", "paint", "front", "front"),
    (((-1.62, 1.02), (-1.45, 1.36), (-0.62, 1.40), (-0.62, 1.00)), ((-0.54, 1.00), (-0.54, 1.40), (0.20, 1.39),
                                                                    (0.86, 0.99))),
    (-1.30, 1.32), 0.32, 1.76)
VAN = VehicleShape(
    "van",
    ((-2.6, 0.28), (-2.62, 1.0), (-2.55, 2.18), (1.15, 2.22), (1.95, 1.30), (2.55, 1.10), (2.62, 0.65), (2.6, 0.28)),
    ("rear", "rear", "paint", "glass", "paint", "front", "front"),
    (((0.55, 1.32), (0.55, 1.98), (1.10, 1.98), (1.68, 1.32)),), (-1.65, 1.75), 0.35, 1.98)
BUS = VehicleShape(
    "bus",
    ((-5.2, 0.30), (-5.2, 3.05), (5.05, 3.05), (5.2, 1.2), (5.2, 0.30)),
    ("rear", "paint", "glass", "front"),
    tuple(((z, 1.35), (z, 2.55), (z + 1.45, 2.55), (z + 1.45, 1.35)) for z in (-4.9, -3.3, -1.7, -0.1, 1.5, 3.1)),
    (-3.0, 3.3), 0.48, 2.5)

PAINTS: tuple[Colour, ...] = ((178, 36, 34), (36, 74, 138), (206, 208, 210), (52, 56, 60), (30, 96, 78),
                              (228, 186, 62), (118, 128, 138), (236, 236, 232))


@functools.lru_cache(maxsize=64)
def vehicle_faces(shape: VehicleShape, paint: Colour, light: Light) -> tuple[Face, ...]:
    """The faces of one vehicle, front towards local +z, wheels on y = 0. Vehicles of one paint share them."""
    side = _side_view(shape, paint)
    front_left = Texture(light.bake(np.ascontiguousarray(side[:, ::-1])))
    front_right = Texture(light.bake(side))
    z0, z1 = min(z for z, _ in shape.outline), max(z for z, _ in shape.outline)
    x, top = shape.width_m / 2, shape.height_m
    # seen from its right side (+x) the front is at the right-hand end for an onlooker who faces -x
    faces = [Face(np.array([(x, top, z0), (x, top, z1), (x, 0, z1), (x, 0, z0)], float), front_right),
             Face(np.array([(-x, top, z1), (-x, top, z0), (-x, 0, z0), (-x, 0, z1)], float), front_left)]
    plate = "".join(chr(ord("A") + c // 10) for c in paint[:2]) + f"{sum(paint) % 90 + 10}"  # fixed by the paint
    ends = {"front": _end_view(shape, paint, light, plate, True), "rear": _end_view(shape, paint, light, plate, False)}
    dark = light.tint((26, 26, 28))
    for (za, ya), (zb, yb), kind in zip(shape.outline[:-1], shape.outline[1:], shape.kinds, strict=True):
        corners = np.array([(-x, ya, za), (x, ya, za), (x, yb, zb), (-x, yb, zb)], float)
        if kind in ends:
            low, high = sorted((ya, yb))
            texture = _band(ends[kind], shape, kind, low, high)
            if kind == "rear":
                corners = np.array([(-x, yb, zb), (x, yb, zb), (x, ya, za), (-x, ya, za)], float)
            else:
                corners = np.array([(x, ya, za), (-x, ya, za), (-x, yb, zb), (x, yb, zb)], float)
            faces.append(Face(corners, Texture(texture)))
        else:
            corners = corners[[3, 2, 1, 0]]
            faces.append(Face(corners, light.tint(_GLASS if kind == "glass" else paint)))
    for axle in (shape.wheels[0], shape.wheels[-1]):
        for side_x in (-x + 0.03, x - 0.23):  # the tyre's tread, as seen from ahead or behind
            wheel = np.array([(side_x, 0.4, axle), (side_x + 0.2, 0.4, axle), (side_x + 0.2, 0.0, axle),
                              (side_x, 0.0, axle)])
            faces.insert(0, Face(wheel, dark, two_sided=True))
    return tuple(faces)


def _side_view(shape: VehicleShape, paint: Colour) -> np.ndarray:
    """RGBA, front at the right-hand end, the whole length by the whole height down to the ground."""
    z0 = min(z for z, _ in shape.outline)
    columns, rows = round(shape.length_m * _PPM), round(shape.height_m * _PPM)

    def at(z: float, y: float) -> tuple[int, int]:
        return (round((z - z0) * _PPM * 16), round((shape.height_m - y) * _PPM * 16))

    def polygon(points) -> np.ndarray:
        return np.array([at(z, y) for z, y in points], np.int32)

    rgb, alpha = np.zeros((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.uint8)
    height = np.linspace(1.12, 0.62, rows)[:, None, None]
    rgb[:] = np.clip(np.asarray(paint) * height, 0, 255)
    belt = int((shape.height_m - 0.72) * _PPM)
    rgb[belt:belt + 5] = np.clip(np.asarray(paint, float) * 1.25 + 12, 0, 255)
    cv2.fillPoly(alpha, [polygon(shape.outline)], 255, cv2.LINE_AA, 4)
    cv2.rectangle(rgb, (0, int((shape.height_m - 0.34) * _PPM)), (columns, rows), (34, 34, 36), -1)
    for window in shape.windows:
        cv2.fillPoly(rgb, [polygon(window)], _GLASS, cv2.LINE_AA, 4)
        cv2.polylines(rgb, [polygon(window)], True, (20, 22, 26), 3, cv2.LINE_AA, 4)
        (za, ya), (zb, yb) = window[0], window[1]
        cv2.line(rgb, at(za + 0.35, ya + 0.06), at(zb + 0.55, yb - 0.06), (120, 138, 152), 5, cv2.LINE_AA, 4)
    for z in (-0.58, 0.55) if shape is CAR else (0.45,):
        cv2.line(rgb, at(z, 1.0), at(z - 0.04, 0.36), tuple(int(c * 0.55) for c in paint), 2, cv2.LINE_AA, 4)
        cv2.line(rgb, at(z - 0.30, 0.90), at(z - 0.12, 0.90), (28, 28, 30), 4, cv2.LINE_AA, 4)
    cv2.line(rgb, at(z0 + 0.04, 0.70), at(z0 + 0.16, 0.78), (190, 30, 28), 14, cv2.LINE_AA, 4)
    cv2.line(rgb, at(z0 + shape.length_m - 0.22, 0.74), at(z0 + shape.length_m - 0.05, 0.68), (240, 236, 214), 12,
             cv2.LINE_AA, 4)
    for axle in shape.wheels:
        centre, radius = at(axle, shape.wheel_radius_m), round(shape.wheel_radius_m * _PPM * 16)
        cv2.circle(rgb, centre, int(radius * 1.16), (18, 18, 20), -1, cv2.LINE_AA, 4)
        cv2.circle(alpha, centre, radius, 255, -1, cv2.LINE_AA, 4)
        cv2.circle(rgb, centre, radius, _TYRE, -1, cv2.LINE_AA, 4)
        cv2.circle(rgb, centre, int(radius * 0.62), (162, 166, 170), -1, cv2.LINE_AA, 4)
        for spoke in range(5):
            turn = spoke * 2 * np.pi / 5
            tip = (int(centre[0] + radius * 0.55 * np.cos(turn)), int(centre[1] + radius * 0.55 * np.sin(turn)))
            cv2.line(rgb, centre, tip, (70, 72, 76), 4, cv2.LINE_AA, 4)
    return with_alpha(rgb, alpha)


def _end_view(shape: VehicleShape, paint: Colour, light: Light, plate: str, front: bool) -> np.ndarray:
    """RGB of the front or rear, the whole width by the whole height, seen by an onlooker."""
    columns, rows = round(shape.width_m * _PPM), round(shape.height_m * _PPM)

    def row(y: float) -> int:
        return int((shape.height_m - y) * _PPM)

    rgb = np.empty((rows, columns, 3), np.uint8)
    rgb[:] = np.clip(np.asarray(paint) * np.linspace(1.05, 0.78, rows)[:, None, None], 0, 255)
    cv2.rectangle(rgb, (0, row(0.36)), (columns, rows), (36, 36, 38), -1)
    middle = columns // 2
    if front:
        cv2.rectangle(rgb, (columns // 4, row(0.66)), (columns * 3 // 4, row(0.50)), (26, 28, 30), -1)
        for k in range(4):
            y = row(0.64 - 0.035 * k)
            cv2.line(rgb, (columns // 4, y), (columns * 3 // 4, y), (96, 98, 102), 1)
    elif shape.height_m > 1.9:
        cv2.rectangle(rgb, (columns // 8, row(1.95)), (columns * 7 // 8, row(1.30)), _GLASS, -1)
        cv2.line(rgb, (middle, 0), (middle, row(0.4)), (30, 30, 32), 3)
    plate_box = (middle - int(0.26 * _PPM), row(0.50 if front else 0.62), int(0.52 * _PPM), int(0.11 * _PPM))
    cv2.rectangle(rgb, plate_box, (240, 240, 236) if front else (238, 208, 80), -1)
    draw_text(rgb, plate, plate_box, (20, 20, 22))
    rgb = light.bake(rgb)
    lamp = (255, 250, 226) if front else (214, 34, 30)
    if not light.lamps_on and light.name != "day":
        lamp = light.tint(lamp)
    for side in (-1, 1):
        centre = (middle + side * int((shape.width_m / 2 - 0.22) * _PPM), row(0.66 if front else 0.80))
        cv2.ellipse(rgb, centre, (int(0.17 * _PPM), int(0.075 * _PPM)), 0, 0, 360, lamp, -1, cv2.LINE_AA)
    return rgb


def _band(picture: np.ndarray, shape: VehicleShape, kind: str, low: float, high: float) -> np.ndarray:
    """The rows of an end view between two heights, oriented for the face's corners."""
    top, bottom = int((shape.height_m - high) * _PPM), int((shape.height_m - low) * _PPM)
    return np.ascontiguousarray(picture[max(top, 0):max(bottom, top + 2)])
