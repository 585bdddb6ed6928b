"""A row of rooms along the walk: shells, walls across with a doorway each, windows. A room is a cell of the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core.scenes import finishes
from maxsight_core.scenes.doors import DOOR_HEIGHT_M, DoorLook, SwingDoor
from maxsight_core.scenes.solid import Solid, box
from maxsight_core.scenes.textures import Texture, soft_disc
from maxsight_core.scenes.things import LAYER_FRONT, LAYER_MARKS, LAYER_SHELL, LongPlane, Quad, still
from maxsight_core.scenes.world import World

WALL_M = 0.14
"""Thickness of a wall between rooms."""
_TRIM_M = 0.07


@dataclass(frozen=True, slots=True)
class RoomBox:
    """One room. cell: its number along the walk. z0, z1: from, to. left, right: x of its side walls. kind: its use."""

    cell: int
    z0: float
    z1: float
    left: float
    right: float
    height_m: float
    kind: str
    wall_kind: str
    floor_kind: str

    @property
    def depth_m(self) -> float:
        return self.z1 - self.z0


def add_shell(world: World, rng: np.random.Generator, room: RoomBox) -> np.ndarray:
    """Floor, ceiling and side walls; returns the picture of the walls, for the wall across."""
    lit, bake, width = world.light.lamps_on, world.light.bake, room.right - room.left
    ground = Texture(bake(finishes.floor(rng, room.depth_m, width, room.floor_kind)))
    above = finishes.ceiling(rng, room.depth_m, width, lit)
    above = Texture(above if lit and world.light.name == "day" else bake(above))
    paper = finishes.wall(rng, max(room.depth_m, width), room.height_m, room.wall_kind)
    side = Texture(bake(np.ascontiguousarray(paper[:, :round(room.depth_m * finishes.PPM)])))
    planes = [LongPlane(above, (room.left, room.height_m, room.z0), room.depth_m, (width, 0, 0)),
              LongPlane(ground, (room.left, 0, room.z0), room.depth_m, (width, 0, 0)),
              LongPlane(side, (room.left, room.height_m, room.z0), room.depth_m, (0, -room.height_m, 0)),
              LongPlane(side, (room.right, room.height_m, room.z0), room.depth_m, (0, -room.height_m, 0), u_sign=-1)]
    for plane in planes:
        plane.cell = room.cell
    world.parts += planes
    return paper


def add_wall_across(world: World, rng: np.random.Generator, room: RoomBox, paper: np.ndarray, door_x: float,
                    look: DoorLook, opens_at_s: float | None) -> None:
    """The wall at the far end of a room with an opening, its frame and, unless opens_at_s is None, its door."""
    z, cell, half = room.z1, room.cell + 1, look.width_m / 2
    picture = world.light.bake((paper * 0.94).astype(np.uint8))
    left, right = room.left - 3.0, room.right + 3.0  # so that a wider room beyond does not show past the edge
    top = room.height_m + 1.5

    def panel(x0: float, x1: float, y1: float, y0: float) -> None:
        rows, columns = picture.shape[:2]
        u0 = int(np.clip((x0 - room.left) / (room.right - room.left), 0, 0.95) * columns)
        u1 = int(np.clip((x1 - room.left) / (room.right - room.left), 0.05, 1) * columns)
        v0, v1 = int((1 - min(y1 / room.height_m, 1)) * rows), int((1 - y0 / room.height_m) * rows)
        piece = np.ascontiguousarray(picture[v0:max(v1, v0 + 8), u0:max(u1, u0 + 8)])
        part = Quad(Texture(piece), (x0, y1, z), (x1 - x0, 0, 0), (0, y0 - y1, 0), LAYER_FRONT)
        part.cell = cell
        world.parts.append(part)

    panel(left, room.left, top, 0.0)
    panel(room.right, right, top, 0.0)
    panel(room.left, room.right, top, room.height_m)
    panel(room.left, door_x - half, room.height_m, 0.0)
    panel(door_x + half, room.right, room.height_m, 0.0)
    panel(door_x - half, door_x + half, room.height_m, DOOR_HEIGHT_M + 0.01)
    _frame(world, look, door_x, z, cell)
    if opens_at_s is not None:
        world.parts.append(SwingDoor(world, rng, look, door_x, 0.0, z, opens_at_s, cell))


def _frame(world: World, look: DoorLook, x: float, z: float, cell: int) -> None:
    half, colour = look.width_m / 2, world.light.tint(look.frame)
    faces = []
    for x0, x1 in ((-half - _TRIM_M, -half), (half, half + _TRIM_M)):
        faces += box((x0, 0.0, -0.02), (x1, DOOR_HEIGHT_M + _TRIM_M, WALL_M), colour)
    faces += box((-half, DOOR_HEIGHT_M, -0.02), (half, DOOR_HEIGHT_M + _TRIM_M, WALL_M), colour)
    frame = Solid(faces, still(x, z), layer=LAYER_FRONT, nudge_m=-0.2)
    frame.cell = cell
    world.parts.append(frame)


def add_end(world: World, room: RoomBox, paper: np.ndarray) -> None:
    """The closed wall at the end of the walk."""
    part = Quad(Texture(world.light.bake(paper)), (room.left, room.height_m, room.z1), (room.right - room.left, 0, 0),
                (0, -room.height_m, 0), LAYER_SHELL)
    part.cell = room.cell
    world.parts.append(part)


def on_side_wall(world: World, room: RoomBox, side: int, pixels: np.ndarray, z: float, top_m: float,
                 size_m: tuple[float, float], class_name: str | None, text: str | None = None,
                 emissive: bool = False) -> Quad:
    """A flat thing on the left (-1) or right (+1) wall, centred on z."""
    x = (room.left if side < 0 else room.right) - side * 0.02
    width, height = size_m
    quad = world.add_quad(pixels, (x, top_m, z + side * width / 2), (0, 0, -side * width), (0, -height, 0), class_name,
                          text=text, emissive=emissive)
    quad.cell = room.cell
    return quad


def add_window(world: World, rng: np.random.Generator, room: RoomBox, side: int, z: float) -> None:
    """A window, with the light that it throws on the floor by day."""
    width, height = float(rng.uniform(1.0, 1.9)), float(rng.uniform(1.0, 1.4))
    name = world.light.name
    on_side_wall(world, room, side, finishes.window(rng, width, height, name), z, 0.85 + height, (width, height),
                 "window", emissive=True)
    if name in ("day", "glare"):
        pool = Texture(soft_disc(48, (58, 54, 44), 0.9, 1.0), additive=True)
        reach, x = 1.5, room.left if side < 0 else room.right
        near, far = sorted((x, x - side * reach))
        part = Quad(pool, (near, 0.004, z + width / 2 - 0.2), (far - near, 0, 0), (0, 0, -width), LAYER_MARKS,
                    mark=True)
        part.cell = room.cell
        world.parts.append(part)
    if rng.random() < 0.35:
        cloth = (np.ones((24, 16, 3)) * rng.integers(70, 220, 3) * (0.8 + 0.2 * (np.arange(16) % 4 > 1))[None, :, None])
        for dz in (-width / 2, width / 2):
            quad = on_side_wall(world, room, side, cloth.astype(np.uint8), z + dz, 0.98 + height, (0.28, height + 0.35),
                                "curtain")
            quad.nudge_m = -1.2  # hangs before the window
