"""Intervals against values worked out elsewhere, and where they must not claim certainty."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from maxsight_core.replay.calibration import expected_error, table
from maxsight_core.replay.intervals import NOTHING, clustered_share, drawn_figure, wilson


@pytest.mark.parametrize(("right", "n"), [(0, 5), (7, 9), (50, 50), (3, 400)])
def test_wilson_is_scipys(right, n):
    figure, known = wilson(right, n), binomtest(right, n).proportion_ci(method="wilson")
    assert (figure.low, figure.high) == pytest.approx((known.low, known.high), abs=1e-9)


def test_runs_are_drawn_again_and_not_frames():
    """Two runs, one all right and one all wrong: a thousand frames say no more than two coins."""
    figure = clustered_share([(500, 500), (0, 500)])
    assert (figure.value, figure.low, figure.high, figure.n) == (0.5, 0.0, 1.0, 1000)


def test_all_right_in_a_few_runs_is_not_certain():
    figure = clustered_share([(300, 300)] * 4)
    assert (figure.value, figure.high) == (1.0, 1.0)
    assert figure.low == pytest.approx(wilson(4, 4).low)


def test_nothing_to_count_is_no_figure():
    assert clustered_share([(0, 0)]) == wilson(0, 0) == drawn_figure([], len, 0) == NOTHING


def test_calibration_error_is_the_distance_between_score_and_share():
    answers = [(0.95, True)] * 6 + [(0.95, False)] * 4 + [(0.25, False)] * 10
    assert [row.n for row in table(answers)] == [10, 10]
    assert expected_error(answers) == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)
    assert expected_error([]) is None
