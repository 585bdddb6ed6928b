"""Results as JSON, for each of the three audiences. Pure functions."""

from __future__ import annotations

from typing import Any

from app.live.protocol import CREDIT, VERSION
from maxsight_core.contracts import URGENCIES, AlertDecision, FrameResult, SceneResult, SessionSettings


def _seen(result: FrameResult) -> dict[str, Any]:
    lighting = result.outputs.get("lighting")
    return {
        "v": VERSION, "seq": result.seq, "t_cap": result.t_cap_ms, "w": result.width, "h": result.height,
        "time_s": round(result.time_s, 4), "detections": [d.to_json() for d in result.detections],
        "uncertainty": round(result.uncertainty, 4), "urgency": URGENCIES[result.urgency],
        "lighting": None if lighting is None else lighting.to_json(),
        "stage_b": {"run": result.stage_b.run, "reason": result.stage_b.reason},
        "timings_ms": {name: round(ms, 2) for name, ms in result.timings_ms.items()},
    }


def patient_result(result: FrameResult) -> dict[str, Any]:
    """``result``: what the person's own browser needs, with the alerts that are delivered and no others."""
    return {**_seen(result), "alerts": alerts_json(a for a in result.alerts if a.delivered), "credit": CREDIT}


def patient_scene(result: SceneResult) -> dict[str, Any]:
    """``scene``: Stage B's or lane C's advice; maps stay on the server, as summaries."""
    return {
        "v": VERSION, "seq": result.seq, "t_cap": result.t_cap_ms, "lane": result.lane,
        "outputs": {name: value.to_json() for name, value in result.outputs.items()},
        "alerts": alerts_json(a for a in result.alerts if a.delivered),
    }


def alerts_json(decisions) -> list[dict[str, Any]]:
    return [decision.to_json() for decision in decisions]


def dropped(seq: int | None, t_cap_ms: float | None, reason: str, explanation: str | None = None) -> dict[str, Any]:
    body = {"v": VERSION, "seq": seq, "t_cap": t_cap_ms, "reason": reason, "credit": CREDIT}
    return body if explanation is None else {**body, "message": explanation}


def live_result(session_id: str, result: FrameResult, age_ms: float, view: str) -> dict[str, Any]:
    """``live``: every decision with fate and reason; for the Dev view every output, with previews of maps."""
    body = {
        **_seen(result), "session_id": session_id, "kind": "result", "age_ms": round(age_ms, 1),
        "alerts": alerts_json(result.alerts),
    }
    if view == "dev":
        body["stage_b"] = result.stage_b.to_json()
        body["outputs"] = {name: value.to_json(preview=True) for name, value in result.outputs.items()}
    return body


def live_scene(session_id: str, result: SceneResult, view: str) -> dict[str, Any]:
    return {
        "v": VERSION, "session_id": session_id, "kind": "scene", "seq": result.seq, "t_cap": result.t_cap_ms,
        "lane": result.lane, "alerts": alerts_json(result.alerts),
        "timings_ms": {name: round(ms, 2) for name, ms in result.timings_ms.items()},
        "outputs": {name: value.to_json(preview=view == "dev") for name, value in result.outputs.items()},
    }


def live_alerts(session_id: str, decisions: tuple[AlertDecision, ...]) -> dict[str, Any]:
    return {
        "v": VERSION, "session_id": session_id, "kind": "alert", "seq": decisions[-1].seq if decisions else None,
        "alerts": alerts_json(decisions),
    }


def live_decision(session_id: str, result: FrameResult) -> dict[str, Any]:
    """For the Dev view: what became of a frame whose result was passed over for a newer one."""
    return {
        "v": VERSION, "session_id": session_id, "kind": "decision", "seq": result.seq,
        "stage_b": result.stage_b.to_json(),
    }


def live_dropped(session_id: str, seq: int, reason: str) -> dict[str, Any]:
    """For the Dev view: a frame that was never answered with a result."""
    return {"v": VERSION, "session_id": session_id, "kind": "dropped", "seq": seq, "reason": reason}


def live_ended(session_id: str, reason: str) -> dict[str, Any]:
    return {"v": VERSION, "session_id": session_id, "kind": "ended", "seq": None, "reason": reason}


def settings_json(settings: SessionSettings) -> dict[str, Any]:
    """The settings a browser may see and change."""
    return {
        "condition": settings.condition, "verbosity": settings.verbosity, "speech_wpm": settings.speech_wpm,
        "units": settings.units, "directions": settings.directions, "silenced": settings.silenced,
        "masked": settings.masked, "hfov_deg": settings.hfov_deg, "camera_height_m": settings.camera_height_m,
    }
