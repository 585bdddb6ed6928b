"""The words of an alert: hazard, direction, distance, in the person's own units and directions.

"Stop." begins a P0 alert only for what is ahead. To somebody who is about to be hit from the side the name
and the side come first, because standing still is not always right there; haptics and earcon carry the urgency.
"""

from __future__ import annotations

import math

from maxsight_core.alerts.catalogue import has, say
from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.styles import style_of
from maxsight_core.contracts import DEFAULT_HFOV_DEG, SessionSettings
from maxsight_core.taxonomy import by_id

METRES_PER_FOOT = 0.3048
DEGREES_PER_HOUR = 30.0
ARM_LENGTH_M = 1.0          # requirement
FINE_STEP_M = 0.5           # requirement: 0.5 m steps up to 5 m
FINE_UP_TO_M = 5.0
FINE_STEP_FT = 2            # about half a metre
COARSE_STEP_FT = 5
FIVE_ZONE_LIMITS_M = (0.5, 1.0, 3.0, 5.0)  # requirement: amblyopia, strabismus


def is_ahead(bearing_deg: float | None, policy: AlertPolicy = DEFAULT_POLICY) -> bool:
    """True within +-15 degrees of the camera's axis (the limit itself included)."""
    return bearing_deg is not None and abs(bearing_deg) <= policy.ahead_half_angle_deg


def side(bearing_deg: float | None, policy: AlertPolicy = DEFAULT_POLICY) -> str:
    """``ahead``, ``left``, ``right``, or ``nowhere`` when the direction is not known: stable, never translated."""
    if bearing_deg is None:
        return "nowhere"
    if is_ahead(bearing_deg, policy):
        return "ahead"
    return "left" if bearing_deg < 0 else "right"


def direction_words(
    bearing_deg: float | None, settings: SessionSettings, policy: AlertPolicy = DEFAULT_POLICY,
) -> str | None:
    """The spoken direction, or None when it is not known. Clock directions only within the camera's view."""
    if bearing_deg is None:
        return None
    half_view_deg = (settings.hfov_deg or DEFAULT_HFOV_DEG) / 2.0
    if settings.directions == "clock" and abs(bearing_deg) <= half_view_deg:
        hour = round(bearing_deg / DEGREES_PER_HOUR) % 12
        return say("direction.clock", hour=hour or 12)
    where = side(bearing_deg, policy)
    if where == "ahead" and style_of(settings).centre_word:
        where = "centre"
    return say(f"direction.{where}")


def distance_words(
    distance_m: float | None, settings: SessionSettings, *, distance_sd_m: float | None = None,
    zone: str | None = None, policy: AlertPolicy = DEFAULT_POLICY,
) -> str | None:
    """The spoken distance, or None when nothing is known of it.

    A distance whose standard deviation exceeds half of it is spoken as its zone ("near", "far"), because a
    number would claim more than is known. Ties round to the nearer step.
    """
    known = distance_m is not None and math.isfinite(distance_m) and distance_m >= 0
    vague = known and distance_sd_m is not None and distance_sd_m > policy.distance_sd_fraction_max * distance_m
    if not known or (vague and distance_m >= ARM_LENGTH_M):
        return say(f"distance.{zone}") if zone in ("near", "far") else None
    if style_of(settings).five_zones:
        return say(f"distance.zone{1 + sum(distance_m >= limit for limit in FIVE_ZONE_LIMITS_M)}")
    if distance_m < ARM_LENGTH_M:
        return say("distance.arm")
    return _feet(distance_m) if settings.units == "feet" else _metres(distance_m)


def _metres(distance_m: float) -> str:
    step = FINE_STEP_M if distance_m <= FINE_UP_TO_M else 1.0
    rounded = _to_nearest(distance_m, step)
    if rounded == 1.0:
        return say("distance.metre")
    return say("distance.metres", number=f"{rounded:g}")


def _feet(distance_m: float) -> str:
    step = FINE_STEP_FT if distance_m <= FINE_UP_TO_M else COARSE_STEP_FT
    return say("distance.feet", number=f"{_to_nearest(distance_m / METRES_PER_FOOT, step):g}")


def _to_nearest(value: float, step: float) -> float:
    return math.ceil(value / step - 0.5) * step


