"""From the truth of every frame to the hazards of a run: what had to be said, from when on, and until when.

A hazard is something in view that is on course to meet the walker within five seconds, or a drop ahead that a walker
reaches within five seconds. It is knowable once it was so in as many frames as a time to contact needs; before that
nobody can be blamed for silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maxsight_core import taxonomy
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.wording import is_ahead
from maxsight_core.scenes.truth import DANGER_TTC_S, ObjectTruth, SceneTruth

JOINED_S = 3.0
"""Two stretches of one thing with a shorter gap are one hazard: nobody wants to be told twice."""
SHORTEST_S = 0.5
"""A hazard in view for less is over before anybody could act on words."""
WALKING_MPS = 0.2
"""Slower than this the walker stands, and no drop comes nearer."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One hazard of a run.

    Args:
        thing: its id in the truth. kind: ``approach`` or ``fall``.
        begin_s: of the first frame in which it was one. known_s: from when on it was knowable. end_s: of the last.
        frames: indices of its frames, ascending. danger: those of them with less than 2.5 s left.
    """

    thing: int
    class_name: str
    kind: str
    begin_s: float
    known_s: float
    end_s: float
    frames: tuple[int, ...]
    danger: tuple[int, ...]

    @property
    def lasting(self) -> bool:
        """Whether it was there long enough for words to be of use; shorter ones may be told and need not be."""
        return self.end_s - self.begin_s >= SHORTEST_S


def kind_of(thing: ObjectTruth, truth: SceneTruth, policy: AlertPolicy = DEFAULT_POLICY) -> str | None:
    """``approach``, ``fall`` or None: what a thing is to the walker in one frame."""
    if thing.on_course and thing.time_to_contact_s is not None \
            and thing.time_to_contact_s < policy.p1_time_to_contact_s:
        return "approach"
    drop = set(taxonomy.by_id(thing.class_id).affordances) & set(policy.fall_affordances)
    reaches = thing.distance_m / policy.walking_speed_mps < policy.p1_time_to_contact_s
    if drop and reaches and is_ahead(thing.bearing_deg, policy) and truth.camera.speed_mps > WALKING_MPS:
        return "fall"
    return None


def hazards_of(truths: Sequence[SceneTruth], policy: AlertPolicy = DEFAULT_POLICY) -> list[Hazard]:
    """The hazards of a run, in order of their begin.

    Args:
        truths: of every frame, in order. policy: by whose limits; a policy that is scored is held to the default's,
            or it would be excused from what it does not look for.
    """
    seen: dict[tuple[int, str], list[int]] = {}
    names: dict[int, str] = {}
    urgent: dict[int, set[int]] = {}
    for index, truth in enumerate(truths):
        for thing in truth.objects:
            kind = kind_of(thing, truth, policy)
            if kind is None:
                continue
            seen.setdefault((thing.id, kind), []).append(index)
            names[thing.id] = thing.class_name
            if kind == "approach" and (thing.time_to_contact_s or 0.0) < DANGER_TTC_S:
                urgent.setdefault(thing.id, set()).add(index)
    found = []
    for (thing, kind), frames in seen.items():
        for run in _joined(frames, truths):
            begin_s, end_s = truths[run[0]].time_s, truths[run[-1]].time_s
            known = _knowable(run, policy.time_to_contact_min_frames)
            danger = tuple(sorted(urgent.get(thing, set()) & set(run))) if kind == "approach" else ()
            found.append(Hazard(thing, names[thing], kind, begin_s, truths[known].time_s, end_s, tuple(run), danger))
    return sorted(found, key=lambda hazard: (hazard.begin_s, hazard.thing))


def _knowable(run: list[int], frames: int) -> int:
    """The frame by which it was a hazard in so many frames on end; the last one if it never was."""
    since = 0
    for place, index in enumerate(run):
        if place and index != run[place - 1] + 1:
            since = place
        if place - since + 1 >= frames:
            return index
    return run[-1]


def _joined(frames: list[int], truths: Sequence[SceneTruth]) -> Iterator[list[int]]:
    run = frames[:1]
    for index in frames[1:]:
        if truths[index].time_s - truths[run[-1]].time_s > JOINED_S:
            yield run
            run = []
        run.append(index)
    yield run
