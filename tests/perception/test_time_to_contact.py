"""Time to contact: exact on the closing curve, honest about its error, independent of the frame interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maxsight_core.contracts import Camera
from maxsight_core.perception import time_to_contact as ttc
from maxsight_core.perception.time_to_contact import ScaleSample

CAMERA = Camera(640, 480, assumed=False)
TIMES = {"5 fps": np.arange(0, 1.01, 0.2), "irregular": np.array([0.0, 0.05, 0.4, 0.43, 0.9, 1.0]),
         "25 fps": np.arange(0, 1.001, 0.04)}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
@pytest.mark.parametrize("left_s", [0.8, 2.0, 4.0])
def test_both_estimators_find_the_time_left_exactly_on_clean_data(times, left_s):
    sizes = [0.3 / (left_s + times[-1] - t) for t in times]
    assert ttc.from_sizes(times, sizes, 0.01, times[-1]).seconds == pytest.approx(left_s, rel=1e-3)
    samples = [ScaleSample(a, b, math.log(sb / sa), 0.005)
               for a, b, sa, sb in zip(times, times[1:], sizes, sizes[1:], strict=False)]
    found = ttc.from_scales(samples, times[-1])
    assert found.seconds == pytest.approx(left_s, rel=1e-3)
    assert found.misfit < 1e-3
    assert found.frames == len(times)


def test_the_time_runs_on_after_the_last_measurement():
    times = np.arange(0, 1.01, 0.2)
    sizes = [0.3 / (3.0 - t) for t in times]
    assert ttc.from_sizes(times, sizes, 0.01, 1.5).seconds == pytest.approx(1.5, rel=1e-3)


def test_the_stated_error_covers_the_truth():
    rng, inside = np.random.default_rng(0), 0
    times = np.arange(0, 1.01, 0.1)
    for _ in range(200):
        sizes = [0.3 / (3.0 - t) * math.exp(rng.normal(0, 0.02)) for t in times]
        low, high = ttc.from_sizes(times, sizes, 0.02, 1.0).interval_s
        inside += low <= 2.0 <= high
    assert 0.55 < inside / 200 < 0.9  # one standard error: two thirds


def test_standing_and_receding_things_have_no_time_to_contact():
    times, rng = np.arange(0, 1.01, 0.1), np.random.default_rng(1)
    standing = [0.3 * math.exp(rng.normal(0, 0.02)) for _ in times]
    assert not ttc.from_sizes(times, standing, 0.02, 1.0).significant
    receding = ttc.from_sizes(times, [0.3 / (2.0 + t) for t in times], 0.02, 1.0)
    assert receding.seconds is None and not receding.significant


@pytest.mark.parametrize("times", [[0.0, 0.4], [0.0, 0.02, 0.04]])
def test_two_frames_or_too_short_a_span_are_never_significant(times):
    sizes = [0.3 / (1.5 - t) for t in times]
    assert not ttc.from_sizes(times, sizes, 0.001, times[-1]).significant


def test_nothing_measured_gives_nothing():
    assert ttc.from_scales([], 1.0) is None
    assert ttc.from_sizes([1.0], [0.2], 0.02, 1.0) is None


def test_growth_that_no_constant_speed_explains_shows_as_misfit():
    jerky = [ScaleSample(0.1 * i, 0.1 * i + 0.1, 0.12 if i % 2 else 0.0, 0.005) for i in range(6)]
    assert ttc.from_scales(jerky, 0.6).misfit > 0.5


def test_samples_that_overlap_in_time_do_not_feign_precision():
    apart = [ScaleSample(0.1 * i, 0.1 * i + 0.1, 0.05, 0.01) for i in range(4)]
    overlapping = [ScaleSample(0.03 * i, 0.03 * i + 0.1, 0.05, 0.01) for i in range(11)]
    assert ttc.from_scales(overlapping, 0.4).rate_sd > 0.85 * ttc.from_scales(apart, 0.4).rate_sd


@pytest.mark.parametrize(("lateral", "seconds", "size", "distance_m", "expected"), [
    (0.0, 3.0, 0.1, None, True), (0.02, 3.0, 0.1, None, True), (0.05, 3.0, 0.1, None, False),
    (0.05, 3.0, 0.1, 4.0, True), (0.05, 3.0, 0.1, 9.0, False), (0.0, None, 0.1, 2.0, False),
])
def test_a_course_is_a_collision_course_when_it_passes_within_a_size_or_a_metre(
    lateral, seconds, size, distance_m, expected
):
    # lateral x seconds columns at 4 m: 0.15 x 640 / 493 x 4 = 0.78 m
    assert ttc.on_course(lateral, seconds, size, CAMERA, distance_m) is expected


def test_closing_speed_is_distance_over_time_left():
    times = np.arange(0, 1.01, 0.2)
    contact = ttc.from_sizes(times, [0.3 / (3.0 - t) for t in times], 0.01, 1.0)
    assert ttc.closing_speed_mps(5.0, contact) == pytest.approx(2.5, rel=0.01)
    assert ttc.closing_speed_mps(None, contact) is None


@pytest.mark.parametrize(("height_over_camera_m", "distance_m", "under"), [
    (0.9, 2.5, True),  # a sign over the door
    (0.2, 2.5, False),  # a branch at the forehead
    (-0.8, 2.5, False),  # a bin
    (0.9, 12.0, False),  # too far away for its height to be known
])
def test_a_walker_passes_under_a_sign_but_not_under_a_branch_at_head_height(height_over_camera_m, distance_m, under):
    camera = Camera(640, 480)
    bottom = 0.5 - height_over_camera_m / distance_m * camera.focal_px / camera.height_px
    seconds = distance_m / ttc.WALKING_MPS
    assert ttc.passes_overhead(bottom, seconds, camera) is under
