"""Urgency, zones, depth and motion by hand."""

import numpy as np
import pytest

from training.evaluate import urgency
from training.evaluate.distance import depth_figures, zone_figures
from training.evaluate.flow import flow_figures


def test_danger_called_safe_is_counted_by_itself():
    found = urgency.figures([3, 3, 3, 3, 2, 0, 1], [0, 1, 3, 3, 0, 0, 2])
    assert found["false_reassurance"] == 1 / 4 and found["danger_recall"] == 2 / 4
    assert found["false_reassurance_from_warning"] == 2 / 5
    assert found["urgency_accuracy"] == 3 / 7
    assert (found["urgency_too_low"], found["urgency_too_high"]) == (3 / 7, 1 / 7)


def test_without_danger_there_is_no_reassurance_to_judge():
    assert "false_reassurance" not in urgency.figures([0, 1], [0, 0])
    assert urgency.figures([], []) == {}


def test_unknown_levels_are_refused():
    with pytest.raises(ValueError, match="unknown level"):
        urgency.figures([-1], [0])


def test_a_near_thing_called_far_has_its_own_figure():
    found = zone_figures([0, 0, 1, 2], [2, 0, 1, 1])
    assert found == {"zone_accuracy": 0.5, "zone_boxes": 4.0, "near_called_far": 0.5}


def test_depth_errors_leave_out_what_is_unknown():
    truth = np.array([2.0, 4.0, np.nan, np.inf, 0.0])
    found = depth_figures(np.array([3.0, 4.4, 9.0, 9.0, 9.0]), truth)
    assert found["abs_rel"] == pytest.approx((0.5 + 0.1) / 2) and found["places"] == 2
    assert found["rmse_m"] == pytest.approx(np.sqrt((1 + 0.16) / 2)) and found["delta1"] == 0.5
    assert depth_figures(np.ones(2), np.full(2, np.nan)) == {}


def test_motion_is_the_length_of_the_difference():
    truth = np.zeros((2, 1, 4))
    truth[0] = [[10.0, 0.0, 0.0, np.nan]]
    answer = np.zeros((2, 1, 4))
    answer[:, 0, 0] = (7.0, 4.0)  # off by (3, 4): 5 px, more than 5 %
    answer[:, 0, 1] = (0.0, 2.0)  # 2 px: no outlier
    found = flow_figures(answer, truth)
    assert found["epe_px"] == pytest.approx(7 / 3) and found["still_epe_px"] == pytest.approx(10 / 3)
    assert found["outliers"] == pytest.approx(1 / 3) and found["places"] == 3
