"""Intervals against values worked out elsewhere, and where they must not claim certainty."""

from __future__ import annotations

import pytest

from maxsight_core.replay.intervals import NOTHING, clustered_share, drawn_figure, wilson
from maxsight_core.replay.judge import Judged
from maxsight_core.replay.score import figures, report


@pytest.mark.parametrize(("right", "n", "low", "high"), [
    (0, 5, 0.0, 0.434482), (7, 9, 0.452589, 0.936775), (50, 50, 0.928652, 1.0), (3, 400, 0.002554, 0.021816)])
def test_shares_have_wilsons_interval(right, n, low, high):
    """Written out by hand: (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z = 1.959964."""
    figure = wilson(right, n)
    assert (figure.value, figure.low, figure.high) == pytest.approx((right / n, low, high), abs=1e-6)


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
    made = Judged("made", scores=[(0.95, True)] * 6 + [(0.95, False)] * 4 + [(0.25, False)] * 10)
    assert [row["n"] for row in report([made])["reliability"]] == [10, 10]
    assert figures([made])["ece"].value == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)
    assert figures([Judged("nothing seen")])["ece"] == NOTHING
