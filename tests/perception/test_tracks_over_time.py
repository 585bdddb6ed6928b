"""Estimators that look at tracks over several looks: consistency, prediction, spatial memory."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.scene_views import make_view, textured, thing

from maxsight_core.contracts import EgoMotion, MotionResult, Value
from maxsight_core.perception import consistency, prediction, spatial_memory

MOVING = MotionResult(np.zeros((2, 4, 4), np.float32), np.zeros((4, 4), np.float32), EgoMotion())
RGB = textured(120, 160)


def view(detections=(), time_s=0.0, memory=None, heading_deg=0.0, **more):
    made = make_view(RGB, detections=tuple(detections), time_s=time_s, memory=memory, motion=MOVING, **more)
    return dataclasses.replace(made, heading_deg=heading_deg)


def test_consistency_is_one_for_steady_things_and_falls_when_they_swap():
    memory = {}
    assert consistency.estimate(view([thing()], 0.0, memory))["temporal_consistency"].source == "unavailable"
    steady = consistency.estimate(view([thing()], 0.1, memory))["temporal_consistency"]
    assert steady.value == 1.0
    swapped = consistency.estimate(view([thing(track_id=9)], 0.2, memory))["temporal_consistency"]
    assert swapped.value == pytest.approx(0.5)


def test_consistency_of_nothing_is_not_claimed():
    memory = {}
    consistency.estimate(view([], 0.0, memory))
    assert consistency.estimate(view([], 0.1, memory))["temporal_consistency"].reason == "nothing is tracked"


def approaching(seconds, box=(0.5, 0.5, 0.2, 0.4), **more):
    return thing(box=box, time_to_contact_s=seconds, on_course=True, **more)


def test_prediction_lists_what_is_on_course_soonest_first_with_an_action():
    left = approaching(4.0, (0.05, 0.5, 0.1, 0.4), track_id=2)
    values = prediction.estimate(view([left, approaching(2.0), thing(track_id=3)]))["predictive_alerts"].value
    assert [(v["track_id"], v["recommended_action"]) for v in values] == [(1, "stop"), (2, "keep right")]


def test_prediction_steers_to_the_free_side():
    free = {"path_guidance": Value.measured("path_guidance", {"free_bearing_deg": -28.0}, "test")}
    values = prediction.estimate(view([approaching(4.0)], so_far=free))["predictive_alerts"].value
    assert values[0]["recommended_action"] == "move left"


def test_prediction_without_motion_says_why():
    blind = make_view(RGB, motion=MotionResult(None, None, EgoMotion(), reason="first frame"))
    assert "first frame" in prediction.estimate(blind)["predictive_alerts"].reason


def test_a_door_that_was_passed_is_behind_left_after_turning_right():
    memory = {}
    door = thing("door", 1001, box=(0.1, 0.5, 0.1, 0.4))  # about 27 degrees to the left
    now = spatial_memory.estimate(view([door], 0.0, memory))["spatial_memory"]
    assert now.value == []  # still in view
    later = spatial_memory.estimate(view([], 4.0, memory, heading_deg=85.0))["spatial_memory"].value
    assert [(item["class"], item["words"]) for item in later] == [("door", "behind left")]
    assert later[0]["age_s"] == 4.0
    back = spatial_memory.estimate(view([], 5.0, memory, heading_deg=-27.0))["spatial_memory"].value
    assert back[0]["words"] == "ahead"


def test_memory_fades_and_forgets():
    memory = {}
    spatial_memory.estimate(view([thing("door", 1001)], 0.0, memory))
    young = spatial_memory.estimate(view([], 1.0, memory))["spatial_memory"].confidence
    old = spatial_memory.estimate(view([], 30.0, memory))["spatial_memory"].confidence
    assert old < young / 3
    assert spatial_memory.estimate(view([], 61.0, memory))["spatial_memory"].value == []


def test_what_only_moves_is_not_remembered_as_a_thing():
    memory = {}
    spatial_memory.estimate(view([thing("something", 0)], 0.0, memory))
    assert spatial_memory.estimate(view([], 1.0, memory))["spatial_memory"].value == []


@pytest.mark.parametrize(("bearing", "expected"), [
    (0, "ahead"), (-15, "ahead"), (-40, "left"), (99, "right"), (-120, "behind left"), (140, "behind right"),
    (180, "behind"),
])
def test_directions_are_said_in_coarse_words(bearing, expected):
    assert spatial_memory.words(bearing) == expected
