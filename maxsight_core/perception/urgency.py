"""How urgent: class x motion x time to contact, as pure functions.

The class rule is the system description's ("urgency estimation algorithm"): a moving car, truck or bus is danger, a
moving person or bicycle a warning, anything else its class default. Time to contact raises it, at the stages of the
alert policy (under 2.5 s danger, under 5 s warning); nothing ever lowers a measured time to contact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.contracts import URGENCIES, Detection, Value

OUTPUTS = ("urgency",)
METHOD = "class x motion x time to contact"

SAFE, CAUTION, WARNING, DANGER = range(4)
DANGER_BELOW_S = 2.5  # alert policy P0: reaction and stopping of a walker (about 1.4 m/s) with margin
WARNING_BELOW_S = 5.0  # alert policy P1
VEHICLE_IDS = frozenset({3, 4, 6, 7, 8})  # car, motorcycle, bus, train, truck: motor traffic, danger when moving
SLOW_MOVER_IDS = frozenset({1, 2})  # person, bicycle: a warning when moving
WALKING_MPS = 1.4  # a wearer's own walking (Bohannon 1997: comfortable gait of adults 1.3..1.46 m/s)
MOVING_MPS = 0.5  # closing speed from which a thing counts as moving: slower is posture and ranging error


def from_time_to_contact(seconds: float | None) -> int:
    """0..3 from the time to contact alone: danger under 2.5 s, warning under 5 s, caution for any approach."""
    if seconds is None:
        return SAFE
    if seconds < DANGER_BELOW_S:
        return DANGER
    return WARNING if seconds < WARNING_BELOW_S else CAUTION


def of_thing(class_id: int, moving: bool, time_to_contact_s: float | None, on_course: bool = True) -> int:
    """Urgency 0..3 of one thing.

    Args:
        class_id: of the taxonomy; an id it does not know counts as ``something``.
        moving: True when the thing itself moves (not the camera).
        time_to_contact_s: or None when it does not approach.
        on_course: False when its path passes the camera by: it then warns one stage lower.
    """
    if moving and class_id in VEHICLE_IDS:
        base = DANGER
    elif moving and class_id in SLOW_MOVER_IDS:
        base = WARNING
    else:
        base = _default(class_id)
    by_time = from_time_to_contact(time_to_contact_s)
    if by_time > CAUTION and not on_course:
        by_time -= 1
    return max(base, by_time)


def of_detection(detection: Detection, camera_still: bool) -> int:
    """Urgency 0..3 of one detection; what a walking wearer closes on by walking does not count as moving."""
    own_mps = 0.0 if camera_still else WALKING_MPS
    moving = detection.closing_mps is not None and detection.closing_mps > own_mps + MOVING_MPS
    return of_thing(detection.class_id, moving, detection.time_to_contact_s, detection.on_course)


def _default(class_id: int) -> int:
    try:
        return taxonomy.by_id(class_id).default_urgency
    except KeyError:
        return taxonomy.by_id(taxonomy.SOMETHING_ID).default_urgency


def of_frame(detections: Sequence[Detection]) -> np.ndarray:
    """[4] float32 probabilities of safe, caution, warning, danger for the whole frame; they sum to 1.

    Each thing votes for its own urgency with its score; a frame is as urgent as its most urgent credible thing, so what
    the more urgent ones leave over falls to the next lower level (safe without any thing).
    """
    left = 1.0
    levels = np.zeros(len(URGENCIES), np.float32)
    for level in (DANGER, WARNING, CAUTION):
        absent = 1.0
        for one in detections:
            if one.urgency == level:
                absent *= 1.0 - one.score
        levels[level] = left * (1.0 - absent)
        left *= absent
    levels[SAFE] = left
    return levels / levels.sum()


def value(detections: Sequence[Detection]) -> Value:
    """The ``urgency`` output of Stage A, [1, 4]."""
    levels = of_frame(detections)
    return Value.measured("urgency", levels[None, :], METHOD, confidence=float(levels.max()))
