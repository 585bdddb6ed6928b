"""Stable numbers for a detector's boxes: Kalman prediction, Hungarian matching, two score levels (ByteTrack).

After Zhang et al. 2022, "ByteTrack: multi-object tracking by associating every detection box": confident boxes are
matched first, then weak boxes may only continue a track, never start one, which carries things through partial
occlusion. Boxes are compared with a margin (Yang et al. 2023, C-BIoU): at 5 frames a second a small thing leaves its
own box. The camera's own motion is applied to the predictions before matching.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from maxsight_core.contracts import Camera, EgoMotion, RawDetection

HIGH_SCORE = 0.5  # boxes that may start a track (ByteTrack's 0.6, lowered: a missed hazard costs more than a ghost)
LOW_SCORE = 0.1  # boxes under this are ignored
SURE_SCORE = 0.7  # shown from the first frame; others from the second
MATCH_MARGIN = 0.3  # boxes grow by this share on each side before they are compared
MIN_OVERLAP = 0.1  # of the grown boxes
OTHER_CLASS_COST = 0.25  # a change of class is possible (car / truck flicker) but needs more overlap
OCCLUSION_S = 1.0  # a track that is not seen lives on this long
MAX_GAP_S = 1.0  # after a longer gap between frames all tracks end (02-architecture)
VOTE_DECAY = 0.9  # weight of earlier frames' class votes
HISTORY = 24  # matched boxes kept per track, for the time to contact
POSITION_SD = 0.05  # of the box height: jitter of a detector's box centre
SIZE_SD = 0.06  # of the box height: jitter of its sides
ACCELERATION_SD = 1.5  # box heights per second squared: a walker that starts or stops
START_SPEED_SD = 1.5  # box heights per second
EDGE = 0.005  # a box side this near to the frame's edge is cut off by it


@dataclass(frozen=True, slots=True)
class Observation:
    """A matched box, unsmoothed, at its time."""

    time_s: float
    box_cxcywh: tuple[float, float, float, float]
    score: float


@dataclass
class Track:
    """One thing over time. Boxes are normalised cxcywh; velocities per second of the same unit.

    Attributes:
        track_id: stable, never used twice in a session. class_id: winner of the score-weighted vote.
        score: of the last match, fading while unseen. box_cxcywh: smoothed, predicted while unseen.
        velocity: of cx, cy, w, h, the camera's own motion taken out.
        seen: matched in the latest frame. born_s, seen_s: first and last match. hits: matches so far.
        stability: 0..1, share of the frames since birth in which it was matched.
    """

    track_id: int
    class_id: int
    score: float
    box_cxcywh: tuple[float, float, float, float]
    born_s: float
    seen_s: float
    velocity: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    seen: bool = True
    hits: int = 1
    frames: int = 1
    votes: dict[int, float] = field(default_factory=dict)
    history: deque[Observation] = field(default_factory=lambda: deque(maxlen=HISTORY))
    state: np.ndarray = field(default_factory=lambda: np.zeros((4, 2)), repr=False)  # value, speed per coordinate
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((4, 3)), repr=False)  # pp, pv, vv per coordinate

    @property
    def stability(self) -> float:
        return self.hits / max(1, self.frames)

    @property
    def shown(self) -> bool:
        """True once the track is worth reporting: sure from the first frame, else from the second match."""
        return self.hits >= 2 or self.score >= SURE_SCORE

    def clipped(self) -> tuple[bool, bool]:
        """Whether the frame's edge cuts the last matched box horizontally, vertically."""
        return clipped(self.history[-1].box_cxcywh if self.history else self.box_cxcywh)


def clipped(box: Sequence[float]) -> tuple[bool, bool]:
    """Whether a cxcywh box touches the left or right edge, and the top or bottom edge, of the frame."""
    cx, cy, w, h = box
    return (cx - w / 2 < EDGE or cx + w / 2 > 1 - EDGE), (cy - h / 2 < EDGE or cy + h / 2 > 1 - EDGE)


