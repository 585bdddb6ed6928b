"""Solid things made of flat faces: boxes, steps, vehicles. Faces turned away are left out; the rest is painted
far to near."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.geometry import cross, texture_homography
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.things import LAYER_OBJECTS, Motion, Part, Thing

_SUN = np.array([-0.35, 0.80, -0.48])  # light from the upper left, in front of the camera
_AMBIENT, _DIFFUSE = 0.62, 0.42
_SMALLEST_FACE_PX = 1.0  # radius of a face that is worth painting

Colour = tuple[int, int, int]


@dataclass(slots=True, eq=False)
class Face:
    """One flat face in local metres, corners clockwise as seen from outside (x right, y up, z ahead).

    Args:
        corners: [N, 3]. paint: a colour, shaded by where the face looks, or a texture.
        two_sided: painted from behind too.
        For a texture, corners are its top left, top right, bottom right and bottom left.
    """

    corners: np.ndarray
    paint: Colour | Texture
    two_sided: bool = False


class Solid(Part):
    """A rigid thing of faces.

    Args:
        faces: local. place: time_s -> (x, z). heading_deg: turns local +z from world +z to the right.
        base_m: height of the local origin. layer: see :mod:`things`.
    """

    def __init__(self, faces: Sequence[Face], place: Motion, heading_deg: float = 0.0, base_m: float = 0.0,
                 thing: Thing | None = None, layer: int = LAYER_OBJECTS, nudge_m: float = 0.0,
                 visible: Callable[[float], bool] | None = None) -> None:
        self.place, self.base_m, self.thing, self.layer, self.nudge_m = place, base_m, thing, layer, nudge_m
        self.visible = visible or (thing.visible if thing is not None else None)
        turn = math.radians(heading_deg)
        turned = np.array([[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]])
        self._corners = [face.corners @ turned.T for face in faces]
        self._paints = [face.paint for face in faces]
        self._edges = [(c[1] - c[0], c[-1] - c[0]) for c in self._corners]
        self._normals = np.array([cross(u, v) for u, v in self._edges])
        self._centres = np.array([c.mean(axis=0) for c in self._corners])
        self._face_sizes = np.array([np.linalg.norm(c - c.mean(axis=0), axis=1).max() for c in self._corners])
        self._two_sided = np.array([face.two_sided for face in faces])
        self._colours = [None if isinstance(face.paint, Texture) else _shaded(normal, face.paint)
                         for normal, face in zip(self._normals, faces, strict=True)]
        self.radius_m = float(max(np.linalg.norm(c, axis=1).max() for c in self._corners)) + abs(base_m)

    def reference(self, time_s: float) -> tuple[float, float]:
        return self.place(time_s)

    def paint(self, canvas: Canvas, time_s: float) -> None:
        if self.visible is not None and not self.visible(time_s):
            return
        view = canvas.view
        x, z = self.place(time_s)
        offset = np.array([x, self.base_m, z])
        owner = canvas.register(self.thing)
        to_faces = self._centres + (offset - view.position)
        distance = np.sqrt((to_faces**2).sum(axis=1))
        large = self._face_sizes * view.focal_px > _SMALLEST_FACE_PX * distance
        shown = np.flatnonzero((self._two_sided | ((self._normals * to_faces).sum(axis=1) < 0)) & large)
        for index in shown[np.argsort(-distance[shown], kind="stable")]:
            world = self._corners[index] + offset
            outline = view.polygon(world)
            if outline is not None:
                self._paint_face(canvas, int(index), world[0], outline, owner)

    def _paint_face(self, canvas: Canvas, index: int, origin: np.ndarray, outline: np.ndarray, owner: int) -> None:
        along_u, along_v = self._edges[index]
        plane = canvas.plane(origin, along_u, along_v)
        paint = self._paints[index]
        if isinstance(paint, Texture):
            homography = texture_homography(canvas.view, origin, along_u, along_v, paint.size)
            canvas.quad(outline, homography, paint, owner, plane)
        else:
            canvas.fill(outline, self._colours[index], owner, plane)


def _shaded(normal: np.ndarray, colour: Colour) -> Colour:
    facing = float(normal @ _SUN) / (np.linalg.norm(normal) * np.linalg.norm(_SUN) + 1e-9)
    shade = _AMBIENT + _DIFFUSE * max(0.0, facing)
    r, g, b = (int(min(255, c * shade)) for c in colour)
    return (r, g, b)


def box(low: tuple[float, float, float], high: tuple[float, float, float], paint: Colour | Texture,
        front: Colour | Texture | None = None) -> list[Face]:
    """The six faces of an upright box between two corners. front: of the face towards -z, if different."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    quads = {
        "front": [(x0, y1, z0), (x1, y1, z0), (x1, y0, z0), (x0, y0, z0)],
        "back": [(x1, y1, z1), (x0, y1, z1), (x0, y0, z1), (x1, y0, z1)],
        "left": [(x0, y1, z1), (x0, y1, z0), (x0, y0, z0), (x0, y0, z1)],
        "right": [(x1, y1, z0), (x1, y1, z1), (x1, y0, z1), (x1, y0, z0)],
        "top": [(x0, y1, z1), (x1, y1, z1), (x1, y1, z0), (x0, y1, z0)],
        "bottom": [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)],
    }
    return [Face(np.array(corners, float), front if side == "front" and front is not None else paint)
            for side, corners in quads.items()]


