"""What one frame could say: the trigger rules."""

from __future__ import annotations

import dataclasses

import pytest
from alert_builders import detection, quality

from maxsight_core.alerts import AlertInputs, ContextItem
from maxsight_core.alerts.candidates import candidates, fuse
from maxsight_core.alerts.context import ContextMemory, observe
from maxsight_core.alerts.policy import DEFAULT_POLICY
from maxsight_core.contracts import EgoMotion


def stages(*found, **inputs):
    return [item.stage for item in candidates(AlertInputs(seq=1, time_s=1.0, detections=found, **inputs))]


@pytest.mark.parametrize(("name", "contact", "changes", "expected"), [
    ("person", 2.49, {}, ["P0"]),
    ("person", 2.5, {}, ["P1"]),
    ("person", 4.99, {}, ["P1"]),
    ("person", 5.0, {}, []),
    ("something", 2.0, {}, ["P0"]),
    ("something", 2.0, {"time_to_contact_frames": 2}, []),
    ("person", 2.0, {"time_to_contact_frames": 2}, []),
    ("person", 2.0, {"on_course": False}, []),
    ("person", float("nan"), {}, []),
    ("car", 2.9, {"closing_mps": 2.3}, ["P0"]),
    ("car", 2.9, {"closing_mps": 2.2}, ["P1"]),
    ("car", 3.0, {"closing_mps": 9.0}, ["P1"]),
    ("cyclist", 2.9, {"closing_mps": 4.0}, ["P0"]),
    ("tram", 2.9, {"closing_mps": 4.0}, ["P0"]),
    ("person", 2.9, {"closing_mps": 4.0}, ["P1"]),
    ("car", 1.0, {"on_course": False, "closing_mps": 9.0}, []),
])
def test_the_trigger_is_time_to_contact_on_a_collision_course(name, contact, changes, expected):
    assert stages(detection(name, contact=contact, **changes)) == expected


@pytest.mark.parametrize(("name", "distance", "sd", "expected"), [
    ("person", 30.0, 1.0, ["P1"]),   # 30 m in 2 s is no runner
    ("person", 30.0, 10.0, ["P0"]),  # but it may be 10 m away
    ("car", 60.0, 1.0, ["P0"]),      # 30 m/s is a car
    ("car", 150.0, 1.0, ["P1"]),
    ("person", 0.8, None, ["P0"]),
])
def test_a_distance_that_contradicts_the_time_to_contact_holds_back_the_stop(name, distance, sd, expected):
    assert stages(detection(name, contact=2.0, distance_m=distance, distance_sd_m=sd)) == expected


@pytest.mark.parametrize(("name", "source", "frames", "expected"), [
    ("something", "measured", 5, DEFAULT_POLICY.confirm_frames_measured),
    ("something", "measured", 6, DEFAULT_POLICY.confirm_frames_settled),  # it has confirmed itself by then
    ("person", "learned", 3, DEFAULT_POLICY.confirm_frames_learned),
])
def test_the_longer_a_measurement_the_shorter_the_wait(name, source, frames, expected):
    found = dataclasses.replace(detection(name, contact=2.0, time_to_contact_frames=frames), source=source)
    one, = candidates(AlertInputs(seq=1, time_s=1.0, detections=(found,)))
    assert one.confirm_frames == expected


def test_a_thing_that_stands_near_without_approaching_is_no_alert():
    assert stages(detection("chair", distance_m=0.5, zone="near")) == []


@pytest.mark.parametrize(("changes", "still", "expected"), [
    ({"distance_m": 4.0, "bearing": 3.0}, False, ["P1"]),
    ({"distance_m": 4.0, "bearing": 3.0}, True, ["P2"]),     # nobody walks
    ({"distance_m": 4.0, "bearing": 25.0}, False, ["P2"]),   # not ahead
    ({"distance_m": 6.1, "bearing": 3.0}, False, ["P2"]),    # more than 5 s of walking
    ({"bearing": 3.0}, False, ["P2"]),                       # distance not known
])
def test_walking_towards_a_drop_is_an_alert(changes, still, expected):
    assert stages(detection("stairs down", **changes), ego=EgoMotion(still=still)) == expected


