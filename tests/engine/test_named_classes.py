"""A checkpoint reports the classes that its evaluation earned and no others, with calibrated scores."""

import json

import pytest
from support.constant_detector import constant_detector

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.score_rule import ScoreRule
from maxsight_core.process import offline
from maxsight_core.sources import open_source

PERSON, CAR = 1, 3
SCORE = 0.8808  # sigmoid(2)


def engine_with(tmp_path, **manifest):
    path = constant_detector(tmp_path / "t0.safetensors", (0, PERSON, CAR), **manifest)
    return Engine(offline(EngineConfig(checkpoint=path, runtime="torch", precision="f32", cache_dir=tmp_path)))


def named_in(engine):
    """Named things of the last of a few frames."""
    state = engine.new_session(SessionSettings())
    for number, frame in enumerate(open_source("scene:corridor?seed=1&fps=10&size=160x120").frames()):
        result, _ = engine.stage_a(state, frame)
        if number == 4:
            return [(thing.class_name, thing.score) for thing in result.detections if thing.class_id in (PERSON, CAR)]


def test_every_output_of_a_trained_network_can_be_shown_to_a_developer(tmp_path):
    """Tables of all locations are far taller than wide: no picture of them, but they must not stop the view."""
    engine = engine_with(tmp_path)
    frame = next(iter(open_source("scene:corridor?seed=1&fps=10&size=160x120").frames()))
    result, _ = engine.stage_a(engine.new_session(SessionSettings()), frame)
    assert result.outputs["boxes"].source == "learned"
    shown = {name: value.to_json(preview=True) for name, value in result.outputs.items()}
    assert json.loads(json.dumps(shown)).keys() == result.outputs.keys()
    assert "preview" not in shown["boxes"] and shown["boxes"]["summary"]["shape"][-1] == 4


def test_an_earned_class_is_reported_with_its_calibrated_score(tmp_path):
    engine = engine_with(tmp_path, score_thresholds={PERSON: 0.6}, temperatures={"detections": 2.0})
    assert engine.describe()["named_classes"] == ["person"]
    ((name, score),) = named_in(engine)
    assert name == "person" and score == pytest.approx(ScoreRule(2.0).calibrated(SCORE), abs=0.01)


def test_below_its_threshold_it_is_not(tmp_path):
    assert named_in(engine_with(tmp_path, score_thresholds={PERSON: 0.8}, temperatures={"detections": 2.0})) == []


def test_a_class_that_was_not_earned_is_never_reported(tmp_path):
    engine = engine_with(tmp_path, score_thresholds={CAR: 0.2})
    assert named_in(engine) == [] and engine.describe()["named_classes"] == ["car"]


def test_without_thresholds_everything_is_reported(tmp_path):
    engine = engine_with(tmp_path)
    assert [name for name, _ in named_in(engine)] == ["person"] and engine.describe()["named_classes"] is None
