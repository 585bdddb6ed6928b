"""What corridors, rooms and stations share: the shell, doors with fittings, recesses with stairs, hanging signs."""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes import signs, surfaces
from maxsight_core.scenes.solid import box, steps
from maxsight_core.scenes.surfaces import INDOOR_PERIOD_M
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.things import LAYER_BEYOND, LongPlane, Quad, repeated
from maxsight_core.scenes.world import World

_WALL_GAP_M = 0.012  # what hangs on a wall stands off it by so much
STEP_COUNT = 10
_STEP_RISE_M, _STEP_RUN_M = 0.165, 0.28

Opening = tuple[float, float]


def add_shell(world: World, rng: np.random.Generator, half_width_m: float, height_m: float, start_z: float,
              end_z: float, floor: tuple, walls: tuple, dado: tuple,
              openings: dict[int, list[Opening]] | None = None) -> None:
    """Floor, ceiling and both walls; openings: side (-1 left, +1 right) -> [(z0, z1), ...]."""
    lit, bake, period = world.light.lamps_on, world.light.bake, INDOOR_PERIOD_M
    length, width = end_z - start_z, 2 * half_width_m
    floor_picture = repeated(bake(surfaces.corridor_floor(rng, width, floor, lit)), period)
    ceiling = surfaces.corridor_ceiling(rng, width, lit)
    ceiling = repeated(ceiling if lit and world.light.name == "day" else bake(ceiling), period)
    wall = repeated(bake(surfaces.corridor_wall(rng, height_m, walls, dado, lit)), period)
    world.parts += [
        LongPlane(ceiling, (-half_width_m, height_m, start_z), length, (width, 0, 0), period_m=period),
        LongPlane(floor_picture, (-half_width_m, 0, start_z), length, (width, 0, 0), period_m=period),
    ]
    for side in (-1, 1):
        z = start_z
        for z0, z1 in [*sorted((openings or {}).get(side, [])), (end_z, end_z)]:
            if z0 > z:
                # a whole period is the texture's unit: start it where the floor's starts, so that lamps line up
                world.parts.append(LongPlane(wall, (side * half_width_m, height_m, z), z0 - z, (0, -height_m, 0),
                                             period_m=period, phase_z=start_z))
            z = z1


def add_door(world: World, rng: np.random.Generator, side: int, z: float, half_width_m: float, leaf: tuple,
             number: str, glazed: bool) -> None:
    """A door with its handle and its room number, in the left (-1) or right (+1) wall, centred on z."""
    x = side * (half_width_m - _WALL_GAP_M)
    along = -side  # the direction of reading on this wall, in z
    hinge_left = bool(rng.random() < 0.5)
    picture = surfaces.door(rng, leaf, glazed, hinge_left)
    world.add_quad(picture, (x, 2.10, z - along * 0.52), (0, 0, along * 1.04), (0, -2.10, 0), "door")
    reach = 0.34 if hinge_left else -0.34
    middle = z + along * reach
    handle = surfaces.lever_handle(points_right=not hinge_left)
    world.add_quad(handle, (x - side * 0.03, 1.08, middle - along * 0.075), (0, 0, along * 0.15), (0, -0.06, 0),
                   "door handle", nudge_m=-0.9)
    plate = signs.plate(number, 120, 80, (38, 62, 96), (246, 246, 240))
    world.add_quad(plate, (x - side * 0.005, 1.66, z + along * 0.62), (0, 0, along * 0.21), (0, -0.14, 0),
                   "room number", text=number, nudge_m=-0.3)


