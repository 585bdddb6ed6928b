"""Candidates that are not boxes: light, glare, seen text, sounds and the weak pedestrian hint. All are P2."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from maxsight_core.alerts.inputs import AlertInputs, Candidate, ContextItem
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.alerts.wording import clip_words, side

LIGHT_LEVELS: tuple[str, ...] = ("dark", "dim", "normal", "bright")
BIG_CHANGE_STEPS = 2
"""Levels between two kinds of light that make a change worth saying; to or from darkness one is enough."""

KNOWN_PERSON_WITHIN_DEG = 15.0
"""A pedestrian hint this near to a detected person says nothing new."""


@dataclass(frozen=True, slots=True)
class ContextMemory:
    """What earlier frames said of light and glare, times on the frame clock.

    Args:
        level: the light that the person knows of. seen, seen_since_s: the level seen now, and since when.
        news, news_until_s: a level that is news, while it still is.
        glare_since_s, glare_seen_s: begin of the present glare, and its last frame.
        glare_news_until_s: until when the present glare is news.
    """

    level: str | None = None
    seen: str | None = None
    seen_since_s: float = 0.0
    news: str | None = None
    news_until_s: float = 0.0
    glare_since_s: float | None = None
    glare_seen_s: float = 0.0
    glare_told: bool = False
    glare_news_until_s: float = 0.0


def observe(memory: ContextMemory, inputs: AlertInputs, policy: AlertPolicy) -> ContextMemory:
    """The memory after this frame. Light seen for the first time is known, not news."""
    quality = inputs.quality
    if quality is None or quality.lighting not in LIGHT_LEVELS:
        return memory
    memory = _observe_light(memory, quality.lighting, inputs.time_s, policy)
    return _observe_glare(memory, quality.clipped_high >= policy.glare_clipped_min, inputs.time_s, policy)


def _observe_light(memory: ContextMemory, level: str, time_s: float, policy: AlertPolicy) -> ContextMemory:
    if memory.level is None:
        return dataclasses.replace(memory, level=level, seen=level, seen_since_s=time_s)
    if level != memory.seen:
        return dataclasses.replace(memory, seen=level, seen_since_s=time_s)
    if level == memory.level or time_s - memory.seen_since_s < policy.lighting_hold_s:
        return memory
    if not _big_change(memory.level, level):
        return memory  # small steps add up: the level stays the one the person was told
    news = level if level in ("dark", "bright") else ("lighter" if _index(level) > _index(memory.level) else level)
    return dataclasses.replace(memory, level=level, news=news, news_until_s=time_s + policy.p2_expiry_s)


def _index(level: str) -> int:
    return LIGHT_LEVELS.index(level)


def _big_change(before: str, now: str) -> bool:
    return "dark" in (before, now) or abs(_index(before) - _index(now)) >= BIG_CHANGE_STEPS


def _observe_glare(memory: ContextMemory, glaring: bool, time_s: float, policy: AlertPolicy) -> ContextMemory:
    gone = memory.glare_since_s is not None and time_s - memory.glare_seen_s >= policy.glare_rearm_s
    if not glaring:
        return dataclasses.replace(memory, glare_since_s=None, glare_told=False) if gone else memory
    if memory.glare_since_s is None or gone:
        return dataclasses.replace(memory, glare_since_s=time_s, glare_seen_s=time_s, glare_told=False)
    if not memory.glare_told and time_s - memory.glare_since_s >= policy.glare_hold_s:
        return dataclasses.replace(memory, glare_seen_s=time_s, glare_told=True,
                                   glare_news_until_s=time_s + policy.p2_expiry_s)
    return dataclasses.replace(memory, glare_seen_s=time_s)


def context_candidates(inputs: AlertInputs, policy: AlertPolicy, memory: ContextMemory | None) -> list[Candidate]:
    """P2 candidates of the frame's light and of Stage B's findings."""
    found = []
    if memory is not None and memory.news is not None and inputs.time_s < memory.news_until_s:
        found.append(_plain("lighting", memory.news, inputs))
    if memory is not None and memory.glare_told and inputs.time_s < memory.glare_news_until_s:
        found.append(_plain("glare", "", inputs))
    for item in inputs.context:
        if _sayable(item, policy) and (item.kind != "pedestrian" or _worth_a_hint(item, inputs, policy)):
            found.append(_of_item(item, policy))
    return found


def _plain(kind: str, label: str, inputs: AlertInputs) -> Candidate:
    return Candidate(key=kind, stage="P2", kind=kind, seq=inputs.seq, time_s=inputs.time_s, label=label, urgency=1)


def _sayable(item: ContextItem, policy: AlertPolicy) -> bool:
    return item.kind in ("pedestrian", "glare") or bool(clip_words(item.label, policy.text_max_words))


def _worth_a_hint(item: ContextItem, inputs: AlertInputs, policy: AlertPolicy) -> bool:
    if item.steady_frames < policy.pedestrian_steady_frames:
        return False
    return not any(
        other.class_name == "person" and item.bearing_deg is not None
        and abs(other.bearing_deg - item.bearing_deg) <= KNOWN_PERSON_WITHIN_DEG
        for other in inputs.detections
    )


def _of_item(item: ContextItem, policy: AlertPolicy) -> Candidate:
    label = clip_words(item.label, policy.text_max_words)
    where = side(item.bearing_deg, policy)
    key = f"{item.kind}:{label.lower()}" if item.kind == "text" else f"{item.kind}:{label.lower()}:{where}"
    return Candidate(
        key=key, stage="P2", kind="object" if item.kind == "thing" else item.kind, seq=item.seq, time_s=item.time_s,
        class_name=label if item.kind == "thing" else None, label=label, bearing_deg=item.bearing_deg,
        distance_m=item.distance_m, urgency=1 if item.kind in ("sound", "glare") else 0, source=item.source,
        place=item.place or item.kind == "text", per_frame=False,
    )
