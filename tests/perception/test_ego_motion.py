"""The camera's own motion: known motions are found, also behind a large moving thing, and on the ground."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from support.data import shared_data
from support.motion_clips import CAMERA, approach, camera_only, play

from maxsight_core.perception import ego_motion, flow
from maxsight_core.perception.motion_report import video_frames
from maxsight_core.perception.motion_scenarios import CameraPose


def points_field(shift_of, noise=0.1, seed=0, dt_s=0.1):
    """A field of points whose shift follows a function of position, with noise."""
    rng = np.random.default_rng(seed)
    points = rng.uniform((0, 0), (640, 480), (600, 2))
    shift = np.array([shift_of(x - 319.5, y - 239.5) for x, y in points]) + rng.normal(0, noise, (600, 2))
    return flow.FlowField(points, shift, np.zeros(600, int), np.ones(600), (30, 40), np.zeros((2, 60, 80), np.float32),
                          1.0, 0.5, 1.0, dt_s, 1.0, (640, 480))


def test_pan_roll_and_zoom_are_measured_together():
    angle, scale = math.radians(2.0), 1.03

    def shift(x, y):  # from the position now back to the position then
        back = (x - 9.0, y + 4.0)
        then_x = (back[0] * math.cos(angle) + back[1] * math.sin(angle)) / scale
        then_y = (-back[0] * math.sin(angle) + back[1] * math.cos(angle)) / scale
        return x - then_x, y - then_y

    found = ego_motion.fit(points_field(shift), CAMERA).motion
    assert found.rotation_deg == pytest.approx(2.0, abs=0.05)
    assert found.zoom == pytest.approx(1.03, abs=0.001)
    assert not found.still and found.inlier_fraction > 0.95


def test_a_third_of_the_points_moving_otherwise_does_not_change_the_answer():
    def shift(x, y):
        return (5.0, 0.0) if x > -110 else (5.0 + 0.15 * (x + 210), 0.15 * y)

    found = ego_motion.fit(points_field(shift), CAMERA).motion
    assert found.dx_px == pytest.approx(5.0, abs=0.15)
    assert found.zoom == pytest.approx(1.0, abs=0.002)
    assert 0.55 < found.inlier_fraction < 0.8


def test_the_ground_under_a_walking_camera_is_background():
    speed_m, height_m, focal = 0.14, 1.4, CAMERA.focal_px

    def shift(x, y):
        closeness = max(y / (focal * height_m), 1 / 30.0)  # 1 / distance: the ground, then a far backdrop
        return x * speed_m * closeness, y * speed_m * closeness

    field = points_field(shift)
    fitted = ego_motion.fit(field, CAMERA)
    left = np.hypot(*fitted.residual.T)
    below = field.points[:, 1] > 380
    assert np.median(left[below]) < 0.4
    assert fitted.expansion_at(320, 440) > 3 * fitted.expansion_at(320, 100)


def test_noise_alone_is_still():
    assert all(r.ego.still and not r.ego.cut for _, _, r in play(camera_only())[1:])


def test_the_pose_of_the_backdrop_is_measured_while_a_thing_approaches():
    def pose(t):
        return CameraPose(60.0 * t, 0.0, 4.0 * t)

    for _, _, result in play(approach(3.0, pose=pose))[2:]:
        assert result.ego.dx_px == pytest.approx(6.0, abs=0.4)
        assert result.ego.rotation_deg == pytest.approx(0.4, abs=0.06)


def test_the_same_points_give_the_same_motion_bit_for_bit():
    first, second = (ego_motion.fit(points_field(lambda x, y: (3.0, 0.01 * y)), CAMERA) for _ in range(2))
    assert np.array_equal(first.parameters, second.parameters)


@pytest.mark.parametrize("name", ["pan_street_a", "pan_street_b"])
def test_real_street_pictures_with_known_motion_are_measured_within_a_fifth_of_a_pixel(name):
    truth = list(csv.DictReader(shared_data("video", f"{name}_motion.tsv").open(), delimiter="\t"))
    estimator, pictures, judged = flow.FlowEstimator(), [], 0
    for index, (frame, _) in enumerate(video_frames(shared_data("video", f"{name}.mp4"), 1)):
        pictures.append(flow.prepare(frame.rgb, frame.time_s))
        rows = truth[index - 1: index + 1]
        if index < 2 or index % 9 or rows[0]["segment"] != rows[1]["segment"]:
            continue
        found = ego_motion.fit(estimator.between(pictures[-3], pictures[-1]), CAMERA).motion
        assert found.dx_px == pytest.approx(-2 * float(rows[1]["window_dx_px"]), abs=0.2)
        assert found.zoom == pytest.approx(float(rows[1]["zoom_per_frame"]) ** 2, abs=0.001)
        assert abs(found.rotation_deg) < 0.02 and not found.cut
        judged += 1
    assert judged > 20
