"""What is really there: the exact answer to every frame, taken from the same buffers as the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.contracts import URGENCIES
from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.geometry import Pose, View
from maxsight_core.scenes.relations import Relation, relations_of
from maxsight_core.scenes.sounds import SoundTruth, sounds_of
from maxsight_core.scenes.things import Thing

NEAR_ZONE_M, MEDIUM_ZONE_M = 2.0, 5.0
"""Zone limits: within reach of a cane and one step; within about four seconds of walking."""
DANGER_TTC_S, WARNING_TTC_S, CAUTION_TTC_S = 2.5, 5.0, 8.0
"""Stages of docs on alerts: P0 below 2.5 s, P1 below 5 s; nothing is urgent beyond 8 s."""
CALM_TTC_S = 6.0
WALKER_HALF_WIDTH_M = 0.30
"""Half the width a walking person needs."""
CLOSING_MIN_MPS = 0.15
"""Slower than this it does not approach: within the sway of a walk."""
_EDGE_TOLERANCE_PX = 1.6  # an owner's pixel edge and the projected edge agree within rounding of both sides
_VISIBLE_MIN_SHARE = 6e-5  # of the frame's pixels: 18 pixels at 640x480
_VISIBLE_MIN_PX = 6
_NAMED_WITHIN_M = 45.0


@dataclass(frozen=True, slots=True)
class ObjectTruth:
    """One visible thing.

    Args:
        id: stable over the scene. class_id, class_name: of the taxonomy.
        box_cxcywh: visible extent, normalised. visible_share: of its whole projected box, 0..1.
        distance_m: horizontal, from the camera to its nearest point. depth_m: the same along the optical axis.
        bearing_deg: of its middle from the camera's heading, right positive.
        zone: near / medium / far. urgency: 0..3.
        time_to_contact_s: distance / closing speed, or None when it does not approach.
        closing_mps: how fast the distance shrinks. on_course: its path meets the walker's
            within eight seconds.
        velocity_mps: (right, forward) relative to the walker, in the camera's heading.
        text: what is written on it, or None. state: what it shows (``red``, ``amber``, ``green``), or None.
    """

    id: int
    class_id: int
    class_name: str
    box_cxcywh: tuple[float, float, float, float]
    visible_share: float
    distance_m: float
    depth_m: float
    bearing_deg: float
    zone: str
    urgency: int
    time_to_contact_s: float | None
    closing_mps: float
    on_course: bool
    velocity_mps: tuple[float, float]
    text: str | None = None
    state: str | None = None

    def to_json(self) -> dict[str, Any]:
        ttc = self.time_to_contact_s
        return {
            "id": self.id, "class_id": self.class_id, "class_name": self.class_name,
            "box_cxcywh": [round(v, 5) for v in self.box_cxcywh], "visible_share": round(self.visible_share, 3),
            "distance_m": round(self.distance_m, 3), "depth_m": round(self.depth_m, 3),
            "bearing_deg": round(self.bearing_deg, 2), "zone": self.zone, "urgency": URGENCIES[self.urgency],
            "time_to_contact_s": None if ttc is None else round(ttc, 3), "closing_mps": round(self.closing_mps, 3),
            "on_course": self.on_course, "velocity_mps": [round(v, 3) for v in self.velocity_mps], "text": self.text,
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class CameraTruth:
    """The camera of one frame: field of view, pose and the walker's own speed."""

    hfov_deg: float
    width_px: int
    height_px: int
    pose: Pose
    speed_mps: float

    def to_json(self) -> dict[str, Any]:
        p = self.pose
        return {"hfov_deg": self.hfov_deg, "width_px": self.width_px, "height_px": self.height_px,
                "height_m": round(p.y, 4), "x_m": round(p.x, 4), "z_m": round(p.z, 4),
                "yaw_deg": round(p.yaw_deg, 4), "pitch_deg": round(p.pitch_deg, 4),
                "roll_deg": round(p.roll_deg, 4), "speed_mps": round(self.speed_mps, 3)}


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """Everything known of one frame.

    Args:
        objects: nearest first. calm: nothing is on course to meet the walker within six seconds, in view or not.
        urgency: the highest of the objects in view. sounds: what is heard, loudest first.
        relations: (subject id, predicate, object id) of the nearest objects, worked out when asked for.
    """

    index: int
    time_s: float
    scene: str
    light: str
    objects: tuple[ObjectTruth, ...]
    camera: CameraTruth
    calm: bool
    sounds: tuple[SoundTruth, ...] = ()

    @property
    def relations(self) -> tuple[Relation, ...]:
        return relations_of(self.objects)

    @property
    def urgency(self) -> int:
        return max((item.urgency for item in self.objects), default=0)

    def to_json(self) -> dict[str, Any]:
        return {"index": self.index, "time_s": round(self.time_s, 4), "scene": self.scene, "light": self.light,
                "calm": self.calm, "urgency": URGENCIES[self.urgency], "camera": self.camera.to_json(),
                "objects": [item.to_json() for item in self.objects],
                "relations": [list(relation) for relation in self.relations],
                "sounds": [sound.to_json() for sound in self.sounds]}


@dataclass(frozen=True, slots=True)
class _Course:
    distance_m: float
    depth_m: float
    bearing_deg: float
    closing_mps: float
    ttc_s: float | None
    on_course: bool
    velocity: tuple[float, float]


