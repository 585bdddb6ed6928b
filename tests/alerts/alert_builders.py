"""Builders for alert tests: detections and a session driven frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from maxsight_core.alerts import AlertInputs, AlertState, Ledger, decide_traced
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.contracts import AlertDecision, Detection, FrameQuality, SessionSettings
from maxsight_core.taxonomy import by_id, by_name


def detection(name: str = "bicycle", *, track: int = 1, bearing: float = -20.0, contact: float | None = None,
              **changes: Any) -> Detection:
    """A learned detection; with ``contact`` it is on course for that many seconds."""
    info = by_id(0) if name == "something" else by_name(name)
    fields: dict[str, Any] = {
        "track_id": track, "class_id": info.id, "class_name": info.name, "score": 0.9,
        "box_cxcywh": (min(1.0, max(0.0, 0.5 + bearing / 66.0)), 0.5, 0.1, 0.2),
        "source": "measured" if info.id == 0 else "learned", "method": "test", "bearing_deg": bearing,
        "time_to_contact_s": contact, "time_to_contact_frames": 0 if contact is None else 5,
        "on_course": contact is not None,
    }
    return Detection(**{**fields, **changes})


def quality(lighting: str = "normal", uncertainty: float = 0.1, clipped_high: float = 0.0) -> FrameQuality:
    return FrameQuality(mean_luma=0.5, clipped_high=clipped_high, clipped_low=0.0, sharpness=0.8, noise=0.01,
                        uncertainty=uncertainty, lighting=lighting)


@dataclass
class Session:
    """Drives the scheduler at 10 frames a second and keeps everything it said."""

    settings: SessionSettings = field(default_factory=SessionSettings)
    policy: AlertPolicy = DEFAULT_POLICY
    state: AlertState = field(default_factory=AlertState)
    seq: int = 0
    time_s: float = 0.0
    step_s: float = 0.1

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.policy)
        self.history: list[tuple[float, AlertDecision]] = []

    def frame(self, *detections: Detection, **inputs: Any) -> tuple[AlertDecision, ...]:
        outcome = decide_traced(
            self.state, AlertInputs(seq=self.seq, time_s=self.time_s, detections=detections, **inputs),
            self.settings, self.policy)
        self.take(outcome.state, outcome.decisions)
        self.seq += 1
        self.time_s = round(self.time_s + self.step_s, 6)
        return outcome.decisions

    def take(self, state: AlertState, decisions: tuple[AlertDecision, ...]) -> tuple[AlertDecision, ...]:
        self.state = state
        now_s = state.time_s if state.time_s is not None else self.time_s
        self.ledger.add(decisions, now_s)
        self.history.extend((now_s, decision) for decision in decisions)
        return decisions

    def frames(self, seconds: float, *detections: Detection, **inputs: Any) -> list[AlertDecision]:
        rows: list[AlertDecision] = []
        for _ in range(round(seconds / self.step_s)):
            rows.extend(self.frame(*detections, **inputs))
        return rows

    def with_fate(self, fate: str, stage: str | None = None) -> list[AlertDecision]:
        return [row for _, row in self.history if row.fate == fate and stage in (None, row.stage)]

    def spoken(self, stage: str | None = None) -> list[str]:
        return [row.text for row in self.with_fate("spoken", stage)]

    def spoken_times(self, stage: str | None = None) -> list[float]:
        return [time_s for time_s, row in self.history if row.fate == "spoken" and stage in (None, row.stage)]
