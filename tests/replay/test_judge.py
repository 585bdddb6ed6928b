"""What counts as told, missed, silent and about nothing."""

from __future__ import annotations

import pytest

from maxsight_core.contracts import Detection
from maxsight_core.replay.hazards import hazards_of
from maxsight_core.replay.judge import judge
from maxsight_core.replay.runs import Run, Told

EXPECTED = frozenset({"boxes"})


@pytest.fixture
def run_of(made):
    thing, frames = made
    comes = [thing(on_course=True, time_to_contact_s=4.0 - index / 10, bearing_deg=-20.0) for index in range(30)]
    truths = frames(*[[]] * 20, *[[item] for item in comes], *[[]] * 30)

    def make(*told: Told, by_track: bool = False) -> Run:
        run = Run("made", truths, hazards_of(truths), by_track, EXPECTED, told=list(told))
        run.detections = [()] * len(truths)
        run.answered = [frozenset()] + [EXPECTED] * (len(truths) - 1)
        return run

    return make


def told(time_s: float, bearing_deg: float | None = -20.0, track_id: int | None = 1) -> Told:
    return Told(time_s, "P1", "approach", track_id, bearing_deg, "Person, left.")


def test_an_alert_in_time_and_direction_is_about_the_hazard(run_of):
    judged = judge(run_of(told(2.4)))
    assert judged.recalled == [True]
    assert judged.latencies_s == pytest.approx([0.2])  # knowable at 2.2 s
    assert judged.reassured == (0, 14)
    assert judged.directions == (1, 1)
    assert judged.false_alarms == []
    assert judged.available == (79, 79)


def test_silence_about_a_danger_is_false_reassurance_and_a_missed_hazard(run_of):
    judged = judge(run_of())
    assert judged.recalled == [False]
    assert judged.reassured == (14, 14)
    assert judged.missed == ["2.0 to 4.9 s: person (approach)"]


def test_an_alert_that_comes_late_leaves_the_frames_before_it_silent(run_of):
    silent, of = judge(run_of(told(4.5))).reassured
    assert (silent, of) == (9, 14)


def test_another_direction_or_another_time_is_an_alert_about_nothing(run_of):
    judged = judge(run_of(told(2.4, bearing_deg=15.0), told(7.0)))
    assert judged.recalled == [False]
    assert len(judged.false_alarms) == 2
    assert judged.silence == (2, 3)  # of seconds 0, 6 and 7, which are not near the hazard, the last was broken


def test_with_tracks_the_number_decides_and_not_the_direction(run_of):
    assert judge(run_of(told(2.4, bearing_deg=15.0), by_track=True)).recalled == [True]
    assert judge(run_of(told(2.4, track_id=2), by_track=True)).recalled == [False]


def test_the_wrong_side_counts_and_the_border_is_forgiven(run_of):
    assert judge(run_of(told(2.4, bearing_deg=-12.0), by_track=True)).directions == (0, 1)  # "ahead"
    assert judge(run_of(told(2.4, bearing_deg=-25.0), by_track=True)).directions == (1, 1)


def test_scores_and_zones_are_judged_on_the_thing_that_a_box_covers(made):
    thing, frames = made
    truths = frames([thing(zone="near", time_to_contact_s=3.0)])

    def seen(class_id: int, name: str, box) -> Detection:
        return Detection(1, class_id, name, 0.8, box, "measured", "test", 0.0, zone="near")

    run = Run("made", truths, [], False, EXPECTED)
    run.detections = [(seen(1, "person", (0.5, 0.5, 0.1, 0.4)), seen(0, "something", (0.5, 0.5, 0.1, 0.3)),
                       seen(3, "car", (0.5, 0.5, 0.1, 0.4)), seen(1, "person", (0.1, 0.5, 0.1, 0.4)))]
    run.answered = [EXPECTED]
    judged = judge(run)
    assert [right for _score, right in judged.scores] == [True, True, False, False]
    assert judged.zones == (2, 2)
