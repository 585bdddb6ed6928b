"""What a station is made of: platform with its edge, track, far side, roof, gates, trains, departure boards."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes import finishes, outdoor
from maxsight_core.scenes.furniture import FRAMES, pick
from maxsight_core.scenes.signs import draw_text
from maxsight_core.scenes.solid import Face, Solid, box
from maxsight_core.scenes.textures import Texture, coloured, grain, value_noise
from maxsight_core.scenes.things import LAYER_BEYOND, LAYER_SHELL, LongPlane, Quad, repeated, still
from maxsight_core.scenes.train import CAR_M, LIVERIES, RAIL_Y, ROOF_Y, WIDTH_M, train_faces
from maxsight_core.scenes.trips import Trip
from maxsight_core.scenes.world import World

WALL_X, EDGE_X = -2.9, 1.75
"""The back wall and the edge of the platform, seen from the walker at x = 0."""
TRACK_X, FAR_X = EDGE_X + 0.10 + WIDTH_M / 2, EDGE_X + 5.4
_BED_Y = RAIL_Y - 0.12
_PERIOD_M, _ROOF_Y = 6.0, 3.6
_EDGE_M, _TACTILE_M, _LINE_M = 0.45, 0.55, 0.12
_COMES_S, _FAR_M, _CARS = 7.0, 75.0, 3
_DESTINATIONS = ("CENTRAL", "AIRPORT", "HARBOUR", "NORTH GATE", "MILL LANE", "UNIVERSITY", "OLD TOWN")


def add_surroundings(world: World, rng: np.random.Generator, start_z: float, end_z: float, open_air: bool) -> None:
    """Track bed, far side, back wall and roof; open air: a fence at the far side and sky above the track."""
    bake, length = world.light.bake, end_z - start_z
    bed = repeated(bake(_track_bed(rng)), _PERIOD_M)
    world.parts.append(LongPlane(bed, (EDGE_X, _BED_Y, start_z), length, (FAR_X - EDGE_X, 0, 0), period_m=_PERIOD_M,
                                 layer=LAYER_BEYOND))
    rails = world.thing("rail track", still(TRACK_X, (start_z + end_z) / 2), height_m=_BED_Y, half_x_m=0.9,
                        half_z_m=length / 2)
    steel = repeated(bake(_rail(rng)), _PERIOD_M)
    for x in (TRACK_X - 0.72, TRACK_X + 0.66):
        world.parts.append(LongPlane(steel, (x, RAIL_Y, start_z), length, (0.07, 0, 0), period_m=_PERIOD_M,
                                     layer=LAYER_BEYOND, thing=rails))
    kinds = ("brick", "concrete") if open_air else ("tiles", "concrete", "paint")
    far_top = float(rng.uniform(0.8, 2.2)) if open_air else _ROOF_Y + 1.2
    back = repeated(bake(finishes.wall(rng, _PERIOD_M, _ROOF_Y, kinds[int(rng.integers(len(kinds)))])), _PERIOD_M)
    far = finishes.wall(rng, _PERIOD_M, far_top - _BED_Y, kinds[int(rng.integers(len(kinds)))])
    far = repeated(bake(far), _PERIOD_M)
    world.parts += [
        LongPlane(far, (FAR_X, far_top, start_z), length, (0, _BED_Y - far_top, 0), u_sign=-1, period_m=_PERIOD_M,
                  layer=LAYER_BEYOND),
        LongPlane(back, (WALL_X, _ROOF_Y, start_z), length, (0, -_ROOF_Y, 0), period_m=_PERIOD_M)]
    reach = (EDGE_X - 0.2 if open_air else FAR_X) - WALL_X
    lit = world.light.lamps_on
    above = finishes.ceiling(rng, _PERIOD_M, reach, lit)
    above = repeated(above if lit and world.light.name == "day" else bake(above), _PERIOD_M)
    world.parts.append(LongPlane(above, (WALL_X, _ROOF_Y, start_z), length, (reach, 0, 0), period_m=_PERIOD_M,
                                 layer=LAYER_SHELL if open_air else LAYER_BEYOND))
    end = Texture(bake((finishes.wall(rng, FAR_X - WALL_X, _ROOF_Y - _BED_Y, "concrete") * 0.7).astype(np.uint8)))
    world.parts.append(_wall_at(end, end_z))


def _wall_at(texture: Texture, z: float) -> Quad:
    return Quad(texture, (WALL_X, _ROOF_Y, z), (FAR_X - WALL_X, 0, 0), (0, _BED_Y - _ROOF_Y, 0), LAYER_BEYOND,
                nudge_m=60.0)


def add_platform(world: World, rng: np.random.Generator, start_z: float, end_z: float) -> None:
    """Floor, tactile strip, line and coping; the coping is the platform edge."""
    bake, length, middle = world.light.bake, end_z - start_z, (start_z + end_z) / 2
    inner = EDGE_X - _EDGE_M - _TACTILE_M - _LINE_M
    kind = ("terrazzo", "tiles")[int(rng.integers(2))]
    floor = repeated(bake(finishes.floor(rng, _PERIOD_M, inner - WALL_X, kind)), _PERIOD_M)
    dots = repeated(bake(_dots(rng)), _PERIOD_M)
    line = repeated(bake(_stripe(rng, (236, 234, 226) if rng.random() < 0.5 else (236, 196, 50))), _PERIOD_M)
    coping = repeated(bake(outdoor.kerb_stone(rng, 48)), outdoor.PAVING_PERIOD_M)
    tactile = world.thing("tactile paving", still(inner + _TACTILE_M / 2, middle), half_x_m=_TACTILE_M / 2,
                          half_z_m=length / 2)
    edge = world.thing("platform edge", still(EDGE_X - _EDGE_M / 2, middle), half_x_m=_EDGE_M / 2, half_z_m=length / 2)
    x = inner
    world.parts.append(LongPlane(floor, (WALL_X, 0, start_z), length, (inner - WALL_X, 0, 0), period_m=_PERIOD_M))
    for texture, width, thing, period in ((dots, _TACTILE_M, tactile, _PERIOD_M), (line, _LINE_M, None, _PERIOD_M),
                                          (coping, _EDGE_M, edge, outdoor.PAVING_PERIOD_M)):
        world.parts.append(LongPlane(texture, (x, 0, start_z), length, (width, 0, 0), period_m=period, thing=thing))
        x += width


def add_train(world: World, rng: np.random.Generator, stops_s: float, leaves_s: float) -> None:
    """Comes in from ahead, stops beside the walker, leaves the way it was going. Its near side is at the edge."""
    walker_z = world.path.ground(stops_s)[1]
    faces = train_faces(rng, world.light, LIVERIES[int(rng.integers(len(LIVERIES)))], _CARS)
    half = _CARS * CAR_M / 2
    stop_z = walker_z - 6.0 + half
    times = np.linspace(0, _COMES_S, 15)
    way = _FAR_M * (1 - (times / _COMES_S)) ** 2  # even braking
    points = [(stops_s - _COMES_S + t, TRACK_X, stop_z + d) for t, d in zip(times, way, strict=True)]
    points += [(leaves_s + t, TRACK_X, stop_z - 0.5 * 0.9 * t * t) for t in np.linspace(0, 12.0, 15)]
    trip = Trip(points, shown=(stops_s - _COMES_S, leaves_s + 12.0))
    thing = world.thing("train", trip.place, height_m=ROOF_Y / 2, half_x_m=WIDTH_M / 2, half_z_m=half,
                        body_m=WIDTH_M / 2, visible=trip.present)
    world.parts.append(_Train(faces, trip.place, 0.0, 0.0, thing, LAYER_BEYOND))


class _Train(Solid):
    """Sorted after the track and the far side, which are sorted by where they begin."""

    def __init__(self, *details) -> None:
        super().__init__(*details, nudge_m=-40.0)


def add_gates(world: World, rng: np.random.Generator, z: float) -> None:
    """A row of ticket gates across the platform; the walker goes through an open one."""
    colour = world.light.tint(pick(rng, FRAMES))
    arrow = np.full((40, 24, 3), 24, np.uint8)
    cv2.arrowedLine(arrow, (12, 34), (12, 8), (60, 230, 110), 4, cv2.LINE_AA, tipLength=0.5)
    cross = np.full((40, 24, 3), 24, np.uint8)
    cv2.line(cross, (5, 12), (19, 28), (240, 50, 40), 4, cv2.LINE_AA)
    cv2.line(cross, (19, 12), (5, 28), (240, 50, 40), 4, cv2.LINE_AA)
    lanes = (-2.5, -1.6, -0.62, 0.62)
    for k, x in enumerate(lanes):
        faces = box((-0.11, 0.0, -0.75), (0.11, 1.02, 0.75), colour)
        shown = Texture(arrow if k == 2 else cross)
        faces.append(Face(np.array([(-0.07, 0.98, -0.756), (0.07, 0.98, -0.756), (0.07, 0.72, -0.756),
                                    (-0.07, 0.72, -0.756)]), shown))
        if k < 2:  # glass flaps close the lanes beside
            glass = np.full((16, 16, 4), (150, 190, 200, 150), np.uint8)
            faces.append(Face(np.array([(0.11, 0.95, 0.0), (0.9, 0.95, 0.0), (0.9, 0.35, 0.0), (0.11, 0.35, 0.0)]),
                              Texture(world.light.bake(glass)), two_sided=True))
        world.add_solid(faces, x, z, "ticket gate", half=(0.11, 0.75), height_m=1.02, body_m=0.12)


def departures(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """(RGB, writing) of a departure board."""
    rgb = np.full((150, 420, 3), 14, np.uint8)
    lines = []
    for k in range(3):
        name = _DESTINATIONS[int(rng.integers(len(_DESTINATIONS)))]
        text = f"{int(rng.integers(6, 23)):02d}:{int(rng.integers(60)):02d} {name} {int(rng.integers(1, 12))}"
        lines.append(text)
        draw_text(rgb, text, (8, 6 + 48 * k, 404, 42), (255, 176, 40), bold=True)
    cv2.rectangle(rgb, (0, 0), (419, 149), (70, 72, 76), 4)
    return rgb, " ".join(lines)


def lift_doors(rng: np.random.Generator) -> np.ndarray:
    """Two steel leaves in their frame, RGB [2.15 m, 1.2 m]."""
    shade = 0.92 + 0.06 * value_noise(rng, 215, 120, (2, 30), 3)
    rgb = coloured(shade * np.linspace(1.05, 0.85, 120)[None], (176, 180, 186))
    cv2.rectangle(rgb, (0, 0), (119, 225), (92, 96, 102), 14)
    cv2.line(rgb, (60, 8), (60, 214), (40, 42, 46), 2)
    return rgb


def _track_bed(rng: np.random.Generator) -> np.ndarray:
    rows, columns = 200, 360
    shade = 0.8 + 0.12 * grain(rng, rows, columns) + 0.08 * value_noise(rng, rows, columns, (10, 12), 3)
    picture = coloured(shade, (112, 104, 96))
    for x in range(8, columns, 36):  # sleepers every 0.6 m
        picture[20:150, x:x + 15] = coloured(shade[20:150, x:x + 15] + 0.1, (150, 144, 136))
    return picture


def _rail(rng: np.random.Generator) -> np.ndarray:
    return coloured(0.9 + 0.1 * value_noise(rng, 8, 240, (2, 12), 3), (172, 168, 164))


def _stripe(rng: np.random.Generator, colour) -> np.ndarray:
    return coloured(0.92 + 0.08 * value_noise(rng, 12, 360, (2, 20), 3), colour)


def _dots(rng: np.random.Generator) -> np.ndarray:
    rows, columns = 44, 480
    shade = 0.9 + 0.03 * grain(rng, rows, columns)
    for dy, dx, tone in ((0, 0, 0.62), (-1, -1, 1.22)):
        shade[5 + dy::11, 5 + dx::11] = tone
        shade[6 + dy::11, 5 + dx::11] = tone
        shade[5 + dy::11, 6 + dx::11] = tone
    shade[:, ::48] *= 0.72
    return coloured(shade, ((222, 180, 60), (198, 192, 180), (206, 120, 84))[int(rng.integers(3))])
