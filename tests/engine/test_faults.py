"""What goes wrong in one part stays in it: contained, counted, visible, and over when it is over.

Each test was seen to fail with the guard it protects taken out (named in its docstring where it is not obvious).
"""

from __future__ import annotations

import threading
from dataclasses import replace

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

from maxsight_core.contracts import SessionSettings, Value
from maxsight_core.engine import stage_b_values
from maxsight_core.engine.breaker import CircuitBreaker
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import ImageError, decode_rgb
from maxsight_core.engine.engine import as_frame
from maxsight_core.engine.service import EngineService

CONFIG = EngineConfig(stall_s=1.5)
"""Short for tests, and still longer than any frame takes on a machine that is busy with other things."""
DEPTH = frozenset({"depth_map", "depth_uncertainty"})
CONTRAST = frozenset({"contrast_map", "contrast_sensitivity"})


@pytest.fixture(autouse=True)
def quick_estimators(monkeypatch):
    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", QUICK)
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C", (estimator("ocr", "ocr", value=[]),))
    monkeypatch.setattr("maxsight_core.engine.service.WATCHDOG_INTERVAL_S", 0.05)


@pytest.fixture(autouse=True, scope="module")
def warm():
    """What is loaded by the first frame of a process is not to be taken for a hang."""
    engine = make_engine()
    engine.process(engine.new_session(SessionSettings()), frames(1)[0])
    with pytest.raises(ImageError):
        decode_rgb(b"no picture")


@pytest.fixture
def serve():
    """Start services that are stopped, and whose blocked threads are let go, when the test ends."""
    running, gates = [], []

    def start(engine):
        service = EngineService(CONFIG, engine)
        service.start()
        running.append(service)
        recorder = Recorder()
        service.open_session("s", SessionSettings(), recorder)
        return service, recorder

    start.gates = gates
    yield start
    for gate in gates:
        gate.set()
    for service in running:
        service.stop()


def frames(count):
    return [as_frame(decode_rgb(packet(seq).data), seq / 10.0, seq) for seq in range(count)]


def passes(engine, count):
    """Stage A and B over some frames; the Stage B results."""
    state = engine.new_session(SessionSettings())
    scenes = []
    for frame in frames(count):
        _, job = engine.stage_a(state, frame)
        scenes.append(engine.stage_b(state, job))
    return scenes


def answered(service, recorder, seq, data=None):
    service.submit("s", packet(seq, data))
    assert recorder.wait(lambda r: r.answers[seq]), f"frame {seq} got no answer"


# ---- Stage B's network -------------------------------------------------------------------------------------


class Failing:
    """Raises while ``on`` is set."""

    def __init__(self):
        self.on = True

    def __call__(self, name):
        if self.on:
            raise RuntimeError("device lost")


def test_a_raising_network_costs_its_outputs_only_and_they_say_why():
    engine = make_engine(stage_b=StageBDouble(during=Failing()), trained_b=DEPTH)
    scene = passes(engine, 1)[0]
    assert scene.outputs["depth_map"].source == "measured"
    assert scene.outputs["scene_motion"].source == "unavailable"
    assert "device lost" in scene.outputs["scene_motion"].reason
    found = engine.stage_b_health()
    assert (found["ran"], found["failed"], found["reasons"]) == (0, 1, {"network_failed": 1})
    assert "device lost" in found["last_reason"]


def test_three_failures_in_a_row_switch_the_network_off_for_30_s_and_then_it_is_tried_again():
    now, failing = [0.0], Failing()
    double = StageBDouble(during=failing)
    engine = make_engine(stage_b=double, trained_b=DEPTH)
    engine.context_network.breaker = CircuitBreaker(clock=lambda: now[0])
    scenes = passes(engine, 5)
    assert len(double.calls) == 3, "a network that fails must not go on to use the cores"
    assert "is off: 3 failures in a row" in scenes[-1].outputs["scene_motion"].reason
    assert engine.stage_b_health()["network"].startswith("off: 3 failures in a row")
    assert engine.stage_b_health()["reasons"] == {"network_failed": 3, "network_off": 2}
    now[0] = 29.9
    passes(engine, 1)
    assert len(double.calls) == 3
    now[0] = 30.1
    failing.on = False
    assert passes(engine, 1)[0].outputs["depth_map"].source == "learned"
    assert engine.stage_b_health()["network"] == "trained"


