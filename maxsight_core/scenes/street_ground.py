"""The street itself: road, pavements, kerbs, side roads, houses, sky. Metres; the near pavement is y = 0."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from maxsight_core.scenes import outdoor
from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.textures import Texture
from maxsight_core.scenes.things import LAYER_BEYOND, LAYER_SHELL, Claim, LongPlane, Quad, repeated, still
from maxsight_core.scenes.world import World

HOUSE_X, KERB_X, FAR_KERB_X, FAR_HOUSE_X = -2.4, 1.5, 8.5, 11.5
ROAD_Y = -0.12
"""A kerb of 0.12 m: the usual upstand of 100 to 125 mm."""
NEAR_LANE_X, FAR_LANE_X, PARKED_X = 4.30, 6.95, 2.45
GAP_M = 6.5
"""Width of a side road."""
START_Z = -6.0
_SIDE_ROAD_M = 22.0
_SKY_HALF_DEG, _SKY_TOP_DEG = 60.0, 60.0


def stretches(end_z: float, gaps: list[float]) -> list[tuple[float, float]]:
    """The pieces of pavement between side roads."""
    edges = [START_Z, *(edge for gap in gaps for edge in (gap, gap + GAP_M)), end_z]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def add_ground(world: World, rng: np.random.Generator, end_z: float, gaps: list[float]) -> None:
    """Road, both pavements with their kerbs, and the mouths of the side roads."""
    bake = world.light.bake
    road = repeated(bake(outdoor.asphalt(rng, FAR_KERB_X - KERB_X, lines=True)), outdoor.ROAD_PERIOD_M)
    near = repeated(bake(outdoor.paving(rng, KERB_X - HOUSE_X)), outdoor.PAVING_PERIOD_M)
    far = repeated(bake(outdoor.paving(rng, FAR_HOUSE_X - FAR_KERB_X)), outdoor.PAVING_PERIOD_M)
    kerb = repeated(bake(outdoor.kerb_stone(rng)), outdoor.PAVING_PERIOD_M)
    face = Texture(bake(outdoor.kerb_stone(rng)))
    side = Texture(bake(outdoor.asphalt(rng, GAP_M, lines=False)))
    world.parts.append(LongPlane(road, (KERB_X, ROAD_Y, START_Z), end_z - START_Z, (FAR_KERB_X - KERB_X, 0, 0),
                                 period_m=outdoor.ROAD_PERIOD_M, layer=LAYER_BEYOND))
    period = outdoor.PAVING_PERIOD_M
    for z0, z1 in stretches(end_z, gaps):
        length = z1 - z0
        world.parts += [
            LongPlane(far, (FAR_KERB_X, 0, z0), length, (FAR_HOUSE_X - FAR_KERB_X, 0, 0), period_m=period),
            LongPlane(kerb, (FAR_KERB_X, 0, z0), length, (0, ROAD_Y, 0), period_m=period),
            LongPlane(near, (HOUSE_X, 0, z0), length, (KERB_X - HOUSE_X, 0, 0), period_m=period),
            LongPlane(kerb, (KERB_X - 0.18, 0.0, z0), length, (0.18, 0, 0), period_m=period),
        ]
    for gap in gaps:
        for x0, x1 in ((HOUSE_X - _SIDE_ROAD_M, KERB_X), (FAR_KERB_X, FAR_HOUSE_X + _SIDE_ROAD_M)):
            pieces = 6
            for k in range(pieces):  # small pieces, so that each takes the texture level it needs
                xa, width = x0 + (x1 - x0) * k / pieces, (x1 - x0) / pieces
                world.parts.append(Quad(side, (xa, ROAD_Y, gap + GAP_M), (width, 0, 0), (0, 0, -GAP_M), LAYER_BEYOND))
        for x0, x1, named in ((HOUSE_X, KERB_X, True), (FAR_KERB_X, FAR_HOUSE_X, False)):
            thing = world.thing("kerb", lambda _t, x=(x0 + x1) / 2, z=gap + GAP_M: (x, z), height_m=ROAD_Y / 2,
                                half_x_m=(x1 - x0) / 2) if named else None
            world.parts.append(Quad(face, (x0, 0, gap + GAP_M), (x1 - x0, 0, 0), (0, ROAD_Y, 0), LAYER_SHELL, thing))


def add_houses(world: World, rng: np.random.Generator, end_z: float, gaps: list[float]) -> None:
    """House fronts along both pavements, and the side walls that side roads reveal."""
    shops = list(rng.permutation(outdoor.SHOPS))
    bake, lit, relief = world.light.bake, world.light.lamps_on, outdoor.plaster_relief(rng)
    for z0, z1 in stretches(end_z, gaps):
        for left in (True, False):
            z = z0
            while z < z1 - 0.1:
                length = min(float(rng.uniform(8.0, 12.0)), z1 - z)
                length = z1 - z if z1 - z - length < 5.0 else length
                shop = shops.pop() if shops and rng.random() < 0.65 else None
                shops = shops or list(rng.permutation(outdoor.SHOPS))
                picture, height = outdoor.house_front(rng, length, int(rng.integers(2, 5)), shop, lit, bake, relief)
                x = HOUSE_X if left else FAR_HOUSE_X
                world.parts.append(LongPlane(Texture(picture), (x, height, z), length, (0, -height, 0),
                                             u_sign=1 if left else -1))
                if shop:
                    _name_board(world, x, z, length, shop)
                z += length
    for gap in gaps:
        for left in (True, False):
            x = HOUSE_X if left else FAR_HOUSE_X
            away = -1 if left else 1
            picture, height = outdoor.house_front(rng, 12.0, 3, None, lit, bake, relief)
            far_wall = Texture(picture)
            for k in range(2):
                origin_x = x + 12.0 * k if away > 0 else x - 12.0 * (k + 1)
                world.parts.append(Quad(far_wall, (origin_x, height, gap + GAP_M), (12.0, 0, 0),
                                        (0, ROAD_Y - height, 0), LAYER_SHELL))
            end = x + away * _SIDE_ROAD_M
            picture, height = outdoor.house_front(rng, GAP_M + 6.0, 3, None, lit, bake, relief)
            world.parts.append(Quad(Texture(picture), (end, height, gap - 3.0 if left else gap + GAP_M + 3.0),
                                    (0, 0, (GAP_M + 6.0) * (1 if left else -1)), (0, ROAD_Y - height, 0), LAYER_BEYOND))
    picture, height = outdoor.house_front(rng, 30.0, 4, None, lit, bake, relief)
    world.parts.append(Quad(Texture(picture), (-10.0, height, end_z), (30.0, 0, 0), (0, ROAD_Y - height, 0),
                            LAYER_BEYOND))


def _name_board(world: World, x: float, z: float, length: float, shop: str) -> None:
    """Names the fascia that the house front already shows."""
    along = 1 if x < 0 else -1
    start_z = z + 0.1 if along > 0 else z + length - 0.1
    thing = world.thing("shop sign", still(x, z + length / 2), height_m=3.07, half_z_m=length / 2 - 0.1, text=shop)
    world.parts.append(Claim((x, 3.42, start_z), (0, 0, along * (length - 0.2)), (0, -0.70, 0), thing))


def sky_backdrop(rng: np.random.Generator, light: Light) -> Callable[[Canvas], None]:
    """Paints the sky above the horizon for any heading."""
    picture = outdoor.sky(rng, light.name)
    rows, columns = picture.shape[:2]

    def paint(canvas: Canvas) -> None:
        view = canvas.view
        scale_x = view.focal_px * math.radians(2 * _SKY_HALF_DEG) / columns
        scale_y = view.focal_px * math.radians(_SKY_TOP_DEG) / rows
        horizon = view.cy - view.focal_px * math.tan(math.radians(view.pose.pitch_deg))
        turn = math.radians(-view.pose.roll_deg)
        left = -columns / 2 * scale_x - view.focal_px * math.radians(view.pose.yaw_deg)
        c, s = math.cos(turn), math.sin(turn)
        matrix = np.array([[c * scale_x, -s * scale_y, view.cx + c * left + s * rows * scale_y],
                           [s * scale_x, c * scale_y, horizon + s * left - c * rows * scale_y]])
        cv2.warpAffine(picture, matrix, (view.width, view.height), dst=canvas.rgb, flags=cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REPLICATE)

    return paint
