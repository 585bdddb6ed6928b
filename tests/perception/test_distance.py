from __future__ import annotations

import pytest
from support.scene_views import make_view, textured, thing

from maxsight_core.contracts import Camera, RawDetection
from maxsight_core.perception import distance
from maxsight_core.perception.tracking import Tracker

CAMERA = Camera(640, 480, hfov_deg=66.0, assumed=False)
PERSON_M = 1.7


def person_at(distance_m, x=0.5):
    height = CAMERA.focal_px * PERSON_M / distance_m / CAMERA.height_px
    return RawDetection(1, 0.9, (x, 0.5, height * 0.25, min(0.97, height)))


def approach(speed_mps, start_m=9.0, frames=12, fps=10.0, x=lambda i: 0.5):
    tracker = Tracker()
    for i in range(frames):
        detections = [person_at(start_m - speed_mps * i / fps, x(i))]
        tracks = tracker.update(detections, i / fps, None, CAMERA)
    left_m = start_m - speed_mps * (frames - 1) / fps
    return distance.to_detections(tracks, CAMERA, (frames - 1) / fps)[0], left_m


@pytest.mark.parametrize("distance_m", [3.0, 5.0, 8.0])
def test_a_person_of_common_height_is_ranged_within_the_stated_uncertainty(distance_m):
    metres, sd = distance.pinhole(1, person_at(distance_m).box_cxcywh, CAMERA)
    assert abs(metres - distance_m) < sd
    assert sd < 0.3 * metres


def test_a_cut_box_and_an_assumed_camera_are_less_certain():
    whole = distance.pinhole(1, (0.5, 0.5, 0.2, 0.6), CAMERA)
    cut = distance.pinhole(1, (0.5, 0.7, 0.2, 0.6), CAMERA)
    assumed = distance.pinhole(1, (0.5, 0.5, 0.2, 0.6), Camera(640, 480, hfov_deg=66.0, assumed=True))
    assert cut[1] > 2 * whole[1]
    assert assumed[1] > whole[1]


def test_what_has_no_height_prior_has_no_distance():
    assert distance.pinhole(0, (0.5, 0.5, 0.2, 0.6), CAMERA) is None
    assert distance.pinhole(1003, (0.5, 0.5, 0.2, 0.6), CAMERA) is None  # stairs: any height


@pytest.mark.parametrize(("metres", "box", "zone"), [
    (1.0, (0.5, 0.5, 0.1, 0.1), "near"), (3.0, (0.5, 0.5, 0.1, 0.1), "medium"), (9.0, (0.5, 0.5, 0.9, 0.9), "far"),
    (None, (0.5, 0.5, 0.4, 0.4), "near"), (None, (0.5, 0.5, 0.2, 0.2), "medium"), (None, (0.5, 0.5, 0.05, 0.1), "far"),
])
def test_metres_decide_the_zone_and_the_area_rule_is_the_last_resort(metres, box, zone):
    assert distance.zone_of(metres, box) == zone


def test_time_to_contact_and_closing_speed_of_somebody_who_walks_up_are_right():
    found, left_m = approach(1.8)
    assert found.time_to_contact_s == pytest.approx(left_m / 1.8, rel=0.15)
    assert found.closing_mps == pytest.approx(1.8, rel=0.25)
    assert found.time_to_contact_frames >= 3
    assert found.on_course


def test_somebody_who_stands_or_passes_wide_is_not_on_course():
    standing, _ = approach(0.0)
    assert standing.time_to_contact_s is None
    assert not standing.on_course
    passing, _ = approach(1.8, x=lambda i: 0.5 + 0.035 * i)
    assert not passing.on_course


def test_bearing_follows_the_box():
    assert approach(1.0, x=lambda i: 0.1)[0].bearing_deg < -20
    assert approach(1.0, x=lambda i: 0.9)[0].bearing_deg > 20


def test_precise_distances_name_their_things_or_say_why_there_are_none():
    near = thing(distance_m=2.5, distance_sd_m=0.4, track_id=7)
    values = distance.estimate(make_view(textured(), detections=(near, thing(track_id=8))))
    assert values["precise_distances"].value == [{"id": 7, "distance_m": 2.5}]
    assert values["precise_distance_uncertainty"].value == [{"id": 7, "distance_sd_m": 0.4}]
    assert "nothing named" in distance.estimate(make_view(textured()))["precise_distances"].reason


def test_somebody_who_enters_the_view_does_not_seem_to_come_nearer():
    tracker = Tracker()
    for i in range(10):  # slides in over the bottom edge: the visible height grows, the width does not
        visible = 0.2 + 0.06 * i
        tracks = tracker.update([RawDetection(1, 0.9, (0.5, 1.0 - visible / 2, 0.3, visible))], i / 10, None, CAMERA)
    assert distance.to_detections(tracks, CAMERA, 0.9)[0].time_to_contact_s is None


def test_a_measured_approach_gives_its_time_to_the_named_thing_it_lies_on():
    tracker = Tracker()
    for i in range(3):
        tracks = tracker.update([RawDetection(62, 0.9, (0.5, 0.5, 0.2, 0.4))], i / 10, None, CAMERA)
    seen = thing("something", 0, box=(0.5, 0.52, 0.15, 0.3), track_id=100_001, time_to_contact_s=2.2,
                 time_to_contact_frames=5, on_course=True)
    elsewhere = thing("something", 0, box=(0.1, 0.5, 0.15, 0.3), track_id=100_002, time_to_contact_s=1.0)
    chair = distance.to_detections(tracks, CAMERA, 0.2, (elsewhere, seen))[0]
    assert (chair.class_name, chair.time_to_contact_s, chair.on_course) == ("chair", 2.2, True)
    assert chair.closing_mps == pytest.approx(chair.distance_m / 2.2)
    assert distance.to_detections(tracks, CAMERA, 0.2)[0].time_to_contact_s is None
