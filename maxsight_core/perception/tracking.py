"""Stable numbers for named detections: Kalman prediction, Hungarian assignment in two passes, class voting.

The scheme is BYTE's (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022):
confident boxes are matched first, weak ones may only continue a track. Each of cx, cy, log w and log h has its own
constant-velocity Kalman filter; the camera's own motion moves the predictions before they are matched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from maxsight_core.contracts import Camera, EgoMotion, RawDetection
from maxsight_core.perception.geometry import Box, iou

SURE_SCORE = 0.5
"""First pass: boxes at least this sure."""
WEAK_SCORE = 0.15
"""Second pass: weaker boxes continue a track that was not matched; below this they are noise."""
BIRTH_SCORE = 0.4
"""A new track begins with a box at least this sure."""
MIN_IOU = 0.2
"""Least overlap of prediction and box that can be the same thing."""
OTHER_CLASS_PENALTY = 0.3
"""Overlap that a change of class costs: detectors swap car and truck, never person and truck for long."""
MAX_LOST_S = 1.0
"""A thing hidden for longer than this is a new thing when it comes back."""
MIN_HITS = 2
"""Frames before a thing is reported, unless its first box is very sure."""
VERY_SURE_SCORE = 0.7
ACCELERATION = 1.5
"""Process noise, normalised units a second squared: how sudden a thing may move."""
POSITION_SD = 0.02
"""Standard deviation of one box coordinate (detector jitter), normalised; of log size: the same."""
HISTORY = 12
"""Sizes kept per track for the time to contact: 1.2 s at 10 frames a second."""
VOTE_DECAY = 0.9
MIN_SIDE = 1e-4
MAX_GAP_S = 1.0
"""After a longer gap between frames all tracks end: nothing says what moved meanwhile (02-architecture)."""
MATCH_MARGIN = 0.25
"""Boxes grow by this share on each side before they are compared (C-BIoU, Yang et al. 2023): at 5 frames a second a
small thing leaves its own box between two frames."""
EDGE = 0.01
"""A box within this of the frame's edge is cut by it."""


@dataclass(slots=True)
class Track:
    """One thing over time.

    ``mean`` [4, 2]: position and velocity of cx, cy, log w, log h. ``times_s``, ``heights``, ``widths``, ``cuts``,
    ``columns``: its matched boxes, oldest first; ``cuts`` say whether the frame's edge cut their (width, height);
    ``columns`` have the camera's own turning taken out (summed shifts).
    """

    track_id: int
    mean: np.ndarray
    covariance: np.ndarray
    time_s: float
    seen_s: float
    votes: dict[int, float]
    score: float
    box: Box
    hits: int = 1
    misses: int = 0
    times_s: list[float] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    cuts: list[tuple[bool, bool]] = field(default_factory=list)
    columns: list[float] = field(default_factory=list)

    @property
    def class_id(self) -> int:
        """The class with most weighted votes; ties go to the smaller id."""
        return min(self.votes, key=lambda class_id: (-self.votes[class_id], class_id))

    @property
    def age_s(self) -> float:
        return self.seen_s - self.times_s[0] if self.times_s else 0.0


def _measured(box: Box) -> np.ndarray:
    cx, cy, w, h = box
    return np.array([cx, cy, math.log(max(MIN_SIDE, w)), math.log(max(MIN_SIDE, h))])


def _box(position: np.ndarray) -> Box:
    cx, cy, w, h = float(position[0]), float(position[1]), math.exp(position[2]), math.exp(position[3])
    left, right = max(0.0, cx - w / 2), min(1.0, cx + w / 2)
    top, bottom = max(0.0, cy - h / 2), min(1.0, cy + h / 2)
    return ((left + right) / 2, (top + bottom) / 2, max(MIN_SIDE, right - left), max(MIN_SIDE, bottom - top))


def cut_sides(box: Box) -> tuple[bool, bool]:
    """Whether the frame's edge cuts a cxcywh box's width, and its height."""
    cx, cy, w, h = box
    return (cx - w / 2 <= EDGE or cx + w / 2 >= 1.0 - EDGE), (cy - h / 2 <= EDGE or cy + h / 2 >= 1.0 - EDGE)


def _grown(box: Box) -> Box:
    """The box with the match margin, unclipped."""
    return (box[0], box[1], box[2] * (1.0 + 2.0 * MATCH_MARGIN), box[3] * (1.0 + 2.0 * MATCH_MARGIN))


