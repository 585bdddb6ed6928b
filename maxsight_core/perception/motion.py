"""The measured safety path: what moves, how the camera moves, and what is coming nearer, for every frame.

Works without any trained weights. One :class:`MotionTracker` per session.
"""

from __future__ import annotations

import numpy as np

from maxsight_core.contracts import Camera, Detection, EgoMotion, Frame, MotionResult
from maxsight_core.perception import ego_motion
from maxsight_core.perception.ego_motion import EgoFit
from maxsight_core.perception.flow import FlowEstimator, FlowField, Picture, prepare
from maxsight_core.perception.geometry import intersection
from maxsight_core.perception.heading import Heading, HeadingEstimator
from maxsight_core.perception.looming import LoomingDetector
from maxsight_core.perception.regions import Region
from maxsight_core.perception.same_thing import put_together
from maxsight_core.perception.time_to_contact import WALKING_MPS, Contact, on_course, passes_overhead
from maxsight_core.perception.urgency import from_time_to_contact
from maxsight_core.perception.way_ahead import InTheWay, WayAhead, around_focus
from maxsight_core.perception.whole_view import WholeView

BASELINE_S = 0.09  # frames nearer in time are not compared: at 30 fps growth drowns in noise, over 90 ms it does not
MAX_GAP_S = 1.0  # after a longer gap all motion is void (02-architecture: temporal state resets)
HALF_BODY_M = 0.4  # a wearer's half width and a margin
SCENERY_WIDTH = 0.5  # of the view
SCENERY_BEYOND_S = 2.5  # the alert policy's "stop"
FROZEN_S = 0.35  # an unchanged feed is believed this long, then nothing is reported as approaching
MAX_HISTORY = 8
FIRST_MEASURED_ID = 100_001  # measured things are numbered apart from a detector's tracks
SOMETHING_ID, SOMETHING_NAME = 0, "something"
METHOD = "growth of tracked corners beyond ego-motion"
WAY_AHEAD_METHOD = "points in the way of a walking wearer, by heading and speed"
KEEPS_PLACE = 0.35  # of the distance from the heading: moving less than this until contact is keeping one's place
SAME_THING = 0.3  # of the smaller box: a growing region and a thing in the way that overlap so are one
WHOLE_VIEW_METHOD = "growth of the whole view"
FULL_TEXTURE = 0.35  # share of lattice cells with a corner at which texture no longer limits quality


