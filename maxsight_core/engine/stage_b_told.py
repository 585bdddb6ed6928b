"""Values of the heads that put things into words: relations, text, sounds, wishes and hazards. NumPy only.

The forms are those of the estimators of the same outputs in ``maxsight_core.perception``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from maxsight_core.contracts import URGENCIES, VERBOSITIES, Value
from maxsight_core.engine.stage_b import NO_SOUND
from maxsight_core.engine.stage_b_answer import Answer
from maxsight_core.models.reading import read_text, read_words
from maxsight_core.models.relations import extract_relations
from maxsight_core.models.stage_b_contract import ACTIONS, BOXES, HAZARDS, SOUNDS
from maxsight_core.perception import description, ocr, personalization, prediction, scene_graph

LIKELY = 0.5
"""A sound, a hazard or a whole sentence is told when it is more likely than not."""
ACTION_WORDS: dict[str, str] = {
    "go_on": "go on", "slow_down": "slow down", "stop": "stop", "step_left": "move left", "step_right": "move right",
}
"""The network's actions in the words of ``maxsight_core.perception.prediction``."""
TAUGHT_WORDS = ("metres", "left_right")
"""Units and directions of a learned description: what the person chose is not among the head's inputs."""
CLAUSE_BREAK = ". "


def _scene_graph(answer: Answer) -> Value:
    """Detections as nodes, in the measured graph's own form; text and pedestrians have no part in a learned one."""
    if not answer.things:
        return Value.unavailable("scene_graph", "nothing detected to relate")
    nodes = scene_graph.nodes_of(replace(answer.view, detections=answer.things, so_far={}))
    valid = np.zeros(BOXES, np.float32)
    valid[:len(answer.things)] = 1.0
    found = extract_relations(answer.tensors["spatial_relations"], answer.tensors["semantic_relations"], valid)
    names = [f"d{thing.track_id}" for thing in answer.things]
    relations = [{"subject": names[row["subject"]], "relation": row["relation"], "object": names[row["object"]],
                  "kind": row["kind"], "confidence": round(row["confidence"], 3)} for row in found]
    return Value.learned(
        "scene_graph", {"nodes": [node.to_json() for node in nodes], "relations": relations},
        "relations of the detections that are more likely than not",
        min((row["confidence"] for row in found), default=None))


def _ocr(answer: Answer) -> Value:
    """Lines top to bottom; as sure as the less sure one of finding and reading them."""
    quality = answer.view.quality
    if quality.sharpness < ocr.MIN_SHARPNESS or quality.uncertainty > ocr.MAX_UNCERTAINTY:
        return Value.unavailable(
            "ocr", f"picture not legible (sharpness {quality.sharpness:.2f}, uncertainty {quality.uncertainty:.2f})")
    lines: list[dict[str, Any]] = []
    tensors = answer.tensors
    read = read_text(tensors["text_logits"])
    for (text, sure), box, score in zip(read, tensors["text_boxes"], tensors["text_scores"], strict=True):
        confidence = min(sure, float(score))
        if text and confidence >= ocr.MIN_CONFIDENCE:
            lines.append({"text": text, "box": [round(float(part), 4) for part in box],
                          "confidence": round(confidence, 3)})
    lines.sort(key=lambda line: line["box"][1])
    return Value.learned("ocr", lines, "text found and read in at most eight places",
                         min((line["confidence"] for line in lines), default=None))


def _description(answer: Answer) -> Value:
    """The sentence cut after as many statements as each verbosity may hold."""
    settings = answer.view.settings
    if (settings.units, settings.directions) != TAUGHT_WORDS:
        return Value.unavailable("scene_description", "the head speaks of metres, left and right; measured in the "
                                 "units and directions that were chosen")
    sentence, confidence = read_words(answer.tensors["word_logits"])
    if not sentence:
        return Value.unavailable("scene_description", "the head has nothing to say of this frame")
    if confidence < LIKELY:
        return Value.unavailable("scene_description",
                                 f"the head is not sure of its words ({confidence:.2f}; expected {LIKELY} or more)")
    statements = sentence.removesuffix(".").split(CLAUSE_BREAK)
    told = {verbosity: CLAUSE_BREAK.join(statements[:most]) + "." for verbosity, most in description.LIMITS.items()}
    return Value.learned("scene_description", told, "statements in the head's own order", confidence)


