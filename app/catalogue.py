"""What pages offer to choose from: vision conditions and built-in scenes, with the names people read."""

from __future__ import annotations

from app.live.protocol import CREDIT, MAX_FRAME_BYTES, MAX_SIDE_PX
from maxsight_core.contracts import CONDITIONS, DIRECTIONS, UNITS, VERBOSITIES

_CONDITION_NAMES = {
    "myopia": "Short sight (myopia)", "hyperopia": "Long sight (hyperopia)", "astigmatism": "Astigmatism",
    "presbyopia": "Presbyopia", "cataracts": "Cataracts", "glaucoma": "Glaucoma",
    "amd": "Macular degeneration (AMD)", "diabetic_retinopathy": "Diabetic retinopathy",
    "retinitis_pigmentosa": "Retinitis pigmentosa", "colour_blindness": "Colour blindness",
    "cvi": "Cortical visual impairment (CVI)", "amblyopia": "Amblyopia", "strabismus": "Strabismus",
}

SCENES: tuple[dict[str, str], ...] = (
    {"spec": "scene:corridor?seed=1", "name": "Corridor"},
    {"spec": "scene:street?seed=1", "name": "Street"},
    {"spec": "scene:street?seed=2&light=night", "name": "Street at night"},
    {"spec": "scene:street?seed=3&fog=0.5", "name": "Street in fog"},
    {"spec": "scene:corridor?seed=2&light=glare", "name": "Corridor with glare"},
    {"spec": "scene:room?seed=2", "name": "Rooms"},
    {"spec": "scene:stairwell?seed=1", "name": "Stairs and ramps"},
    {"spec": "scene:station?seed=4", "name": "Station platform"},
    {"spec": "scene:crossing?seed=2", "name": "Road crossings"},
    {"spec": "scene:crossing?seed=5&rain=0.6", "name": "Road crossings in rain"},
)
"""Specifications of ``maxsight_core.scenes``; a test renders each one."""


def conditions() -> list[dict[str, str]]:
    return [{"id": name, "name": _CONDITION_NAMES.get(name, name)} for name in CONDITIONS]


def condition_name(condition: str | None) -> str | None:
    return None if condition is None else _CONDITION_NAMES.get(condition, condition)


def choices() -> dict[str, list[str]]:
    return {"verbosity": list(VERBOSITIES), "units": list(UNITS), "directions": list(DIRECTIONS)}


def limits() -> dict[str, int]:
    """What a browser must keep to, as ``session_start`` says again."""
    return {"max_bytes": MAX_FRAME_BYTES, "max_side_px": MAX_SIDE_PX, "credit": CREDIT}
