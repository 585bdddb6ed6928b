"""Growth of a region: found where it is, fitted robustly, and not confused with shear, edges or the background."""

from __future__ import annotations

import numpy as np
import pytest
from support.motion_clips import approach, camera_only, play

from maxsight_core.contracts import EgoMotion
from maxsight_core.perception import expansion, whole_view
from maxsight_core.perception.looming import MAX_REPORTED_S, MAX_STRAIN_SHARE, LoomingDetector
from maxsight_core.perception.motion import MotionTracker
from maxsight_core.perception.motion_scenarios import CameraPose


def points_in(box, count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(box[:2], box[2:], (count, 2))


def fitted(shift_of, count=60, noise=0.12, foreign=0, seed=0):
    points = points_in((200.0, 100.0, 320.0, 300.0), count, seed)
    shift = np.array([shift_of(x - 260.0, y - 200.0) for x, y in points])
    shift += np.random.default_rng(seed + 1).normal(0, noise, shift.shape)
    shift[:foreign] = (-6.0, 4.0)
    return expansion.fit_growth(points, shift, np.ones(count))


@pytest.mark.parametrize("growth", [0.0, 0.02, 0.1, -0.05])
def test_growth_is_measured_within_its_own_error(growth):
    found = fitted(lambda x, y: (3.0 + growth * x, -1.0 + growth * y))
    assert abs(found.growth - growth) < 3 * found.sd
    assert found.sd < 0.004
    assert np.hypot(*found.strain) < 0.01


def test_a_third_of_foreign_points_does_not_spoil_the_growth():
    found = fitted(lambda x, y: (3.0 + 0.05 * x, 0.05 * y), foreign=20)
    assert found.growth == pytest.approx(0.05, abs=0.006)
    assert not found.inliers[:20].any()


def test_shear_and_one_sided_stretch_show_as_strain():
    stretched = fitted(lambda x, y: (0.06 * x, 0.0))
    assert np.hypot(*stretched.strain) > 2 * MAX_STRAIN_SHARE * abs(stretched.growth)


@pytest.mark.parametrize(("count", "spread"), [(3, 100.0), (30, 1.0)])
def test_too_few_or_too_close_points_give_no_growth(count, spread):
    points = points_in((100.0, 100.0, 100.0 + spread, 100.0 + spread), count)
    assert expansion.fit_growth(points, 0.1 * points, np.ones(count)) is None


def lattice_candidates(shift_of):
    rows, columns, cell = 30, 40, 16.0
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1)
    points = np.stack([(x + 0.5) * cell, (y + 0.5) * cell], axis=1)
    residual = np.array([shift_of(px, py) for px, py in points])
    residual += np.random.default_rng(0).normal(0, 0.1, residual.shape)
    cells, weights = np.arange(rows * columns), np.ones(len(points))
    return expansion.candidates(points, residual, cells, (rows, columns), weights, cell)


def test_an_expanding_patch_is_found_where_it_is():
    def shift(x, y):
        inside = abs(x - 450) < 60 and abs(y - 200) < 60
        return (0.06 * (x - 450), 0.06 * (y - 200)) if inside else (0.0, 0.0)

    best = lattice_candidates(shift)[0]
    assert abs(best.x_px - 450) < 40 and abs(best.y_px - 200) < 40
    assert best.growth == pytest.approx(0.06, abs=0.03)


def test_noise_and_a_patch_that_only_shifts_give_no_convincing_candidate():
    assert lattice_candidates(lambda x, y: (0.0, 0.0)) == []
    passing = lattice_candidates(lambda x, y: (8.0, 0.0) if abs(x - 300) < 60 and abs(y - 200) < 80 else (0.0, 0.0))
    grown = [c for c in passing if c.growth > 0.02]
    assert all(c.side_px < 120 for c in grown)  # only pieces of its edge, which the tracking then rejects


def test_numbers_are_never_used_twice_and_survive_a_reset():
    detector = LoomingDetector()
    first = detector.new_number()
    detector.reset()
    assert detector.new_number() == first + 1


def test_growth_slower_than_the_limit_is_not_reported():
    tracker = MotionTracker()
    reported = [one for _, _, r in play(approach(14.0, 1800.0, until_s=11.5), tracker) for one in r.approaching]
    assert not reported
    assert all(r.approaching == () or r.approaching[0].time_to_contact_s <= MAX_REPORTED_S
               for _, _, r in play(approach(3.0)))


def test_a_passing_thing_is_not_on_course_and_a_straight_one_is():
    straight = [d for _, _, r in play(approach(3.2, 350.0)) for d in r.approaching]
    wide = [d for _, _, r in play(approach(3.2, 350.0, x_px=330.0, cross_px=170.0)) for d in r.approaching]
    assert straight and np.mean([d.on_course for d in straight]) > 0.9
    assert not wide or np.mean([d.on_course for d in wide]) < 0.3


def test_the_whole_view_needs_time_and_speed():
    watcher, found = whole_view.WholeView(), []
    for i in range(12):
        left = 2.0 - 0.1 * i
        ego = EgoMotion(zoom=(left + 0.1) / left, inlier_fraction=0.9, still=False, dt_s=0.1)
        found.append(watcher.update(ego, 0.1 * i))
    assert found[:3] == [None] * 3
    assert found[-1].seconds == pytest.approx(0.9, rel=0.05)
    slow = whole_view.WholeView()
    assert all(slow.update(EgoMotion(zoom=1.01, inlier_fraction=0.9, still=False, dt_s=0.1), 0.1 * i) is None
               for i in range(40))


def test_a_thing_that_fills_most_of_the_view_is_still_told_from_the_camera():
    played = play(approach(3.2, 480.0, aspect=1.2, until_s=1.0))
    _, truth, result = played[-1]
    covered = (truth.box[2] - truth.box[0]) * (truth.box[3] - truth.box[1])
    assert covered > 0.7
    assert result.approaching
    assert result.approaching[0].time_to_contact_s == pytest.approx(1.1, rel=0.2)
    assert result.ego.zoom == pytest.approx(1.0, abs=0.006)
    turning = play(camera_only(lambda t: CameraPose(30.0 * t)))
    assert turning[-1][2].ego.zoom == pytest.approx(1.0, abs=0.002)
