"""Lane B behind lane A: slices that stand back, the rule that cancels, and sessions that are served in turn."""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest
from support.engine_doubles import (
    QUICK,
    Recorder,
    StageADouble,
    StageBDouble,
    estimator,
    make_engine,
    packet,
    wait_for,
)

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decision import DecisionThresholds
from maxsight_core.engine.service import EngineService

DEPTH = frozenset({"depth_map", "depth_uncertainty"})
BLACK = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()


@pytest.fixture(autouse=True)
def quick_estimators(monkeypatch):
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", QUICK)
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C", (estimator("ocr", "ocr", value=[]),))


class Slices:
    """A network whose first slice waits until the test lets it go."""

    def __init__(self):
        self.reached, self.go, self.done = threading.Event(), threading.Event(), []

    def __call__(self, name):
        if not self.go.is_set():
            self.reached.set()
            self.go.wait(20.0)
        self.done.append(name)


@pytest.fixture
def slices():
    waiting = Slices()
    yield waiting
    waiting.go.set()


@pytest.fixture
def serve():
    running = []

    def start(engine, *names):
        service = EngineService(EngineConfig(), engine)
        running.append(service)
        service.start()
        recorders = {name: Recorder() for name in names or ("s",)}
        for name, recorder in recorders.items():
            service.open_session(name, SessionSettings(), recorder)
        return service, recorders

    yield start
    for service in running:
        service.stop()


def answered(service, recorders, seq, name="s", data=None):
    service.submit(name, packet(seq, data))
    assert recorders[name].wait(lambda r: r.answers[seq])


def stage_b(service):
    return service.health()["stage_b"]


# ---- slices ------------------------------------------------------------------------------------------------


def test_a_waiting_frame_is_answered_before_the_next_slice_begins(serve, slices):
    """Broken by leaving out the wait in ``_may_go_on``: the other slices ran while the frame was in work."""
    order = []
    engine = make_engine(StageADouble(lambda batch: order.append("A")),
                         StageBDouble("T1", lambda name: (slices(name), order.append(name))), trained_b=DEPTH)
    service, recorders = serve(engine)
    answered(service, recorders, 0)
    assert slices.reached.wait(10.0)
    gate, original = threading.Event(), engine.network.runtime.before

    def slow(batch):
        original(batch)
        gate.wait(20.0)
        order.append("A done")

    engine.network.runtime.before = slow
    service.submit("s", packet(1))
    assert wait_for(lambda: order.count("A") == 2)
    slices.go.set()  # the first slice ends while frame 1 is in work
    assert wait_for(lambda: "first" in order)
    time.sleep(0.1)
    assert order == ["A", "A", "first"], "a slice began although a frame was in work"
    gate.set()
    assert wait_for(lambda: stage_b(service)["ran"] >= 1)
    assert order[3:6] == ["A done", "second", "third"]


def test_the_slices_of_the_estimators_stand_back_too(serve, monkeypatch):
    reached, go, order = threading.Event(), threading.Event(), []

    def first():
        reached.set()
        go.wait(20.0)
        order.append("first")

    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", (
        estimator("first", "depth_map", during=first),
        estimator("second", "edge_map", during=lambda: order.append("second"))))
    engine = make_engine()
    service, recorders = serve(engine)
    answered(service, recorders, 0)
    assert reached.wait(10.0)
    gate = threading.Event()
    engine.network.runtime.before = lambda batch: gate.wait(20.0)
    service.submit("s", packet(1))
    assert wait_for(lambda: service.health()["lanes"]["A"]["busy_s"] > 0)
    go.set()
    time.sleep(0.1)
    assert order == ["first"]
    gate.set()
    assert wait_for(lambda: "second" in order)


def test_a_job_that_lane_a_keeps_waiting_for_too_long_is_given_up(serve, slices):
    engine = make_engine(stage_b=StageBDouble("T1", slices), trained_b=DEPTH)
    service, recorders = serve(engine)
    answered(service, recorders, 0)
    assert slices.reached.wait(10.0)
    gate = threading.Event()
    engine.network.runtime.before = lambda batch: gate.wait(20.0)
    service.submit("s", packet(1))
    assert wait_for(lambda: service.health()["lanes"]["A"]["busy_s"] > 0)
    slices.go.set()
    assert wait_for(lambda: stage_b(service)["reasons"].get("waited_for_safety") == 1)
    gate.set()
    assert service.health()["lanes"]["B"]["restarts"] == 0, "standing back is no hanging"


# ---- the rule that cancels ---------------------------------------------------------------------------------


def test_a_newer_frame_that_is_skipped_cancels_the_job_in_work_of_its_session_only(serve, slices):
    engine = make_engine(stage_b=StageBDouble("T1", slices), trained_b=DEPTH)
    service, recorders = serve(engine, "s", "other")
    answered(service, recorders, 0)
    assert slices.reached.wait(10.0)
    answered(service, recorders, 0, "other")
    answered(service, recorders, 1, data=BLACK)
    assert stage_b(service)["skipped"] == 1
    slices.go.set()
    assert wait_for(lambda: stage_b(service)["reasons"].get("newer_frame_skipped") == 1)
    assert recorders["other"].wait(lambda r: [s.seq for s in r.scenes if s.lane == "B"] == [0])
    assert not [scene for scene in recorders["s"].scenes if scene.lane == "B"]
    assert slices.done[0] == "first"
    assert slices.done.count("second") == 1, "the cancelled job went on"
    answered(service, recorders, 2)
    assert recorders["s"].wait(lambda r: [s.seq for s in r.scenes if s.lane == "B"] == [2]), "nothing stays off"


