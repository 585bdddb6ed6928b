"""Which moments of a run are hazards, from when on they can be known, and what a perfect detector would report."""

from __future__ import annotations

from maxsight_core.replay.hazards import hazards_of
from maxsight_core.replay.ideal import IdealPerception


def test_only_what_is_on_course_within_five_seconds_is_a_hazard(made):
    thing, frames = made
    near = thing(1, on_course=True, time_to_contact_s=4.0)
    passing = thing(2, on_course=False, time_to_contact_s=1.0)
    later = thing(3, on_course=True, time_to_contact_s=6.0)
    found = hazards_of(frames(*[[near, passing, later]] * 8))
    assert [(hazard.thing, hazard.kind) for hazard in found] == [(1, "approach")]
    assert found[0].danger == ()


def test_it_is_knowable_after_three_frames_on_end_and_dangerous_below_two_and_a_half_seconds(made):
    thing, frames = made
    there, danger = (thing(on_course=True, time_to_contact_s=seconds) for seconds in (4.0, 2.0))
    found = hazards_of(frames([there], [], [there], [there], [there], [danger], [danger], [danger]))
    assert [hazard.begin_s for hazard in found] == [0.0]
    assert found[0].known_s == 0.4  # frames 2, 3, 4: the first stretch was one frame long
    assert found[0].danger == (5, 6, 7)
    assert found[0].lasting


def test_a_long_gap_makes_two_hazards_and_a_moment_is_none_that_must_be_told(made):
    thing, frames = made
    there = thing(on_course=True, time_to_contact_s=4.0)
    found = hazards_of(frames(*[[there]] * 2, *[[]] * 40, *[[there]] * 7))
    assert [hazard.lasting for hazard in found] == [False, True]


def test_stairs_down_ahead_of_a_walker_are_a_hazard_and_of_a_standing_one_are_not(made):
    thing, frames = made
    stairs = thing(1, "stairs down", distance_m=4.0, bearing_deg=5.0)
    aside = thing(2, "stairs down", distance_m=4.0, bearing_deg=25.0)
    assert [(h.thing, h.kind) for h in hazards_of(frames(*[[stairs, aside]] * 8))] == [(1, "fall")]
    assert hazards_of(frames(*[[stairs]] * 8, speed_mps=0.0)) == []


def test_perfect_perception_counts_the_frames_of_an_approach_and_begins_again_after_a_break(made):
    thing, frames = made
    comes, stands = thing(on_course=True, time_to_contact_s=3.0), thing()
    perception = IdealPerception()
    counted = [perception.inputs(truth).detections[0].time_to_contact_frames
               for truth in frames([comes], [comes], [stands], [comes])]
    assert counted == [1, 2, 0, 1]
    still = perception.inputs(frames([stands], speed_mps=0.0)[0])
    assert still.ego.still and still.detections[0].class_name == "person"
