"""What is painted as part of something else and has no truth of its own: unlabelled, not background."""

from __future__ import annotations

_WORN = frozenset({"handbag", "backpack", "hat", "tie", "shoe"})
_OF_HOUSES = frozenset({"door", "door handle", "door knob", "window"})

PAINTED_UNNAMED: dict[str, frozenset[str]] = {
    "corridor": _WORN,
    "street": _WORN | _OF_HOUSES | {"bicycle"},
    "room": _WORN | {"cabinet door", "drawer", "lamp", "book"},
    "stairwell": _WORN,
    "station": _WORN | {"train door", "bottle", "wheelchair"},
    "crossing": _WORN | _OF_HOUSES | {"shop sign", "bicycle", "motorcycle", "wheelchair"},
}
"""Scene -> classes of the taxonomy that may be in its pictures without a box (bags that people wear, doors and windows
of house fronts, books in a bookcase). A detector must not learn them as background there."""
