"""How far: pinhole distance from class heights, zones, and detections with everything the alerts need.

distance = focal length (px) x height of the thing (m) / height of its box (px). The prior's spread is the uncertainty;
a box cut by the frame's edge shows only part of the thing, so its distance is an upper limit and its uncertainty
grows. The box-area rule of the system description (over 10 % of the frame near, over 1 % medium) is the last resort.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.contracts import Camera, Detection, SceneView, Value
from maxsight_core.perception import time_to_contact
from maxsight_core.perception.geometry import Box, intersection
from maxsight_core.perception.time_to_contact import Contact
from maxsight_core.perception.tracking import Track, cut_sides

OUTPUTS = ("precise_distances", "precise_distance_uncertainty")

NEAR_BELOW_M = 2.0
"""Reach of a cane and one step."""
MEDIUM_BELOW_M = 5.0
"""Three to four seconds of walking at 1.4 m/s: time to change course. The rendered scenes use the same limits."""
NEAR_AREA, MEDIUM_AREA = 0.10, 0.01
"""Box-area rule of the system description, fractions of the frame."""
BOX_SD = 0.05
"""Relative standard deviation of a detector's box height."""
CUT_SD = 0.5
"""Added relative standard deviation of a cut box: half of the thing may be out of view."""
ASSUMED_CAMERA_SD = 0.10
"""Relative error of the focal length while the field of view is assumed: 60..72 degrees."""
COLUMN_TREND_MIN = 3
CONTACT_WINDOW_S = 1.2
"""Older box sizes no longer tell the present speed."""
SAME_THING_SHARE = 0.5
"""Share of the smaller box that a measured approach and a named box have in common when they are one thing."""
SAME_THING_AREA = (0.15, 4.0)
"""Area of the measured region over the named box's: its textured part, up to the thing with what it carries."""


def pinhole(class_id: int, box: Box, camera: Camera) -> tuple[float, float] | None:
    """(distance, standard deviation) in metres from the class's height prior, or None when it has none."""
    try:
        prior = taxonomy.by_id(class_id).height_m
    except KeyError:
        return None
    height_px = box[3] * camera.height_px
    if prior is None or height_px < 2.0:
        return None
    distance = camera.focal_px * prior[0] / height_px
    cut = cut_sides(box)[1]
    relative = math.sqrt((prior[1] / prior[0]) ** 2 + BOX_SD**2 + (ASSUMED_CAMERA_SD**2 if camera.assumed else 0.0)
                         + (CUT_SD**2 if cut else 0.0))
    return distance, distance * relative


def zone_of(distance_m: float | None, box: Box) -> str:
    """``near`` | ``medium`` | ``far`` from metres, else from the share of the frame the box covers."""
    if distance_m is not None:
        return "near" if distance_m < NEAR_BELOW_M else "medium" if distance_m < MEDIUM_BELOW_M else "far"
    area = box[2] * box[3]
    return "near" if area > NEAR_AREA else "medium" if area > MEDIUM_AREA else "far"


def _column_rate(track: Track) -> float:
    """Normalised columns a second, by least squares over the track's history; 0 with too little of it."""
    if len(track.times_s) < COLUMN_TREND_MIN or track.times_s[-1] <= track.times_s[0]:
        return 0.0
    times = np.asarray(track.times_s) - track.times_s[0]
    return float(np.polyfit(times, np.asarray(track.columns), 1)[0])


def contact_of_track(track: Track, time_s: float) -> Contact | None:
    """Rate of approach from the growth of a track's boxes; None with too few, or when the frame cuts both sides.

    Heights count; widths where the frame's edge cuts a height: what enters the view must not seem to grow.
    """
    recent = [i for i, t in enumerate(track.times_s) if t >= time_s - CONTACT_WINDOW_S]
    if len(recent) < time_to_contact.MIN_FRAMES:
        return None
    cut_width, cut_height = (any(track.cuts[i][side] for i in recent) for side in (0, 1))
    if cut_height and cut_width:
        return None
    sizes = track.widths if cut_height else track.heights
    return time_to_contact.from_sizes(
        [track.times_s[i] for i in recent], [sizes[i] for i in recent], BOX_SD / 2, time_s)


def to_detections(
    tracks: Sequence[Track], camera: Camera, time_s: float, approaching: Sequence[Detection] = (),
) -> tuple[Detection, ...]:
    """Tracks of one frame as detections: distance, zone, bearing, time to contact, closing speed, course.

    Args:
        approaching: what the measured path sees coming nearer in this frame. A thing that a track covers gives it its
            time to contact, measured on many corners instead of one box height, and its course.
    """
    return tuple(_detection(track, camera, time_s, _partner(track.box, approaching)) for track in tracks)


def _partner(box: Box, approaching: Sequence[Detection]) -> Detection | None:
    """The measured approach that is the same thing as ``box``, soonest contact first; None without one."""
    area = max(1e-9, box[2] * box[3])
    fitting = []
    for one in approaching:
        other = one.box_cxcywh[2] * one.box_cxcywh[3]
        shared = intersection(box, one.box_cxcywh) / max(1e-9, min(area, other))
        if (one.time_to_contact_s is not None and shared >= SAME_THING_SHARE
                and SAME_THING_AREA[0] <= other / area <= SAME_THING_AREA[1]):
            fitting.append(one)
    return min(fitting, key=lambda one: (one.time_to_contact_s, one.track_id), default=None)


def _detection(track: Track, camera: Camera, time_s: float, partner: Detection | None) -> Detection:
    class_id = track.class_id
    ranged = pinhole(class_id, track.box, camera)
    distance_m, sd_m = ranged if ranged is not None else (None, None)
    contact = contact_of_track(track, time_s)
    significant = contact is not None and contact.significant
    seconds = contact.seconds if significant else None
    frames = contact.frames if significant else 0
    closing = time_to_contact.closing_speed_mps(distance_m, contact) if significant else None
    size = max(track.box[2], track.box[3] * camera.height_px / camera.width_px)
    on_course = time_to_contact.on_course(_column_rate(track), seconds, size, camera, distance_m)
    method = "detector + tracker"
    if partner is not None:
        seconds, frames = partner.time_to_contact_s, partner.time_to_contact_frames
        on_course, method = partner.on_course, f"{method}; {partner.method}"
        closing = distance_m / seconds if distance_m is not None else None
    info = taxonomy.by_id(class_id)
    return Detection(
        track_id=track.track_id, class_id=class_id, class_name=info.name, score=min(1.0, track.score),
        box_cxcywh=track.box, source="learned", method=method,
        bearing_deg=camera.bearing_deg(track.box[0]), zone=zone_of(distance_m, track.box), distance_m=distance_m,
        distance_sd_m=sd_m, time_to_contact_s=seconds,
        time_to_contact_frames=frames, closing_mps=closing, on_course=on_course,
    )


def estimate(view: SceneView) -> dict[str, Value]:
    """``precise_distances`` and their standard deviations, one row per detection whose distance can be measured."""
    ranged = [d for d in view.detections if d.distance_m is not None]
    if not ranged:
        reason = ("nothing named is in view" if not view.detections
                  else "no class in view has a known height: distance needs a name")
        return {name: Value.unavailable(name, reason) for name in OUTPUTS}
    method = "pinhole from box height and class height prior"
    distances = [{"id": d.track_id, "distance_m": d.distance_m} for d in ranged]
    spreads = [{"id": d.track_id, "distance_sd_m": d.distance_sd_m} for d in ranged]
    return {
        "precise_distances": Value.measured("precise_distances", distances, method),
        "precise_distance_uncertainty": Value.measured("precise_distance_uncertainty", spreads, method),
    }
