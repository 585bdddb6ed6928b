"""What a scene is made of: things with an identity, and the painted parts they consist of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.geometry import View, texture_homography
from maxsight_core.scenes.textures import Texture

LAYER_BACKDROP, LAYER_BEYOND, LAYER_SHELL, LAYER_MARKS, LAYER_OBJECTS, LAYER_FRONT = range(6)
"""Painting order. BEYOND is what is seen through openings of the shell; MARKS lie flat on the shell; FRONT is the wall
between a cell (see ``World.cells``) and the camera."""

SIGHT_M = 70.0
"""Nothing farther is drawn as a thing of its own."""

Motion = Callable[[float], tuple[float, float]]


@dataclass(slots=True, eq=False)
class Thing:
    """Something the truth can name.

    Args:
        number: unique in its scene. class_name: of the taxonomy.
        place: time_s -> (x, z) of its middle on the ground, metres. height_m: of its middle above the ground.
        half_x_m, half_z_m: half the footprint; distances are to its nearest point.
        body_m: half its width where it could be bumped into; 0 for what cannot be (signs, marks, handles).
        text: what is written on it, or None.
        visible: time_s -> whether it is there at all. state: time_s -> what it shows (a signal: red, amber, green).
        sound: what it is heard as, of ``stage_b_contract.SOUNDS``; None: by its class and motion (see :mod:`sounds`).
        ground: time_s -> height of the ground below it, where the ground is not level.
    """

    number: int
    class_name: str
    place: Motion
    height_m: float = 0.0
    half_x_m: float = 0.0
    half_z_m: float = 0.0
    body_m: float = 0.0
    text: str | None = None
    visible: Callable[[float], bool] | None = None
    state: Callable[[float], str | None] | None = None
    sound: str | None = None
    ground: Callable[[float], float] | None = None
    class_id: int = field(init=False)

    def __post_init__(self) -> None:
        self.class_id = taxonomy.by_name(self.class_name).id

    def velocity(self, time_s: float) -> tuple[float, float]:
        """(vx, vz), m/s, over a tenth of a second around ``time_s``."""
        step_s = 0.05
        (x0, z0), (x1, z1) = self.place(time_s - step_s), self.place(time_s + step_s)
        return ((x1 - x0) / (2 * step_s), (z1 - z0) / (2 * step_s))


def still(x: float, z: float) -> Motion:
    """The motion of what stays where it is."""
    return lambda _time_s: (x, z)


class Part:
    """Something to paint. Subclasses give a reference point and know how to paint themselves."""

    layer: int = LAYER_OBJECTS
    thing: Thing | None = None
    radius_m: float = 1.0  # of a ball around the reference that holds it all
    nudge_m: float = 0.0  # added to the depth when sorting: negative comes out nearer
    cell: int | None = None  # which cell it is in; None: the one that holds its reference

    def reference(self, time_s: float) -> tuple[float, float]:
        """(x, z) that decides whether it is in sight, and the painting order."""
        raise NotImplementedError

    def paint(self, canvas: Canvas, time_s: float) -> None:
        """Paints itself as it is at ``time_s``."""
        raise NotImplementedError


class Quad(Part):
    """A flat rectangle of the world: a door in a wall, a stripe on the ground, a shadow.

    Args:
        origin: world corner of the texture's top left. along_u, along_v: world edges of the texture's width, height.
        mark: True for a shadow or a glow, which owns no pixels.
    """

    def __init__(self, texture: Texture, origin, along_u, along_v, layer: int = LAYER_MARKS,
                 thing: Thing | None = None, mark: bool = False, nudge_m: float = 0.0) -> None:
        self.texture, self.layer, self.thing, self.mark, self.nudge_m = texture, layer, thing, mark, nudge_m
        self.origin, self.along_u, self.along_v = (np.asarray(v, float) for v in (origin, along_u, along_v))
        self.corners = np.array([self.origin, self.origin + self.along_u,
                                 self.origin + self.along_u + self.along_v, self.origin + self.along_v])
        middle = self.corners.mean(axis=0)
        self._reference = (float(middle[0]), float(middle[2]))
        self.radius_m = float(np.linalg.norm(self.corners - middle, axis=1).max())

    def reference(self, time_s: float) -> tuple[float, float]:
        return self._reference

    def paint(self, canvas: Canvas, time_s: float) -> None:
        view = canvas.view
        outline = view.polygon(self.corners)
        if outline is not None:
            self._paint_piece(canvas, outline, self.origin, self.along_u, self.along_v, None)

    def _paint_piece(self, canvas: Canvas, outline, origin, along_u, along_v, at) -> None:
        view = canvas.view
        homography = texture_homography(view, origin, along_u, along_v, self.texture.size)
        plane = None if self.mark else canvas.plane(origin, along_u, along_v)
        canvas.quad(outline, homography, self.texture, canvas.register(self.thing), plane, at)


class Claim(Quad):
    """A rectangle that is painted already, as part of a larger picture, and is a thing of its own."""

    def __init__(self, origin, along_u, along_v, thing: Thing) -> None:
        super().__init__(_NOTHING, origin, along_u, along_v, thing=thing)

    def paint(self, canvas: Canvas, time_s: float) -> None:
        outline = canvas.view.polygon(self.corners)
        if outline is not None:
            canvas.claim(outline, canvas.register(self.thing), canvas.plane(self.origin, self.along_u, self.along_v))


_NOTHING = Texture(np.zeros((1, 1, 3), np.uint8))

STRIP_ENDS_M = (-3.0, 1.2, 2.4, 4.0, 6.5, 11.0, 20.0, 38.0, 72.0, 120.0)
"""Where a long plane is cut, measured from the camera: each strip takes the texture level it needs."""


class LongPlane(Quad):
    """A wall, floor or ceiling that runs along z and is painted in strips, each at its own level of detail.

    Args:
        origin: corner of the texture's top left at the start. u_sign: +1 when the texture's columns run
            towards +z, -1 when they run towards -z (so that writing reads the right way round).
        length_m: along z. across: world edge of the texture's height.
        period_m: length after which the texture repeats, from phase_z on; None: it spans the whole plane.
    """

    def __init__(self, texture: Texture, start, length_m: float, across, u_sign: int = 1,
                 period_m: float | None = None, layer: int = LAYER_SHELL, thing: Thing | None = None,
                 phase_z: float | None = None) -> None:
        start = np.asarray(start, float)
        self.start_z, self.end_z = float(start[2]), float(start[2]) + length_m
        self.u_sign, self.period_m = u_sign, period_m
        origin = start if u_sign > 0 else start + np.array([0, 0, length_m])
        super().__init__(texture, origin, (0, 0, u_sign * length_m), across, layer, thing)
        self.start = start
        self.phase_z = self.start_z if phase_z is None else phase_z

    def reference(self, time_s: float) -> tuple[float, float]:
        return (self._reference[0], self.start_z)

    def paint(self, canvas: Canvas, time_s: float) -> None:
        camera_z = canvas.view.pose.z
        for near, far in reversed(tuple(itertools.pairwise(STRIP_ENDS_M))):
            z0, z1 = max(self.start_z, camera_z + near), min(self.end_z, camera_z + far)
            if z1 - z0 > 1e-6:
                self._paint_strip(canvas, z0, z1)

    def _paint_strip(self, canvas: Canvas, z0: float, z1: float) -> None:
        edge = np.array([self.start, self.start, self.start + self.along_v, self.start + self.along_v])
        edge[:, 2] = (z0, z1, z1, z0)
        outline = canvas.view.polygon(edge)
        if outline is None:
            return
        if self.period_m is None:
            length_m, begin_z = self.end_z - self.start_z, self.start_z
        else:  # the texture holds several periods: slide it so that this strip lies inside
            length_m = self.period_m * self.repeats
            begin_z = self.phase_z + math.floor((z0 - self.phase_z) / self.period_m) * self.period_m
        origin = self.start.copy()
        origin[2] = begin_z if self.u_sign > 0 else begin_z + length_m
        along_u = np.array([0, 0, self.u_sign * length_m])
        judged_z = z0 + 0.35 * (z1 - z0) if z0 > canvas.view.pose.z + 0.5 else z1
        share = (judged_z - begin_z) / length_m
        share = share if self.u_sign > 0 else 1 - share
        columns, rows = self.texture.size
        self._paint_piece(canvas, outline, origin, along_u, self.along_v, (share * columns, rows / 2.0))

    @property
    def repeats(self) -> int:
        """How many periods the texture holds (see :func:`repeated`)."""
        return repeats_of(self.period_m)


def repeats_of(period_m: float | None) -> int:
    """Periods needed so that the longest strip fits wherever it starts."""
    longest = max(b - a for a, b in itertools.pairwise(STRIP_ENDS_M))
    return math.ceil(longest / (period_m or longest)) + 1


def repeated(period: np.ndarray, period_m: float) -> Texture:
    """A texture of one period, [rows, columns, 3] with columns along z, repeated as :class:`LongPlane` needs it."""
    return Texture(np.tile(period, (1, repeats_of(period_m), 1)))


_SPRITE_MAX_SHARE = 30.0  # a picture so much higher than the frame is beside the lens


class Billboard(Part):
    """An upright picture that turns towards the camera: people, trees, poles.

    Args:
        sprite: (time_s, view) -> texture to show. height_m: of the whole texture; its width follows its shape.
        base_m: height of its lower edge above the ground.
    """

    def __init__(self, sprite: Callable[[float, View], Texture], place: Motion, height_m: float,
                 base_m: float = 0.0, thing: Thing | None = None, mark: bool = False, nudge_m: float = 0.0,
                 visible: Callable[[float], bool] | None = None) -> None:
        self.sprite, self.place, self.height_m = sprite, place, height_m
        self.ground = thing.ground if thing is not None else None
        self.base_m, self.thing, self.mark, self.nudge_m = base_m, thing, mark, nudge_m
        self.visible = visible or (thing.visible if thing is not None else None)
        self.radius_m = height_m

    def reference(self, time_s: float) -> tuple[float, float]:
        return self.place(time_s)

    def paint(self, canvas: Canvas, time_s: float) -> None:
        if self.visible is not None and not self.visible(time_s):
            return
        view = canvas.view
        x, z = self.place(time_s)
        base_m = self.base_m if self.ground is None else self.base_m + self.ground(time_s)
        centre = view.to_camera(np.array([[x, base_m + self.height_m / 2.0, z]]))[0]
        if centre[2] < 0.25:  # closer than this an upright picture is beside or through the lens
            return
        scale = view.focal_px / centre[2]
        height = self.height_m * scale
        if not 1.0 <= height <= _SPRITE_MAX_SHARE * view.height:
            return
        texture = self.sprite(time_s, view)
        width = height * texture.size[0] / texture.size[1]
        canvas.sprite(texture, view.cx + centre[0] * scale - width / 2.0, view.cy + centre[1] * scale - height / 2.0,
                      width, height, canvas.register(self.thing), 1.0 / centre[2],
                      None if self.mark else texture.solid)


def shadow(texture: Texture, place: Motion, half_x_m: float, half_z_m: float,
           visible: Callable[[float], bool] | None = None, ground_m: float = 0.0,
           ground: Callable[[float], float] | None = None) -> Part:
    """A contact shadow that follows ``place``."""
    return _Shadow(texture, place, half_x_m, half_z_m, visible, ground_m, ground)


class _Shadow(Part):
    layer = LAYER_MARKS

    def __init__(self, texture, place, half_x_m, half_z_m, visible, ground_m, ground=None) -> None:
        self.ground = ground
        self.texture, self.place, self.half, self.visible = texture, place, (half_x_m, half_z_m), visible
        self.ground_m, self.radius_m = ground_m, max(half_x_m, half_z_m)

    def reference(self, time_s: float) -> tuple[float, float]:
        return self.place(time_s)

    def paint(self, canvas: Canvas, time_s: float) -> None:
        if self.visible is not None and not self.visible(time_s):
            return
        x, z = self.place(time_s)
        ground_m = self.ground_m if self.ground is None else self.ground(time_s)
        Quad(self.texture, (x - self.half[0], ground_m, z + self.half[1]), (2 * self.half[0], 0, 0),
             (0, 0, -2 * self.half[1]), mark=True).paint(canvas, time_s)

