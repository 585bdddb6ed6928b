"""Zones and urgency of a photograph by rule, where nobody measured them (system description, data pipeline).

A rule of thumb: a large box is near, a moving kind of thing is urgent. Rendered scenes know better and never use it.
"""

from __future__ import annotations

import numpy as np

from maxsight_core import taxonomy
from training.data.sample import UNKNOWN

NEAR_AREA, MEDIUM_AREA = 0.1, 0.01
"""Share of the picture above which a box counts as near, as medium."""
URGENCY_OF_NAME: dict[str, int] = {
    "person": 1, "car": 2, "bicycle": 2, "truck": 2, "bus": 2, "motorcycle": 2, "train": 2, "fire hydrant": 0,
    "stop sign": 1, "traffic light": 1,
}
"""Urgency 0..3 of a kind of thing that stands still, as the description lists it; others by the taxonomy's default."""
DANGEROUS_WHEN_MOVING = frozenset({"car", "truck", "bus", "motorcycle", "train"})
WARNING_WHEN_MOVING = frozenset({"person", "bicycle"})


def zones_by_area(boxes: np.ndarray) -> np.ndarray:
    """[n] int64 of ``boxes`` [n, 4] cxcywh: 0 near above a tenth of the picture, 1 medium above a hundredth, else 2."""
    area = boxes[:, 2] * boxes[:, 3]
    return np.where(area > NEAR_AREA, 0, np.where(area > MEDIUM_AREA, 1, 2)).astype(np.int64)


def urgency_of_class(class_id: int, moving: bool = False) -> int:
    """0 safe .. 3 danger of one thing by its kind, and whether it moves."""
    info = taxonomy.by_id(class_id)
    if moving and info.name in DANGEROUS_WHEN_MOVING:
        return 3
    if moving and info.name in WARNING_WHEN_MOVING:
        return 2
    return URGENCY_OF_NAME.get(info.name, min(info.default_urgency, 2))


def urgency_of_picture(class_ids: np.ndarray, fully_labelled: bool) -> int:
    """The most urgent thing in it, 0 when nothing is; -1 when things may be there that nobody labelled."""
    most = max((urgency_of_class(int(number)) for number in class_ids), default=0)
    return most if fully_labelled or most == 3 else UNKNOWN
