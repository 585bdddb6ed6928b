"""Values of the heads that look at the frame: maps, figures, and one row for each detection. NumPy only.

The forms are those of the estimators of the same outputs in ``maxsight_core.perception``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maxsight_core.contracts import Value
from maxsight_core.engine.stage_b_answer import Answer, other_eyes
from maxsight_core.models.stage_b_contract import INPUT_SIDE_PX, MAP_SIDE
from maxsight_core.perception import colours

NEAREST_M = 0.1
"""Distances are compared with their spread from here on."""
DOMINANT_SHARE, BOX_SHARE = 0.08, 0.30
"""Shares from which a colour is named for the picture and for a thing, as where colours are measured."""
NO_MOTION = "no earlier frame to compare with"


def _map(name: str, method: str) -> Callable[[Answer], Value]:
    """A map as it came, [56, 56] float32 over the whole frame."""
    return lambda answer: Value.learned(name, answer.tensors[name], method, answer.trust)


def _figure(name: str, method: str) -> Callable[[Answer], Value]:
    return lambda answer: Value.learned(name, answer.number(name), method, answer.trust)


def _eyes(name: str, make: Callable[[Answer], Value]) -> Callable[[Answer], Value]:
    """What ``make`` gives, but only for people of whose eyes nothing is known."""
    def made(answer: Answer) -> Value:
        reason = other_eyes(answer.view)
        return Value.unavailable(name, reason) if reason else make(answer)
    return made


def _depth(name: str, what: str) -> Callable[[Answer], Value]:
    def made(answer: Answer) -> Value:
        depth, spread = answer.tensors["depth_map"], answer.tensors["depth_uncertainty"]
        confidence = None
        if "depth_uncertainty" in answer.trained:
            doubt = float(np.median(spread / np.maximum(depth, NEAREST_M)))
            confidence = answer.trust / (1.0 + doubt)
        return Value.learned(name, answer.tensors[name], f"{what} of the depth at each of 56 x 56 places", confidence)
    return made


def _distances(name: str, key: str) -> Callable[[Answer], Value]:
    def made(answer: Answer) -> Value:
        if not answer.things:
            return Value.unavailable(name, "nothing is detected in this frame")
        rows = [{"id": thing.track_id, key: float(metres)}
                for thing, metres in zip(answer.things, answer.tensors[name], strict=False)]
        return Value.learned(name, rows, "per detection, from its look, its box and the whole picture")
    return made


def _glare_risk(answer: Answer) -> Value:
    known = "glare_confidence" in answer.trained
    risk = answer.tensors["glare_risk"]
    confidence = answer.number("glare_confidence") if known else float(risk.max())
    return Value.learned("glare_risk", risk, "probability of none, low, medium, high", confidence)


def _glare_confidence(answer: Answer) -> Value:
    trusted = answer.number("glare_confidence")
    return Value.learned("glare_confidence", trusted, "how far the glare level can be trusted")


def _findability(answer: Answer) -> Value:
    grid = answer.tensors["findability"].reshape(MAP_SIDE, MAP_SIDE)
    rows = [{"id": thing.track_id, "value": round(float(chance), 3)}
            for thing, chance in zip(answer.things, answer.tensors["box_findability"], strict=False)]
    return Value.learned("findability", {"map": grid, "detections": rows}, "chance that a normal observer notices it",
                         answer.trust)


def _roi_priority(answer: Answer) -> Value:
    if not answer.things:
        return Value.unavailable("roi_priority", "nothing detected to put in order")
    seen, count = len(answer.things), len(answer.view.detections)
    method = "per detection, in their order" + ("" if seen == count else f"; the first {seen} of {count}")
    return Value.learned("roi_priority", answer.tensors["roi_priority"][:seen], method, answer.trust)


def _colours(answer: Answer) -> Value:
    if answer.view.quality.lighting == "dark":
        return Value.unavailable("colours", "too dark for colours")
    overall = answer.tensors["dominant_colours"]
    dominant = [{"name": colours.NAMES[place], "share": round(float(overall[place]), 3)}
                for place in np.argsort(-overall, kind="stable") if overall[place] >= DOMINANT_SHARE]
    rows = []
    for thing, shares in zip(answer.things, answer.tensors["box_colours"], strict=False):
        place = int(shares.argmax())
        sure = bool(shares[place] >= BOX_SHARE)
        rows.append({"id": thing.track_id, "name": colours.NAMES[place] if sure else None,
                     "share": round(float(shares[place]), 3) if sure else None})
    return Value.learned("colours", {"dominant": dominant, "detections": rows}, "likeliest of 12 names", answer.trust)


def _scene_motion(answer: Answer) -> Value:
    motion = answer.view.motion
    if motion.flow is None:
        return Value.unavailable("scene_motion", motion.reason or NO_MOTION)
    # the head counts pixels of its own square picture, motion_flow those of the frame
    frame = answer.view.frame
    scale = np.array([frame.width, frame.height], np.float32).reshape(2, 1, 1) / INPUT_SIDE_PX
    return Value.learned("scene_motion", answer.tensors["scene_motion"] * scale, "flow at each of 56 x 56 places",
                         answer.trust)


def _temporal_consistency(answer: Answer) -> Value:
    motion = answer.view.motion
    if motion.flow is None:
        return Value.unavailable("temporal_consistency", motion.reason or NO_MOTION)
    steady = answer.number("temporal_consistency")
    return Value.learned("temporal_consistency", steady, "from the features of the last looks")


def _therapy_state(answer: Answer) -> Value:
    """As measured: ``visible_share`` belongs to the person's eyes, ``mean_rms`` to the contrast map."""
    reasons: dict[str, str] = {}
    share: float | None = answer.number("therapy_contrast")
    eyes = other_eyes(answer.view)
    if eyes:
        share, reasons["contrast"] = None, eyes
    mean_rms: float | None = None
    if "contrast_map" in answer.trained and "contrast_map" in answer.tensors:
        mean_rms = float(answer.tensors["contrast_map"].mean())
    else:
        reasons["mean_rms"] = "no usable contrast map in this pass"
    value = {"fatigue": answer.number("therapy_fatigue"), "depth_focus": answer.number("therapy_depth_focus"),
             "contrast": {"mean_rms": mean_rms, "visible_share": share}, "reasons": reasons}
    return Value.learned("therapy_state", value, "from the view alone; no diagnosis", answer.trust)


MAKERS: dict[str, Callable[[Answer], Value]] = {
    "depth_map": _depth("depth_map", "mean"),
    "depth_uncertainty": _depth("depth_uncertainty", "standard deviation"),
    "precise_distances": _distances("precise_distances", "distance_m"),
    "precise_distance_uncertainty": _distances("precise_distance_uncertainty", "distance_sd_m"),
    "contrast_map": _map("contrast_map", "local RMS contrast at each of 56 x 56 places"),
    "contrast_sensitivity": _eyes("contrast_sensitivity", _figure(
        "contrast_sensitivity", "share of detail that a normal observer sees")),
    "edge_map": _map("edge_map", "gradient at each of 56 x 56 places"),
    "glare_risk": _glare_risk,
    "glare_confidence": _glare_confidence,
    "findability": _eyes("findability", _findability),
    "roi_priority": _eyes("roi_priority", _roi_priority),
    "navigation_difficulty": _figure("navigation_difficulty", "layout of the whole picture"),
    "colours": _colours,
    "scene_motion": _scene_motion,
    "temporal_consistency": _temporal_consistency,
    "therapy_state": _therapy_state,
}
"""Output -> what makes its value of an answer; ValueError becomes the reason why there is none."""