def test_a_newer_frame_that_is_skipped_cancels_the_job_that_waits(serve, slices):
    engine = make_engine(stage_b=StageBDouble("T1", slices), trained_b=DEPTH)
    service, recorders = serve(engine, "busy", "s")
    answered(service, recorders, 0, "busy")
    assert slices.reached.wait(10.0)
    answered(service, recorders, 0)
    answered(service, recorders, 1, data=BLACK)
    assert stage_b(service)["reasons"] == {"uncertainty": 1, "newer_frame_skipped": 1}
    slices.go.set()
    assert recorders["busy"].wait(lambda r: [scene for scene in r.scenes if scene.lane == "B"])
    assert not [scene for scene in recorders["s"].scenes if scene.lane == "B"]


def test_stage_a_under_load_cancels_the_jobs_of_all_sessions(serve, slices):
    engine = make_engine(stage_b=StageBDouble("T1", slices), trained_b=DEPTH)
    service, recorders = serve(engine, "one", "two", "three")
    answered(service, recorders, 0, "one")
    assert slices.reached.wait(10.0)  # its job is in work
    answered(service, recorders, 0, "two")  # its job waits
    engine.config = EngineConfig(thresholds=DecisionThresholds(stage_a_ms=1e-3))
    answered(service, recorders, 0, "three")  # and this frame was slow
    assert stage_b(service)["reasons"] == {"latency": 1, "latency_rose": 1}
    slices.go.set()
    assert wait_for(lambda: stage_b(service)["reasons"].get("latency_rose") == 2)
    assert not any(scene.lane == "B" for recorder in recorders.values() for scene in recorder.scenes)
    found = stage_b(service)
    assert (found["ran"], found["skipped"], found["cancelled"]) == (0, 1, 2)
    assert service.health()["stage_b_cancelled"] == 2


def test_a_job_of_a_closed_session_is_cancelled_and_its_state_is_let_go(serve, slices):
    import gc
    import weakref

    engine = make_engine(stage_b=StageBDouble("T2", slices), trained_b=DEPTH)
    service, recorders = serve(engine)
    answered(service, recorders, 0)
    assert slices.reached.wait(10.0)
    kept_map = weakref.ref(service._sessions["s"].state.maps[-1])
    service.close_session("s")
    slices.go.set()
    assert wait_for(lambda: stage_b(service)["reasons"] == {"session_closed": 1})
    assert not recorders["s"].scenes
    engine.context_network.runtime.calls.clear()
    assert wait_for(lambda: gc.collect() is not None and kept_map() is None, 5.0), "temporal state outlived its session"


# ---- fairness ------------------------------------------------------------------------------------------------


def turns_of(engine, service, method):
    """The names of the sessions in the order in which ``method`` of the engine works for them."""
    turns, original = [], getattr(engine, method)
    names = {id(session.state): name for name, session in service._sessions.items()}

    def note(state, *more):
        turns.append(names[id(state)])
        return original(state, *more)

    setattr(engine, method, note)
    return turns


def test_a_greedy_session_delays_the_frames_of_others_by_one_turn_at_most(serve):
    """Broken by serving the newest first (``popitem(last=True)``): greedy had every turn until it stopped."""
    reached, go = threading.Event(), threading.Event()

    def before(batch):
        reached.set()
        go.wait(20.0)

    engine = make_engine(StageADouble(before))
    service, recorders = serve(engine, "greedy", "two", "three")
    turns = turns_of(engine, service, "stage_a")
    service.submit("greedy", packet(0))
    assert reached.wait(10.0)
    for seq in range(1, 20):
        service.submit("greedy", packet(seq))
    for name in ("two", "three"):
        service.submit(name, packet(0))
    service.submit("greedy", packet(20))
    go.set()
    for name in ("two", "three"):
        assert recorders[name].wait(lambda r: r.answers[0])
    assert turns[:4] == ["greedy", "greedy", "two", "three"]
    assert recorders["greedy"].wait(lambda r: len(r.answers) == 21)
    assert set(recorders["greedy"].answers.values()) == {1}


def test_a_greedy_session_delays_the_advice_of_others_by_one_turn_at_most(serve, slices):
    engine = make_engine(stage_b=StageBDouble("T1", slices), trained_b=DEPTH)
    service, recorders = serve(engine, "greedy", "two", "three")
    turns = turns_of(engine, service, "stage_b")
    answered(service, recorders, 0, "greedy")
    assert slices.reached.wait(10.0)
    for seq in range(1, 8):
        answered(service, recorders, seq, "greedy")
    for name in ("two", "three"):
        answered(service, recorders, 0, name)
    answered(service, recorders, 8, "greedy")
    slices.go.set()
    assert wait_for(lambda: len(turns) == 4)
    assert turns == ["greedy", "greedy", "two", "three"]
    assert wait_for(lambda: stage_b(service)["ran"] == 4)
    assert stage_b(service)["reasons"] == {"superseded": 7}
    assert [scene.seq for scene in recorders["greedy"].scenes if scene.lane == "B"] == [0, 8]
