"""A walk through rooms: living room, kitchen, bedroom, office, waiting room, washroom, joined by doors that open.

The walker goes slowly and looks to both sides. Somebody comes straight through the door ahead and passes at arm's
length (in the room that the walker is in after about ten seconds, and again every forty), others sit or stand.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes import room_items as items
from maxsight_core.scenes.bystanders import add_walking
from maxsight_core.scenes.camera_path import CameraPath
from maxsight_core.scenes.doors import add_wall_door, random_door
from maxsight_core.scenes.interior import RoomBox, add_end, add_shell, add_wall_across, add_window, on_side_wall
from maxsight_core.scenes.lighting import light_for, tinted
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.trips import Trip, standing
from maxsight_core.scenes.wall_pictures import picture_of
from maxsight_core.scenes.world import World

PACE_MPS = 0.85
CYCLE_S = 40.0
_MEET_S, _NOTICE_S, _COMES_MPS, _ARMS_LENGTH_M = 9.5, 5.0, 1.15, 0.60
_START_Z, _BEYOND_END_M = -1.2, 6.0
_OPENS_BEFORE_M = 2.1  # the walker opens a door from so far
_SIGN_TOP_M = 2.32
_EARLY_S = 1.6  # somebody else opens it so long before passing
_TINTS = ((1.0, 0.97, 0.90), (0.94, 0.98, 1.0), (1.0, 0.94, 0.84), (0.98, 0.98, 0.96))

KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[items.Item, ...]]] = {
    "living room": (("planks", "carpet"), ("paint", "paper", "brick"),
                    (items.couch, items.media, items.bookcase, items.plant, items.lamp, items.low_table, items.couch,
                     items.pet, items.dining, items.wardrobe)),
    "kitchen": (("tiles", "lino"), ("tiles", "paint"),
                (items.fridge, items.counter, items.sink, items.stove, items.counter, items.dining, items.basket,
                 items.pet)),
    "bedroom": (("carpet", "planks"), ("paper", "paint"),
                (items.bed, items.wardrobe, items.lamp, items.luggage, items.bookcase, items.plant, items.pet)),
    "office": (("carpet", "lino"), ("paint", "concrete"),
               (items.desk, items.bookcase, items.desk, items.basket, items.plant, items.wardrobe, items.luggage)),
    "waiting room": (("lino", "terrazzo", "tiles"), ("paint",),
                     (items.seats, items.plant, items.low_table, items.vending, items.seats, items.reception,
                      items.basket, items.luggage)),
    "washroom": (("tiles", "terrazzo"), ("tiles",), (items.toilet, items.sink, items.toilet, items.basket, items.sink)),
}
_AHEAD = (items.couch, items.media, items.bookcase, items.plant, items.lamp, items.wardrobe, items.fridge,
          items.counter, items.sink, items.stove, items.seats, items.vending, items.reception, items.basket,
          items.luggage, items.toilet)
"""What may also stand at the wall ahead."""
_NAMES = {"office": "OFFICE", "waiting room": "WAITING ROOM", "washroom": "TOILETS", "kitchen": "KITCHEN"}


def build(spec: SceneSpec) -> World:
    """The rooms of a specification."""
    rng = np.random.default_rng((spec.seed, 303))
    light = tinted(light_for(spec, indoor=True), _TINTS[int(rng.integers(len(_TINTS)))])
    rooms = _rooms(rng, spec.seconds * PACE_MPS + _BEYOND_END_M)
    door_x = [float(rng.uniform(-0.45, 0.45)) for _ in rooms]
    path = _path(spec, rng, rooms, door_x)
    world = World(spec, light, path, light.tint((70, 68, 66)), glare_at=(8.0, 6.0))
    world.cells = tuple(room.z1 for room in rooms)
    opens = [path.time_at(room.z1 - _OPENS_BEFORE_M) for room in rooms]
    comers = [_comer(path, rooms, opens, start_s + _MEET_S) for start_s in np.arange(0.0, spec.seconds, CYCLE_S)]
    for room, x, opens_s, beyond in zip(rooms, door_x, opens, [*rooms[1:], None], strict=True):
        paper = add_shell(world, rng, room)
        if beyond is None:
            add_end(world, room, paper)
            look = random_door(rng)
            add_wall_door(world, rng, look, (x, 0.0, room.z1 - 0.01), (1.0, 0.0), cell=room.cell)
        else:
            add_wall_across(world, rng, room, paper, x, random_door(rng), opens_s)
            _hang_across(world, rng, room, x, _NAMES.get(beyond.kind))
        _furnish(world, rng, room, x)
    world.last_cell = lambda time_s: next((k + 1 for k, at in enumerate(opens[:-1]) if time_s < at), len(rooms))
    for trip in comers:
        add_walking(world, rng, trip)
    return world


def _rooms(rng: np.random.Generator, end_z: float) -> list[RoomBox]:
    rooms: list[RoomBox] = []
    z, kinds = _START_Z, list(rng.permutation(list(KINDS)))
    while z < end_z:
        kind = str(kinds[len(rooms) % len(kinds)])
        floors, walls, _ = KINDS[kind]
        depth = float(rng.uniform(5.2, 7.8)) if kind != "washroom" else float(rng.uniform(3.6, 4.6))
        left, right = -float(rng.uniform(2.0, 3.3)), float(rng.uniform(2.0, 3.3))
        rooms.append(RoomBox(len(rooms), z, z + depth, left, right, float(rng.uniform(2.45, 3.1)), kind,
                             walls[int(rng.integers(len(walls)))], floors[int(rng.integers(len(floors)))]))
        z += depth
    return rooms


def _path(spec: SceneSpec, rng: np.random.Generator, rooms: list[RoomBox], door_x: list[float]) -> CameraPath:
    way = [(_START_Z, door_x[0])]
    for room, x in zip(rooms, door_x, strict=True):
        way += [(room.z1 - 1.0, x), (room.z1 + 1.0, x)]
    pace = [(0.0, PACE_MPS)]
    for start_s in np.arange(0.0, spec.seconds, CYCLE_S):
        pace += [(start_s + 20.0, 0.0), (start_s + 24.0, PACE_MPS)]  # stops and looks round
    gaze = ((17.0, 9.0, float(rng.random())), (9.0, 5.3, float(rng.random())))
    return CameraPath(spec.seconds, pace, gaze=gaze, shake=spec.shake, way=way, drift=(0.0, 21.0))


def _comer(path: CameraPath, rooms: list[RoomBox], opens: list[float], meet_s: float) -> Trip:
    """Comes along the walker's way from the next room and gives way at the last; the door is opened earlier for it."""
    here = next((room for room in rooms if room.z1 > path.ground(meet_s)[1]), rooms[-1])
    meet_z = (here.z0 + here.z1) / 2
    meet_s = path.time_at(meet_z)
    times = np.arange(-_NOTICE_S, 6.0, 0.25)
    points = []
    for dt in times:
        z = meet_z - _COMES_MPS * float(dt)
        points.append((meet_s + float(dt), path.ground(path.time_at(z))[0], z))
    passes_s = meet_s - (here.z1 - meet_z) / _COMES_MPS
    opens[here.cell] = min(opens[here.cell], passes_s - _EARLY_S)
    side = 1.0 if (meet_s * 10) % 2 < 1 else -1.0
    return Trip(points, sidesteps=((meet_s - 1.25, side * _ARMS_LENGTH_M, 0.9),),
                shown=(opens[here.cell], meet_s + 6.0))


