"""Haptics: location first (left, right, both for ahead), temporal pattern second.

Shorter bursts at a shorter interval feel more urgent, and the interval matters most at bursts near 100 ms
(van Erp, Toet & Janssen 2015, Safety Science 72:1; Lewis, Eisert & Baldwin 2014, TRR 2423). One pattern
per stage, told apart by rhythm alone; direction is never coded into the rhythm.
"""

from __future__ import annotations

from typing import Any

from maxsight_core.alerts.inputs import Candidate
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.styles import style_of
from maxsight_core.contracts import SessionSettings

PATTERNS_MS: dict[str, tuple[int, ...]] = {
    "P0": (80, 60, 80, 60, 80, 60, 80),
    "P1": (160, 160, 160),
    "P2": (300,),
    "lost": (600, 300, 600),
    "resumed": (300, 300, 300),
}
"""On, off, on, ... milliseconds, as navigator.vibrate takes them."""

NORMAL_INTENSITY = 0.7
FULL_INTENSITY = 1.0
FAR_INTENSITY = 0.4
FULL_INTENSITY_WITHIN_M = 1.0
FAR_INTENSITY_FROM_M = 6.0
DIM_LEVELS = ("dark", "dim")


def location(bearing_deg: float | None, policy: AlertPolicy = DEFAULT_POLICY) -> str:
    """``left``, ``right`` or ``both``: both is ahead, or a direction that is not known."""
    if bearing_deg is None or abs(bearing_deg) <= policy.ahead_half_angle_deg:
        return "both"
    return "left" if bearing_deg < 0 else "right"


def haptic_for(
    candidate: Candidate, stage: str, settings: SessionSettings, lighting: str | None,
    policy: AlertPolicy = DEFAULT_POLICY,
) -> dict[str, Any] | None:
    """``{"location", "pattern_ms", "intensity"}`` of an alert, or None for stages that are not felt.

    ``intensity`` (0..1) is for displays and actuators that have a strength; navigator.vibrate has none, so
    "stronger" also means one burst more of the same rhythm, never a longer burst, which would feel less urgent.
    """
    if stage not in ("P0", "P1"):
        return None
    style = style_of(settings)
    pattern = list(PATTERNS_MS[stage])
    intensity = FULL_INTENSITY if stage == "P0" else NORMAL_INTENSITY
    if style.haptic_by_distance and stage == "P1" and candidate.distance_m is not None:
        intensity = _intensity_at(candidate.distance_m)
    if style.stronger_in_low_light and lighting in DIM_LEVELS:
        pattern += [pattern[1], pattern[0]]
        intensity = FULL_INTENSITY
    return {"location": location(candidate.bearing_deg, policy), "pattern_ms": pattern, "intensity": intensity}


def notice_haptic(name: str) -> dict[str, Any]:
    """Haptic of a notice about perception itself: ``lost`` or ``resumed``, on both sides."""
    return {"location": "both", "pattern_ms": list(PATTERNS_MS[name]), "intensity": FULL_INTENSITY}


def _intensity_at(distance_m: float) -> float:
    span = FAR_INTENSITY_FROM_M - FULL_INTENSITY_WITHIN_M
    share = min(1.0, max(0.0, (distance_m - FULL_INTENSITY_WITHIN_M) / span))
    return round(FULL_INTENSITY + share * (FAR_INTENSITY - FULL_INTENSITY), 3)
