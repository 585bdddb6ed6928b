"""A walk down the rendered corridor, start to end of its first events: dangers are said, calm stays calm."""

from __future__ import annotations

import itertools

import pytest

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.engine import as_frame
from maxsight_core.scenes import SceneRenderer, parse_spec


@pytest.fixture(scope="module")
def walk(engine):
    """(truth, alerts) of every frame of 40 seconds at 10 fps, with what was delivered at P0 or P1."""
    renderer, state, frames = SceneRenderer(parse_spec("scene:corridor?seed=1&fps=10")), None, []
    state = engine.new_session(SessionSettings())
    for index in range(400):
        rendered = renderer.frame(index)
        result, _ = engine.stage_a(state, as_frame(rendered.rgb, rendered.time_s, index))
        frames.append((rendered.truth, [a for a in result.alerts if a.delivered and a.stage in ("P0", "P1")]))
    return frames


def windows(walk, name):
    """Times at which a mover of this name is on course and less than 2.5 s away."""
    return [truth.time_s for truth, _ in walk for one in truth.objects
            if one.class_name == name and one.on_course and one.closing_mps and one.closing_mps > 2.0
            and one.time_to_contact_s is not None and one.time_to_contact_s < 2.5]


@pytest.mark.parametrize("name", ["person", "runner"])
def test_whoever_comes_head_on_is_said_before_they_arrive(walk, name):
    times = windows(walk, name)
    assert times, f"the scene holds no {name} who comes head-on"
    first_s = times[0]
    until = next((t for t, later in itertools.pairwise(times) if later - t > 1.0), times[-1])
    said = [alert for truth, alerts in walk for alert in alerts
            if first_s - 1.0 <= truth.time_s <= until and abs(alert.bearing_deg) < 15.0]
    assert said, f"nobody was warned of the {name} between {first_s:.1f} and {until:.1f} s"


def test_signs_overhead_are_not_said_to_be_in_the_way(walk):
    for truth, alerts in walk:
        for alert in alerts:
            nearest = min(truth.objects, key=lambda one: abs(one.bearing_deg - alert.bearing_deg)
                          if one.distance_m < 4.0 else 180.0)
            assert "exit sign" not in nearest.class_name or nearest.distance_m >= 4.0, (truth.time_s, alert.text)


def test_alerts_stay_few_while_walking(walk):
    spoken = [alert for _, alerts in walk for alert in alerts if alert.fate == "spoken"]
    assert len(spoken) <= 12  # 40 s with three head-on encounters; more would be noise
