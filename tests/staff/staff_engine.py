"""An engine double that says what a test needs: known values by frame number, through the real result types."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from maxsight_core.contracts import (
    AlertDecision,
    Detection,
    FrameResult,
    SceneResult,
    SessionSettings,
    StageBDecision,
    Value,
)
from maxsight_core.outputs import REGISTRY

UNTRAINED = "no trained head in this checkpoint"
FATES = (("spoken", "ttc: 2.1 s"), ("suppressed", "cooldown: 4 s ago"), ("expired", "stale: 1.2 s after its frame"))
SKIPPED_FROM_FRAME = 10
"""From this frame on every second frame is too uncertain for Stage B."""

SLICES_MS = {"vit_1": 31.5, "depth": 12.0}
"""What the double says that the slices of its Stage B took."""


def ramp() -> np.ndarray:
    """[24, 32] map that rises from 0 at the left to 31 at the right."""
    return np.tile(np.arange(32, dtype=np.float32), (24, 1))


def decision(seq: int, time_s: float, masked: bool) -> AlertDecision:
    fate, reason = FATES[seq % len(FATES)]
    if masked:
        fate, reason = "masked", "masked: silent mode"
    return AlertDecision(
        alert_id=f"{seq}-0", stage=("P1", "P2", "P0")[seq % 3], kind="approach", text=f"Bicycle number {seq}, left.",
        fate=fate, reason=reason, seq=seq, time_s=time_s, expires_s=time_s + 1, track_id=2, class_name="bicycle",
        urgency=2, time_to_contact_s=2.1,
    )


def outputs(uncertainty: float, chosen: StageBDecision) -> dict[str, Value]:
    values = {spec.name: Value.unavailable(spec.name, UNTRAINED) for spec in REGISTRY if spec.stage == "A"}
    values["uncertainty"] = Value.measured("uncertainty", uncertainty, "sharpness and exposure", 0.8)
    values["motion_magnitude"] = Value.measured("motion_magnitude", ramp(), "optical flow", 0.7)
    values["urgency"] = Value.measured("urgency", [0.1, 0.2, 0.3, 0.4], "rule")
    values["stage_b"] = Value.measured("stage_b", chosen.to_json(), "decision point")
    return values


class StaffEngine:
    """Answers each frame at once from a thread of its own."""

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[Any, SessionSettings]] = {}
        self.answered: dict[str, int] = {}
        self.ran = self.skipped = 0
        self.last_reason: str | None = None
        self._counting = threading.Lock()

    def start(self) -> None: ...

    def stop(self, timeout_s: float = 5.0) -> None: ...

    def open_session(self, session_id: str, settings: SessionSettings, sink: Any) -> None:
        self.sessions[session_id] = (sink, settings)
        self.answered[session_id] = 0

    def close_session(self, session_id: str) -> None:
        self.sessions.pop(session_id, None)

    def update_settings(self, session_id: str, settings: SessionSettings) -> None: ...

    def request(self, session_id: str, kind: str, what: str | None = None) -> None: ...

    def report_delivery(self, session_id: str, alert_id: str, fate: str, reason: str = "") -> None: ...

    def report_notice(self, session_id: str, kind: str) -> None: ...

    def health(self) -> dict[str, Any]:
        done = {"A": self.ran + self.skipped, "B": self.ran, "C": 0}
        lanes = {lane: {"alive": True, "restarts": 0, "errors": 0, "abandoned": 0, "busy_s": 0.0, "done": done[lane]}
                 for lane in "ABC"}
        return {
            "alive": True, "lanes": lanes, "sessions": len(self.sessions), "max_sessions": 8, "background_dropped": 0,
            "stage_b": {
                "tier": "T2_HYBRID_VIT", "network": "untrained", "ran": self.ran, "skipped": self.skipped,
                "cancelled": 0, "failed": 0, "reasons": {"uncertainty": self.skipped} if self.skipped else {},
                "last_reason": self.last_reason, "last_ms": SLICES_MS["vit_1"] + SLICES_MS["depth"],
                "slices_ms": SLICES_MS,
            },
            "not_finite": {}, "engine": {"runtime": "double", "precision": "f32", "trained_heads": []},
        }

    def submit(self, session_id: str, packet: Any) -> None:
        threading.Thread(target=self._answer, args=(session_id, packet), daemon=True).start()

    def _count(self, chosen: StageBDecision) -> None:
        with self._counting:
            if chosen.run:
                self.ran += 1
            else:
                self.skipped += 1
                self.last_reason = chosen.reason

    def _answer(self, session_id: str, packet: Any) -> None:
        held = self.sessions.get(session_id)
        if held is None:
            return
        sink, settings = held
        self.answered[session_id] += 1
        number, time_s = self.answered[session_id], packet.t_cap_ms / 1000
        if number == 5:
            sink.on_dropped(packet.seq, packet.t_cap_ms, "superseded")
            return
        uncertainty = 0.83 if number >= SKIPPED_FROM_FRAME and number % 2 else 0.25
        reason = "queued" if uncertainty < 0.7 else f"Stage B skipped: uncertainty {uncertainty:.2f} > 0.70"
        chosen = StageBDecision(uncertainty < 0.7, reason, 21.0, uncertainty)
        self._count(chosen)
        seen = Detection(
            track_id=2, class_id=2, class_name="bicycle", score=0.9, box_cxcywh=(0.5, 0.5, 0.4, 0.4), source="measured",
            method="double", bearing_deg=-21.5, distance_m=2.0, urgency=3,
        )
        alerts = (decision(packet.seq, time_s, settings.masked),) if number % 4 == 0 else ()
        sink.on_result(FrameResult(
            seq=packet.seq, time_s=time_s, t_cap_ms=packet.t_cap_ms, width=packet.width, height=packet.height,
            outputs=outputs(uncertainty, chosen), detections=(seen,), uncertainty=uncertainty, urgency=3, alerts=alerts,
            stage_b=chosen, timings_ms={"decode": 2.0, "network": 19.0, "stage_a": 21.0},
        ))
        if chosen.run:
            depth = Value.measured("depth_map", ramp() + 1, "ground plane", 0.2)
            found, timings_ms = {"depth_map": depth}, dict(SLICES_MS)
            sink.on_scene(SceneResult(packet.seq, time_s, packet.t_cap_ms, "B", found, (), timings_ms))