class Tracker:
    """Tracks of one session; deterministic."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 1
        self._turned = 0.0
        self._time_s: float | None = None

    def update(
        self, detections: Sequence[RawDetection], time_s: float, ego: EgoMotion | None, camera: Camera
    ) -> list[Track]:
        """The tracks seen in this frame that are sure enough to report, by number.

        Args:
            detections: of this frame. time_s: frame clock, later than the last call's.
            ego: the camera's own motion, over ``ego.dt_s`` (which may span several frames), or None; a cut ends all
                tracks. camera: for its size in pixels.
        """
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if (ego is not None and ego.cut) or not 0.0 <= step_s <= MAX_GAP_S:
            self._tracks = []
        shift = self._shift(ego, camera, step_s)
        self._turned += shift[0]
        for track in self._tracks:
            self._predict(track, time_s, shift)
        sure = [d for d in detections if d.score >= SURE_SCORE]
        weak = [d for d in detections if WEAK_SCORE <= d.score < SURE_SCORE]
        free = list(self._tracks)
        unmatched_sure = self._match(free, sure, time_s)
        unmatched_weak = self._match(free, weak, time_s)
        for detection in (*unmatched_sure, *unmatched_weak):
            if detection.score >= BIRTH_SCORE:
                self._begin(detection, time_s)
        for track in free:
            track.misses += 1
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= MAX_LOST_S]
        return [t for t in self._tracks
                if t.seen_s == time_s and (t.hits >= MIN_HITS or t.score >= VERY_SURE_SCORE)]

    @staticmethod
    def _shift(ego: EgoMotion | None, camera: Camera, step_s: float) -> tuple[float, float]:
        """Shift of the picture in this step, normalised: the step's share of the interval that ``ego`` covers."""
        if ego is None or ego.cut or ego.still or ego.dt_s <= 0.0:
            return (0.0, 0.0)
        share = step_s / ego.dt_s
        return (ego.dx_px * share / camera.width_px, ego.dy_px * share / camera.height_px)

    @staticmethod
    def _predict(track: Track, time_s: float, shift: tuple[float, float]) -> None:
        dt = max(0.0, time_s - track.time_s)
        step = np.array([[1.0, dt], [0.0, 1.0]])
        noise = ACCELERATION**2 * np.array([[dt**4 / 4, dt**3 / 2], [dt**3 / 2, dt**2]])
        track.mean = track.mean @ step.T
        track.mean[0, 0] += shift[0]
        track.mean[1, 0] += shift[1]
        track.covariance = step @ track.covariance @ step.T + noise
        track.time_s = time_s

    def _match(self, free: list[Track], detections: list[RawDetection], time_s: float) -> list[RawDetection]:
        """Assign detections to free tracks; matched tracks leave ``free``; returns the detections left over."""
        if not free or not detections:
            return detections
        predicted = [(_grown(_box(t.mean[:, 0])), t.class_id) for t in free]
        found = [(_grown(d.box_cxcywh), d.class_id) for d in detections]
        overlap = np.array([[iou(box, seen) - (0.0 if name == seen_name else OTHER_CLASS_PENALTY)
                             for seen, seen_name in found] for box, name in predicted])
        rows, columns = linear_sum_assignment(-overlap)
        left = set(range(len(detections)))
        matched = []
        for row, column in zip(rows, columns, strict=True):
            if overlap[row, column] >= MIN_IOU:
                self._correct(free[row], detections[column], time_s)
                matched.append(free[row])
                left.discard(int(column))
        for track in matched:
            free.remove(track)
        return [detections[i] for i in sorted(left)]

    def _correct(self, track: Track, detection: RawDetection, time_s: float) -> None:
        innovation = _measured(detection.box_cxcywh) - track.mean[:, 0]
        gain = track.covariance[:, 0] / (track.covariance[0, 0] + POSITION_SD**2)
        track.mean = track.mean + innovation[:, None] * gain[None, :]
        track.covariance = track.covariance - np.outer(gain, track.covariance[0])
        track.votes = {class_id: vote * VOTE_DECAY for class_id, vote in track.votes.items()}
        track.votes[detection.class_id] = track.votes.get(detection.class_id, 0.0) + detection.score
        track.hits += 1
        track.misses = 0
        self._record(track, detection, time_s)

    def _begin(self, detection: RawDetection, time_s: float) -> None:
        mean = np.stack([_measured(detection.box_cxcywh), np.zeros(4)], axis=1)
        track = Track(
            track_id=self._next_id, mean=mean, covariance=np.diag([POSITION_SD**2, 0.25]), time_s=time_s,
            seen_s=time_s, votes={detection.class_id: detection.score}, score=detection.score,
            box=detection.box_cxcywh,
        )
        self._next_id += 1
        self._record(track, detection, time_s)
        self._tracks.append(track)

    def _record(self, track: Track, detection: RawDetection, time_s: float) -> None:
        track.seen_s, track.score = time_s, detection.score
        track.box = _box(track.mean[:, 0]) if track.hits > 1 else detection.box_cxcywh
        track.times_s.append(time_s)
        track.heights.append(detection.box_cxcywh[3])
        track.widths.append(detection.box_cxcywh[2])
        track.cuts.append(cut_sides(detection.box_cxcywh))
        track.columns.append(detection.box_cxcywh[0] - self._turned)
        for kept in (track.times_s, track.heights, track.widths, track.cuts, track.columns):
            del kept[:-HISTORY]