def test_a_network_that_fails_its_trial_is_off_again_at_once():
    now = [0.0]
    breaker = CircuitBreaker(failures=3, off_s=30.0, clock=lambda: now[0])
    for _ in range(3):
        breaker.failed("x")
    now[0] = 31.0
    assert breaker.refusal() is None
    breaker.failed("y")
    assert "4 failures in a row, the last: y" in breaker.refusal()
    breaker.succeeded()
    breaker.failed("z")
    assert breaker.refusal() is None, "one failure after a success opens nothing"


def test_a_head_that_gives_nan_is_counted_measured_instead_and_leaves_the_others_learned():
    double = StageBDouble("T1")
    double.spoil = ("depth_map",)
    engine = make_engine(stage_b=double, trained_b=DEPTH | {"edge_map"})
    scene = passes(engine, 1)[0]
    assert scene.outputs["edge_map"].source == "learned"
    for name in ("depth_map", "depth_uncertainty"):  # one head: what else it says is not to be trusted
        assert scene.outputs[name].source == "measured"
    assert engine.counters.not_finite() == {"depth_map": 1, "depth_uncertainty": 1}
    assert engine.stage_b_health()["reasons"] == {"not_finite": 2}
    assert engine.stage_b_health()["network"] == "trained"


def test_a_network_that_gives_nothing_but_nan_is_switched_off_like_one_that_raises():
    double = StageBDouble("T1")
    engine = make_engine(stage_b=double, trained_b=DEPTH)
    double.spoil = tuple(tensor.name for head in engine.context_network.heads for tensor in head.gives)
    passes(engine, 3)
    assert "NaN" in engine.stage_b_health()["network"]


def test_what_stage_b_says_of_a_stage_a_output_never_gets_in(monkeypatch):
    def values(raw, trained, view):
        return {name: Value.learned(name, 0.0, "intruder")
                for name in ("uncertainty", "urgency", "timings", "edge_map")}

    monkeypatch.setattr(stage_b_values, "values", values)
    engine = make_engine(stage_b=StageBDouble("T1"), trained_b=frozenset({"edge_map"}))
    state = engine.new_session(SessionSettings())
    result, job = engine.stage_a(state, frames(1)[0])
    scene = engine.stage_b(state, job)
    assert scene.outputs["edge_map"].source == "learned"
    assert not {"uncertainty", "urgency", "timings"} & (set(scene.outputs) | set(state.scene))
    assert engine.stage_b_health()["failed"] == 1
    _, values_now = engine.process(state, replace(frames(2)[1], time_s=0.5))
    assert "intruder" not in {value.method for value in values_now.values() if value.name != "edge_map"}
    assert result.outputs["uncertainty"].method != "intruder"


def test_a_hanging_network_costs_its_thread_and_its_late_answer_is_discarded(serve):
    gate, hung = threading.Event(), threading.Event()

    def during(name):
        if name == "second" and not hung.is_set():
            hung.set()
            gate.wait(20.0)

    double = StageBDouble("T1", during)
    service, recorder = serve(make_engine(stage_b=double, trained_b=DEPTH, config=CONFIG))
    serve.gates.append(gate)
    answered(service, recorder, 0)
    assert hung.wait(5.0)
    assert wait_for(lambda: service.health()["lanes"]["B"]["restarts"] == 1)
    assert double.renewed == 1, "the next thread would share an infer request with the one that hangs"
    assert service.health()["lanes"]["B"]["abandoned"] == 1
    answered(service, recorder, 1)
    assert recorder.wait(lambda r: any(scene.lane == "B" for scene in r.scenes))
    gate.set()
    assert wait_for(lambda: service.health()["lanes"]["B"]["abandoned"] == 0)
    assert {scene.seq for scene in recorder.scenes if scene.lane == "B"} == {1}
    found = service.health()["stage_b"]
    assert (found["ran"], found["failed"], found["reasons"]) == (1, 1, {"network_hung": 1})


