"""What one frame (or one answer of Stage B) gives the alert system to decide on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from maxsight_core.alerts.codec import decode, encode
from maxsight_core.contracts import Detection, EgoMotion, FrameQuality

CONTEXT_KINDS: tuple[str, ...] = ("pedestrian", "text", "glare", "sound", "thing")
LOST_REASONS: tuple[str, ...] = ("camera_lost", "engine_stalled", "stale_frame", "vision_paused", "unclear")


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One thing of interest that Stage B or lane C found: only ever a P2 alert.

    Args:
        kind: ``pedestrian`` (a weak hint), ``text`` (OCR), ``glare``, ``sound`` or ``thing``.
        label: the text seen, the sound's or the thing's name; empty where the kind says it all.
        seq, time_s: of the frame it was found in (frame clock), which starts its expiry.
        bearing_deg: right positive, or None when the direction is not known.
        confidence: 0..1, or None. steady_frames: in how many passes in a row it was found.
        place: True when it stays where it is (60 s before it is named again, not 15 s).
    """

    kind: str
    label: str
    seq: int
    time_s: float
    bearing_deg: float | None = None
    distance_m: float | None = None
    confidence: float | None = None
    steady_frames: int = 1
    place: bool = False
    source: str = "measured"

    def __post_init__(self) -> None:
        if self.kind not in CONTEXT_KINDS:
            raise ValueError(f"ContextItem.kind: expected one of {', '.join(CONTEXT_KINDS)}; got {self.kind!r}")
        if self.kind in ("text", "sound", "thing") and not self.label.strip():
            raise ValueError(f"ContextItem.label: a {self.kind} item needs its words; got {self.label!r}")
        if not math.isfinite(self.time_s):
            raise ValueError(f"ContextItem.time_s: expected a finite number; got {self.time_s!r}")


@dataclass(frozen=True, slots=True)
class AlertInputs:
    """Everything one decision looks at.

    Args:
        seq, time_s: of the frame (frame clock, seconds).
        detections: of Stage A, learned and measured.
        uncertainty: 0..1, of the frame. quality: sharpness and light of the frame, or None.
        ego: the camera's own motion, or None when it is not known.
        context: findings of Stage B since the last frame.
        lost: one of :data:`LOST_REASONS` when perception is known to be lost, or None.
        frame_age_s: age of the frame when it is decided on, seconds.
        missed: (track id, probability 0..1 that this person did not notice it), from the simulation of
            the person's own vision; the likely missed come first.
    """

    seq: int
    time_s: float
    detections: tuple[Detection, ...] = ()
    uncertainty: float = 0.0
    quality: FrameQuality | None = None
    ego: EgoMotion | None = None
    context: tuple[ContextItem, ...] = ()
    lost: str | None = None
    frame_age_s: float = 0.0
    missed: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.time_s):
            raise ValueError(f"AlertInputs.time_s: expected a finite number; got {self.time_s!r}")
        if not (math.isfinite(self.frame_age_s) and self.frame_age_s >= 0.0):
            raise ValueError(f"AlertInputs.frame_age_s: expected 0 or more seconds; got {self.frame_age_s!r}")
        if not 0.0 <= self.uncertainty <= 1.0:
            raise ValueError(f"AlertInputs.uncertainty: expected 0..1; got {self.uncertainty!r}")
        if self.lost is not None and self.lost not in LOST_REASONS:
            raise ValueError(f"AlertInputs.lost: expected one of {', '.join(LOST_REASONS)} or None; got {self.lost!r}")

    def to_json(self) -> dict[str, Any]:
        """Exact JSON form, for recordings; :meth:`from_json` gives the same object back."""
        return encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AlertInputs:
        return decode(cls, data)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be said about one frame, before any rule decided whether it is.

    Args:
        key: what it is about, the same in every frame: ``track:7``, ``lighting``, ``text:exit``.
        stage: as the frame alone suggests it; the scheduler may hold it back until it is confirmed.
        kind: ``approach`` | ``fall`` | ``object`` | ``pedestrian`` | ``text`` | ``sound`` | ``lighting`` |
            ``glare`` | ``perception`` | ``answer``.
        label: the level, the text, the sound's name or the answer; empty for things with a class.
        confirm_frames: in how many frames it must stand before it counts.
        per_frame: True when every frame says it anew, so that it can be checked again before it is said.
    """

    key: str
    stage: str
    kind: str
    seq: int
    time_s: float
    class_id: int = 0
    class_name: str | None = None
    label: str = ""
    bearing_deg: float | None = None
    distance_m: float | None = None
    distance_sd_m: float | None = None
    zone: str | None = None
    time_to_contact_s: float | None = None
    urgency: int = 0
    source: str = "measured"
    colour: str | None = None
    track_id: int | None = None
    place: bool = False
    confirm_frames: int = 1
    per_frame: bool = True
    missed: bool = False