def words(
    candidate: Candidate, stage: str, settings: SessionSettings, *, uncertain: bool = False,
    policy: AlertPolicy = DEFAULT_POLICY,
) -> str:
    """What is said for a candidate at ``stage``; ``uncertain`` replaces its name by "something"."""
    if candidate.kind == "answer":
        return candidate.label
    if candidate.kind == "perception":
        return say(f"perception.{candidate.label}")
    if candidate.kind == "lighting":
        return say(f"context.lighting.{candidate.label}")
    direction = direction_words(candidate.bearing_deg, settings, policy)
    if candidate.kind == "text":
        key = "context.text" if direction else "context.text.no_direction"
        return say(key, text=clip_words(candidate.label, policy.text_max_words), direction=direction)
    return _sentence(candidate, stage, direction, settings, uncertain, policy)


def _sentence(
    candidate: Candidate, stage: str, direction: str | None, settings: SessionSettings, uncertain: bool,
    policy: AlertPolicy,
) -> str:
    style = style_of(settings)
    stop = stage == "P0" and is_ahead(candidate.bearing_deg, policy)
    unnamed = uncertain or (candidate.kind == "approach" and candidate.class_id == 0)
    hazard = _hazard(candidate, stage, settings, uncertain, stop)
    hazard = hazard[:1].upper() + hazard[1:]
    if style.fixed_pattern:
        text = say("pattern.fixed", hazard=hazard, direction=_capital(direction)) if direction \
            else say("pattern.fixed.no_direction", hazard=hazard)
    elif direction is None:
        text = say("pattern.standard.no_direction", hazard=hazard)
    elif unnamed and is_ahead(candidate.bearing_deg, policy) and (stop or uncertain):
        text = say("pattern.something_ahead", hazard=hazard, direction=direction)
    else:
        distance = None
        if not uncertain and settings.verbosity != "brief":
            distance = distance_words(candidate.distance_m, settings, distance_sd_m=candidate.distance_sd_m,
                                      zone=candidate.zone, policy=policy)
        key = "pattern.standard" if distance else "pattern.standard.no_distance"
        text = say(key, hazard=hazard, direction=direction, distance=distance)
    return f"{say('stop')} {text}" if stop else text


def _hazard(candidate: Candidate, stage: str, settings: SessionSettings, uncertain: bool, stop: bool) -> str:
    style = style_of(settings)
    if uncertain:
        return say("hazard.something")
    if candidate.kind == "approach" and candidate.class_id == 0:
        short = stop or style.fixed_pattern
        return say("hazard.something" if short else "hazard.something_approaching")
    if candidate.kind in ("pedestrian", "glare"):
        return say(f"context.{candidate.kind}")
    if candidate.kind == "sound" or not candidate.class_name:
        return candidate.label
    override = f"class.{candidate.class_name}"
    name = say(override) if has(override) else candidate.label or spoken_name(candidate.class_id, candidate.class_name)
    full = settings.verbosity == "full" or (style.fuller and settings.verbosity != "brief")
    if candidate.colour and (style.colour_spoken or full):
        name = say("hazard.coloured", colour=candidate.colour, hazard=name)
    if full and stage == "P1" and candidate.kind == "approach" and not style.fixed_pattern:
        name = say("hazard.approaching", hazard=name)
    return name


def spoken_name(class_id: int, class_name: str) -> str:
    """The taxonomy's spoken name; the class name itself for ids that the taxonomy does not have."""
    try:
        return by_id(class_id).spoken
    except KeyError:
        return class_name


def clip_words(text: str, limit: int) -> str:
    """``text`` on one line, without control characters, at most ``limit`` words, without a full stop at the end."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split()[:limit]).rstrip(".")


def speech_s(text: str, settings: SessionSettings, policy: AlertPolicy = DEFAULT_POLICY) -> float:
    """Seconds that saying ``text`` takes at the person's rate. "2.5" is three words: two point five."""
    count = sum(3 if any(char.isdigit() for char in word) and "." in word.rstrip(".,") else 1 for word in text.split())
    return policy.speech_lead_s + count * 60.0 / settings.speech_wpm


def _capital(text: str | None) -> str:
    return text[:1].upper() + text[1:] if text else ""