def steps(count: int, width_m: float, tread: Texture, riser: Texture, side: Colour, down: bool,
          rise_m: float = 0.165, run_m: float = 0.28) -> list[Face]:
    """A flight from the local origin towards +z, centred on x = 0, going up or down.

    Rise and run are those of ISO 21542 (0.15..0.18 and 0.26..0.30 m).
    """
    half = width_m / 2
    faces = []
    for k in range(count):
        z0, z1 = k * run_m, (k + 1) * run_m
        level = -(k + 1) * rise_m if down else (k + 1) * rise_m
        if not down:
            faces.append(Face(np.array([(-half, level, z0), (half, level, z0), (half, level - rise_m, z0),
                                        (-half, level - rise_m, z0)], float), riser))
        faces.append(Face(np.array([(-half, level, z1), (half, level, z1), (half, level, z0),
                                    (-half, level, z0)], float), tread))
        if not down:
            for x, order in ((-half, 1), (half, -1)):
                corners = np.array([(x, level, z1), (x, level, z0), (x, 0, z0), (x, 0, z1)], float)[::order]
                faces.append(Face(corners, side))
    return faces


def chair(seat: Colour, frame: Colour) -> list[Face]:
    """A visitor's chair, 0.84 m high, facing -z."""
    faces = box((-0.23, 0.42, -0.22), (0.23, 0.48, 0.22), seat)
    faces += box((-0.23, 0.50, 0.18), (0.23, 0.84, 0.23), seat)
    for x in (-0.21, 0.18):
        for z in (-0.20, 0.17):
            faces += box((x, 0.0, z), (x + 0.03, 0.43, z + 0.03), frame)
    return faces


def table(width_m: float, depth_m: float, height_m: float, top: Colour | Texture, legs: Colour) -> list[Face]:
    """A table with four legs, centred on the local origin."""
    x, z = width_m / 2, depth_m / 2
    faces = []
    for sx in (-x + 0.04, x - 0.09):
        for sz in (-z + 0.04, z - 0.09):
            faces += box((sx, 0.0, sz), (sx + 0.05, height_m - 0.04, sz + 0.05), legs)
    return faces + box((-x, height_m - 0.04, -z), (x, height_m, z), top)


def bench(length_m: float, wood: Colour, frame: Colour) -> list[Face]:
    """A slatted bench along local x, facing -z."""
    half = length_m / 2
    faces = []
    for x in (-half + 0.1, half - 0.16):
        for leg_z in (-0.20, 0.15):
            faces += box((x, 0, leg_z), (x + 0.05, 0.40, leg_z + 0.05), frame)
        faces += box((x, 0.38, -0.20), (x + 0.05, 0.42, 0.20), frame)
        faces += box((x, 0.42, 0.17), (x + 0.06, 0.82, 0.21), frame)
    for z in (-0.22, -0.07, 0.08):
        faces += box((-half, 0.42, z), (half, 0.46, z + 0.12), wood)
    for y in (0.55, 0.70):
        faces += box((-half, y, 0.14), (half, y + 0.10, 0.18), wood)
    return faces