def add_recess(world: World, rng: np.random.Generator, side: int, opening: Opening, half_width_m: float,
               height_m: float, down: bool, wall: tuple) -> None:
    """A stairwell seen through an opening of the wall: steps leading away from the corridor, up or down."""
    z0, z1 = opening
    run = STEP_COUNT * _STEP_RUN_M + 0.5
    x0, x1 = side * half_width_m, side * (half_width_m + run)
    low = -STEP_COUNT * _STEP_RISE_M if down else 0.0
    plaster = surfaces.plaster(rng, 160, 200, wall)

    def panel(origin, u, v, shade: float) -> None:
        world.add_quad((plaster * shade).astype(np.uint8), origin, u, v, layer=LAYER_BEYOND, nudge_m=1.0)

    panel((x1, height_m, z0), (0, 0, z1 - z0), (0, low - height_m, 0), 0.74)
    panel((x0, height_m, z1), (x1 - x0, 0, 0), (0, low - height_m, 0), 0.88)
    panel((x0, height_m, z0), (x1 - x0, 0, 0), (0, low - height_m, 0), 0.70)
    panel((x0, height_m, z0), (x1 - x0, 0, 0), (0, 0, z1 - z0), 0.60)
    panel((x0, low, z0), (x1 - x0, 0, 0), (0, 0, z1 - z0), 0.50)
    tread = Texture(world.light.bake(surfaces.concrete_step(rng, True)))
    riser = Texture(world.light.bake(surfaces.concrete_step(rng, False)))
    faces = steps(STEP_COUNT, z1 - z0 - 0.02, tread, riser, (130, 128, 124), down, _STEP_RISE_M, _STEP_RUN_M)
    name = "stairs down" if down else "stairs up"
    world.add_solid(faces, x0, (z0 + z1) / 2, name, heading_deg=90.0 * side, layer=LAYER_BEYOND,
                    half=(0.0, (z1 - z0) / 2), height_m=0.0)
    sign = signs.plate("STAIRS" + (" DOWN" if down else " UP"), 200, 60, (28, 92, 150), (248, 248, 244))
    along = -side
    middle = z0 - 0.42
    world.add_quad(sign, (x0 - side * _WALL_GAP_M, 1.90, middle - along * 0.3), (0, 0, along * 0.6), (0, -0.18, 0),
                   "stairs sign", text="STAIRS DOWN" if down else "STAIRS UP")


def add_hanging_sign(world: World, pixels: np.ndarray, x: float, z: float, width_m: float, top_m: float,
                     class_name: str, text: str, emissive: bool) -> None:
    """A sign across the walk, hanging from the ceiling on two rods, read while walking towards +z."""
    height = width_m * pixels.shape[0] / pixels.shape[1]
    texture = Texture(pixels if emissive else world.light.bake(pixels))
    case = world.light.tint((70, 74, 78))
    faces = box((-width_m / 2, top_m - height, -0.03), (width_m / 2, top_m, 0.03), case, texture)
    for rod in (-0.4, 0.4):
        faces += box((rod * width_m - 0.008, top_m, -0.008), (rod * width_m + 0.008, top_m + 0.3, 0.008),
                     world.light.tint((90, 92, 96)))
    world.add_solid(faces, x, z, class_name, base_m=0.001, height_m=2 * top_m - height, text=text)


def add_end_wall(world: World, rng: np.random.Generator, z: float, half_width_m: float, height_m: float,
                 paint: tuple) -> None:
    """The far end: a wall with a glazed double door and an exit sign above it."""
    picture = surfaces.plaster(rng, 200, 220, paint)
    texture = Texture(world.light.bake(picture))
    world.parts.append(Quad(texture, (-half_width_m, height_m, z), (2 * half_width_m, 0, 0), (0, -height_m, 0),
                            LAYER_BEYOND))
    pair = np.hstack([surfaces.door(rng, (150, 108, 70), True, True), surfaces.door(rng, (150, 108, 70), True, False)])
    world.add_quad(pair, (-0.95, 2.10, z - 0.02), (1.90, 0, 0), (0, -2.10, 0), "double door")
    world.add_quad(signs.exit_sign(), (-0.28, 2.42, z - 0.03), (0.56, 0, 0), (0, -0.224, 0), "exit sign", text="EXIT",
                   emissive=True)
