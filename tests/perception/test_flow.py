"""Sparse and dense flow: exact shifts, trust in corners, and light that changes."""

from __future__ import annotations

import numpy as np
import pytest
from support.motion_clips import backdrop

from maxsight_core.perception import flow
from maxsight_core.perception import motion_scenarios as scenarios
from maxsight_core.perception.motion_scenarios import CameraPose

STRAIGHT = CameraPose()


def picture(pose=STRAIGHT, time_s=0.0, gain=1.0, seed=0):
    rgb = scenarios.view_backdrop(backdrop(), pose)
    rgb = np.clip(rgb.astype(np.float32) * gain, 0, 255).astype(np.uint8)
    return flow.prepare(scenarios.through_camera(rgb, np.random.default_rng(seed)), time_s)


def between(pose, gain=1.0):
    estimator = flow.FlowEstimator()
    return estimator, estimator.between(picture(), picture(pose, 0.1, gain, seed=1))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.3, -1.7), (40.0, 12.0)])
def test_a_shift_is_measured_to_a_fifth_of_a_pixel_by_one_corner_and_far_better_by_all(shift):
    _, field = between(CameraPose(*shift))
    assert len(field.points) > 300
    assert np.median(field.shift, axis=0) == pytest.approx(shift, abs=0.06)
    assert np.median(np.abs(field.shift - shift)) < 0.2
    assert np.median(field.dense[0]) == pytest.approx(shift[0], abs=1.0)


def test_a_change_of_light_moves_nothing():
    _, field = between(CameraPose(2.0, 0.0), gain=1.2)
    assert np.median(np.abs(field.shift - (2.0, 0.0))) < 0.2
    assert field.likeness > 0.9


def test_another_scene_is_unlike_and_its_corners_are_not_found():
    estimator = flow.FlowEstimator()
    rgb = scenarios.view_backdrop(backdrop(8), CameraPose())
    other = flow.prepare(scenarios.through_camera(rgb, np.random.default_rng(0)), 0.1)
    field = estimator.between(picture(), other)
    assert field.tracked < 0.12
    assert field.likeness < 0.75


def test_a_featureless_wall_under_noise_has_no_corners():
    wall = scenarios.through_camera(np.full((480, 640, 3), 128, np.uint8), np.random.default_rng(0))
    assert len(flow.prepare(wall, 0.0).points) == 0


def test_denser_adds_points_inside_the_box_only_and_keeps_the_lattice_first():
    estimator, field = between(CameraPose(3.0, 0.0))
    box = np.array([200.0, 150.0, 280.0, 250.0])
    more = estimator.denser(field, [box])
    added = more.points[len(field.points):]
    assert np.array_equal(more.points[: len(field.points)], field.points)
    assert len(added) > 20
    assert (added >= box[:2] - 8).all() and (added <= box[2:] + 8).all()
    assert len(more.strength) == len(more.points) == len(more.cells) == len(more.shift)
    assert np.median(np.abs(more.shift[len(field.points):] - (3.0, 0.0))) < 0.2
