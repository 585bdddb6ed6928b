"""The engine without threads, on real pictures and on rendered scenes."""

from __future__ import annotations

import numpy as np
import pytest
from support.data import shared_data
from support.fake_webcam import approach

from maxsight_core import outputs
from maxsight_core.contracts import Frame, SessionSettings, Value
from maxsight_core.engine import stage_b
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decision import DecisionThresholds
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.safety_network import UNTRAINED
from maxsight_core.sources import open_source

SCENE = "scene:street?seed=1&fps=10"


def scene_frames(count, spec=SCENE):
    frames = []
    for frame in open_source(spec).frames():
        frames.append(frame)
        if len(frames) == count:
            return frames
    return frames


def run(engine, frames, settings=None):
    state = engine.new_session(settings or SessionSettings())
    return [engine.process(state, frame) for frame in frames]


def comparable(result, values):
    """Everything of an answer but clocks of the server."""
    skip = {"timings", "stage_b"}
    return ([d.to_json() for d in result.detections], [a.to_json() for a in result.alerts],
            {name: value.to_json() for name, value in values.items() if name not in skip})


def test_every_output_of_the_registry_is_answered_for_every_frame_with_its_source(engine):
    for _, values in run(engine, scene_frames(4)):
        assert set(values) == set(outputs.NAMES)
        for name, value in values.items():
            assert isinstance(value, Value)
            assert value.name == name
            assert value.source != "unavailable" or value.reason


def test_an_untrained_network_is_never_shown(engine):
    if engine.trained:
        pytest.skip("this machine has trained weights")
    result, values = run(engine, scene_frames(1))[0]
    assert "network" in result.timings_ms
    for name in ("objectness", "classification", "boxes", "scene_embedding"):
        assert values[name].source == "unavailable"
        assert values[name].reason == UNTRAINED
    assert not any(value.source == "learned" for value in values.values())


def test_the_same_frames_give_the_same_answers(engine):
    frames = scene_frames(12)
    first, second = run(engine, frames), run(engine, frames)
    for (result_1, values_1), (result_2, values_2) in zip(first, second, strict=True):
        assert comparable(result_1, values_1) == comparable(result_2, values_2)


def test_stage_b_never_changes_a_stage_a_value(engine):
    frames = scene_frames(12)
    without = engine.new_session(SessionSettings())
    alone = [engine.stage_a(without, frame)[0] for frame in frames]
    with_b = engine.new_session(SessionSettings())
    beside = []
    for frame in frames:
        result, job = engine.stage_a(with_b, frame)
        before = {name: (np.copy(v.value) if isinstance(v.value, np.ndarray) else v.to_json())
                  for name, v in result.outputs.items()}
        if job is not None:
            engine.stage_b(with_b, job)
        for name, value in result.outputs.items():
            held = before[name]
            same = np.array_equal(held, value.value) if isinstance(held, np.ndarray) else held == value.to_json()
            assert same, f"Stage B changed {name}"
        beside.append(result)
    for one, two in zip(alone, beside, strict=True):
        assert [d.to_json() for d in one.detections] == [d.to_json() for d in two.detections]
        for name in one.outputs:
            if name not in ("timings", "stage_b"):
                assert one.outputs[name].to_json() == two.outputs[name].to_json(), name


def test_stage_b_is_skipped_with_its_reason_when_the_picture_is_too_uncertain(engine):
    state = engine.new_session(SessionSettings())
    result, values = engine.process(state, Frame(np.zeros((480, 640, 3), np.uint8), 0.0, 0))
    assert not result.stage_b.run
    assert "uncertainty" in result.stage_b.reason
    assert values["glare_risk"].source == "unavailable"
    assert values["glare_risk"].reason == result.stage_b.reason


def test_stage_b_is_skipped_with_its_reason_when_stage_a_is_slow(engine):
    frame = scene_frames(1)[0]
    slow = object.__new__(Engine)
    slow.__dict__.update(engine.__dict__)
    slow.config = EngineConfig(thresholds=DecisionThresholds(stage_a_ms=0.001))
    result, job = slow.stage_a(slow.new_session(SessionSettings()), frame)
    assert job is None
    assert "Stage A took" in result.stage_b.reason


def test_a_real_person_who_comes_closer_in_a_real_street_is_said_in_time_and_in_the_right_direction(engine):
    data = shared_data()
    state = engine.new_session(SessionSettings(hfov_deg=66.0))
    said = []
    for i, (bgr, distance) in enumerate(approach(data, fps=10, bearing_deg=-20.0)):
        result, _ = engine.stage_a(state, Frame(np.ascontiguousarray(bgr[:, :, ::-1]), i / 10.0, i))
        said += [(distance, alert) for alert in result.alerts if alert.delivered and alert.stage in ("P0", "P1")]
    assert said, "nobody was warned of a person who walked up to the camera"
    distance, first = said[0]
    assert distance > 2.0, f"warned only at {distance:.1f} m"
    assert "left" in first.text.lower(), first.text
    assert first.source == "measured"


def test_nothing_is_said_to_approach_in_a_still_picture(engine):
    frame = scene_frames(1)[0]
    state = engine.new_session(SessionSettings())
    for i in range(20):
        result, _ = engine.stage_a(state, Frame(frame.rgb, i / 10.0, i))
        assert not [a for a in result.alerts if a.stage in ("P0", "P1")]
        assert not result.detections


def test_a_failing_estimator_stays_an_unavailable_output_and_the_others_go_on(engine, monkeypatch):
    from maxsight_core.perception import stage_b_estimators

    def broken(view):
        raise RuntimeError("sensor on fire")

    chosen = stage_b_estimators.STAGE_B[0]
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B",
                        (chosen._replace(estimate=broken), *stage_b_estimators.STAGE_B[1:]))
    _, values = run(engine, scene_frames(1))[0]
    for name in chosen.outputs:
        assert values[name].source == "unavailable"
        assert "sensor on fire" in values[name].reason
    assert any(v.source == "measured" for name, v in values.items() if name not in chosen.outputs)


def test_a_nan_is_withheld_and_says_so():
    value = stage_b.finite(Value.measured("depth_map", np.array([[1.0, np.nan]]), "test"))
    assert value.source == "unavailable"
    assert "NaN" in value.reason


def test_a_network_that_raises_leaves_the_measured_path_running(engine, monkeypatch):
    def broken(batch):
        raise RuntimeError("device lost")

    monkeypatch.setattr(engine.runtime, "infer", broken, raising=False)
    results = run(engine, scene_frames(3))
    _, values = results[-1]
    assert values["motion_flow"].source == "measured"
    assert values["uncertainty"].source == "measured"
