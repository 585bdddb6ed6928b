from __future__ import annotations

import pytest

from maxsight_core.engine.decision import DecisionThresholds, decide, skip_kind


@pytest.mark.parametrize(
    ("stage_a_ms", "uncertainty", "runs", "words"),
    [
        (40.0, 0.2, True, "queued"),
        (200.0, 0.7, True, "queued"),  # the thresholds themselves still run
        (200.1, 0.2, False, "Stage A took 200 ms > 200 ms"),
        (350.0, 0.2, False, "Stage A took 350 ms"),
        (40.0, 0.83, False, "uncertainty 0.83 > 0.70"),
    ],
)
def test_stage_b_is_skipped_under_load_or_when_uncertain_and_says_which(stage_a_ms, uncertainty, runs, words):
    decision = decide(stage_a_ms, uncertainty, DecisionThresholds())
    assert decision.run is runs
    assert words in decision.reason


def test_the_thresholds_can_be_set_and_are_checked():
    assert not decide(60.0, 0.1, DecisionThresholds(stage_a_ms=50.0)).run
    assert not decide(10.0, 0.4, DecisionThresholds(uncertainty=0.3)).run
    with pytest.raises(ValueError, match="stage_a_ms"):
        DecisionThresholds(stage_a_ms=0.0)
    with pytest.raises(ValueError, match="uncertainty"):
        DecisionThresholds(uncertainty=1.5)


@pytest.mark.parametrize(("stage_a_ms", "uncertainty", "kind"), [
    (350.0, 0.2, "latency"), (350.0, 0.9, "latency"), (40.0, 0.9, "uncertainty"), (40.0, float("nan"), "uncertainty"),
])
def test_every_skip_has_a_kind_by_which_it_is_counted(stage_a_ms, uncertainty, kind):
    chosen = decide(stage_a_ms, uncertainty, DecisionThresholds())
    assert not chosen.run
    assert skip_kind(chosen, DecisionThresholds()) == kind