def _heard(answer: Answer) -> bool:
    """The head's urgencies sum to 1 when it was given sound, and are all 0 when it was not."""
    return bool(answer.tensors["sound_urgency"].sum() > LIKELY)


def _sounds(answer: Answer) -> list[dict[str, object]]:
    chances = answer.tensors["sound_events"]
    return [{"label": SOUNDS[place], "confidence": round(float(chances[place]), 3)}
            for place in np.argsort(-chances, kind="stable") if chances[place] >= LIKELY]


def _sound_events(answer: Answer) -> Value:
    if not _heard(answer):
        return Value.unavailable("sound_events", NO_SOUND)
    return Value.learned("sound_events", _sounds(answer), "sounds of the last second, more likely than not",
                         float(answer.tensors["sound_events"].max()))


def _sound_direction(answer: Answer) -> Value:
    if not _heard(answer):
        return Value.unavailable("sound_direction", NO_SOUND)
    if not _sounds(answer):
        return Value.unavailable("sound_direction", "no sound is recognised that could have a direction")
    return Value.learned("sound_direction", answer.number("sound_direction"),
                         "where in the picture the sound may come from; one microphone alone has no direction")


def _sound_urgency(answer: Answer) -> Value:
    if not _heard(answer):
        return Value.unavailable("sound_urgency", NO_SOUND)
    levels = answer.tensors["sound_urgency"]
    return Value.learned("sound_urgency", levels, "probability of safe, caution, warning, danger", float(levels.max()))


def _personalization(answer: Answer) -> Value:
    """The stored preferences as they are, and beside them what the head proposes."""
    stored = personalization.estimate(answer.view)["personalization"].value
    tensors = answer.tensors
    rows = [{"id": thing.track_id, "value": round(float(priority), 3)}
            for thing, priority in zip(answer.things, tensors["personal_priority"], strict=False)]
    proposed = {
        "threshold_shifts": dict(zip(URGENCIES, _rounded(tensors["personal_thresholds"]), strict=True)),
        "verbosity": dict(zip(VERBOSITIES, _rounded(tensors["personal_verbosity"]), strict=True)),
        "priorities": rows,
    }
    return Value.learned("personalization", {**stored, "proposed": proposed},
                         "stored preferences; proposals from profile and view",
                         float(tensors["personal_verbosity"].max()))


def _rounded(numbers: np.ndarray) -> list[float]:
    return [round(float(number), 3) for number in numbers]


def _predictive_alerts(answer: Answer) -> Value:
    """Hazards of the whole view, so without a track and a bearing; none is ever answered with "go on"."""
    motion = answer.view.motion
    if motion.flow is None and not answer.things:
        reason = motion.reason or "nothing is tracked"
        return Value.unavailable("predictive_alerts", f"no motion to extrapolate: {reason}")
    chances = answer.tensors["hazards"]
    seconds = answer.number("time_to_hazard")
    actions = answer.tensors["recommended_action"].copy()
    actions[ACTIONS.index("go_on")] = -1.0
    action = ACTION_WORDS[ACTIONS[int(actions.argmax())]]
    rows = [{"hazard": HAZARDS[place], "track_id": None, "bearing_deg": None, "time_to_hazard_s": round(seconds, 2),
             "on_course": True, "recommended_action": action}
            for place in np.argsort(-chances, kind="stable") if chances[place] >= LIKELY]
    if seconds > prediction.HORIZON_S:
        rows = []
    return Value.learned("predictive_alerts", rows, "hazards more likely than not within ten seconds",
                         float(chances.max()))


def _retrieval(answer: Answer) -> Value:
    return Value.unavailable("retrieval", "the scene's vectors are there; the index answers in the background")


MAKERS: dict[str, Callable[[Answer], Value]] = {
    "scene_graph": _scene_graph, "ocr": _ocr, "scene_description": _description, "sound_events": _sound_events,
    "sound_direction": _sound_direction, "sound_urgency": _sound_urgency, "personalization": _personalization,
    "predictive_alerts": _predictive_alerts, "retrieval": _retrieval,
}
"""Output -> what makes its value of an answer; ValueError becomes the reason why there is none."""