def test_an_answer_that_comes_after_its_thread_was_given_up_makes_nothing_good_again():
    """Broken by judging the late answer: it closed the breaker and was counted as a pass."""
    double = StageBDouble("T1")
    engine = make_engine(stage_b=double, trained_b=DEPTH)
    network = engine.context_network

    def during(name):
        if name == "third":
            network.give_up("it hung")

    double.during = during
    network.breaker.failed("earlier")
    network.breaker.failed("earlier")
    assert passes(engine, 1) == [None]
    assert network.state.startswith("off: 3 failures in a row, the last: it hung")
    assert engine.stage_b_health()["ran"] == 0


def test_three_hangs_switch_the_network_off_and_the_measured_advice_goes_on(serve):
    gate = threading.Event()
    double = StageBDouble("T1", lambda name: gate.wait(20.0))
    service, recorder = serve(make_engine(stage_b=double, trained_b=DEPTH, config=CONFIG))
    serve.gates.append(gate)
    for seq in range(3):
        answered(service, recorder, seq)
        assert wait_for(lambda: service.health()["lanes"]["B"]["restarts"] == seq + 1)  # noqa: B023
    answered(service, recorder, 3)
    assert recorder.wait(lambda r: any(scene.lane == "B" and scene.seq == 3 for scene in r.scenes))
    scene = next(scene for scene in recorder.scenes if scene.lane == "B")
    assert scene.outputs["depth_map"].source == "measured"
    assert service.health()["stage_b"]["network"].startswith("off: 3 failures in a row")


def test_a_runtime_that_cannot_be_renewed_fails_its_next_pass_and_is_never_shared():
    double = StageBDouble("T1")
    network = make_engine(stage_b=double, trained_b=DEPTH).context_network

    def broken():
        raise RuntimeError("no memory")

    double.renew = broken
    network._running = 1
    assert network.give_up("hung")
    engine = make_engine(stage_b=double, trained_b=DEPTH)
    engine.context_network = engine.advice.network = network
    assert "no memory" in passes(engine, 1)[0].outputs["path_guidance"].reason or not double.calls
    assert not double.calls


# ---- estimators and lane C ---------------------------------------------------------------------------------


def test_a_hanging_estimator_is_named_and_its_memory_is_left_to_its_thread(serve, monkeypatch):
    gate, hung = threading.Event(), threading.Event()

    def hang_once():
        if not hung.is_set():
            hung.set()
            gate.wait(20.0)

    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B", (estimator("stuck", "depth_map", during=hang_once),))
    service, recorder = serve(make_engine(config=CONFIG))
    serve.gates.append(gate)
    state = service._sessions["s"].state
    before = state.stage_b_memory
    answered(service, recorder, 0)
    assert hung.wait(5.0)
    assert wait_for(lambda: service.health()["lanes"]["B"]["restarts"] == 1)
    assert state.stage_b_memory is not before
    assert service.health()["stage_b"]["last_reason"] == "Stage B's estimator stuck hung"
    answered(service, recorder, 1)
    assert recorder.wait(lambda r: any(scene.seq == 1 for scene in r.scenes))


def test_a_raising_estimator_is_counted_as_a_failed_pass(monkeypatch):
    def broken():
        raise RuntimeError("sensor on fire")

    monkeypatch.setattr("maxsight_core.engine.advice.STAGE_B",
                        (estimator("broken", "depth_map", during=broken), *QUICK[1:]))
    engine = make_engine()
    scene = passes(engine, 1)[0]
    assert "sensor on fire" in scene.outputs["depth_map"].reason
    assert scene.outputs["contrast_map"].source == "measured"
    assert engine.stage_b_health()["reasons"] == {"estimator_failed": 1}
    assert engine.stage_b_health()["failed"] == 1


