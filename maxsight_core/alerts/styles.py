"""What changes in the alerts for a person with one of the thirteen conditions.

The defaults are those of nobody in particular; only differences are listed. Which condition asks for what
is MaxSight's own assistance table (docs/alerts.md repeats it).
"""

from __future__ import annotations

from dataclasses import dataclass

from maxsight_core.alerts.inputs import Candidate
from maxsight_core.contracts import SessionSettings

RP_DEFAULT_TUNNEL_RADIUS_DEG = 10.0
"""Radius of the remaining field assumed without a measured one: 20 degrees across, the usual limit of legal
blindness."""

SIDE_FROM_DEG = 15.0
"""Bearing beyond which a thing lies to the side: the same limit as "ahead"."""


@dataclass(frozen=True, slots=True)
class Style:
    """Differences of one condition.

    Args:
        one_at_a_time: nothing waits in a queue and context keeps a pause after the last words.
        pause_s: that pause, seconds.
        fixed_pattern: "Car. Left." always in this form, never a distance.
        five_zones: distance as one of five named zones (limits 0.5, 1, 3, 5 m).
        centre_word: "centre" instead of "ahead".
        colour_spoken: the colour is always part of the name.
        fuller: long form whatever the verbosity, except brief.
        side_first, text_first: order among alerts of one stage.
        outside_tunnel_first: what lies outside the remaining field comes first.
        stronger_in_low_light: haptics at full strength and one burst more when it is dim or dark.
        haptic_by_distance: nearer is stronger.
    """

    one_at_a_time: bool = False
    pause_s: float = 0.0
    fixed_pattern: bool = False
    five_zones: bool = False
    centre_word: bool = False
    colour_spoken: bool = False
    fuller: bool = False
    side_first: bool = False
    text_first: bool = False
    outside_tunnel_first: bool = False
    stronger_in_low_light: bool = False
    haptic_by_distance: bool = False


PLAIN = Style()

STYLES: dict[str, Style] = {
    "myopia": Style(haptic_by_distance=True),
    "hyperopia": Style(haptic_by_distance=True),
    "astigmatism": Style(haptic_by_distance=True),
    "presbyopia": Style(haptic_by_distance=True),
    "cataracts": PLAIN,
    "glaucoma": Style(side_first=True),
    "amd": Style(side_first=True, text_first=True),
    "diabetic_retinopathy": Style(fuller=True),
    "retinitis_pigmentosa": Style(outside_tunnel_first=True, stronger_in_low_light=True),
    "colour_blindness": Style(colour_spoken=True),
    "cvi": Style(one_at_a_time=True, pause_s=3.0, fixed_pattern=True),
    "amblyopia": Style(five_zones=True),
    "strabismus": Style(one_at_a_time=True, five_zones=True, centre_word=True),
}


def style_of(settings: SessionSettings) -> Style:
    """The style of the person's condition; the plain one when none is set."""
    return STYLES.get(settings.condition or "", PLAIN)


def order_rank(candidate: Candidate, settings: SessionSettings) -> int:
    """0 for what this person should hear first among alerts of one stage, 1 for the rest."""
    style = style_of(settings)
    if style.text_first and candidate.kind == "text":
        return 0
    away_deg = abs(candidate.bearing_deg or 0.0)
    if style.outside_tunnel_first:
        return 0 if away_deg > _tunnel_radius_deg(settings) else 1
    if style.side_first:
        return 0 if away_deg > SIDE_FROM_DEG else 1
    return 0


def _tunnel_radius_deg(settings: SessionSettings) -> float:
    radius = settings.patient_profile.get("field_radius_deg", RP_DEFAULT_TUNNEL_RADIUS_DEG)
    usable = isinstance(radius, (int, float)) and not isinstance(radius, bool) and radius > 0
    return float(radius) if usable else RP_DEFAULT_TUNNEL_RADIUS_DEG
