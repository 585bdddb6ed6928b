"""The description says what was measured, in three lengths, and nothing else."""

import cv2
import numpy as np
import pytest
from support.scene_views import make_view, textured, thing

from maxsight_core.contracts import EgoMotion, MotionResult, SessionSettings, Value
from maxsight_core.perception import description

DIM = (textured() * 0.42).astype(np.uint8)


def _said(rgb=None, **more) -> dict[str, str]:
    return description.estimate(make_view(textured() if rgb is None else rgb, **more))["scene_description"].value


def _text(text: str, x: float = 0.5) -> Value:
    return Value.measured("ocr", [{"text": text, "box": [x, 0.4, 0.2, 0.1], "confidence": 0.95}], "test")


def _moving_left(dt_s: float = 0.1) -> MotionResult:
    residual = np.zeros((48, 64), np.float32)
    residual[10:30, 2:14] = 12.0
    return MotionResult(np.zeros((2, 48, 64), np.float32), residual, EgoMotion(dt_s=dt_s))


def test_without_detections_it_tells_light_text_and_movement():
    said = _said(DIM, so_far={"ocr": _text("EXIT")}, motion=_moving_left())
    assert said["normal"] == "Something moving on the left. Text ahead: EXIT. Dim light."


def test_nothing_measured_is_not_called_empty():
    assert _said() == dict.fromkeys(("brief", "normal", "full"), "Nothing recognised.")


def test_unavailable_outputs_make_no_clause():
    so_far = {name: Value.unavailable(name, "test") for name in
              ("ocr", "pedestrians", "path_guidance", "glare_risk", "colours", "scene_graph", "navigation_difficulty")}
    assert _said(so_far=so_far)["full"] == "Nothing recognised."


def test_detections_come_with_direction_distance_and_the_urgent_one_first():
    things = (thing("chair", 62, (0.1, 0.5, 0.1, 0.2), 1, distance_m=3.0, distance_sd_m=0.3),
              thing("bicycle", 2, (0.5, 0.5, 0.2, 0.4), 2, distance_m=2.0, distance_sd_m=0.3, urgency=3))
    said = _said(detections=things)
    assert said["brief"] == "Bicycle, ahead, 2 metres. Chair, left, 3 metres."


def test_people_in_one_direction_are_counted_and_feet_are_the_persons_choice():
    things = tuple(thing("person", 1, (0.5, 0.5, 0.1, 0.4), n, distance_m=3.05, distance_sd_m=0.2) for n in (1, 2))
    assert _said(detections=things)["brief"] == "2 people, ahead, 3 metres."
    assert "feet" in _said(detections=things, settings=SessionSettings(units="feet"))["brief"]


def test_an_unsure_detection_is_said_as_perhaps():
    assert _said(detections=(thing(score=0.35),))["brief"].startswith("Perhaps person")


def test_an_unclear_picture_takes_names_away_but_not_the_thing():
    blurred = cv2.GaussianBlur(textured(), (0, 0), 14)
    said = _said(blurred, detections=(thing("car", 3, distance_m=4.0, distance_sd_m=0.5),))
    assert "car" not in said["full"].lower()
    assert said["brief"].startswith("The picture is not clear. Something")


def test_verbosities_grow_and_brief_is_short():
    things = (thing("chair", 62, (0.1, 0.5, 0.1, 0.2), 1), thing("couch", 63, (0.5, 0.5, 0.1, 0.2), 2),
              thing("bed", 65, (0.9, 0.5, 0.1, 0.2), 3))
    said = _said(detections=things, so_far={"ocr": _text("PLATFORM 4")})
    assert said["brief"].count(".") == 2
    assert len(said["brief"]) < len(said["normal"]) <= len(said["full"])
    assert "PLATFORM 4" in said["normal"]


def test_a_person_is_named_once_and_only_when_steady():
    people = [{"box": [0.5, 0.5, 0.1, 0.4], "score": 0.7, "bearing_deg": 0.0, "steady": False}]
    value = Value.measured("pedestrians", people, "test")
    assert "person" not in _said(so_far={"pedestrians": value})["full"].lower()
    people[0]["steady"] = True
    assert _said(so_far={"pedestrians": value})["normal"] == "Perhaps a person, ahead."
    assert "Perhaps" not in _said(so_far={"pedestrians": value}, detections=(thing(),))["normal"]


@pytest.mark.parametrize(("confidence", "said_it"), [(0.5, True), (0.1, False)])
def test_the_way_is_mentioned_only_when_the_floor_is_trusted(confidence, said_it):
    path = {"sectors": [], "free_bearing_deg": 0.0, "words": "Most open floor is ahead"}
    value = Value.measured("path_guidance", path, "test", confidence)
    assert ("Most open floor is ahead" in _said(so_far={"path_guidance": value})["normal"]) is said_it


def test_colour_is_always_spoken_in_colour_blindness_mode():
    light = (thing("traffic light", 10, colour="red"),)
    assert "Red traffic light" in _said(
        detections=light, settings=SessionSettings(condition="colour_blindness"))["brief"]
    assert "red" not in _said(detections=light)["brief"].lower()


def test_camera_shake_and_slow_flow_are_not_movement():
    assert "moving" not in _said(motion=_moving_left(dt_s=1.0))["full"]


def test_relations_use_the_spoken_names_of_the_other_sentences():
    graph = Value.measured("scene_graph", {
        "nodes": [{"id": 0, "name": "person"}, {"id": 1, "name": "couch"}],
        "relations": [{"subject": 0, "relation": "sits_on", "object": 1}],
    }, "test")
    assert "Person sitting on sofa" in _said(so_far={"scene_graph": graph})["full"]
