"""A world: its parts, its things, the walk through it and its light; and the builder that scenes use."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from maxsight_core.scenes.camera_path import CameraPath
from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.geometry import View
from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.people import Walker
from maxsight_core.scenes.riders import Rider
from maxsight_core.scenes.solid import Face, Solid
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.textures import Texture, soft_disc
from maxsight_core.scenes.things import (
    LAYER_FRONT,
    LAYER_MARKS,
    LAYER_OBJECTS,
    SIGHT_M,
    Billboard,
    LongPlane,
    Motion,
    Part,
    Quad,
    Thing,
    shadow,
    still,
)
from maxsight_core.scenes.trips import Placed, Trip

Drawn = TypeVar("Drawn")
_VARIANTS = 3  # pictures of one kind of thing in one world
_BEHIND_M = 1.0  # what ends so far behind the camera is never in view
_OFF_FLOOR_M = 0.01  # a shadow lies so much above the floor
PERSON_BODY_M = 0.24
"""Half the breadth of a person, shoulder to shoulder (anthropometric mean 0.46 m)."""


class World:
    """What a renderer needs to know of one scene. Scenes fill it through the ``add_*`` methods.

    Args:
        spec: of the scene. light: of the scene. path: the walk. ground: RGB behind everything.
        glare_at: (bearing_deg, elevation_deg) of the strongest source.
    """

    def __init__(self, spec: SceneSpec, light: Light, path: CameraPath, ground: tuple[int, int, int],
                 glare_at: tuple[float, float] = (0.0, 6.0),
                 backdrop: Callable[[Canvas], None] | None = None) -> None:
        self.spec, self.light, self.path = spec, light, path
        self.ground, self.glare_at, self.backdrop = ground, glare_at, backdrop
        self.parts: list[Part] = []
        self.cells: tuple[float, ...] = ()  # z of walls across the walk, ascending: what is beyond one is painted first
        self.last_cell: Callable[[float], int] | None = None  # time_s -> the cell that a closed door hides
        self.floor: Callable[[float, float], float] | None = None  # (x, z) -> height of the ground; None: level
        self.open_air = backdrop is not None  # rain falls here
        self._drawn: dict[str, list] = {}
        self.ambience: tuple[str, ...] = ()  # sounds without a place, of stage_b_contract.SOUNDS
        self.things: list[Thing] = []
        strength = 0.55 if light.name in ("day", "glare") else 0.40
        self._shadow = Texture(soft_disc(48, (8, 8, 10), strength, 1.6))

    def paint(self, canvas: Canvas, time_s: float) -> None:
        """Everything in sight, far to near."""
        canvas.rgb[:] = self.ground
        if self.backdrop is not None:
            self.backdrop(canvas)
        shown = []
        hidden = math.inf if self.last_cell is None else self.last_cell(time_s)
        for index, part in enumerate(self.parts):
            if isinstance(part, LongPlane):
                ahead = max(part.start_z - canvas.view.pose.z, 0.0)
                if (part.cell or 0) >= hidden or part.end_z < canvas.view.pose.z - _BEHIND_M:
                    continue
                shown.append(((-(part.cell or 0), part.layer, -ahead, index), part))
                continue
            x, z = part.reference(time_s)
            right, ahead = canvas.view.ground_offset(x, z)
            if ahead < SIGHT_M and canvas.view.may_show(right, ahead, part.radius_m):
                cell = bisect.bisect(self.cells, z) if part.cell is None else part.cell
                if cell > hidden or (cell == hidden and part.layer != LAYER_FRONT):
                    continue
                shown.append(((-cell, part.layer, -(ahead + part.nudge_m), index), part))
        for _, part in sorted(shown, key=lambda item: item[0]):
            part.paint(canvas, time_s)

    def one_of(self, kind: str, draw: Callable[[], Drawn], rng: np.random.Generator) -> Drawn:
        """What draw gives, or one of the few of this kind that this world has drawn already."""
        drawn = self._drawn.setdefault(kind, [])
        if len(drawn) < _VARIANTS:
            drawn.append(draw())
            return drawn[-1]
        return drawn[int(rng.integers(len(drawn)))]

    def thing(self, class_name: str, place: Motion, **details: object) -> Thing:
        """Registers a thing; the number is its place in the list, from 1."""
        thing = Thing(len(self.things) + 1, class_name, place, **details)
        self.things.append(thing)
        return thing

    def add_quad(self, pixels: np.ndarray, origin, along_u, along_v, class_name: str | None = None,
                 text: str | None = None, layer: int = LAYER_MARKS, emissive: bool = False, nudge_m: float = 0.0,
                 half_z_m: float = 0.0) -> Quad:
        """A flat picture; with a class it becomes a thing of its own."""
        texture = Texture(pixels if emissive else self.light.bake(pixels))
        middle = np.asarray(origin, float) + 0.5 * (np.asarray(along_u, float) + np.asarray(along_v, float))
        thing = None
        if class_name is not None:
            thing = self.thing(class_name, still(float(middle[0]), float(middle[2])), height_m=float(middle[1]),
                               text=text, half_z_m=half_z_m)
        quad = Quad(texture, origin, along_u, along_v, layer, thing, nudge_m=nudge_m)
        self.parts.append(quad)
        return quad

    def add_upright(self, pixels: np.ndarray, x: float, z: float, height_m: float, class_name: str | None,
                    base_m: float = 0.0, body_m: float = 0.0, text: str | None = None, grounded: bool = True,
                    glow: tuple[np.ndarray, float, float] | None = None, nudge_m: float = 0.0) -> None:
        """A standing picture at (x, z). glow: (RGBA light, height of its middle, its size), shown when lamps are on."""
        width_m = height_m * pixels.shape[1] / pixels.shape[0]
        texture = Texture(self.light.bake(pixels))
        thing = None if class_name is None else self.thing(
            class_name, still(x, z), height_m=base_m + height_m / 2, body_m=body_m, text=text)
        self.parts.append(Billboard(lambda _t, _v: texture, still(x, z), height_m, base_m, thing, nudge_m=nudge_m))
        if grounded and base_m == 0.0:
            radius = max(0.12, min(0.5 * width_m, 0.6))
            self.add_shadow(still(x, z), radius * 1.2, radius * 0.6)
        if glow is not None and self.light.lamps_on:
            self._add_glow(still(x, z), *glow)

    def add_person(self, walker: Walker, trip: Trip, class_name: str = "person") -> Thing:
        """Somebody who follows a trip."""
        ground = None if self.floor is None else lambda time_s: self.floor(*trip.place(time_s))
        thing = self.thing(class_name, trip.place, height_m=walker.height_m / 2, body_m=PERSON_BODY_M,
                           visible=trip.present, ground=ground)

        def sprite(time_s: float, view: View) -> Texture:
            return walker.texture(trip.walked(time_s) if trip.moving(time_s) else None,
                                  seen_heading(trip, time_s, view))

        self.parts.append(Billboard(sprite, trip.place, walker.height_m, 0.0, thing))
        self.add_shadow(trip.place, 0.34, 0.22, trip.present, ground)
        return thing

    def add_actor(self, class_name: str, picture: Callable[[float, View], Texture], height_m: float, trip: Placed,
                  body_m: float, **details: object) -> Thing:
        """Anything upright that follows a trip: picture(time_s, view) is what it looks like then."""
        thing = self.thing(class_name, trip.place, height_m=height_m / 2, body_m=body_m, visible=trip.present,
                           **details)
        self.parts.append(Billboard(picture, trip.place, height_m, 0.0, thing))
        self.add_shadow(trip.place, body_m * 1.4, body_m * 0.8, trip.present)
        return thing

    def add_shadow(self, place: Motion, half_x_m: float, half_z_m: float, visible=None, ground=None,
                   ground_m: float = 0.0) -> None:
        """A contact shadow; with a floor that is not level it lies on it."""
        if ground is None and self.floor is not None:
            ground = lambda time_s: self.floor(*place(time_s)) + _OFF_FLOOR_M  # noqa: E731
        part = shadow(self._shadow, place, half_x_m, half_z_m, visible, ground_m, ground)
        if self.floor is not None:  # floors are objects there: the shadow follows its piece of floor
            part.layer, part.nudge_m = LAYER_OBJECTS, _OFF_FLOOR_M
        self.parts.append(part)

    def add_rider(self, rider: Rider, trip: Trip, facing_side: bool = False) -> Thing:
        """A cyclist who follows a trip. facing_side: seen from the side for its whole trip."""
        thing = self.thing("cyclist", trip.place, height_m=rider.height_m / 2, body_m=0.34, visible=trip.present)

        def sprite(time_s: float, view: View) -> Texture:
            return rider.texture(trip.walked(time_s), seen_heading(trip, time_s, view))

        self.parts.append(Billboard(sprite, trip.place, rider.height_m, 0.0, thing))
        self.parts.append(shadow(self._shadow, trip.place, 0.9 if facing_side else 0.36, 0.3, trip.present))
        return thing

    def add_vehicle(self, class_name: str, faces: Sequence[Face], size_m: tuple[float, float, float], trip: Trip,
                    heading_deg: float, ground_m: float, body_m: float | None = None) -> Thing:
        """A vehicle on a trip. size_m: (width, height, length); heading 0 drives along +z, 180 towards us, 90 right."""
        width, height, length = size_m
        across = abs(math.sin(math.radians(heading_deg))) > 0.5
        half_x, half_z = (length / 2, width / 2) if across else (width / 2, length / 2)
        thing = self.thing(class_name, trip.place, height_m=ground_m + height / 2, half_x_m=half_x, half_z_m=half_z,
                           body_m=half_x if body_m is None else body_m, visible=trip.present)
        self.parts.append(Solid(faces, trip.place, heading_deg, ground_m, thing))
        self.parts.append(shadow(self._shadow, trip.place, half_x * 1.25, half_z * 1.12, trip.present, ground_m))
        return thing

    def add_solid(self, faces: Sequence[Face], x: float, z: float, class_name: str | None, heading_deg: float = 0.0,
                  base_m: float = 0.0, half: tuple[float, float] = (0.0, 0.0), height_m: float = 0.0,
                  body_m: float = 0.0, layer: int = LAYER_OBJECTS, text: str | None = None,
                  anchor: tuple[float, float] | None = None, nudge_m: float = 0.0) -> Thing | None:
        """A fixed solid. half: (x, z) half footprint; anchor: (x, z) of the truth's reference, if not its origin;
        nudge_m: see ``Part``."""
        thing = None
        if class_name is not None:
            thing = self.thing(class_name, still(*(anchor or (x, z))), height_m=base_m + height_m / 2,
                               half_x_m=half[0], half_z_m=half[1], body_m=body_m, text=text)
        self.parts.append(Solid(faces, still(x, z), heading_deg, base_m, thing, layer, nudge_m))
        if layer == LAYER_OBJECTS and base_m == 0.0 and max(half) > 0:
            self.add_shadow(still(x, z), half[0] * 1.5 + 0.05, half[1] * 1.4 + 0.05)
        return thing

    def _add_glow(self, place: Motion, pixels: np.ndarray, middle_m: float, size_m: float) -> None:
        texture = Texture(pixels, additive=True)
        self.parts.append(Billboard(lambda _t, _v: texture, place, size_m, middle_m - size_m / 2,
                                    mark=True, nudge_m=-0.05))

    def add_glow_following(self, place: Motion, visible, pixels: np.ndarray, middle_m: float, size_m: float,
                           nudge_m: float) -> None:
        """A light that moves with something (headlights)."""
        texture = Texture(pixels, additive=True)
        self.parts.append(Billboard(lambda _t, _v: texture, place, size_m, middle_m - size_m / 2,
                                    mark=True, nudge_m=nudge_m, visible=visible))


def seen_heading(trip: Trip, time_s: float, view: View) -> float:
    """Direction of travel against the line of sight, degrees: 0 away, 180 towards the camera, 90 to the right."""
    x, z = trip.place(time_s)
    line = math.degrees(math.atan2(x - view.pose.x, z - view.pose.z))
    return trip.heading_deg(time_s) - line
