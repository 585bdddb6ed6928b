"""What one run did right and wrong, counted: which hazard each alert was about, and what was missed."""

from __future__ import annotations

from dataclasses import dataclass, field

from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.wording import side
from maxsight_core.contracts import Detection
from maxsight_core.perception.geometry import iou
from maxsight_core.replay.hazards import Hazard
from maxsight_core.replay.runs import Run, Told
from maxsight_core.scenes.truth import ObjectTruth, SceneTruth

SAME_DIRECTION_DEG = 20.0
"""An alert of the whole system is about the hazard whose true direction is nearest, within this."""
BEFORE_S, AFTER_S = 0.5, 0.5
"""So long before a hazard begins and after it ends, an alert may still be about it."""
EDGE_DEG = 3.0
"""Within this of the border between ahead and a side, both words are right."""
GRACE_S = 0.2
"""From when on a hazard is knowable to when silence about it counts: the time an alert may take."""
SAME_THING_IOU = 0.3
"""Measured regions cover the moving part of a thing only."""
WINDOW_S = 1.0
"""Silence is judged second by second."""


@dataclass
class Judged:
    """Counts of one run. Pairs are (right, of).

    Args:
        recalled: one per hazard: whether an alert about it came. latencies_s: of those that came.
        reassured: danger frames in which the person had been told nothing, of all danger frames.
        silence: calm seconds without an alert. directions: alerts whose side was right. zones: things whose distance
        zone was right. scores: (score, right) per detection. false_alarms: texts of alerts about nothing.
        missed: hazards without an alert. available: frames with every Tier 1 output that no frame may lack, after the
            first, which has nothing before it to compare with.
    """

    name: str
    recalled: list[bool] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    reassured: tuple[int, int] = (0, 0)
    silence: tuple[int, int] = (0, 0)
    directions: tuple[int, int] = (0, 0)
    zones: tuple[int, int] = (0, 0)
    available: tuple[int, int] = (0, 0)
    scores: list[tuple[float, bool]] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    overload_events: int = 0
    minutes: float = 0.0


def judge(run: Run, policy: AlertPolicy = DEFAULT_POLICY) -> Judged:
    """The counts of a run."""
    judged = Judged(run.name, overload_events=run.overload_events, minutes=run.minutes)
    about: dict[int, list[Told]] = {number: [] for number in range(len(run.hazards))}
    right_sides = sided = 0
    for told in run.told:
        number = _about(told, run)
        if number is None:
            judged.false_alarms.append(f"{told.time_s:.1f} s: {told.text}")
            continue
        about[number].append(told)
        true_deg = _bearing_at(run, run.hazards[number], told.time_s)
        if true_deg is not None and told.bearing_deg is not None:
            sided += 1
            right_sides += _right_side(told.bearing_deg, true_deg, policy)
    judged.directions = (right_sides, sided)
    silent = danger = 0
    for number, hazard in enumerate(run.hazards):
        if not hazard.lasting:
            continue
        first_s = about[number][0].time_s if about[number] else None
        judged.recalled.append(first_s is not None)
        if first_s is None:
            judged.missed.append(f"{hazard.begin_s:.1f} to {hazard.end_s:.1f} s: {hazard.class_name} ({hazard.kind})")
        else:
            judged.latencies_s.append(max(0.0, first_s - hazard.known_s))
        for frame in hazard.danger:
            time_s = run.truths[frame].time_s
            if time_s >= hazard.known_s + GRACE_S:
                danger += 1
                silent += first_s is None or first_s > time_s
    judged.reassured = (silent, danger)
    judged.silence = _silence(run)
    judged.available = (sum(run.expected <= answered for answered in run.answered[1:]), len(run.answered[1:]))
    _judge_detections(run, judged)
    return judged


def _about(told: Told, run: Run) -> int | None:
    """Which hazard an alert is about; None: about nothing."""
    best: tuple[float, int] | None = None
    for number, hazard in enumerate(run.hazards):
        if not hazard.begin_s - BEFORE_S <= told.time_s <= hazard.end_s + AFTER_S:
            continue
        if run.by_track:
            off_deg = 0.0 if told.track_id == hazard.thing else None
        else:
            true_deg = _bearing_at(run, hazard, told.time_s)
            known = told.bearing_deg is not None and true_deg is not None
            off_deg = abs(told.bearing_deg - true_deg) if known else SAME_DIRECTION_DEG
        if off_deg is not None and off_deg <= SAME_DIRECTION_DEG and (best is None or (off_deg, number) < best):
            best = (off_deg, number)
    return None if best is None else best[1]


def _bearing_at(run: Run, hazard: Hazard, time_s: float) -> float | None:
    """True direction of a hazard in the frame of its own that is nearest in time."""
    frame = min(hazard.frames, key=lambda index: abs(run.truths[index].time_s - time_s))
    return next((thing.bearing_deg for thing in run.truths[frame].objects if thing.id == hazard.thing), None)


def _right_side(said_deg: float, true_deg: float, policy: AlertPolicy) -> bool:
    said = side(said_deg, policy)
    return any(side(true_deg + shift, policy) == said for shift in (0.0, -EDGE_DEG, EDGE_DEG))


def _silence(run: Run) -> tuple[int, int]:
    """(seconds in which nothing was to be said and nothing was, of seconds in which nothing was to be said)."""
    busy = [(hazard.begin_s - BEFORE_S, hazard.end_s + AFTER_S) for hazard in run.hazards]
    windows: dict[int, bool] = {}
    for truth in run.truths:
        number = int(truth.time_s // WINDOW_S)
        calm = truth.calm and not any(begin <= truth.time_s <= end for begin, end in busy)
        windows[number] = windows.get(number, True) and calm
    spoken = {int(told.time_s // WINDOW_S) for told in run.told}
    calm = [number for number, is_calm in windows.items() if is_calm]
    return sum(number not in spoken for number in calm), len(calm)


def _judge_detections(run: Run, judged: Judged) -> None:
    right = zoned = 0
    for truth, found in zip(run.truths, run.detections, strict=True):
        for detection in found:
            thing = _thing_of(detection, truth, run.by_track)
            if not run.by_track:
                judged.scores.append((detection.score, thing is not None))
            if thing is not None and detection.zone is not None:
                zoned += 1
                right += detection.zone == thing.zone
    judged.zones = (right, zoned)


def _thing_of(detection: Detection, truth: SceneTruth, by_track: bool) -> ObjectTruth | None:
    """The thing that a detection shows. One without a name shows anything that approaches."""
    if by_track:
        return next(thing for thing in truth.objects if thing.id == detection.track_id)
    if detection.class_id == 0:
        fitting = [thing for thing in truth.objects if thing.time_to_contact_s is not None]
    else:
        fitting = [thing for thing in truth.objects if thing.class_id == detection.class_id]
    best = max(fitting, key=lambda thing: iou(thing.box_cxcywh, detection.box_cxcywh), default=None)
    return best if best is not None and iou(best.box_cxcywh, detection.box_cxcywh) >= SAME_THING_IOU else None