class MotionTracker:
    """Motion of one session's frames.

    ``update`` compares each frame with an earlier one at least 90 ms older (the previous one at 10 fps and below), so
    flow and ego-motion hold for the interval ``ego.dt_s``, in pixels of the original frame.
    """

    def __init__(self) -> None:
        self._flow = FlowEstimator()
        self._looming = LoomingDetector()
        self._heading = HeadingEstimator()
        self._way = WayAhead(self._looming.new_number)
        self._whole = WholeView()
        self._whole_number: int | None = None
        self._history: list[Picture] = []
        self._last: MotionResult | None = None
        self._last_frame_s = 0.0

    def reset(self) -> None:
        """Forgets all earlier frames."""
        self._history = []
        self._looming.reset()
        self._heading.reset()
        self._way.reset()
        self._whole.reset()
        self._whole_number = None
        self._last = None

    def update(self, frame: Frame, camera: Camera) -> MotionResult:
        """Motion up to this frame.

        Args:
            frame: the picture; times must not go backwards (a step back counts as a cut).
            camera: of the frame's size; its field of view gives bearings.
        """
        picture = prepare(frame.rgb, frame.time_s)
        since_frame_s = frame.time_s - self._last_frame_s
        self._last_frame_s = frame.time_s
        if not self._history:
            return self._restart(picture, 0.0, "first frame: nothing to compare with", cut=False)
        newest = self._history[-1]
        step_s = frame.time_s - newest.time_s
        if newest.grey.shape != picture.grey.shape:
            return self._restart(picture, max(0.0, step_s), "the frame's size changed")
        if not 0.0 < since_frame_s <= MAX_GAP_S:
            return self._restart(picture, max(0.0, since_frame_s), f"{since_frame_s:.2f} s since the last frame")
        if np.array_equal(newest.grey, picture.grey):
            return self._frozen(step_s)
        if step_s > MAX_GAP_S:
            return self._restart(picture, step_s, f"the picture had not changed for {step_s:.2f} s")
        return self._measure(picture, camera, step_s)

    def _restart(self, picture: Picture, dt_s: float, reason: str, cut: bool = True) -> MotionResult:
        self.reset()
        self._history = [picture]
        ego = EgoMotion(still=not cut, cut=cut, dt_s=dt_s)
        return MotionResult(flow=None, residual=None, ego=ego, reason=reason)

    def _frozen(self, step_s: float) -> MotionResult:
        """The same picture again: no new evidence. What approached goes on for a moment, then it is not claimed."""
        last = self._last
        if last is None or last.flow is None:
            return MotionResult(None, None, EgoMotion(dt_s=step_s), reason="the picture did not change")
        approaching = last.approaching if step_s <= FROZEN_S else ()
        zero = np.zeros_like(last.flow)
        ego = EgoMotion(inlier_fraction=1.0, still=True, dt_s=step_s)
        return MotionResult(zero, zero[0].copy(), ego, approaching, last.quality, None)

    def _measure(self, picture: Picture, camera: Camera, step_s: float) -> MotionResult:
        reference = self._reference(picture.time_s)
        flow = self._flow.between(reference, picture)
        if ego_motion.is_cut(flow):
            return self._restart(picture, flow.dt_s, "the picture changed altogether")
        ego = ego_motion.fit(flow, camera, self._looming.background_weights(flow, step_s))
        regions = self._looming.update(flow, ego, picture.time_s, step_s, self._flow.denser)
        self._history.append(picture)
        del self._history[:-MAX_HISTORY]
        focus = self._heading.walking_to
        if focus is not None:  # a wearer who stands has no way that deserves more points
            flow = self._flow.denser(flow, [around_focus(flow, camera, focus)])
        heading = self._heading.update(flow, camera, picture.time_s)
        found = [_detection(r, flow, camera, heading) for r in regions]
        approaching = put_together([one for one in found if not _is_scenery(one)], camera)
        in_the_way = [_in_the_way(thing, flow, camera, picture.time_s)
                      for thing in self._way.update(flow, heading, picture.time_s)]
        whole = self._whole.update(ego.motion, picture.time_s)
        if whole is not None:
            in_the_way = []  # what is found in a wall that fills the view is the wall
        approaching = (*in_the_way, *(one for one in approaching if not _seen_in(one, in_the_way)))
        if whole is None:
            self._whole_number = None
        elif not approaching:
            self._whole_number = self._whole_number or self._looming.new_number()
            approaching = (_whole_view(self._whole_number, whole),)
        self._last = MotionResult(
            flow=flow.dense, residual=_residual(flow, ego, camera), ego=ego.motion, approaching=approaching,
            quality=_quality(flow, ego),
        )
        return self._last

    def _reference(self, now_s: float) -> Picture:
        """The newest earlier frame that is at least the baseline old, else the oldest there is."""
        for picture in reversed(self._history):
            if now_s - picture.time_s >= BASELINE_S - 1e-6:
                return picture
        return self._history[0]


def _residual(flow: FlowField, ego: EgoFit, camera: Camera) -> np.ndarray:
    """[gh, gw] float32: magnitude of the dense flow left after ego-motion, original pixels."""
    _, rows, columns = flow.dense.shape
    x = (np.arange(columns) + 0.5) * (flow.size[0] / columns) - 0.5
    y = (np.arange(rows) + 0.5) * (flow.size[1] / rows) - 0.5
    own = ego.field_at(x, y) * flow.scale
    return np.hypot(flow.dense[0] - own[0], flow.dense[1] - own[1]).astype(np.float32)


def _quality(flow: FlowField, ego: EgoFit) -> float:
    texture = min(1.0, flow.texture / FULL_TEXTURE)
    return float(np.clip(texture * flow.tracked * (0.4 + 0.6 * ego.motion.inlier_fraction), 0.0, 1.0))


