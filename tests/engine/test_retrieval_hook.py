"""Retrieval in the engine: a stored index, the learned embedding of a frame, and similar scenes as advice of lane C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.engine_doubles import QUICK, Recorder, StageADouble, estimator, make_engine, packet

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import as_frame
from maxsight_core.engine.service import EngineService
from maxsight_core.process import offline

pytest.importorskip("faiss", reason="retrieval needs FAISS")


@pytest.fixture(autouse=True)
def quick_estimators(monkeypatch):
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", QUICK)
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C", (estimator("ocr", "ocr", value=[]),))


@pytest.fixture
def config(tmp_path):
    """A stored index of three scenes; the double's embedding is like the first one's."""
    from maxsight_core import retrieval
    from maxsight_core.retrieval.store import EmbeddingKey

    ramp = np.linspace(-1, 1, 256, dtype=np.float32)
    vectors = np.stack([ramp, -ramp, np.roll(ramp, 100)])
    entries = [retrieval.SceneEntry(f"scene-{n}", f"Scene {n}", ("door",) if n else ("stairs",), f"picture {n}")
               for n in range(3)]
    index = retrieval.SceneIndex.build(vectors, entries, seed=0)
    retrieval.save(tmp_path / "index", index, EmbeddingKey("scene_embedding", "untrained", True))
    return offline(EngineConfig(retrieval_index=tmp_path / "index"))


def test_a_recording_gets_the_similar_scenes_of_its_frames_at_the_interval_on_its_clock(config):
    engine = make_engine(config=config)
    state = engine.new_session(SessionSettings())
    ages = []
    for seq in (0, 10, 25):
        frame = as_frame(decode_rgb(packet(seq).data), seq / 10.0, seq)
        _, values = engine.process(state, frame)
        ages.append(values["retrieval"].age_ms)
    found = values["retrieval"]
    assert found.source == "learned"
    assert found.value["scenes"][0]["scene"] == "Scene 0"
    assert found.value["advisory"] is True
    assert ages == pytest.approx([0.0, 1000.0, 0.0]), "looked up again before two seconds had passed"


def test_a_live_session_gets_them_as_a_scene_of_lane_c_and_health_shows_the_worker(config):
    service, recorder = EngineService(config, make_engine(config=config)), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        service.submit("s", packet(0))
        assert recorder.wait(lambda r: any("retrieval" in scene.outputs for scene in r.scenes))
        assert recorder.wait(lambda r: any("ocr" in scene.outputs for scene in r.scenes))
        health = service.health()["retrieval"]
    finally:
        service.stop()
    scene = next(scene for scene in recorder.scenes if "retrieval" in scene.outputs)
    assert (scene.lane, scene.seq, set(scene.outputs)) == ("C", 0, {"retrieval"})
    assert scene.outputs["retrieval"].value["scenes"][0]["scene"] == "Scene 0"
    assert (health["index_size"], health["failed"]) == (3, 0)
    text = next(scene for scene in recorder.scenes if "ocr" in scene.outputs)
    assert "retrieval" not in text.outputs, "the reading of text took the scenes back"


def test_a_closed_session_hears_nothing_more_and_an_embedding_of_nan_is_not_looked_up(config):
    double = StageADouble()
    double.spoil = ("scene_embedding",)
    service, recorder = EngineService(config, make_engine(double, config=config)), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        service.submit("s", packet(0))
        assert recorder.wait(lambda r: any("ocr" in scene.outputs for scene in r.scenes))
        assert service.health()["retrieval"]["answered"] == 0
        double.spoil = ()
        service.submit("s", packet(1))
        assert recorder.wait(lambda r: r.answers[1])
        service.close_session("s")
        told = len(recorder.scenes)
    finally:
        service.stop()
    assert len(recorder.scenes) <= told + 1


def test_an_index_of_other_weights_is_refused_with_the_reason_on_the_output(config):
    engine = make_engine(config=config)
    other = replace(engine.manifest, sha256="a" * 64)
    from maxsight_core.engine.retrieval_hook import Retrieval

    refused = Retrieval.load(config.retrieval_index, other)
    assert refused.worker is None
    assert "cannot be compared" in refused.reason
