"""Haptics and earcons: location first, rhythm second, shorter is more urgent."""

from __future__ import annotations

import pytest

from maxsight_core.alerts.earcons import NAMES, earcon_for, pan
from maxsight_core.alerts.haptics import PATTERNS_MS, haptic_for, location
from maxsight_core.alerts.inputs import Candidate
from maxsight_core.contracts import SessionSettings


def felt(stage="P1", bearing=-20.0, condition=None, lighting=None, distance=None):
    candidate = Candidate(key="track:1", stage=stage, kind="approach", seq=1, time_s=0.0, bearing_deg=bearing,
                          distance_m=distance)
    return haptic_for(candidate, stage, SessionSettings(condition=condition), lighting)


@pytest.mark.parametrize(("bearing", "expected"), [
    (-16.0, "left"), (16.0, "right"), (-15.0, "both"), (0.0, "both"), (None, "both"),
])
def test_the_location_is_the_direction(bearing, expected):
    assert location(bearing) == expected
    assert felt(bearing=bearing)["location"] == expected


def test_more_urgent_bursts_and_pauses_are_shorter():
    order = ["P0", "P1", "P2"]
    assert [max(PATTERNS_MS[stage][::2]) for stage in order] == sorted(max(PATTERNS_MS[s][::2]) for s in order)
    assert max(PATTERNS_MS["P0"][1::2]) < max(PATTERNS_MS["P1"][1::2])


def test_the_rhythm_does_not_depend_on_the_direction():
    assert felt(bearing=-40.0)["pattern_ms"] == felt(bearing=40.0)["pattern_ms"] == felt(bearing=0.0)["pattern_ms"]


def test_patterns_are_what_a_browser_can_play():
    for pattern in PATTERNS_MS.values():
        assert len(pattern) % 2 == 1  # begins and ends with a burst
        assert all(isinstance(part, int) and 0 < part <= 1000 for part in pattern)
        assert sum(pattern) <= 2000


def test_context_and_answers_are_not_felt():
    assert felt("P2") is None and felt("P3") is None


def test_retinitis_pigmentosa_feels_more_in_low_light_but_not_slower():
    day, night = (felt(condition="retinitis_pigmentosa", lighting=level) for level in ("normal", "dark"))
    assert night["intensity"] > day["intensity"]
    assert len(night["pattern_ms"]) > len(day["pattern_ms"])
    assert max(night["pattern_ms"]) == max(day["pattern_ms"])
    assert felt(lighting="dark") == felt(lighting="normal")


def test_for_refractive_conditions_nearer_is_stronger():
    strengths = [felt(condition="myopia", distance=metres)["intensity"] for metres in (0.5, 2.0, 4.0, 9.0)]
    assert strengths == sorted(strengths, reverse=True) and len(set(strengths)) == 4


def test_a_stop_is_felt_at_full_strength_for_everybody():
    assert felt("P0", condition="myopia", distance=9.0)["intensity"] == 1.0


@pytest.mark.parametrize(("bearing", "expected"), [(-90.0, -1.0), (-22.5, -0.5), (0.0, 0.0), (None, 0.0), (60.0, 1.0)])
def test_earcons_are_panned_by_bearing(bearing, expected):
    assert pan(bearing) == expected


def test_hazards_have_an_earcon_and_remarks_have_none():
    assert earcon_for("P0") in NAMES and earcon_for("P1") in NAMES
    assert earcon_for("P0") != earcon_for("P1")
    assert earcon_for("P2") is None and earcon_for("P3") is None