class Tracker:
    """Tracks of one session. Deterministic; not thread-safe."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1
        self._time_s: float | None = None

    def reset(self) -> None:
        """Ends all tracks; numbers go on."""
        self._tracks = []

    def update(
        self, detections: Sequence[RawDetection], time_s: float, ego: EgoMotion | None = None,
        camera: Camera | None = None,
    ) -> list[Track]:
        """Matches one frame's boxes to the tracks.

        Args:
            detections: after NMS. time_s: frame clock.
            ego: the camera's motion; its cut ends all tracks, its shift moves the predictions. None: unknown.
            camera: of the frame, needed to turn the shift's pixels into the boxes' unit; None: no shift is applied.

        Returns:
            Tracks worth reporting, by number; ``seen`` says which were matched in this frame.
        """
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        if (ego is not None and ego.cut) or step_s < 0.0 or step_s > MAX_GAP_S:
            self.reset()
        self._time_s = time_s
        self._predict(max(0.0, step_s), ego, camera)
        strong = [d for d in detections if d.score >= HIGH_SCORE]
        weak = [d for d in detections if LOW_SCORE <= d.score < HIGH_SCORE]
        free, unmatched = self._match(self._tracks, strong, time_s)
        self._match(free, weak, time_s)
        for one in unmatched:
            self._begin(one, time_s)
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= OCCLUSION_S and (t.shown or t.seen)]
        return [t for t in self._tracks if t.shown]

    def _predict(self, step_s: float, ego: EgoMotion | None, camera: Camera | None) -> None:
        for track in self._tracks:
            track.seen = False
            track.frames += 1
            value, speed = track.state[:, 0], track.state[:, 1]
            value += speed * step_s
            pp, pv, vv = track.covariance.T
            noise = (ACCELERATION_SD * max(0.02, track.state[3, 0])) ** 2
            pp += 2.0 * pv * step_s + vv * step_s**2 + noise * step_s**4 / 4.0
            pv += vv * step_s + noise * step_s**3 / 2.0
            vv += noise * step_s**2
            value[2:] = np.maximum(value[2:], 0.005)
            if ego is not None and camera is not None and ego.dt_s > 0.0:
                _move_with_camera(value, ego, camera, step_s / ego.dt_s)
            _publish(track)

    def _match(
        self, tracks: list[Track], detections: list[RawDetection], time_s: float
    ) -> tuple[list[Track], list[RawDetection]]:
        """Assigns boxes to tracks by grown overlap; returns what is left of both."""
        if not tracks or not detections:
            return tracks, detections
        grown_t = np.array([_grown(t.box_cxcywh) for t in tracks])
        grown_d = np.array([_grown(d.box_cxcywh) for d in detections])
        overlap = _overlaps(grown_t, grown_d)
        other = np.array([[t.class_id != d.class_id for d in detections] for t in tracks])
        cost = 1.0 - overlap + OTHER_CLASS_COST * other
        impossible = overlap < MIN_OVERLAP
        rows, columns = linear_sum_assignment(np.where(impossible, 1e3, cost))
        pairs = [(r, c) for r, c in zip(rows, columns, strict=True) if not impossible[r, c]]
        for r, c in pairs:
            _correct(tracks[r], detections[c], time_s)
        used_t, used_d = {r for r, _ in pairs}, {c for _, c in pairs}
        return ([t for i, t in enumerate(tracks) if i not in used_t],
                [d for i, d in enumerate(detections) if i not in used_d])

    def _begin(self, one: RawDetection, time_s: float) -> None:
        track = Track(self._next, one.class_id, one.score, one.box_cxcywh, time_s, time_s)
        self._next += 1
        track.votes[one.class_id] = one.score
        track.state[:, 0] = one.box_cxcywh
        height = max(0.02, one.box_cxcywh[3])
        track.covariance[:, 0] = _measurement_variance(one.box_cxcywh)
        track.covariance[:, 2] = (START_SPEED_SD * height) ** 2
        track.history.append(Observation(time_s, one.box_cxcywh, one.score))
        self._tracks.append(track)


def _measurement_variance(box: Sequence[float]) -> np.ndarray:
    """[4] variance of cx, cy, w, h: jitter grows with the box and never vanishes."""
    height = max(0.02, box[3])
    return np.array([POSITION_SD, POSITION_SD, SIZE_SD, SIZE_SD]) ** 2 * height**2


def _correct(track: Track, one: RawDetection, time_s: float) -> None:
    """Kalman update of four independent (value, speed) pairs, and the class vote."""
    pp, pv, vv = track.covariance.T
    gain_p = pp / (pp + _measurement_variance(one.box_cxcywh))
    gain_v = pv / (pp + _measurement_variance(one.box_cxcywh))
    error = np.array(one.box_cxcywh) - track.state[:, 0]
    track.state[:, 0] += gain_p * error
    track.state[:, 1] += gain_v * error
    track.covariance = np.stack([(1 - gain_p) * pp, (1 - gain_p) * pv, vv - gain_v * pv], axis=1)
    track.seen, track.seen_s, track.score = True, time_s, one.score
    track.hits += 1
    for key in track.votes:
        track.votes[key] *= VOTE_DECAY
    track.votes[one.class_id] = track.votes.get(one.class_id, 0.0) + one.score
    track.class_id = max(sorted(track.votes), key=lambda key: track.votes[key])
    track.history.append(Observation(time_s, one.box_cxcywh, one.score))
    _publish(track)


def _publish(track: Track) -> None:
    """The box and speed as plain numbers, the box kept inside the frame as every box of the contracts is."""
    cx, cy, w, h = (float(v) for v in track.state[:, 0])
    x0, x1 = min(max(cx - w / 2, 0.0), 1.0), min(max(cx + w / 2, 0.0), 1.0)
    y0, y1 = min(max(cy - h / 2, 0.0), 1.0), min(max(cy + h / 2, 0.0), 1.0)
    track.box_cxcywh = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
    vx, vy, vw, vh = track.state[:, 1].tolist()
    track.velocity = (vx, vy, vw, vh)


def _move_with_camera(value: np.ndarray, ego: EgoMotion, camera: Camera, share: float) -> None:
    """Moves a normalised box by the camera's shift, roll and zoom; ``share``: of the interval that ego covers."""
    zoom = ego.zoom**share
    angle = math.radians(ego.rotation_deg * share)
    x, y = (value[0] - 0.5) * camera.width_px, (value[1] - 0.5) * camera.height_px
    cos, sin = math.cos(angle), math.sin(angle)
    value[0] = 0.5 + (zoom * (x * cos - y * sin) + ego.dx_px * share) / camera.width_px
    value[1] = 0.5 + (zoom * (x * sin + y * cos) + ego.dy_px * share) / camera.height_px
    value[2:] *= zoom


def _grown(box: Sequence[float]) -> tuple[float, float, float, float]:
    """Corners of a cxcywh box enlarged by the match margin."""
    cx, cy, w, h = box
    half_w, half_h = w * (0.5 + MATCH_MARGIN), h * (0.5 + MATCH_MARGIN)
    return cx - half_w, cy - half_h, cx + half_w, cy + half_h


def _overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[n, m] intersection over union of corner boxes."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(0.0, high - low), axis=2)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    return shared / np.maximum(1e-9, area_a[:, None] + area_b[None, :] - shared)
