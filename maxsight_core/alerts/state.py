"""What the scheduler remembers between two calls: frozen, and exactly representable in JSON.

All times are seconds on the frame clock. Nothing here is ever read from a wall clock.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from maxsight_core.alerts.codec import decode, encode
from maxsight_core.alerts.context import ContextMemory
from maxsight_core.alerts.inputs import Candidate
from maxsight_core.contracts import AlertDecision


@dataclass(frozen=True, slots=True)
class Speech:
    """What is being said, and until when by the person's speech rate."""

    row: AlertDecision
    key: str
    starts_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class Pending:
    """A candidate that waits for speech to end. ``true_s``: the last frame in which it was still so."""

    alert_id: str
    candidate: Candidate
    row: AlertDecision
    true_s: float


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one candidate key.

    Args:
        hits: frames in which it stood at (P0, P1 or above, P2 or above), leaky: a miss takes one away.
        sure: whether each stage is confirmed; it stays so until its hits have leaked away.
        spoken_stage, spoken_s: the stage last said, and when; forgotten once it was out of view for a cooldown.
        spoken_id: the ledger row that said it.
        felt_stage, felt_s: the same for haptics, with or without words.
    """

    key: str
    class_id: int
    bearing_deg: float | None
    seen_s: float
    hits: tuple[int, int, int] = (0, 0, 0)
    sure: tuple[bool, bool, bool] = (False, False, False)
    spoken_stage: str | None = None
    spoken_s: float = 0.0
    spoken_id: str | None = None
    felt_stage: str | None = None
    felt_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Episode:
    """An open ledger row: the same candidate suppressed for the same reason, frame after frame."""

    key: str
    code: str
    row: AlertDecision
    since_s: float
    last_s: float
    count: int


@dataclass(frozen=True, slots=True)
class SaidItem:
    """The same thing in the same direction, whatever its track: ``item`` names both."""

    item: str
    said_s: float


@dataclass(frozen=True, slots=True)
class Perception:
    """Whether the person was told that nothing is seen.

    ``lost``: the reason told, or None. ``unclear_since_s``, ``good_since_s``: begin of the present run of
    unusable, or usable, frames. ``told_id``: the ledger row that told it.
    """

    lost: str | None = None
    told_id: str | None = None
    unclear_since_s: float | None = None
    good_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class AlertState:
    """The scheduler's memory of one session; ``AlertState()`` is a new session."""

    time_s: float | None = None
    frame_s: float | None = None
    next_number: int = 0
    speech: Speech | None = None
    last_end_s: float | None = None
    last_text: str = ""
    pending: tuple[Pending, ...] = ()
    tracks: tuple[Track, ...] = ()
    episodes: tuple[Episode, ...] = ()
    items: tuple[SaidItem, ...] = ()
    spoken_s: tuple[float, ...] = ()
    delivered_s: tuple[float, ...] = ()
    overload_s: tuple[float, ...] = ()
    last_p2_s: float | None = None
    perception: Perception = field(default_factory=Perception)
    context: ContextMemory = field(default_factory=ContextMemory)
    lighting: str | None = None

    def to_json(self) -> str:
        """The whole state as JSON text, keys sorted, nothing rounded."""
        return json.dumps(encode(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> AlertState:
        """The state that :meth:`to_json` wrote; ValueError when it is not one."""
        return decode(cls, json.loads(text))
