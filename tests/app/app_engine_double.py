"""A recording stand-in for the engine service, for tests of the web side that need to choose what the engine says."""

from __future__ import annotations

import threading
from typing import Any

from maxsight_core.contracts import (
    AlertDecision,
    Detection,
    FrameResult,
    SceneResult,
    SessionSettings,
    StageBDecision,
    Value,
)


def decision(alert_id: str = "1-0", **changes: Any) -> AlertDecision:
    """A spoken P1 alert, with changes."""
    seq = int(alert_id.partition("-")[0])
    base: dict[str, Any] = {
        "stage": "P1", "kind": "approach", "text": "Bicycle, left, 3 metres.", "fate": "spoken",
        "reason": "time to contact",
        "seq": seq, "time_s": seq / 10, "expires_s": seq / 10 + 1, "track_id": 4, "class_name": "bicycle",
        "bearing_deg": -21.5, "distance_m": 3.0, "time_to_contact_s": 3.4, "urgency": 2,
        "haptic": {"location": "left", "pattern_ms": [80, 40, 80]}, "earcon": "soon", "interrupts": False,
    }
    return AlertDecision(alert_id=alert_id, **{**base, **changes})


def result_for(seq: int, t_cap_ms: float, alerts: tuple[AlertDecision, ...] = (), width: int = 64, height: int = 48):
    seen = Detection(
        track_id=4, class_id=2, class_name="bicycle", score=0.9, box_cxcywh=(0.3, 0.5, 0.2, 0.4), source="learned",
        method="test", bearing_deg=-21.5, urgency=2,
    )
    outputs = {
        "lighting": Value.measured("lighting", {"level": "normal", "mean_luma": 0.5}, "luma"),
        "uncertainty": Value.measured("uncertainty", 0.25, "entropy"),
    }
    return FrameResult(
        seq=seq, time_s=t_cap_ms / 1000, t_cap_ms=t_cap_ms, width=width, height=height, outputs=outputs,
        detections=(seen,), uncertainty=0.25, urgency=2, alerts=alerts,
        stage_b=StageBDecision(True, "in time", 12.0, 0.25), timings_ms={"stage_a": 12.0},
    )


def scene_for(seq: int, t_cap_ms: float):
    guidance = Value.measured("path_guidance", {"free_bearing_deg": 4.0}, "sectors")
    return SceneResult(seq, t_cap_ms / 1000, t_cap_ms, "B", {"path_guidance": guidance}, (), {"stage_b": 30.0})


class EngineDouble:
    """Answers every frame from its own thread at once, unless ``hold`` is set; records every call."""

    def __init__(self, max_sessions: int = 1000) -> None:
        self.max_sessions = max_sessions
        self.sinks: dict[str, Any] = {}
        self.settings: dict[str, SessionSettings] = {}
        self.frames: list[tuple[str, Any]] = []
        self.calls: list[tuple] = []
        self.hold = False
        self.alerts_for: dict[int, tuple[AlertDecision, ...]] = {}
        self.started = self.stopped = False

    def start(self) -> None:
        self.started = True

    def stop(self, timeout_s: float = 5.0) -> None:
        self.stopped = True

    def open_session(self, session_id: str, settings: SessionSettings, sink: Any) -> None:
        from maxsight_core.engine.packets import SessionLimitError

        if len(self.sinks) >= self.max_sessions:
            raise SessionLimitError("full")
        self.sinks[session_id], self.settings[session_id] = sink, settings

    def submit(self, session_id: str, packet: Any) -> None:
        self.frames.append((session_id, packet))
        if not self.hold:
            self.answer(session_id, packet)

    def answer(self, session_id: str, packet: Any) -> None:
        sink = self.sinks[session_id]
        alerts = self.alerts_for.get(packet.seq, ())
        done = result_for(packet.seq, packet.t_cap_ms, alerts, packet.width, packet.height)
        thread = threading.Thread(target=sink.on_result, args=(done,))
        thread.start()
        thread.join()

    def update_settings(self, session_id: str, settings: SessionSettings) -> None:
        self.settings[session_id] = settings

    def request(self, session_id: str, kind: str, what: str | None = None) -> None:
        self.calls.append(("request", kind, what))
        self.sinks[session_id].on_alerts((decision("900-0", stage="P3", kind=kind, text="A corridor."),))

    def report_delivery(self, session_id: str, alert_id: str, fate: str, reason: str = "") -> None:
        self.calls.append(("delivery", alert_id, fate, reason))

    def report_notice(self, session_id: str, kind: str) -> None:
        self.calls.append(("notice", kind))
        told = decision("901-0", kind="perception", reason=kind, text="Vision paused.", stage="P0")
        self.sinks[session_id].on_alerts((told,))

    def close_session(self, session_id: str) -> None:
        self.sinks.pop(session_id, None)

    def health(self) -> dict[str, Any]:
        return {"alive": True, "sessions": len(self.sinks), "engine": {"runtime": "double", "trained_heads": []}}