def test_a_hanging_background_lane_delays_neither_a_nor_b(serve, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr("maxsight_core.engine.advice.LANE_C",
                        (estimator("ocr", "ocr", value=[], during=lambda: gate.wait(20.0)),))
    monkeypatch.setattr("maxsight_core.engine.background_lane.STALL_S", 1.0)
    service, recorder = serve(make_engine(config=CONFIG))
    serve.gates.append(gate)
    for seq in range(4):
        answered(service, recorder, seq)
    assert recorder.wait(lambda r: any(scene.lane == "B" for scene in r.scenes))
    assert wait_for(lambda: service.health()["lanes"]["C"]["restarts"] >= 1)
    assert set(recorder.answers.values()) == {1}


# ---- Stage A -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoilt", [
    "objectness", "classification", "sides", "uncertainty", "urgency", "scene_embedding", "fused_map",
    "classification uncertainty",  # then nothing but the picture tells how certain the frame is
])
def test_nan_in_any_tensor_of_stage_a_is_withheld_counted_and_costs_no_frame(spoilt):
    """Broken by asking a spoilt classifier how certain it is: the frame was lost with an error."""
    double = StageADouble()
    engine = make_engine(double, StageBDouble("T2"))
    double.spoil = tuple(spoilt.split())
    state = engine.new_session(SessionSettings())
    result, _ = engine.stage_a(state, frames(1)[0])
    for name in double.spoil:
        assert engine.counters.not_finite()[{"sides": "boxes"}.get(name, name)] >= 1
    assert all(value.is_finite() for value in result.outputs.values())
    assert 0.0 <= result.uncertainty <= 1.0
    if {"objectness", "classification", "sides"} & set(double.spoil):  # an empty list would say that nothing is there
        assert result.outputs["detections"].source != "learned"
    if spoilt == "fused_map":
        assert not state.maps


def test_a_hanging_stage_a_network_is_renewed_beside_the_frames_that_go_on_without_it(serve):
    gate, hung, remade = threading.Event(), threading.Event(), threading.Event()
    double = StageADouble()
    engine = make_engine(double, config=CONFIG)

    def before(batch):
        if not hung.is_set():
            hung.set()
            gate.wait(20.0)

    double.before = before
    renew = double.renew

    def slow_renew():
        renew()
        remade.wait(20.0)

    double.renew = slow_renew
    service, recorder = serve(engine)
    serve.gates += [gate, remade]
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: r.dropped == [(0, "engine_restarting")])
    assert wait_for(lambda: double.renewed == 1)
    answered(service, recorder, 1)
    assert "being made anew" in recorder.results[-1].outputs["objectness"].reason
    assert recorder.results[-1].outputs["motion_flow"].name == "motion_flow"
    remade.set()
    assert wait_for(lambda: not engine.network._lost)
    answered(service, recorder, 2)
    assert recorder.results[-1].outputs["objectness"].source == "learned"
    gate.set()
    assert wait_for(lambda: service.health()["lanes"]["A"]["abandoned"] == 0)
    assert set(recorder.answers.values()) == {1}, "the late thread answered its frame a second time"


def test_a_lost_stage_a_thread_keeps_a_state_of_its_own(serve, monkeypatch):
    """Broken by going on with the same state (``_hang``): the late thread then moved its clock back."""
    gate, hung = threading.Event(), threading.Event()
    engine = make_engine(config=CONFIG)
    measure = engine.stage_a

    def hang_once(state, frame, *more):
        if not hung.is_set():
            hung.set()
            gate.wait(20.0)
        return measure(state, frame, *more)

    monkeypatch.setattr(engine, "stage_a", hang_once)
    service, recorder = serve(engine)
    serve.gates.append(gate)
    service.update_settings("s", SessionSettings(condition="cvi"))
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: r.dropped == [(0, "engine_restarting")])
    answered(service, recorder, 7)
    state = service._sessions["s"].state
    assert state.settings.condition == "cvi", "the settings were lost with the thread"
    gate.set()
    assert wait_for(lambda: service.health()["lanes"]["A"]["abandoned"] == 0)
    assert state.last_time_s == pytest.approx(0.7)
    assert state.last_result.seq == 7


