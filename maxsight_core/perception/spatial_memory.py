"""Where things were: what left the view, turned with the camera, fading with time.

Bearings are kept in the frame of the session's first picture (heading: the summed turning of the camera from
optical flow) and turned back when they are read. Walking is not measured, so distances are not kept and what is
remembered fades within a minute. Drift of the summed heading is a few degrees per turn; words stay coarse.
"""

from __future__ import annotations

import math

from maxsight_core.contracts import Detection, SceneView, Value

OUTPUTS = ("spatial_memory",)
METHOD = "bearings turned with the camera's summed flow, fading"
FADE_S = 20.0
"""Confidence falls to 1/e in this time: a walker has gone 28 m by then."""
FORGET_S = 60.0
MAX_THINGS = 24
AHEAD_DEG, SIDE_DEG, BEHIND_DEG = 15.0, 100.0, 150.0
SAME_TEXT_DEG = 20.0


def words(bearing_deg: float) -> str:
    """ahead | left | right | behind left | behind right | behind, of a bearing -180..180."""
    size, side = abs(bearing_deg), "left" if bearing_deg < 0 else "right"
    if size <= AHEAD_DEG:
        return "ahead"
    if size < SIDE_DEG:
        return side
    return f"behind {side}" if size < BEHIND_DEG else "behind"


def wrap(angle_deg: float) -> float:
    """The same direction within -180..180."""
    return (angle_deg + 180.0) % 360.0 - 180.0


def estimate(view: SceneView) -> dict[str, Value]:
    """``spatial_memory``: list of ``{class, bearing_deg, age_s, confidence, words}``, newest first.

    Only named things, steady hints of people and read text are remembered; what is in view now is not listed.
    """
    now_s = view.frame.time_s
    memory: dict[str, dict] = view.memory.setdefault("spatial_memory", {})
    if memory and now_s < max(item["seen_s"] for item in memory.values()):
        memory.clear()  # the clock went back: another recording
    seen = _in_view(view)
    for key, (name, bearing_deg) in seen.items():
        memory[key] = {"class": name, "heading_deg": wrap(view.heading_deg + bearing_deg), "seen_s": now_s}
    for key in [k for k, item in memory.items() if now_s - item["seen_s"] > FORGET_S]:
        del memory[key]
    for key in sorted(memory, key=lambda k: memory[k]["seen_s"])[:-MAX_THINGS]:
        del memory[key]
    items = []
    for key, item in sorted(memory.items(), key=lambda pair: -pair[1]["seen_s"]):
        if key in seen:
            continue
        age_s = now_s - item["seen_s"]
        bearing_deg = wrap(item["heading_deg"] - view.heading_deg)
        items.append({
            "class": item["class"], "bearing_deg": round(bearing_deg, 1), "age_s": round(age_s, 2),
            "confidence": round(math.exp(-age_s / FADE_S), 3), "words": words(bearing_deg),
        })
    return {"spatial_memory": Value.measured("spatial_memory", items, METHOD,
                                             max((i["confidence"] for i in items), default=None))}


def _in_view(view: SceneView) -> dict[str, tuple[str, float]]:
    found = {_key(d): (d.class_name, d.bearing_deg) for d in view.detections if d.class_id != 0}
    people = view.so_far.get("pedestrians")
    for person in (people.value if people is not None and people.value else ()):
        if person["steady"]:
            found[f"person:{round(person['bearing_deg'] / SAME_TEXT_DEG)}"] = ("person", person["bearing_deg"])
    text = view.so_far.get("ocr")
    for line in (text.value if text is not None and text.value else ()):
        name = line["text"].strip()
        if name:
            found[f"text:{name.lower()}"] = (f"text {name}", view.camera.bearing_deg(line["box"][0]))
    return found


def _key(detection: Detection) -> str:
    return f"track:{detection.track_id}"