def _detection(region: Region, flow: FlowField, camera: Camera, heading: Heading | None) -> Detection:
    width, height = flow.size
    box = np.clip(region.box / np.array([width, height, width, height]), 0.0, 1.0)
    cx, cy, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
    contact = region.contact
    seconds = contact.seconds if contact is not None else None
    # A lamp post is no wider for its height: the mean of both sides, and half a body where the thing is small.
    tolerance = float(np.sqrt(region.size[0] * region.size[1]) / width)
    if seconds is not None:
        tolerance = max(tolerance, HALF_BODY_M * camera.focal_px / (WALKING_MPS * seconds) / camera.width_px)
    drift = region.drift / width
    if heading is not None and heading.walks:  # it knows the camera's turning better
        drift = heading.sideways_per_s(region.centre, region.velocity) * heading.focal_px / width
        tolerance = min(tolerance, _walking_tolerance(float(region.centre[0]), seconds, heading) / width)
    return Detection(
        track_id=FIRST_MEASURED_ID + region.number, class_id=SOMETHING_ID, class_name=SOMETHING_NAME,
        score=_confidence(contact, region.points), box_cxcywh=(float(cx), float(cy), float(w), float(h)),
        source="measured", method=METHOD, bearing_deg=camera.bearing_deg(float(cx)),
        urgency=from_time_to_contact(seconds), time_to_contact_s=seconds,
        time_to_contact_frames=contact.frames if contact is not None else 0,
        on_course=on_course(drift, seconds, tolerance, camera)
        and not passes_overhead(float(box[3]), seconds, camera),
    )


def _walking_tolerance(column_px: float, seconds: float | None, heading: Heading) -> float:
    """Pixels of sideways motion until contact that a walking wearer's collision course allows.

    What stands beside the way moves out of view as it grows: by contact it has moved as far as it is from the heading.
    What comes from the side and meets the wearer keeps its place.
    """
    aside = abs((column_px - heading.centre_px[0]) - heading.focus[0] * heading.focal_px)
    body = 0.0 if seconds is None else HALF_BODY_M / (heading.speed_mps * seconds) * heading.focal_px
    return max(KEEPS_PLACE * aside, body)


def _in_the_way(thing: InTheWay, flow: FlowField, camera: Camera, now_s: float) -> Detection:
    width, height = flow.size
    left, top, right, bottom = np.clip(thing.box / np.array([width, height, width, height]), 0.0, 1.0).tolist()
    seconds = thing.left_s(now_s)
    return Detection(
        track_id=FIRST_MEASURED_ID + thing.number, class_id=SOMETHING_ID, class_name=SOMETHING_NAME,
        score=float(np.clip((1.0 - thing.spread) * (1.0 - 4.0 / (4.0 + thing.points)), 0.0, 1.0)),
        box_cxcywh=((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), source="measured",
        method=WAY_AHEAD_METHOD, bearing_deg=camera.bearing_deg((left + right) / 2),
        urgency=from_time_to_contact(seconds), time_to_contact_s=seconds,
        time_to_contact_frames=int(thing.frames) + 1, on_course=True,
    )


def _seen_in(region: Detection, things: list[Detection]) -> bool:
    """Whether a growing region is part of a thing in the way, or the other way round."""
    least = region.box_cxcywh[2] * region.box_cxcywh[3]
    return any(intersection(region.box_cxcywh, thing.box_cxcywh)
               > SAME_THING * min(least, thing.box_cxcywh[2] * thing.box_cxcywh[3]) for thing in things)


def _is_scenery(found: Detection) -> bool:
    """A region over half of the view that is seconds away is the scene a walker walks into, not a thing in it.

    Nearer than that it counts like anything else; a wall ahead is ``whole_view``'s.
    """
    return (found.box_cxcywh[2] > SCENERY_WIDTH and found.time_to_contact_s is not None
            and found.time_to_contact_s > SCENERY_BEYOND_S)


def _whole_view(number: int, contact: Contact) -> Detection:
    return Detection(
        track_id=FIRST_MEASURED_ID + number, class_id=SOMETHING_ID, class_name=SOMETHING_NAME,
        score=_confidence(contact, 50), box_cxcywh=(0.5, 0.5, 1.0, 1.0), source="measured", method=WHOLE_VIEW_METHOD,
        bearing_deg=0.0, urgency=from_time_to_contact(contact.seconds), time_to_contact_s=contact.seconds,
        time_to_contact_frames=contact.frames, on_course=True,
    )


def _confidence(contact: Contact | None, points: int) -> float:
    """Grows with the significance of the approach and the number of points it rests on."""
    if contact is None or not contact.rate_sd > 0:
        return 0.0
    significance = contact.rate / contact.rate_sd
    return float(np.clip((1.0 - 1.5 / max(1.5, significance)) * (1.0 - 1.0 / (1.0 + points / 4.0)), 0.0, 1.0))