def test_a_frame_in_a_hung_lane_is_answered_although_its_session_has_closed(serve):
    gate = threading.Event()
    hung = threading.Event()

    def before(batch):
        hung.set()
        gate.wait(20.0)

    service, recorder = serve(make_engine(StageADouble(before), config=CONFIG))
    serve.gates.append(gate)
    service.submit("s", packet(0))
    assert hung.wait(5.0)
    service.close_session("s")
    assert recorder.wait(lambda r: r.dropped == [(0, "engine_restarting")])


def test_stopping_answers_a_frame_in_a_hung_lane_and_what_comes_after():
    gate, hung = threading.Event(), threading.Event()

    def before(batch):
        hung.set()
        gate.wait(20.0)

    service = EngineService(EngineConfig(), make_engine(StageADouble(before)))
    recorder = Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))
    assert hung.wait(5.0)
    service.stop(timeout_s=0.1)
    service.submit("s", packet(1))
    gate.set()
    assert sorted(recorder.dropped) == [(0, "session_stopped"), (1, "session_stopped")]
    assert recorder.wait(lambda r: len(r.answers) == 2)
    assert set(recorder.answers.values()) == {1}


def test_a_sink_that_raises_takes_neither_its_lane_nor_other_sessions_with_it(serve):
    service, recorder = serve(make_engine(config=CONFIG))

    class Broken(Recorder):
        def on_result(self, result):
            super().on_result(result)
            raise OSError("socket closed")

        def on_scene(self, result):
            super().on_scene(result)
            raise OSError("socket closed")

    broken = Broken()
    service.open_session("broken", SessionSettings(), broken)
    for seq in range(2):
        service.submit("broken", packet(seq))
        assert broken.wait(lambda r: r.answers[seq])  # noqa: B023
        answered(service, recorder, seq)
    assert broken.wait(lambda r: {scene.lane for scene in r.scenes} == {"B", "C"}), "its jobs were not handed on"
    health = service.health()
    assert [health["lanes"][lane]["errors"] for lane in "ABC"] == [0, 0, 0], "a closed socket is no error of a lane"
    assert [health["lanes"][lane]["restarts"] for lane in "ABC"] == [0, 0, 0]
    assert health["alive"]


def test_errors_of_stage_a_are_counted_and_bad_pictures_are_none(serve, monkeypatch):
    engine = make_engine(config=CONFIG)
    service, recorder = serve(engine)
    service.submit("s", packet(0, b"no picture"))
    assert recorder.wait(lambda r: r.dropped == [(0, "bad_image")])
    assert service.health()["lanes"]["A"]["errors"] == 0

    def broken(*args):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(engine, "stage_a", broken)
    service.submit("s", packet(1))
    assert recorder.wait(lambda r: (1, "engine_error") in r.dropped)
    assert wait_for(lambda: service.health()["lanes"]["A"]["errors"] == 1)


def test_every_frame_ends_in_exactly_one_of_ran_skipped_cancelled_and_failed(serve):
    calls = []

    def during(name):
        calls.append(name)
        if len(calls) % 4 == 0:
            raise RuntimeError("now and then")

    service, recorder = serve(make_engine(stage_b=StageBDouble("T1", during), trained_b=DEPTH, config=CONFIG))
    black = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
    for seq in range(12):
        answered(service, recorder, seq, black if seq % 3 == 0 else None)

    def ended():
        found = service.health()["stage_b"]
        return sum(found[end] for end in ("ran", "skipped", "cancelled", "failed")) == len(recorder.results)

    assert wait_for(ended)
    assert service.health()["stage_b"]["skipped"] >= 4
