"""Heading, speed and what is in the way, on point worlds whose geometry is known exactly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from maxsight_core.contracts import Camera
from maxsight_core.perception.flow import FlowField
from maxsight_core.perception.heading import HeadingEstimator
from maxsight_core.perception.way_ahead import CONFIRM_S, WayAhead

CAMERA = Camera(640, 480, height_m=1.4)
DT_S = 0.1
NOISE_PX = 0.1


def ground_and_walls(rng: np.random.Generator) -> np.ndarray:
    """[n, 3] metres, right, down from the camera, forward: a street 4 m wide."""
    ground = np.column_stack([rng.uniform(-2, 2, 500), np.full(500, 1.4), rng.uniform(1.5, 20, 500)])
    walls = np.column_stack([rng.choice((-2.0, 2.0), 400), rng.uniform(-1.5, 1.4, 400), rng.uniform(2, 25, 400)])
    return np.concatenate([ground, walls])


def upright(rng: np.random.Generator, x: float, z: float, width_m: float = 0.5, height_m: float = 1.6) -> np.ndarray:
    return np.column_stack([x + rng.uniform(-width_m / 2, width_m / 2, 60), rng.uniform(1.4 - height_m, 1.35, 60),
                            np.full(60, z)])


def flow_between(before: np.ndarray, after: np.ndarray, yaw_rad: float, rng: np.random.Generator) -> FlowField:
    """Points before and after in the camera's own axes, seen by a camera that then turned right by ``yaw_rad``."""
    turned = after.copy()
    turned[:, 0] = math.cos(yaw_rad) * after[:, 0] - math.sin(yaw_rad) * after[:, 2]
    turned[:, 2] = math.sin(yaw_rad) * after[:, 0] + math.cos(yaw_rad) * after[:, 2]

    def seen(points: np.ndarray) -> np.ndarray:
        return points[:, :2] / points[:, 2:] * CAMERA.focal_px + (319.5, 239.5)

    ahead = (before[:, 2] > 0.5) & (turned[:, 2] > 0.5)
    old, new = seen(before[ahead]), seen(turned[ahead])
    within = (np.abs(new - (319.5, 239.5)) < (318, 238)).all(axis=1)
    points = new[within]
    shift = points - old[within] + rng.normal(0, NOISE_PX, points.shape)
    cells = (points[:, 1] // 16).astype(int) * 40 + (points[:, 0] // 16).astype(int)
    return FlowField(points, shift, cells, np.ones(len(points)), (30, 40), np.zeros((2, 1, 1), np.float32), 1.0, 1.0,
                     1.0, DT_S, 1.0, (640, 480))


def walk(things=(), *, speed_mps: float = 1.2, coming_mps: float = 0.0, fps: float = 10.0, yaw_deg_s: float = 6.0,
         besides: np.ndarray | None = None):
    """(time, heading, confirmed things) of every frame of 2.5 s towards +z with slow turns of the head.

    Frames are compared over a tenth of a second at any rate, as the motion tracker does. ``besides``: what else stands.
    """
    rng = np.random.default_rng(7)
    static = ground_and_walls(rng) if besides is None else np.concatenate([ground_and_walls(rng), besides])
    moving = np.concatenate([upright(rng, *thing) for thing in things]) if things else np.zeros((0, 3))
    numbers = itertools.count(1)
    estimator, way = HeadingEstimator(), WayAhead(lambda: next(numbers))
    for frame in range(1, round(2.5 * fps) + 1):
        now_s = DT_S + (frame - 1) / fps

        def at(time_s: float) -> np.ndarray:
            there = np.concatenate([static, moving - (0, 0, coming_mps * time_s)])
            return there - (0, 0, speed_mps * time_s)

        yaw = math.radians(yaw_deg_s) * DT_S * math.sin(now_s * 2)
        flow = flow_between(at(now_s - DT_S), at(now_s), yaw, rng)
        heading = estimator.update(flow, CAMERA, now_s)
        yield now_s, heading, way.update(flow, heading, now_s)


def test_heading_and_speed_are_found_while_the_head_turns():
    *_, (_, heading, found) = walk()
    assert np.abs(heading.focus) == pytest.approx((0.0, 0.0), abs=0.012)
    assert heading.speed_mps == pytest.approx(1.2, abs=0.12)
    assert found == []


@pytest.mark.parametrize(("thing", "coming_mps", "contact_s"), [
    ((0.0, 6.0), 0.0, 5.0),  # stands in the way
    ((0.1, 12.0), 1.3, 4.8),  # comes head-on
    ((0.0, 12.5), 3.0, 2.98),  # runs
    ((-0.2, 6.0, 0.4, 0.9), 0.0, 5.0),  # as low as a board
])
def test_what_is_in_the_way_is_found_with_its_time_to_contact(thing, coming_mps, contact_s):
    told = [(now_s, found[0]) for now_s, _, found in walk([thing], coming_mps=coming_mps) if found]
    assert told, "never found"
    first_s, _ = told[0]
    assert contact_s - first_s > 1.5
    for now_s, one in told:
        assert one.left_s(now_s) == pytest.approx(contact_s - now_s, rel=0.25)
    assert len({one.number for _, one in told}) == 1


@pytest.mark.parametrize("things", [
    [(1.2, 6.0)], [(-1.2, 5.0), (1.3, 7.0)],  # beside the way
    [(0.0, 6.0, 0.5, 0.2)],  # a kerb stone: as low as the ground to it
])
def test_what_is_passed_or_stepped_over_is_not_in_the_way(things):
    assert all(not found for _, _, found in walk(things))


def test_a_standing_wearer_is_told_nothing_by_it():
    """Without a way of one's own nothing is in it: somebody who passes at the side must not be taken for it."""
    assert all(not found for _, _, found in walk([(1.3, 6.0)], speed_mps=0.0, coming_mps=1.3))


def test_a_sign_that_hangs_over_the_way_is_not_in_it():
    rng = np.random.default_rng(1)
    sign = np.column_stack([rng.uniform(-0.4, 0.4, 60), rng.uniform(-1.1, -0.7, 60), np.full(60, 6.0)])
    assert all(not found for _, _, found in walk(besides=sign))


def test_a_fast_camera_confirms_no_sooner_than_a_slow_one():
    """At 50 frames a second four frames share nearly all their noise: the time counts as well."""
    told_s = [now_s for now_s, _, found in walk([(0.0, 4.0)], fps=50.0) if found]
    assert told_s
    assert told_s[0] - DT_S >= CONFIRM_S


def test_too_few_points_or_no_ground_give_no_heading():
    rng = np.random.default_rng(3)
    walls = ground_and_walls(rng)[500:]
    above = walls[walls[:, 1] < 0.0]
    flow = flow_between(above, above - (0, 0, 0.12), 0.0, rng)
    estimator = HeadingEstimator()
    assert estimator.update(flow, CAMERA, 0.1) is None
    few = flow_between(above[:20], above[:20] - (0, 0, 0.12), 0.0, rng)
    assert estimator.update(few, CAMERA, 0.2) is None
