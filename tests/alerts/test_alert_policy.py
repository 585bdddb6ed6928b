"""The policy holds every default of the requirement, survives JSON, and refuses nonsense."""

from __future__ import annotations

import dataclasses
import json

import pytest

from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.taxonomy import SIZE_SOURCES, by_name

REQUIRED = {
    "p0_time_to_contact_s": 2.5, "p1_time_to_contact_s": 5.0, "time_to_contact_min_frames": 3,
    "vehicle_p0_closing_mps": 2.2, "vehicle_p0_time_to_contact_s": 3.0, "cooldown_s": 15.0, "place_cooldown_s": 60.0,
    "p2_spacing_s": 15.0, "alerts_per_minute": 12, "overload_events_per_minute": 1, "p0_expiry_s": 0.5,
    "p1_expiry_s": 1.0, "p2_expiry_s": 3.0, "stale_frame_s": 1.0, "uncertainty_generic_above": 0.7,
    "ahead_half_angle_deg": 15.0,
}


@pytest.mark.parametrize(("name", "value"), REQUIRED.items())
def test_defaults_are_those_of_the_requirement(name, value):
    assert getattr(DEFAULT_POLICY, name) == value


def test_a_policy_comes_back_from_json_as_it_was():
    policy = dataclasses.replace(DEFAULT_POLICY, cooldown_s=12.345678901, interest_groups=("door",))
    assert AlertPolicy.from_json(policy.to_json()) == policy


def test_a_policy_file_may_name_only_what_it_changes():
    assert AlertPolicy.from_json('{"cooldown_s": 20}') == dataclasses.replace(DEFAULT_POLICY, cooldown_s=20)


@pytest.mark.parametrize("changes", [
    {"cooldown_s": -1.0}, {"p0_expiry_s": float("nan")}, {"p0_time_to_contact_s": 6.0}, {"alerts_per_minute": 0},
    {"p1_expiry_s": 0.1}, {"uncertainty_generic_above": 1.2}, {"overload_count": 1}, {"place_cooldown_s": 5.0},
    {"memory_s": 30.0},
])
def test_contradictory_figures_are_refused_by_name(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        dataclasses.replace(DEFAULT_POLICY, **changes)


def test_an_unknown_field_is_refused_by_name():
    with pytest.raises(ValueError, match="cooldown_seconds"):
        AlertPolicy.from_json(json.dumps({"cooldown_seconds": 3}))


def test_every_class_and_group_that_the_policy_names_exists():
    for name in (*DEFAULT_POLICY.vehicle_names, *DEFAULT_POLICY.interest_names):
        assert by_name(name).name == name
    for group in (*DEFAULT_POLICY.vehicle_groups, *DEFAULT_POLICY.interest_groups, *DEFAULT_POLICY.place_groups):
        assert group in SIZE_SOURCES