def _furnish(world: World, rng: np.random.Generator, room: RoomBox, door_x: float) -> None:
    _, _, kinds = KINDS[room.kind]
    for side in (-1, 1):
        _line(world, rng, room, side, room.z0 + 0.35, room.z1 - 0.75, kinds)
        _hang(world, rng, room, side)
    for start, end in ((room.left + 0.1, door_x - 0.62), (door_x + 0.62, room.right - 0.1)):
        if rng.random() < 0.8:
            _line(world, rng, room, 0, start, end, tuple(item for item in kinds if item in _AHEAD))
    if rng.random() < 0.45 and room.cell > 0:
        side = -1 if rng.random() < 0.5 else 1
        limit = (abs(room.left) if side < 0 else room.right) - 1.0
        add_walking(world, rng, standing(side * float(rng.uniform(1.0, max(1.05, limit))),
                                         float(rng.uniform(room.z0 + 1.5, room.z1 - 0.8)),
                                         float(rng.choice((180.0, 90.0, 270.0)))),
                    "child" if rng.random() < 0.2 else "person")


def _line(world: World, rng: np.random.Generator, room: RoomBox, side: int, start: float, end: float,
          kinds: tuple[items.Item, ...]) -> None:
    """Puts items along a wall until no kind fits any more; what does not fit is taken back."""
    order = [kinds[i] for i in rng.permutation(len(kinds))]
    order += [kinds[i] for i in rng.permutation(len(kinds))]
    for item in order:
        if start + items.LEAST_LENGTH_M[item] > end:
            continue
        parts, things = len(world.parts), len(world.things)
        used = item(items.Place(world, rng, room, side, start))
        if start + used > end:
            del world.parts[parts:], world.things[things:]
        else:
            start += used + float(rng.uniform(0.05, 0.35))


def _hang(world: World, rng: np.random.Generator, room: RoomBox, side: int) -> None:
    """Windows, doors and pictures on a side wall."""
    z = room.z0 + 1.1
    while z < room.z1 - 1.1:
        pick = rng.random()
        if pick < 0.4:
            add_window(world, rng, room, side, z)
        elif pick < 0.55:
            x = (room.left if side < 0 else room.right) - side * 0.01
            label = str(int(rng.integers(1, 60))) if room.kind in ("office", "waiting room") else None
            add_wall_door(world, rng, random_door(rng), (x, 0.0, z), (0.0, -float(side)), cell=room.cell, label=label)
        elif pick < 0.9:
            pixels, name, text, size = picture_of(rng)
            on_side_wall(world, room, side, pixels, z, 2.0 + float(rng.uniform(-0.15, 0.15)), size, name, text)
        z += float(rng.uniform(1.9, 2.6))


def _hang_across(world: World, rng: np.random.Generator, room: RoomBox, door_x: float, text: str | None) -> None:
    """What hangs on the wall ahead: a picture, and the name of the next room."""
    from maxsight_core.scenes import signs

    for low, high in ((room.left + 0.2, door_x - 0.8), (door_x + 0.8, room.right - 0.2)):
        if high - low > 1.0 and rng.random() < 0.7:
            pixels, name, writing, (width, height) = picture_of(rng)
            x = float(rng.uniform(low, high - width)) if high - low > width else low
            quad = world.add_quad(pixels, (x, 1.95, room.z1 - 0.01), (width, 0, 0), (0, -height, 0), name, text=writing)
            quad.cell = room.cell
    if text:
        plate = signs.plate(text, 60 * len(text) // 2, 70, (34, 62, 112), (250, 250, 246))
        width = 0.06 * len(text)
        quad = world.add_quad(plate, (door_x - width / 2, _SIGN_TOP_M, room.z1 - 0.01),
                              (width, 0, 0), (0, -0.14, 0), "direction sign", text=text)
        quad.cell = room.cell