@pytest.mark.parametrize(("name", "changes", "expected"), [
    ("door", {}, ["P2"]), ("exit sign", {}, ["P2"]), ("stairs", {}, ["P2"]), ("traffic light", {}, ["P2"]),
    ("door handle", {}, []), ("cup", {}, []), ("person", {}, []),
    ("door", {"score": 0.4}, []), ("door", {"distance_m": 12.0}, []), ("door", {"zone": "far"}, []),
])
def test_context_is_what_helps_to_find_the_way(name, changes, expected):
    assert stages(detection(name, **changes), ego=EgoMotion(still=True)) == expected


def test_after_a_cut_nothing_approaches():
    assert stages(detection("person", contact=1.0), ego=EgoMotion(cut=True)) == []


def test_a_moving_region_lends_its_motion_to_the_named_box_it_covers():
    named = detection("bicycle", track=4, bearing=-20.0)
    region = detection("something", track=9, bearing=-20.0, contact=2.0)
    found = candidates(AlertInputs(seq=1, time_s=0.0, detections=(named, region)))
    assert [(item.key, item.stage, item.class_name) for item in found] == [("track:4", "P0", "bicycle")]


def test_a_moving_region_elsewhere_stays_a_thing_of_its_own():
    named = detection("bicycle", track=4, bearing=-20.0)
    region = detection("something", track=9, bearing=20.0, contact=2.0)
    assert {item.track_id for item in fuse((named, region))} == {4, 9}


def test_the_soonest_contact_comes_first():
    found = candidates(AlertInputs(seq=1, time_s=0.0, detections=(
        detection("person", track=1, contact=4.0), detection("person", track=2, contact=1.0),
        detection("person", track=3, contact=3.0))))
    assert [item.track_id for item in found] == [2, 3, 1]


@pytest.mark.parametrize(("levels", "news"), [
    (["normal"] * 15 + ["dark"] * 15, "dark"),
    (["dark"] * 15 + ["dim"] * 15, "lighter"),
    (["dim"] * 15 + ["bright"] * 15, "bright"),
    (["normal"] * 15 + ["dim"] * 15, None),              # one step between two usable levels is no news
    (["normal"] * 15 + ["dark"] * 5 + ["normal"] * 15, None),  # half a second of shadow
])
def test_only_a_lasting_and_large_change_of_light_is_news(levels, news):
    memory, seen = ContextMemory(), set()
    for index, level in enumerate(levels):
        inputs = AlertInputs(seq=index, time_s=index * 0.1, quality=quality(level))
        memory = observe(memory, inputs, DEFAULT_POLICY)
        seen |= {item.label for item in candidates(inputs, DEFAULT_POLICY, memory)}
    assert seen == (set() if news is None else {news})


def test_glare_is_news_once_it_lasts_and_again_only_after_it_was_gone():
    memory, onsets, before = ContextMemory(), 0, False
    for index in range(300):
        time_s = index * 0.1
        glaring = time_s < 10 or 12 < time_s < 14 or time_s > 25
        inputs = AlertInputs(seq=index, time_s=time_s, quality=quality(clipped_high=0.4 if glaring else 0.0))
        memory = observe(memory, inputs, DEFAULT_POLICY)
        now = any(item.kind == "glare" for item in candidates(inputs, DEFAULT_POLICY, memory))
        onsets += now and not before
        before = now
    assert onsets == 2


@pytest.mark.parametrize(("item", "expected"), [
    ({"kind": "pedestrian", "steady_frames": 3}, 1),
    ({"kind": "pedestrian", "steady_frames": 2}, 0),
    ({"kind": "text", "label": "EXIT"}, 1),
    ({"kind": "text", "label": "\x07 \x00"}, 0),
    ({"kind": "sound", "label": "siren"}, 1),
])
def test_findings_of_stage_b_are_context_only(item, expected):
    finding = ContextItem(**{"label": "", "seq": 1, "time_s": 1.0, "bearing_deg": -30.0, **item})
    found = candidates(AlertInputs(seq=2, time_s=1.2, context=(finding,)))
    assert [candidate.stage for candidate in found] == ["P2"] * expected


def test_a_pedestrian_hint_beside_a_detected_person_is_no_news():
    hint = ContextItem(kind="pedestrian", label="", seq=1, time_s=1.0, bearing_deg=-30.0, steady_frames=5)
    inputs = AlertInputs(seq=2, time_s=1.2, context=(hint,), detections=(detection("person", bearing=-25.0),))
    assert candidates(inputs) == []
    assert len(candidates(dataclasses.replace(inputs, detections=(detection("person", bearing=25.0),)))) == 1
