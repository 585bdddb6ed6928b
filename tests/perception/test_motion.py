"""The measured safety path as a whole: it warns of what comes nearer, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.motion_clips import CAMERA, approach, backdrop, camera_only, play, reports

from maxsight_core.contracts import Camera, Frame
from maxsight_core.perception import motion_scenarios as scenarios
from maxsight_core.perception.motion import FIRST_MEASURED_ID, MotionTracker
from maxsight_core.perception.motion_report import same_thing
from maxsight_core.perception.motion_scenarios import CameraPose

PAN = scenarios.pan(50.0, start_px=-80.0)


@pytest.mark.parametrize(("options", "fps"), [
    ({}, 10.0), ({"x_px": 170.0}, 10.0), ({"x_px": 470.0, "height_at_1s_px": 380.0}, 5.0), ({"pose": PAN}, 10.0),
    ({"pose": scenarios.shake(3)}, 10.0), ({"height_at_1s_px": 200.0, "contact_s": 4.5}, 5.0), ({"aspect": 1.4}, 25.0),
    ({"jitter": 0.6}, 8.0),
])
def test_what_comes_nearer_is_reported_in_time_with_its_bearing_and_time_to_contact(options, fps):
    played = play(approach(fps=fps, **options))
    hits = [(truth.time_to_contact_s, one, truth) for _, truth, result in played for one in result.approaching
            if same_thing(one, truth.box)]
    assert hits, "nothing was reported"
    assert hits[0][0] > 1.5
    assert len(hits) == len(reports(played)), "something else was reported too"
    assert len({one.track_id for _, one, _ in hits}) == 1
    errors = [abs(one.time_to_contact_s / left - 1) for left, one, _ in hits if left < 4]
    assert np.median(errors) < 0.1
    assert np.mean([one.on_course for _, one, _ in hits]) > 0.8
    _, last, truth = hits[-1]
    centre = (truth.box[0] + truth.box[2]) / 2
    assert last.bearing_deg == pytest.approx(CAMERA.bearing_deg(centre), abs=4)
    assert (last.class_id, last.class_name, last.source) == (0, "something", "measured")
    assert last.time_to_contact_frames >= 3
    assert last.track_id >= FIRST_MEASURED_ID


def test_no_report_rests_on_fewer_than_three_frames():
    played = play(approach(fps=5.0, height_at_1s_px=400.0))
    assert all(not result.approaching for _, _, result in played[:2])
    assert all(one.time_to_contact_frames >= 3 for one in reports(played))


def test_a_standing_thing_that_a_walking_wearer_nears_is_reported():
    def walking(t):
        return replace(scenarios.shake(5, 2.0, 0.3)(t), zoom=16.0 / (16.0 - t))

    played = play(approach(3.5, pose=walking))
    assert any(same_thing(one, truth.box) for _, truth, r in played for one in r.approaching)


def test_a_wall_that_fills_the_view_is_reported_and_a_slow_zoom_of_a_far_scene_is_not():
    near = play(camera_only(lambda t: CameraPose(zoom=2.6 / (2.6 - t)), duration_s=1.6))
    assert reports(near)
    assert reports(near)[-1].box_cxcywh == (0.5, 0.5, 1.0, 1.0)
    assert reports(near)[-1].time_to_contact_s == pytest.approx(1.1, rel=0.15)
    assert not reports(play(camera_only(lambda t: CameraPose(zoom=1.006 ** (15 * t)))))


@pytest.mark.parametrize("scenario", [
    camera_only(), camera_only(fps=25.0), camera_only(scenarios.pan(-140.0, start_px=140.0)),
    camera_only(lambda t: CameraPose(roll_deg=12.0 * t)), camera_only(scenarios.shake(2, 7.0, 1.5), jitter=0.6),
    camera_only(gain=lambda t: 1.0 + 0.3 * np.sin(9 * t)), camera_only(gain=lambda t: 0.5 if t < 1 else 1.0),
    camera_only(lambda t: CameraPose(zoom=1.0 - 0.1 * t)),
], ids=["still", "still 25 fps", "pan", "roll", "shake", "flicker", "light switched on", "backwards"])
def test_the_camera_and_the_light_alone_are_no_approach(scenario):
    assert not reports(play(scenario))


@pytest.mark.parametrize(("fps", "cross_px"), [(5.0, 120.0), (10.0, -180.0), (25.0, 200.0)])
def test_somebody_who_walks_across_is_no_approach(fps, cross_px):
    start = 100.0 if cross_px > 0 else 540.0
    assert not reports(play(approach(3.0, 600.0, fps=fps, x_px=start, cross_px=cross_px, grow=False)))


def test_something_that_goes_away_is_no_approach():
    scenario = approach(3.5)
    going = replace(scenario, placement=lambda t: scenarios.Placement(320.0, 240.0, 260.0 / (1.0 + t)))
    assert not reports(play(going))


def test_a_cut_and_a_gap_void_all_motion():
    tracker = MotionTracker()
    play(approach(3.5), tracker)
    other = Frame(np.ascontiguousarray(scenarios.view_backdrop(backdrop(9), CameraPose())), 2.6, 99)
    result = tracker.update(other, CAMERA)
    assert result.ego.cut and result.flow is None and not result.approaching
    late = tracker.update(replace(other, rgb=scenarios.through_camera(other.rgb, np.random.default_rng(0)),
                                  time_s=4.0), CAMERA)
    assert late.ego.cut and "since the last frame" in late.reason


def test_a_frozen_feed_stops_claiming_an_approach():
    tracker, last = MotionTracker(), None
    for frame, _ in approach(3.5).frames():
        last = (frame, tracker.update(frame, CAMERA))
    frame, result = last
    assert result.approaching
    for step in range(1, 15):
        result = tracker.update(replace(frame, time_s=frame.time_s + 0.1 * step), CAMERA)
        assert not result.ego.cut
        if step >= 4:
            assert not result.approaching, f"{0.1 * step:.1f} s after the feed froze"


def test_a_sequence_gives_the_same_results_bit_for_bit():
    first, second = play(approach(fps=5.0)), play(approach(fps=5.0))
    for (_, _, a), (_, _, b) in zip(first, second, strict=True):
        assert a.ego == b.ego and a.approaching == b.approaching and a.quality == b.quality
        assert (a.flow is None) == (b.flow is None)
        assert a.flow is None or (np.array_equal(a.flow, b.flow) and np.array_equal(a.residual, b.residual))


def test_flow_is_in_original_pixels_whatever_the_size_of_the_frame():
    for width in (320, 640, 1280):
        camera, tracker = Camera(width, width * 3 // 4), MotionTracker()
        for i in range(3):
            shift = 0.01 * width * i
            matrix = np.array([[width / 800 * 1.3, 0, -100 + shift], [0, width / 800 * 1.3, -60]])
            rgb = cv2.warpAffine(backdrop(4), matrix, (width, width * 3 // 4), borderMode=cv2.BORDER_REFLECT_101)
            result = tracker.update(Frame(rgb, 0.1 * i, i), camera)
        assert result.ego.dx_px == pytest.approx(0.01 * width, rel=0.03)
        assert np.median(result.flow[0]) == pytest.approx(0.01 * width, rel=0.1)
        assert result.flow.shape[1:] == result.residual.shape


def test_a_blank_or_tiny_picture_gives_no_report_and_little_trust():
    tracker = MotionTracker()
    for i in range(5):
        rgb = np.full((48, 64, 3), 90 + i, np.uint8)
        result = tracker.update(Frame(rgb, 0.1 * i, i), Camera(64, 48))
    assert not result.approaching and result.quality < 0.2
