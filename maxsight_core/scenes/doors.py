"""Doors of every kind: pictures of leaves, doors in walls on any side, a leaf that swings open before the walker."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.scenes import signs
from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.solid import Colour, Face, Solid, box
from maxsight_core.scenes.textures import Texture, coloured, grain, value_noise
from maxsight_core.scenes.things import LAYER_FRONT, LAYER_MARKS, Part, still
from maxsight_core.scenes.world import World

DOOR_HEIGHT_M = 2.04
"""Leaf heights are 1.98 to 2.10 m (BS 4787, DIN 18101)."""
_PPM = 170
_LEAVES: tuple[Colour, ...] = ((164, 116, 72), (124, 82, 52), (232, 230, 224), (92, 116, 134), (66, 84, 72),
                               (152, 52, 46), (206, 196, 176), (70, 70, 76), (196, 160, 110), (52, 74, 120))
_KINDS = ("flush", "panel", "glazed", "half_glazed", "slit")
_SWING_STEPS = 20
_OFF_WALL_M = 0.012


@dataclass(frozen=True, slots=True)
class DoorLook:
    """How a door looks. kind: of flush, panel, glazed, half_glazed, slit; handle: lever, knob or bar."""

    width_m: float
    kind: str
    leaf: Colour
    frame: Colour
    handle: str
    hinge_left: bool


def random_door(rng: np.random.Generator) -> DoorLook:
    """A door; handles follow the kind."""
    leaf = _LEAVES[int(rng.integers(len(_LEAVES)))]
    shade = float(rng.uniform(0.85, 1.1))
    leaf = tuple(int(min(255, c * shade)) for c in leaf)
    frame = leaf if rng.random() < 0.3 else _LEAVES[int(rng.integers(len(_LEAVES)))]
    return DoorLook(float(rng.uniform(0.80, 1.02)), _KINDS[int(rng.integers(len(_KINDS)))], leaf,
                    tuple(int(c * 0.75) for c in frame), ("lever", "knob", "bar")[int(rng.integers(3))],
                    bool(rng.random() < 0.5))


def leaf_picture(rng: np.random.Generator, look: DoorLook) -> np.ndarray:
    """The leaf without frame, RGB [2.04 m, width]."""
    rows, columns = round(DOOR_HEIGHT_M * _PPM), round(look.width_m * _PPM)
    shade = 0.93 + 0.07 * value_noise(rng, rows, columns, (3, 22), 3) + 0.02 * grain(rng, rows, columns)
    rgb = coloured(shade, look.leaf)
    dark, light = tuple(int(c * 0.62) for c in look.leaf), tuple(int(min(255, c * 1.2)) for c in look.leaf)
    left, right = int(0.16 * columns), int(0.84 * columns)

    def glass(x0: int, y0: int, x1: int, y1: int) -> None:
        shade = np.linspace(130, 205, y1 - y0)[:, None, None] * np.array([0.90, 1.0, 1.03])
        rgb[y0:y1, x0:x1] = np.clip(shade, 0, 255).astype(np.uint8)
        cv2.line(rgb, (x0 + 6, y1 - 8), (x1 - 6, y0 + 8), (236, 242, 242), 3, cv2.LINE_AA)
        cv2.rectangle(rgb, (x0, y0), (x1, y1), dark, 3)

    if look.kind == "panel":
        for top, bottom in ((0.06, 0.42), (0.50, 0.94)):
            for x0, x1 in ((left, columns // 2 - 6), (columns // 2 + 6, right)):
                cv2.rectangle(rgb, (x0, int(top * rows)), (x1, int(bottom * rows)), dark, 3)
                cv2.line(rgb, (x0, int(bottom * rows)), (x1, int(bottom * rows)), light, 2)
    elif look.kind == "glazed":
        glass(left, int(0.06 * rows), right, int(0.90 * rows))
    elif look.kind == "half_glazed":
        glass(left, int(0.07 * rows), right, int(0.46 * rows))
        cv2.rectangle(rgb, (left, int(0.56 * rows)), (right, int(0.93 * rows)), dark, 3)
    elif look.kind == "slit":
        x = int((0.70 if look.hinge_left else 0.18) * columns)
        glass(x, int(0.10 * rows), x + int(0.13 * columns), int(0.50 * rows))
    if rng.random() < 0.3:
        cv2.rectangle(rgb, (6, rows - 34), (columns - 7, rows - 4), (170, 172, 174), -1)
    cv2.rectangle(rgb, (0, 0), (columns - 1, rows - 1), dark, 2)
    return rgb


def framed(rng: np.random.Generator, look: DoorLook) -> tuple[np.ndarray, float, float]:
    """(RGB of leaf and frame, width_m, height_m)."""
    leaf, trim = leaf_picture(rng, look), round(0.07 * _PPM)
    rgb = np.empty((leaf.shape[0] + trim, leaf.shape[1] + 2 * trim, 3), np.uint8)
    rgb[:] = look.frame
    cv2.rectangle(rgb, (0, 0), (rgb.shape[1] - 1, rgb.shape[0] + 9), tuple(int(c * 0.6) for c in look.frame), 2)
    rgb[trim:, trim:-trim] = leaf
    cv2.rectangle(rgb, (trim - 1, trim - 1), (rgb.shape[1] - trim, rgb.shape[0] + 9), (34, 30, 28), 2)
    return rgb, rgb.shape[1] / _PPM, rgb.shape[0] / _PPM


def handle_picture(look: DoorLook) -> tuple[np.ndarray, float, float]:
    """(RGBA, width_m, height_m)."""
    rgba = np.zeros((64, 160, 4), np.uint8)
    steel, shine, dark = (176, 180, 184, 255), (238, 240, 242, 255), (60, 62, 66, 255)
    if look.handle == "knob":
        cv2.circle(rgba, (80, 32), 31, dark, -1, cv2.LINE_AA)
        cv2.circle(rgba, (80, 32), 28, (206, 172, 92, 255), -1, cv2.LINE_AA)
        cv2.circle(rgba, (72, 24), 9, (250, 236, 190, 255), -1, cv2.LINE_AA)
        return np.ascontiguousarray(rgba[:, 48:112]), 0.075, 0.075
    if look.handle == "bar":
        bar = np.zeros((160, 40, 4), np.uint8)
        cv2.line(bar, (20, 12), (20, 148), dark, 25, cv2.LINE_AA)
        cv2.line(bar, (20, 12), (20, 148), steel, 19, cv2.LINE_AA)
        cv2.line(bar, (15, 14), (15, 146), shine, 4, cv2.LINE_AA)
        return bar, 0.06, 0.34
    cv2.line(rgba, (32, 32), (142, 32), dark, 27, cv2.LINE_AA)
    cv2.circle(rgba, (32, 32), 29, steel, -1, cv2.LINE_AA)
    cv2.line(rgba, (32, 31), (140, 31), steel, 19, cv2.LINE_AA)
    cv2.line(rgba, (24, 26), (140, 26), shine, 5, cv2.LINE_AA)
    return (np.ascontiguousarray(rgba[:, ::-1]) if look.hinge_left else rgba), 0.15, 0.06


def add_wall_door(world: World, rng: np.random.Generator, look: DoorLook, at: tuple[float, float, float],
                  along: tuple[float, float], class_name: str = "door", cell: int | None = None,
                  layer: int = LAYER_MARKS, label: str | None = None, label_class: str = "room number") -> None:
    """A closed door on a wall with its handle, and a plate beside it.

    Args:
        at: (x, floor y, z) of the middle of its lower edge, on the wall. along: unit (x, z) from left to right for
            an onlooker. label: writing on the plate.
    """
    rgb, width, height = framed(rng, look)
    ax, az = along
    off = np.array([az, 0.0, -ax]) * _OFF_WALL_M  # towards the onlooker
    u, foot = np.array([ax, 0.0, az]), np.asarray(at, float)

    def plate(pixels, left_m: float, top_m: float, w: float, h: float, name, text, gap: float, nudge: float) -> None:
        origin = foot + off * gap + u * left_m + np.array([0.0, top_m, 0.0])
        quad = world.add_quad(pixels, origin, u * w, (0, -h, 0), name, text=text, layer=layer, nudge_m=nudge)
        quad.cell = cell

    plate(rgb, -width / 2, height, width, height, class_name, None, 1.0, 0.0)
    pixels, w, h = handle_picture(look)
    reach = (look.width_m / 2 - 0.09) * (1 if look.hinge_left else -1)
    plate(pixels, reach - w / 2, 1.03 + h / 2, w, h, "door knob" if look.handle == "knob" else "door handle", None, 4.0,
          -0.6)
    if label:
        lines = label.split("|")
        size = 0.075 * max(len(line) for line in lines)
        board = signs.plate(label, max(60, int(260 * size)), 70 * len(lines), (38, 62, 96), (246, 246, 240))
        plate(board, width / 2 + 0.12, 1.70, size, 0.15 * len(lines), label_class, label.replace("|", " "), 1.0, -0.1)


class SwingDoor(Part):
    """A leaf across the walk, hinged on one side, that opens away from the walker.

    Args:
        world: gets the things. look: see :class:`DoorLook`. x, y, z: middle of the opening at the floor.
        opens_at_s: when it begins to swing. cell: that it opens into.
    """

    layer = LAYER_FRONT
    nudge_m = 0.3  # it is behind the wall that it closes

    def __init__(self, world: World, rng: np.random.Generator, look: DoorLook, x: float, y: float, z: float,
                 opens_at_s: float, cell: int | None, takes_s: float = 1.3, open_deg: float = 96.0) -> None:
        self.sign = 1.0 if look.hinge_left else -1.0  # the leaf reaches from the hinge towards +x or -x
        self.hinge = (x - self.sign * look.width_m / 2, y, z + 0.02)
        self._middle, self.radius_m, self.cell = (x, z), look.width_m + 1.2, cell
        self._opens_at_s, self._takes_s, self._open_deg = opens_at_s, takes_s, open_deg
        self.thing = world.thing("door", still(x, z), height_m=y + DOOR_HEIGHT_M / 2, half_x_m=look.width_m / 2)
        name = "door knob" if look.handle == "knob" else "door handle"
        self.handle = world.thing(name, still(x + self.sign * (look.width_m / 2 - 0.09), z), height_m=y + 1.03)
        picture = Texture(world.light.bake(leaf_picture(rng, look)))
        back = Texture(world.light.bake(np.ascontiguousarray(leaf_picture(rng, look)[:, ::-1])))
        x0, x1 = sorted((0.0, self.sign * look.width_m))
        edge = world.light.tint(tuple(int(c * 0.8) for c in look.leaf))
        faces = box((x0, 0.005, 0.0), (x1, DOOR_HEIGHT_M, 0.04), edge, picture)
        faces[1] = Face(faces[1].corners, back)
        pixels, w, h = handle_picture(look)
        at = self.sign * (look.width_m - 0.09)
        self._handle = Texture(world.light.bake(pixels))
        grip = Face(np.array([(at - w / 2, 1.03 + h / 2, -0.05), (at + w / 2, 1.03 + h / 2, -0.05),
                              (at + w / 2, 1.03 - h / 2, -0.05), (at - w / 2, 1.03 - h / 2, -0.05)]), self._handle)
        self._at = functools.cache(lambda step: self._solids(step, faces, grip))

    def _solids(self, step: int, faces: list[Face], grip: Face) -> tuple[Solid, Solid]:
        turn = -self.sign * self._open_deg * step / _SWING_STEPS
        place = still(self.hinge[0], self.hinge[2])
        return (Solid(faces, place, turn, self.hinge[1], self.thing),
                Solid([grip], place, turn, self.hinge[1], self.handle))

    def reference(self, time_s: float) -> tuple[float, float]:
        return self._middle

    def paint(self, canvas: Canvas, time_s: float) -> None:
        share = min(max((time_s - self._opens_at_s) / self._takes_s, 0.0), 1.0)
        leaf, handle = self._at(round(share * share * (3 - 2 * share) * _SWING_STEPS))
        leaf.paint(canvas, time_s)
        handle.paint(canvas, time_s)
