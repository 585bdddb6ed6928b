"""Furniture put into a room: along its walls, with things on top. One function a piece; each says how long it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maxsight_core.scenes import cabinets, furniture, props, small_things
from maxsight_core.scenes.bystanders import add_seated
from maxsight_core.scenes.furniture import FABRICS, FRAMES, WOODS, pick
from maxsight_core.scenes.interior import RoomBox
from maxsight_core.scenes.solid import Face, box, table
from maxsight_core.scenes.textures import Texture, soft_disc
from maxsight_core.scenes.world import World

_TABLE_M = 0.74
_GAP_M = 0.04
_OF_TABLE = ("cup", "bottle", "bowl", "book", "vase", "laptop")
Item = Callable[["Place"], float]


class Place:
    """A place along a wall of a room; items are put there and say how much of the wall they take.

    Args:
        side: -1 left wall, +1 right wall, 0 the wall ahead. start: z (x on the wall ahead) where the item begins.
    """

    def __init__(self, world: World, rng: np.random.Generator, room: RoomBox, side: int, start: float) -> None:
        self.world, self.rng, self.room, self.side, self.start = world, rng, room, side, start
        self.heading = 90.0 * side
        self.tint, self.bake = world.light.tint, world.light.bake
        self.half_room_m = {-1: -room.left, 1: room.right, 0: room.depth_m}[side]
        self.seen_seated = {-1: "right", 1: "left", 0: "front"}[side]

    def at(self, off_m: float, along_m: float) -> tuple[float, float]:
        """(x, z) of a point off the wall, along it from the start."""
        if self.side == 0:
            return (self.start + along_m, self.room.z1 - off_m)
        wall = self.room.left if self.side < 0 else self.room.right
        return (wall - self.side * off_m, self.start + along_m)

    def solid(self, faces: list[Face], name: str | None, length_m: float, depth_m: float, height_m: float,
              heading_deg: float | None = None, body_m: float | None = None, base_m: float = 0.0,
              nudge_m: float = 0.0) -> None:
        """A solid with its back to the wall; length along the wall."""
        x, z = self.at(depth_m / 2 + _GAP_M, length_m / 2)
        half = (length_m / 2, depth_m / 2) if self.side == 0 else (depth_m / 2, length_m / 2)
        self.world.add_solid(faces, x, z, name, heading_deg=self.heading if heading_deg is None else heading_deg,
                             half=half, height_m=height_m, base_m=base_m, nudge_m=nudge_m,
                             body_m=depth_m / 2 if body_m is None else body_m)

    def upright(self, draw: Callable[[np.random.Generator], tuple[np.ndarray, float]], name: str, off_m: float,
                along_m: float, base_m: float = 0.0, body_m: float = 0.0, nudge_m: float = 0.0) -> None:
        """A standing picture at a point as for :meth:`at`; a world draws few of a kind and shows them again."""
        pixels, height = self.world.one_of(name, lambda: draw(self.rng), self.rng)
        self.world.add_upright(pixels, *self.at(off_m, along_m), height, name, base_m=base_m, body_m=body_m,
                               nudge_m=nudge_m)

    def on_top(self, names: tuple[str, ...], count: int, length_m: float, depth_m: float, height_m: float,
               off_m: float = 0.0) -> None:
        """Small things on a surface of this length, depth and height."""
        for k in range(count):
            name = names[int(self.rng.integers(len(names)))]
            dz = length_m * (k + float(self.rng.uniform(0.2, 0.8))) / count
            off = off_m + depth_m * float(self.rng.uniform(0.3, 0.75))
            self._small(name, off, dz, height_m, -(depth_m / 2 + 0.2))

    def _small(self, name: str, off_m: float, dz: float, base_m: float, nudge_m: float) -> None:
        rng, tint = self.rng, self.tint
        drawn = {"cup": small_things.cup, "bottle": small_things.bottle, "bowl": small_things.bowl,
                 "vase": small_things.vase, "teddy bear": small_things.teddy}
        if name in drawn:
            self.upright(drawn[name], name, off_m, dz, base_m, nudge_m=nudge_m)
            return
        cover = tint(pick(rng, FABRICS))
        if name == "book":
            faces = box((-0.11, 0.0, -0.15), (0.11, float(rng.uniform(0.02, 0.07)), 0.15), cover)
        elif name == "laptop":
            shown = Texture(cabinets.screen(rng, self.bake, True))
            faces = box((-0.17, 0.0, -0.12), (0.17, 0.02, 0.12), tint((150, 152, 158)))
            faces += box((-0.17, 0.02, 0.10), (0.17, 0.24, 0.12), tint((120, 122, 128)), shown)
        elif name == "keyboard":
            faces = box((-0.22, 0.0, -0.07), (0.22, 0.025, 0.07), tint((46, 48, 52)))
        elif name == "microwave":
            front = Texture(cabinets.screen(rng, self.bake, False))
            faces = box((-0.24, 0.0, -0.18), (0.24, 0.28, 0.18), tint((190, 192, 194)), front)
        elif name == "tv":
            shown = Texture(cabinets.screen(rng, self.bake, bool(rng.random() < 0.7)))
            half = float(rng.uniform(0.26, 0.60))
            faces = box((-0.12, 0.0, -0.08), (0.12, 0.02, 0.08), tint((30, 30, 34)))
            faces += box((-0.03, 0.02, -0.02), (0.03, 0.10, 0.02), tint((30, 30, 34)))
            faces += box((-half, 0.09, -0.03), (half, 0.09 + half * 1.15, 0.03), tint((24, 24, 28)), shown)
        else:
            raise ValueError(f"on_top: expected a small thing of tables; got {name!r}")
        self.world.add_solid(faces, *self.at(off_m, dz), name, heading_deg=self.heading, base_m=base_m, nudge_m=nudge_m,
                             half=(0.12, 0.12), height_m=0.1)


def couch(p: Place) -> float:
    colour, width = pick(p.rng, FABRICS), float(p.rng.choice((0.9, 1.6, 2.1)))
    faces = furniture.couch(p.rng, p.tint, furniture.fabric(p.rng, colour, p.bake), colour, width)
    p.solid(faces, "couch" if width > 1.2 else "armchair", width, 0.88, 0.85)
    seats = max(1, round(width / 0.8))
    for k in range(seats):
        if p.rng.random() < 0.3:
            add_seated(p.world, p.rng, *p.at(0.5, width * (k + 0.5) / seats), p.seen_seated)
        elif p.rng.random() < 0.15:
            p.on_top(("teddy bear", "book"), 1, width / seats, 0.6, 0.45, 0.2)
    return width + 0.1


def low_table(p: Place) -> float:
    top = furniture.wood(p.rng, pick(p.rng, WOODS), p.bake)
    faces = _table(p, 0.9, 0.55, 0.42, top)
    p.solid(faces, "low table", 0.9, 0.55, 0.42)
    p.on_top(("cup", "book", "bowl", "vase"), int(p.rng.integers(1, 4)), 0.9, 0.55, 0.42)
    return 1.0


def _table(p: Place, length_m: float, depth_m: float, height_m: float, top: Texture) -> list[Face]:
    return table(length_m, depth_m, height_m, top, p.tint(pick(p.rng, FRAMES)))


def dining(p: Place) -> float:
    """A table with its short end to the wall, chairs on both sides, sometimes somebody at it."""
    colour = pick(p.rng, WOODS)
    length, depth = 0.85, min(1.35, p.half_room_m - 1.25)
    seat, frame = pick(p.rng, FABRICS), pick(p.rng, WOODS)
    lead = 0.62
    p.start += lead
    p.solid(_table(p, length, depth, _TABLE_M, furniture.wood(p.rng, colour, p.bake)), "dining table", length, depth,
            _TABLE_M, heading_deg=p.heading)
    p.on_top(_OF_TABLE, int(p.rng.integers(2, 6)), length, depth, _TABLE_M)
    for dz, turn in ((-0.32, 180.0), (length + 0.32, 0.0)):
        for off in (0.35, 0.95)[:1 if depth < 1.1 else 2]:
            x, z = p.at(off, dz)
            p.world.add_solid(furniture.wooden_chair(p.tint, frame, seat), x, z, "chair", heading_deg=turn,
                              half=(0.21, 0.21), height_m=0.92, body_m=0.21)
            if p.rng.random() < 0.25 and turn == 0.0:
                add_seated(p.world, p.rng, x, z, "front")
    return length + lead + 0.7


def bookcase(p: Place) -> float:
    width, height = float(p.rng.uniform(0.6, 1.4)), float(p.rng.uniform(0.9, 2.0))
    p.solid(cabinets.bookcase(p.rng, p.tint, p.bake, pick(p.rng, WOODS), width, height), "shelf", width, 0.32, height)
    return width + 0.05


def wardrobe(p: Place) -> float:
    width, height = float(p.rng.choice((0.5, 1.0, 1.5))), float(p.rng.uniform(1.5, 2.1))
    p.solid(cabinets.cupboard(p.rng, p.tint, p.bake, pick(p.rng, WOODS), width, height, 0.55), "cupboard", width, 0.55,
            height)
    return width + 0.05


def media(p: Place) -> float:
    """A low cupboard with a television on it."""
    width = float(p.rng.uniform(1.1, 1.6))
    faces = cabinets.cupboard(p.rng, p.tint, p.bake, pick(p.rng, WOODS), width, 0.5, 0.42)
    p.solid(faces, "cupboard", width, 0.42, 0.5)
    p.on_top(("tv",), 1, width, 0.42, 0.5)
    return width + 0.1


def counter(p: Place) -> float:
    """A kitchen worktop over cupboards, with what stands on it."""
    width = float(p.rng.choice((1.0, 1.5)))
    colour, top = pick(p.rng, WOODS), pick(p.rng, FRAMES)
    p.solid(cabinets.cupboard(p.rng, p.tint, p.bake, colour, width, 0.86, 0.58, top), "cupboard", width, 0.6, 0.9)
    names = ("microwave",) if p.rng.random() < 0.35 else ("bottle", "cup", "bowl", "bottle")
    p.on_top(names, 1 + int(p.rng.integers(3)), width, 0.55, 0.90)
    upper = cabinets.cupboard(p.rng, p.tint, p.bake, colour, width, 0.6, 0.32)
    p.solid(upper, "cupboard", width, 0.32, 0.6, base_m=1.42, body_m=0.0)
    return width


def sink(p: Place) -> float:
    colour, top = pick(p.rng, WOODS), pick(p.rng, FRAMES)
    p.solid(cabinets.cupboard(p.rng, p.tint, p.bake, colour, 1.0, 0.86, 0.58, top), "cupboard", 1.0, 0.6, 0.9)
    p.solid(cabinets.sink_top(p.tint), "sink", 1.0, 0.6, 0.2, base_m=0.905, nudge_m=-0.35, body_m=0.0)
    return 1.0


def fridge(p: Place) -> float:
    p.solid(cabinets.refrigerator(p.rng, p.tint, p.bake), "refrigerator", 0.6, 0.62, 1.75)
    return 0.65


def stove(p: Place) -> float:
    p.solid(cabinets.oven(p.rng, p.tint, p.bake), "oven", 0.6, 0.6, 0.9)
    return 0.62


def desk(p: Place) -> float:
    width = float(p.rng.uniform(1.2, 1.6))
    colour = pick(p.rng, WOODS)
    p.solid(furniture.desk(p.tint, furniture.wood(p.rng, colour, p.bake), colour, pick(p.rng, FRAMES), width), "desk",
            width, 0.70, 0.74)
    p.on_top(("tv", "laptop"), 1, width, 0.3, _TABLE_M, 0.1)
    p.on_top(("keyboard", "cup", "book", "bottle"), int(p.rng.integers(1, 4)), width, 0.5, _TABLE_M, 0.25)
    off, middle = 0.95, width * 0.42
    p.world.add_solid(furniture.office_chair(p.tint, pick(p.rng, FABRICS)), *p.at(off, middle), "office chair",
                      heading_deg=p.heading + 180.0 + float(p.rng.uniform(-40, 40)), half=(0.29, 0.29),
                      height_m=1.05, body_m=0.29)
    if p.rng.random() < 0.35 and p.side != 0:  # people at a desk face the wall: of those ahead only backs would show
        add_seated(p.world, p.rng, *p.at(off, middle), "right" if p.side > 0 else "left")
    return width + 0.15


def bed(p: Place) -> float:
    width, colour = float(p.rng.choice((0.95, 1.25))), pick(p.rng, FABRICS)
    faces = furniture.bed(p.tint, furniture.fabric(p.rng, colour, p.bake), colour, pick(p.rng, WOODS), width)
    p.solid(faces, "bed", 2.12, width + 0.06, 0.95, heading_deg=0.0)
    if p.rng.random() < 0.4:
        p.on_top(("teddy bear", "book"), 1, 2.0, width, 0.55)
    return 2.2


def seats(p: Place) -> float:
    count = int(p.rng.integers(2, 5))
    faces = furniture.row_of_seats(p.tint, pick(p.rng, FABRICS), pick(p.rng, FRAMES), count)
    p.solid(faces, "chair", count * 0.55, 0.54, 0.86)
    for k in range(count):
        if p.rng.random() < 0.4:
            add_seated(p.world, p.rng, *p.at(0.32, (k + 0.5) * 0.55), p.seen_seated)
    return count * 0.55 + 0.1


def reception(p: Place) -> float:
    width = float(p.rng.uniform(1.5, 2.2))
    p.solid(cabinets.cupboard(p.rng, p.tint, p.bake, pick(p.rng, WOODS), width, 1.06, 0.6, pick(p.rng, FRAMES)),
            "reception desk", width, 0.62, 1.1)
    p.on_top(("tv", "vase", "book"), 2, width, 0.5, 1.1)
    return width + 0.2


def vending(p: Place) -> float:
    ground = ((170, 30, 36), (26, 70, 140), (40, 44, 50))[int(p.rng.integers(3))]
    front = Texture(cabinets.machine_front(p.rng, "DRINKS", ground))
    faces = box((-0.45, 0.0, -0.38), (0.45, 1.85, 0.38), p.tint(ground), front)
    p.solid(faces, "vending machine", 0.9, 0.76, 1.85)
    return 1.0


def toilet(p: Place) -> float:
    p.solid(cabinets.toilet(p.tint), "toilet", 0.4, 0.68, 0.8)
    return 0.9


def plant(p: Place) -> float:
    p.upright(lambda rng: (props.plant(rng), float(rng.uniform(0.7, 1.5))), "potted plant", 0.32, 0.3, body_m=0.18)
    return 0.6


def lamp(p: Place) -> float:
    lit = p.world.light.lamps_on or p.world.light.name != "day"
    made = p.world.one_of("floor lamp", lambda: small_things.floor_lamp(p.rng, lit), p.rng)
    glow = (soft_disc(64, (255, 214, 140), 0.6, 3.0), made[1] * 0.88, 1.6) if lit else None
    p.world.add_upright(made[0], *p.at(0.28, 0.25), made[1], "floor lamp", body_m=0.15, glow=glow)
    return 0.5


def basket(p: Place) -> float:
    p.upright(lambda _rng: (props.waste_basket(), 0.40), "waste basket", 0.25, 0.2, body_m=0.15)
    return 0.45


def luggage(p: Place) -> float:
    if p.rng.random() < 0.5:
        p.upright(small_things.suitcase, "suitcase", 0.3, 0.25, body_m=0.18)
    else:
        p.upright(small_things.backpack, "backpack", 0.3, 0.25, body_m=0.18)
    return 0.5


def pet(p: Place) -> float:
    off = float(p.rng.uniform(0.4, max(0.5, p.half_room_m - 1.2)))
    if p.rng.random() < 0.5:
        p.upright(small_things.cat, "cat", off, 0.3, body_m=0.15)
    else:
        p.upright(small_things.dog, "dog", off, 0.4, body_m=0.3)
    return 0.3


LEAST_LENGTH_M: dict[Item, float] = {
    couch: 1.0, media: 1.2, bookcase: 0.65, wardrobe: 0.55, counter: 1.0, sink: 1.0, fridge: 0.65, stove: 0.62,
    desk: 1.35, bed: 2.2, seats: 1.2, reception: 1.7, vending: 1.0, toilet: 0.9, plant: 0.6, lamp: 0.5, basket: 0.45,
    luggage: 0.5, pet: 0.3, dining: 2.17, low_table: 1.0,
}
"""What an item takes of the wall at least: tried only where so much is free."""