def course_of(thing: Thing, view: View, time_s: float) -> _Course:
    """Where a thing is and goes, relative to the walker. Plane geometry; heights do not matter."""
    x, z = thing.place(time_s)
    near_x = min(max(view.pose.x, x - thing.half_x_m), x + thing.half_x_m)
    near_z = min(max(view.pose.z, z - thing.half_z_m), z + thing.half_z_m)
    right, forward = view.ground_offset(near_x, near_z)
    middle_right, middle_forward = view.ground_offset(x, z)
    distance = max(math.hypot(right, forward), 1e-3)
    vx, vz = thing.velocity(time_s)
    wx, wz = vx - view.moving[0], vz - view.moving[1]
    v_right = wx * view.right[0] + wz * view.right[2]
    v_forward = wx * view.forward[0] + wz * view.forward[2]
    closing = -(right * v_right + forward * v_forward) / distance
    ttc = distance / closing if closing > CLOSING_MIN_MPS else None
    on_course = False
    if thing.body_m > 0 and ttc is not None and middle_forward > 0:
        speed2 = v_right**2 + v_forward**2
        when = -(middle_right * v_right + middle_forward * v_forward) / speed2
        miss = math.hypot(middle_right + v_right * when, middle_forward + v_forward * when)
        on_course = bool(miss < thing.body_m + WALKER_HALF_WIDTH_M and ttc < CAUTION_TTC_S)
    height = thing.height_m if thing.ground is None else thing.height_m + thing.ground(time_s)
    depth = float(view.to_camera(np.array([[near_x, height, near_z]]))[0, 2])
    bearing = math.degrees(math.atan2(middle_right, middle_forward))
    return _Course(distance, depth, bearing, closing, ttc, on_course, (v_right, v_forward))


def urgency_of(thing: Thing, course: _Course) -> int:
    """0..3: by time to contact on a collision course, else by what it is and how near."""
    if course.on_course and course.ttc_s is not None:
        for level, limit in ((3, DANGER_TTC_S), (2, WARNING_TTC_S), (1, CAUTION_TTC_S)):
            if course.ttc_s < limit:
                return level
    default = taxonomy.by_id(thing.class_id).default_urgency
    if default >= 2 and course.distance_m < MEDIUM_ZONE_M:
        return 1
    return 1 if default >= 1 and course.distance_m < NEAR_ZONE_M and thing.body_m > 0 else 0


def zone_of(distance_m: float) -> str:
    """near / medium / far."""
    return "near" if distance_m < NEAR_ZONE_M else "medium" if distance_m < MEDIUM_ZONE_M else "far"


def truth_of(canvas: Canvas, all_things: list[Thing], time_s: float, index: int, scene: str, light: str,
             speed_mps: float, ambience: Sequence[str] = ()) -> SceneTruth:
    """The truth of a painted canvas."""
    view = canvas.view
    objects = []
    for number, thing in enumerate(canvas.things, start=1):
        course = course_of(thing, view, time_s)
        if course.distance_m > _NAMED_WITHIN_M:
            continue
        box = visible_box(canvas, number)
        if box is None:
            continue
        cxcywh, share = box
        objects.append(ObjectTruth(
            thing.number, thing.class_id, thing.class_name, cxcywh, share, course.distance_m, course.depth_m,
            course.bearing_deg, zone_of(course.distance_m), urgency_of(thing, course), course.ttc_s,
            course.closing_mps, course.on_course, course.velocity, thing.text,
            thing.state(time_s) if thing.state is not None else None))
    objects.sort(key=lambda item: (item.distance_m, item.id))
    camera = CameraTruth(view.hfov_deg, view.width, view.height, view.pose, speed_mps)
    return SceneTruth(index, time_s, scene, light, tuple(objects), camera, _calm(all_things, view, time_s),
                      sounds_of(all_things, view, time_s, ambience))


def _calm(things: list[Thing], view: View, time_s: float) -> bool:
    for thing in things:
        if thing.body_m > 0 and (thing.visible is None or thing.visible(time_s)):
            course = course_of(thing, view, time_s)
            if course.on_course and course.ttc_s is not None and course.ttc_s < CALM_TTC_S:
                return False
    return True


def visible_box(canvas: Canvas, number: int) -> tuple[tuple[float, float, float, float], float] | None:
    """((cx, cy, w, h), share of the whole projected box) of one owner; None when too little of it shows.

    An edge that nothing hides is the projected one, to a fraction of a pixel; a hidden one is where the
    owner's pixels end.
    """
    extent = canvas.extents.get(number)
    if extent is None:
        return None
    height, width = canvas.owners.shape
    x0, y0 = max(0, math.floor(extent[0]) - 1), max(0, math.floor(extent[1]) - 1)
    x1, y1 = min(width, math.ceil(extent[2]) + 1), min(height, math.ceil(extent[3]) + 1)
    if x1 <= x0 or y1 <= y0:
        return None
    owned = canvas.owners[y0:y1, x0:x1] == number
    if int(owned.sum()) < max(_VISIBLE_MIN_PX, _VISIBLE_MIN_SHARE * width * height):
        return None
    columns, rows = np.flatnonzero(owned.any(axis=0)), np.flatnonzero(owned.any(axis=1))
    seen = (x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1, y0 + rows[-1] + 1)
    whole = (max(extent[0], 0.0), max(extent[1], 0.0), min(extent[2], width), min(extent[3], height))
    left, top, right, bottom = (w if abs(w - s) <= _EDGE_TOLERANCE_PX else float(s)
                                for w, s in zip(whole, seen, strict=True))
    area = max((extent[2] - extent[0]) * (extent[3] - extent[1]), 1e-6)
    share = min(1.0, (right - left) * (bottom - top) / area)
    return ((left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width,
            (bottom - top) / height), share
