"""Frames of several sessions in one call of the network: the same answers, once each, and nobody waits for nobody."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.engine_doubles import QUICK, SCENE, Recorder, StageADouble, make_engine, manifest, packet
from support.small_stage_a import small_stage_a

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.runtimes import LoadedStageA
from maxsight_core.engine.service import EngineService
from maxsight_core.models.contract import CONTRACT
from maxsight_core.process import offline
from maxsight_core.scenes import light_jpeg

FRAMES = 3
SESSIONS = ("one", "two", "three", "four")
BATCHED = offline(EngineConfig(batch_max=4, batch_gather_s=0.3))


@pytest.fixture(autouse=True)
def quick_estimators(monkeypatch):
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", QUICK)
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C", ())


@pytest.fixture(scope="module")
def stage_a():
    return small_stage_a()


def jpeg(name, seq):
    """The walk of each session is at another place."""
    return light_jpeg(SCENE, SESSIONS.index(name) * 5 + seq)


def test_a_batch_of_four_sessions_gives_each_what_it_gets_alone(stage_a):
    """The real network and the real lanes; only the last bits of a convolution may depend on the size of a batch."""
    sizes, runtime = [], stage_a.runtime

    class Watched:
        def __getattr__(self, name):
            return getattr(runtime, name)

        def infer(self, batch):
            sizes.append(len(batch))
            return runtime.infer(batch)

    engine = Engine(BATCHED, stage_a=LoadedStageA(Watched(), manifest(trained=frozenset(CONTRACT)), "random"))
    alone = {}
    for name in SESSIONS:
        state = engine.new_session(SessionSettings())
        alone[name] = [engine.stage_a(state, as_frame(decode_rgb(jpeg(name, seq)), seq / 10.0, seq))[0]
                       for seq in range(FRAMES)]
    assert set(sizes) == {1}
    sizes.clear()
    service = EngineService(BATCHED, engine)
    recorders = {name: Recorder() for name in SESSIONS}
    for name, recorder in recorders.items():
        service.open_session(name, SessionSettings(), recorder)
    service.start()
    try:
        for seq in range(FRAMES):
            for name in SESSIONS:
                service.submit(name, packet(seq, jpeg(name, seq)))
            for recorder in recorders.values():
                assert recorder.wait(lambda r: r.answers[seq])  # noqa: B023
    finally:
        service.stop()
    assert max(sizes) == 4, sizes
    assert sum(sizes) == 4 * FRAMES
    for name in SESSIONS:
        assert recorders[name].answers == dict.fromkeys(range(FRAMES), 1)
        for expected, found in zip(alone[name], recorders[name].results, strict=True):
            assert_same(expected, found)


def assert_same(expected, found):
    assert [d.to_json() for d in expected.detections] == [d.to_json() for d in found.detections]
    for name, value in expected.outputs.items():
        if name in ("timings", "stage_b"):
            continue
        other = found.outputs[name]
        assert (value.source, value.method) == (other.source, other.method), name
        if isinstance(value.value, np.ndarray):
            np.testing.assert_allclose(value.value, other.value, atol=1e-5, rtol=1e-5, err_msg=name)
        else:
            assert value.to_json() == other.to_json(), name


def test_a_lone_session_never_waits_for_others_that_are_not_there():
    config = offline(EngineConfig(batch_max=4, batch_gather_s=5.0))
    service, recorder = EngineService(config, make_engine(config=config)), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    started = time.monotonic()
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: r.answers[0])
    assert time.monotonic() - started < 4.0
    service.stop()


def test_one_bad_frame_spoils_neither_its_batch_nor_its_session():
    """A picture that is none, and one on which the network raises: the others of the batch get their own answers."""
    def before(batch):
        if len(batch) > 1:
            raise RuntimeError("the batch is too large for this device")

    double = StageADouble(before)
    service = EngineService(BATCHED, make_engine(double, config=BATCHED))
    recorders = {name: Recorder() for name in SESSIONS}
    for name, recorder in recorders.items():
        service.open_session(name, SessionSettings(), recorder)
        service.submit(name, packet(0, b"no picture" if name == "two" else None))
    service.start()
    try:
        for recorder in recorders.values():
            assert recorder.wait(lambda r: r.answers[0])
    finally:
        service.stop()
    assert double.batches == [3, 1, 1, 1]
    assert recorders["two"].dropped == [(0, "bad_image")]
    for name in ("one", "three", "four"):
        assert recorders[name].results[0].outputs["objectness"].source == "learned"


def test_a_batch_that_hangs_answers_every_frame_in_it_once(monkeypatch):
    monkeypatch.setattr("maxsight_core.engine.service.WATCHDOG_INTERVAL_S", 0.05)
    gate = threading.Event()
    config = offline(EngineConfig(batch_max=4, batch_gather_s=0.3, stall_s=1.0))
    service = EngineService(config, make_engine(StageADouble(lambda batch: gate.wait(20.0)), config=config))
    recorders = {name: Recorder() for name in SESSIONS}
    for name, recorder in recorders.items():
        service.open_session(name, SessionSettings(), recorder)
        service.submit(name, packet(0))
    service.start()
    try:
        for recorder in recorders.values():
            assert recorder.wait(lambda r: r.answers[0])
            assert recorder.dropped == [(0, "engine_restarting")]
    finally:
        gate.set()
        service.stop()
    assert all(recorder.answers == {0: 1} for recorder in recorders.values())


def test_the_wait_for_the_rest_of_a_batch_counts_as_time_of_stage_a():
    service = EngineService(BATCHED, make_engine(config=BATCHED))
    recorders = {name: Recorder() for name in SESSIONS}
    for name, recorder in recorders.items():
        service.open_session(name, SessionSettings(), recorder)
        service.submit(name, packet(0))
    service.start()
    try:
        for recorder in recorders.values():
            assert recorder.wait(lambda r: r.results)
    finally:
        service.stop()
    last = recorders["four"].results[0].timings_ms
    assert last["batch_wait"] > 0
    parts = sum(ms for part, ms in last.items() if part != "stage_a")
    assert last["stage_a"] == pytest.approx(parts, rel=0.1)


def test_a_gpu_takes_batches_by_itself_and_a_cpu_does_not():
    engine = make_engine()
    assert engine.batch_max == 1
    engine.network.runtime.device = "cuda"
    assert engine.batch_max == 8
    engine.config = EngineConfig(batch_max=3)
    assert engine.batch_max == 3
