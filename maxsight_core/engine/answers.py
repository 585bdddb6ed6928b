"""Answers from what was perceived: context for the alerts, and replies to describe / find / read.

Everything here reads Stage B's and lane C's newest outputs, with their age; nothing here perceives.
"""

from __future__ import annotations

from maxsight_core.alerts.inputs import ContextItem
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.alerts.wording import direction_words
from maxsight_core.contracts import Camera, SessionSettings, Value
from maxsight_core.engine.session_state import SessionState

FRESH_SCENE_S = 3.0
"""An answer about the scene never comes from a picture older than this."""
FRESH_TEXT_S = 10.0
"""Text stays put longer than people do; its age is still bounded."""
REQUESTS = ("describe", "find", "read")


def fresh(state: SessionState, name: str, time_s: float, within_s: float) -> Value | None:
    """The newest Stage B or lane C value of ``name`` if it is measured and at most ``within_s`` old."""
    held = state.scene.get(name)
    if held is None or held[0].source == "unavailable" or not 0.0 <= time_s - held[1] <= within_s:
        return None
    return held[0]


def context_items(
    outputs: dict[str, Value], seq: int, time_s: float, camera: Camera, policy: AlertPolicy
) -> tuple[ContextItem, ...]:
    """What one Stage B or lane C pass adds for P2: pedestrians, text, glare. Never anything for P0 or P1."""
    items: list[ContextItem] = []
    for person in _found(outputs, "pedestrians"):
        items.append(ContextItem(
            kind="pedestrian", label="", seq=seq, time_s=time_s, bearing_deg=person["bearing_deg"],
            confidence=person["score"], steady_frames=policy.pedestrian_steady_frames if person["steady"] else 1,
        ))
    for line in _found(outputs, "ocr"):
        if line["text"].strip():
            items.append(ContextItem(
                kind="text", label=line["text"], seq=seq, time_s=time_s, confidence=line["confidence"],
                bearing_deg=camera.bearing_deg(line["box"][0]),
            ))
    return tuple(items)


def _found(outputs: dict[str, Value], name: str) -> list[dict]:
    value = outputs.get(name)
    return list(value.value) if value is not None and value.source != "unavailable" else []


def reply(state: SessionState, kind: str, what: str | None, time_s: float) -> str:
    """The words that answer a request, or a plain statement that there is nothing to answer from."""
    if kind == "describe":
        described = fresh(state, "scene_description", time_s, FRESH_SCENE_S)
        if described is None:
            return "I cannot describe the scene: no fresh picture."
        return described.value[state.settings.verbosity]
    if kind == "read":
        text = fresh(state, "ocr", time_s, FRESH_TEXT_S)
        if text is None:
            return "I have not read this picture yet. Hold still and ask again."
        lines = [line["text"] for line in text.value]
        return "Text: " + ". ".join(lines) + "." if lines else "I see no text I can read."
    return _find(state, (what or "").strip().lower(), time_s, state.settings)


def _find(state: SessionState, what: str, time_s: float, settings: SessionSettings) -> str:
    if not what:
        return "Say or type what to look for."
    result = state.last_result
    if result is None or time_s - result.time_s > FRESH_SCENE_S:
        return "I cannot look: no fresh picture."
    for detection in result.detections:
        if what in detection.class_name.lower():
            return f"{detection.class_name.capitalize()}, {direction_words(detection.bearing_deg, settings)}."
    if what in ("person", "people", "pedestrian"):
        found = fresh(state, "pedestrians", time_s, FRESH_SCENE_S)
        if found is not None and found.value:
            return f"Perhaps a person, {direction_words(found.value[0]['bearing_deg'], settings)}."
    text = fresh(state, "ocr", time_s, FRESH_TEXT_S)
    for line in (text.value if text else ()):
        if what in line["text"].lower():
            bearing = settings.camera(640, 480).bearing_deg(line["box"][0])
            return f"Text {line['text']}, {direction_words(bearing, settings)}."
    memory = fresh(state, "spatial_memory", time_s, FRESH_SCENE_S)
    for thing in (memory.value if memory else ()):
        if what in thing["class"].lower():
            return f"{thing['class'].capitalize()}, last seen {thing['words']}."
    return f"I do not see {what}. That does not mean that it is not there."
