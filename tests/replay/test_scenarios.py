"""Every scenario shows what its name says, and where silence is right nothing is a hazard."""

from __future__ import annotations

import pytest

from maxsight_core.replay.hazards import hazards_of
from maxsight_core.replay.scenarios import Scenario, scenarios

ALL = {scenario.name: scenario for scenario in scenarios()}
SILENT = ("empty_corridor", "empty_pavement", "empty_shake", "empty_night", "empty_glare", "parked_cars",
          "traffic_along", "traffic_waiting", "crowd_passing", "two_talk", "passing_standing", "person_crosses_ahead")
SHOWN = {"person_comes": "person", "runner_corridor": "runner", "child_runs_out": "child", "cyclist_crosses": "cyclist",
         "car_side_road": "car", "open_door": "door", "bollard": "bollard", "stairs_down": "stairs down",
         "wheelchair_comes": "wheelchair user", "person_fog": "person"}


def truths_of(scenario: Scenario, every: int = 1):
    renderer = scenario.renderer(160)
    return [renderer.frame(index).truth for index in range(0, len(renderer), every)]


def test_there_are_at_least_thirty_with_names_of_their_own():
    assert len(ALL) == len(scenarios()) >= 30
    assert {"street", "corridor", "stairwell"} <= {scenario.spec.scene for scenario in ALL.values()}
    assert 5 <= sum(scenario.quick for scenario in ALL.values()) <= 10


@pytest.mark.parametrize("name", SILENT)
def test_where_silence_is_right_nothing_is_a_hazard(name):
    assert hazards_of(truths_of(ALL[name], every=3)) == []


@pytest.mark.parametrize(("name", "shown"), SHOWN.items())
def test_the_hazard_of_the_name_is_there_long_enough(name, shown):
    found = [hazard for hazard in hazards_of(truths_of(ALL[name])) if hazard.class_name == shown]
    assert len(found) == 1
    assert found[0].lasting
    if found[0].kind == "approach":
        assert found[0].danger, "it never comes within two and a half seconds"


def test_equal_scenarios_give_equal_pictures():
    first, second = (ALL["person_steps_out"].renderer(160).frame(60).rgb for _ in range(2))
    assert (first == second).all()
