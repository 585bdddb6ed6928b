"""What a walker would hear: each sounding thing with its bearing and level, in view or not.

Levels are free-field: the level at one metre less 20 log10 of the distance (inverse square law, ISO 9613-2 without
ground and air). Levels at one metre are round figures from surveys: footsteps 55 dB(A), speech 60 (ISO 9921), a passing
car 88 (a pass-by limit of 70 at 7.5 m, UN R51), a train coming in 105.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maxsight_core.scenes.geometry import View
from maxsight_core.scenes.things import Thing

LEVEL_AT_1_M_DB: dict[str, float] = {
    "bicycle_bell": 80.0, "dog": 80.0, "door": 65.0, "engine": 88.0, "footsteps": 55.0, "keyboard": 48.0, "music": 62.0,
    "speech": 60.0, "train": 105.0, "water": 58.0, "wind": 50.0,
}
"""Sounds of rendered scenes; each is a name of ``stage_b_contract.SOUNDS``."""
AUDIBLE_DB = 35.0
"""Below the background of a quiet street nothing is heard."""
_MOVING_MPS = 0.3
_NEAREST_M = 0.5
_BELL_WITHIN_M = 14.0
_BY_CLASS: dict[str, str] = {
    "person": "footsteps", "runner": "footsteps", "child": "footsteps", "wheelchair user": "speech", "car": "engine",
    "van": "engine", "bus": "engine", "truck": "engine", "taxi": "engine", "motorcyclist": "engine",
    "cyclist": "bicycle_bell", "train": "train",
}


@dataclass(frozen=True, slots=True)
class SoundTruth:
    """One sound.

    Args:
        kind: of ``stage_b_contract.SOUNDS``. level_db: at the walker, dB(A).
        bearing_deg: from the heading, right positive, -180..180; None for a sound from all around.
        id: of the thing that makes it; None when it has none.
    """

    kind: str
    level_db: float
    bearing_deg: float | None = None
    id: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "level_db": round(self.level_db, 1), "id": self.id,
                "bearing_deg": None if self.bearing_deg is None else round(self.bearing_deg, 1)}


def sounds_of(things: Sequence[Thing], view: View, time_s: float,
              ambience: Sequence[str] = ()) -> tuple[SoundTruth, ...]:
    """Everything audible, loudest first. ambience: sounds from all around, heard as from one metre."""
    heard = [SoundTruth(kind, LEVEL_AT_1_M_DB[kind]) for kind in ambience]
    for thing in things:
        kind = thing.sound or _BY_CLASS.get(thing.class_name)
        if kind is None or (thing.visible is not None and not thing.visible(time_s)):
            continue
        right, ahead = view.ground_offset(*thing.place(time_s))
        distance = max(math.hypot(right, ahead), _NEAREST_M)
        level = LEVEL_AT_1_M_DB[kind] - 20.0 * math.log10(distance)
        if level >= AUDIBLE_DB and (thing.sound is not None or _sounds_now(thing, kind, distance, time_s)):
            heard.append(SoundTruth(kind, level, math.degrees(math.atan2(right, ahead)), thing.number))
    return tuple(sorted(heard, key=lambda sound: (-sound.level_db, sound.id or 0)))


def _sounds_now(thing: Thing, kind: str, distance_m: float, time_s: float) -> bool:
    """Steps, engines and trains are heard while they move; a bell is rung near the walker."""
    moving = math.hypot(*thing.velocity(time_s)) > _MOVING_MPS
    return moving and (kind != "bicycle_bell" or distance_m < _BELL_WITHIN_M)
