"""How far: pinhole distance from a class's usual height, its uncertainty, and the near / medium / far zone.

``distance = focal length x real height / box height`` (metres along the camera's axis). The height priors, means and
standard deviations, are the taxonomy's. Where a class has no usual height, only a zone is told, by the share of the frame that
the box covers (the system description's rule), as the last resort.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from maxsight_core import taxonomy
from maxsight_core.contracts import ZONES, Camera, Detection, MotionResult, SceneView, Value
from maxsight_core.perception import time_to_contact, urgency
from maxsight_core.perception.time_to_contact import Contact
from maxsight_core.perception.tracking import Track, clipped

OUTPUTS: tuple[str, ...] = ("precise_distances", "precise_distance_uncertainty")
METHOD = "pinhole from box height and class height prior"
DETECTED = "detector and tracker; distance by pinhole"
NEAR, MEDIUM, FAR = ZONES

NEAR_BELOW_M = 2.0  # one and a half seconds of walking: reach and cane range
FAR_ABOVE_M = 6.0  # four seconds and more
NEAR_AREA, MEDIUM_AREA = 0.10, 0.01  # share of the frame: the description's rule
BOX_JITTER = 0.04  # relative error of a detector's box height
FIELD_OF_VIEW_SD = 0.12  # relative error of the focal length while the field of view is assumed (60..78 degrees)
CALIBRATED_SD = 0.02
CUT_OFF_SD = 0.5  # a box the frame's edge cuts off tells little: the thing is at most this distance away
MIN_HEIGHT = 0.004  # normalised: two pixels of a 480 px frame
MAX_DISTANCE_M = 100.0
HEIGHT_JITTER = 0.03  # relative error of one box height in a track's regression
TRACK_WINDOW_S = 1.2  # older heights no longer tell the present speed
COAST_S = 0.4  # an unseen track is still reported this long, fading
MOVING_SPEED_MPS = 0.5  # slower is posture and ranging error
WALKING_MPS = 2.2  # closing faster than a walking wearer can explain: the thing itself moves
MOVING_HEIGHTS = 0.4  # box heights a second sideways, where no distance is known
SAME_THING_OVERLAP = 0.5  # of the smaller box: a measured approach belongs to a detector's track
SAME_THING_AREA = (0.15, 4.0)  # area of the measured region over the box's


@dataclass(frozen=True, slots=True)
class Distance:
    """Metres along the axis, standard deviation, and whether it is only an upper bound (box cut off by the edge)."""

    metres: float
    sd: float
    upper_bound: bool = False


def from_height(class_id: int, box_cxcywh: Sequence[float], camera: Camera) -> Distance | None:
    """Distance of a thing of known usual height; None where the class has none or the box is too small.

    A box that the top or bottom edge of the frame cuts off shows less than the whole height: the thing is then
    nearer than the formula says, so the result is an upper bound with a large standard deviation.
    """
    try:
        prior = taxonomy.by_id(class_id).height_m
    except KeyError:
        return None
    height = box_cxcywh[3]
    if prior is None or height < MIN_HEIGHT:
        return None
    mean, sd = prior
    metres = camera.focal_px * mean / (height * camera.height_px)
    cut_off = clipped(box_cxcywh)[1]
    focal_sd = FIELD_OF_VIEW_SD if camera.assumed else CALIBRATED_SD
    relative = math.sqrt((sd / mean) ** 2 + BOX_JITTER**2 + focal_sd**2 + (CUT_OFF_SD**2 if cut_off else 0.0))
    metres = min(metres, MAX_DISTANCE_M)
    return Distance(metres, metres * relative, cut_off)


def zone(distance: Distance | None, box_cxcywh: Sequence[float]) -> str:
    """near under 2 m, far from 6 m; by box area without a distance. A large cut-off box is never called far."""
    area = box_cxcywh[2] * box_cxcywh[3]
    by_area = NEAR if area > NEAR_AREA else MEDIUM if area > MEDIUM_AREA else FAR
    if distance is None:
        return by_area
    by_metres = NEAR if distance.metres < NEAR_BELOW_M else FAR if distance.metres >= FAR_ABOVE_M else MEDIUM
    return min(by_area, by_metres, key=ZONES.index) if distance.upper_bound else by_metres


def contact_of_track(track: Track, now_s: float) -> Contact | None:
    """Rate of approach from the growth of a track's boxes; None while the frame's edges cut off both its sides.

    Height is used, width where top or bottom are cut off: an entering thing must not seem to grow.
    """
    recent = [o for o in track.history if o.time_s >= now_s - TRACK_WINDOW_S]
    if len(recent) < time_to_contact.MIN_FRAMES:
        return None
    cut_sideways = any(clipped(o.box_cxcywh)[0] for o in recent)
    cut_height = any(clipped(o.box_cxcywh)[1] for o in recent)
    if cut_height and cut_sideways:
        return None
    side = 2 if cut_height else 3
    sizes = [o.box_cxcywh[side] for o in recent]
    return time_to_contact.from_sizes([o.time_s for o in recent], sizes, HEIGHT_JITTER, now_s)


def to_detections(
    tracks: Sequence[Track], camera: Camera, motion: MotionResult | None = None, now_s: float | None = None,
) -> tuple[Detection, ...]:
    """Tracks as detections with distance, zone, bearing, time to contact, closing speed, course and urgency.

    A thing that the measured path sees approaching takes its (more precise) time to contact into the track that
    covers it; what no track covers follows as ``something``. So nothing measured is ever lost, and nothing counts twice.

    Args:
        motion: of the same frame, or None. now_s: frame clock; None: the tracks' last time.
    """
    measured = list(motion.approaching) if motion is not None else []
    still = motion.ego.still if motion is not None and motion.flow is not None else True
    now_s = max((t.seen_s for t in tracks), default=0.0) if now_s is None else now_s
    found: list[Detection] = []
    for track in tracks:
        if now_s - track.seen_s > COAST_S or min(track.box_cxcywh[2:]) <= 0.0:
            continue
        partner = _partner(track.box_cxcywh, measured)
        if partner is not None:
            measured.remove(partner)
        found.append(_detection(track, camera, partner, still, now_s))
    return (*found, *measured)


def _partner(box: Sequence[float], measured: Sequence[Detection]) -> Detection | None:
    """The measured approach that is the same thing as ``box``: overlaps it, of like size, soonest contact."""
    area = box[2] * box[3]
    fitting = [
        m for m in measured
        if _overlap(box, m.box_cxcywh) >= SAME_THING_OVERLAP
        and SAME_THING_AREA[0] <= m.box_cxcywh[2] * m.box_cxcywh[3] / max(1e-9, area) <= SAME_THING_AREA[1]
    ]
    return min(fitting, key=lambda m: (m.time_to_contact_s or math.inf, m.track_id), default=None)


def _detection(track: Track, camera: Camera, partner: Detection | None, still: bool, now_s: float) -> Detection:
    box = track.box_cxcywh
    try:
        info = taxonomy.by_id(track.class_id)
    except KeyError:
        info = taxonomy.by_id(taxonomy.SOMETHING_ID)
    whole = track.history[-1].box_cxcywh if track.history and track.seen else box
    distance = from_height(track.class_id, whole if clipped(whole)[1] else box, camera)
    contact = contact_of_track(track, now_s)
    rate = contact.rate if contact is not None and contact.significant else 0.0
    seconds = contact.seconds if contact is not None and contact.significant else None
    frames = contact.frames if contact is not None else 0
    on_course = time_to_contact.on_course(
        track.velocity[0], seconds, max(box[2], box[3] * camera.height_px / camera.width_px), camera,
        distance.metres if distance is not None else None)
    method = DETECTED
    if partner is not None and partner.time_to_contact_s is not None:
        seconds, frames, on_course = partner.time_to_contact_s, partner.time_to_contact_frames, partner.on_course
        rate, method = 1.0 / seconds, f"{DETECTED}; {partner.method}"
    closing = distance.metres * rate if distance is not None else None
    moving = info.moving and _moves(track, distance, closing, rate, still, camera)
    fade = 1.0 if track.seen else max(0.3, 1.0 - (now_s - track.seen_s) / COAST_S)
    return Detection(
        track_id=track.track_id, class_id=info.id, class_name=info.name, score=track.score * fade, box_cxcywh=box,
        source="learned", method=method, bearing_deg=camera.bearing_deg(box[0]), zone=zone(distance, box),
        distance_m=distance.metres if distance is not None else None,
        distance_sd_m=distance.sd if distance is not None else None,
        urgency=urgency.of_thing(info.id, moving, seconds, on_course), time_to_contact_s=seconds,
        time_to_contact_frames=frames, closing_mps=closing, on_course=on_course,
    )


def _moves(
    track: Track, distance: Distance | None, closing: float | None, rate: float, still: bool, camera: Camera
) -> bool:
    """True when the thing itself moves: sideways, or nearer than the wearer's own walk explains."""
    if track.hits < time_to_contact.MIN_FRAMES:
        return False
    sideways = abs(track.velocity[0])
    if distance is None or closing is None:
        heights = sideways * camera.width_px / max(1.0, track.box_cxcywh[3] * camera.height_px)
        return heights > MOVING_HEIGHTS or (still and rate > 1.0 / time_to_contact.MAX_TIME_TO_CONTACT_S)
    sideways_mps = sideways * camera.width_px / camera.focal_px * distance.metres
    return sideways_mps > MOVING_SPEED_MPS or closing > (MOVING_SPEED_MPS if still else WALKING_MPS)


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over the smaller of two cxcywh boxes."""
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    least = min(a[2] * a[3], b[2] * b[3])
    return width * height / least if width > 0 and height > 0 and least > 0 else 0.0


def estimate(view: SceneView) -> dict[str, Value]:
    """``precise_distances`` and their uncertainty, one entry per detection whose class has a usual height.

    Entries: ``{id, class, distance_m}`` and ``{id, class, sd_m, upper_bound}``, in the detections' order.
    """
    rows = []
    for one in view.detections:
        box = one.box_cxcywh
        distance = from_height(one.class_id, box, view.camera)
        if distance is None and one.distance_m is not None and one.distance_sd_m is not None:
            distance = Distance(one.distance_m, one.distance_sd_m)
        if distance is not None:
            rows.append((one, distance))
    if not rows:
        reason = "nothing is detected" if not view.detections else "no detected class has a usual height"
        return {name: Value.unavailable(name, reason) for name in OUTPUTS}
    relative = sum(d.sd / d.metres for _, d in rows) / len(rows)
    confidence = max(0.0, min(1.0, 1.0 - relative))
    metres = [{"id": o.track_id, "class": o.class_name, "distance_m": d.metres} for o, d in rows]
    spread = [{"id": o.track_id, "class": o.class_name, "sd_m": d.sd, "upper_bound": d.upper_bound} for o, d in rows]
    return {
        OUTPUTS[0]: Value.measured(OUTPUTS[0], metres, METHOD, confidence),
        OUTPUTS[1]: Value.measured(OUTPUTS[1], spread, METHOD, confidence),
    }

