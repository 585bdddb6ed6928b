"""Sessions and lanes over the real engine: one terminal reply for every frame, whatever happens."""

from __future__ import annotations

import threading
import time

import pytest
from support.engine_doubles import Recorder, packet

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.packets import SessionLimitError, UnknownSessionError
from maxsight_core.engine.service import EngineService


@pytest.fixture
def service(engine, request):
    """``stall_s`` as a parameter: short where a hang is the subject, else longer than a busy machine may take."""
    running = EngineService(EngineConfig(stall_s=getattr(request, "param", 30.0), max_sessions=4), engine=engine)
    running.start()
    yield running
    running.stop()


def test_every_frame_of_four_busy_sessions_gets_exactly_one_answer(service):
    recorders = {f"s{n}": Recorder() for n in range(4)}
    for session_id, recorder in recorders.items():
        service.open_session(session_id, SessionSettings(), recorder)
    for seq in range(15):  # far faster than the engine: most are superseded, none may vanish
        for session_id in recorders:
            service.submit(session_id, packet(seq))
        time.sleep(0.01)
    for recorder in recorders.values():
        assert recorder.wait(lambda r: len(r.answers) == 15)
    time.sleep(0.2)
    for recorder in recorders.values():
        assert set(recorder.answers.values()) == {1}
        assert recorder.results, "a session starved"
        assert {reason for _, reason in recorder.dropped} <= {"superseded"}


def test_a_frame_in_flight_is_answered_when_the_session_closes(service):
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    for seq in range(3):
        service.submit("s", packet(seq))
    service.close_session("s")
    service.close_session("s")  # twice is harmless
    assert recorder.wait(lambda r: len(r.answers) == 3)
    assert set(recorder.answers.values()) == {1}
    with pytest.raises(UnknownSessionError):
        service.submit("s", packet(4))


def test_bad_bytes_are_answered_and_do_not_reach_other_sessions(service):
    good, bad = Recorder(), Recorder()
    service.open_session("good", SessionSettings(), good)
    service.open_session("bad", SessionSettings(), bad)
    service.submit("bad", packet(0, b"not a picture"))
    service.submit("good", packet(0))
    assert bad.wait(lambda r: r.dropped == [(0, "bad_image")])
    assert good.wait(lambda r: len(r.results) == 1)


def test_stage_b_and_text_come_as_scenes_of_their_own_after_the_result(service):
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: {scene.lane for scene in r.scenes} == {"B", "C"})
    stage_b = next(scene for scene in recorder.scenes if scene.lane == "B")
    assert stage_b.outputs["contrast_map"].source == "measured"


def test_a_request_is_answered_from_perception_as_p3(service):
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: any(scene.lane == "B" for scene in r.scenes))
    service.request("s", "describe")
    assert recorder.wait(lambda r: r.alerts)
    assert recorder.alerts[0].stage == "P3"
    assert recorder.alerts[0].text
    service.request("s", "find", "unicorn")
    assert "do not see" in recorder.alerts[-1].text
    with pytest.raises(ValueError, match="describe, find, read"):
        service.request("s", "dance")


def test_over_the_limit_a_session_is_refused_with_what_to_do(service):
    for n in range(4):
        service.open_session(f"s{n}", SessionSettings(), Recorder())
    with pytest.raises(SessionLimitError, match="try again"):
        service.open_session("s5", SessionSettings(), Recorder())


@pytest.mark.parametrize("service", [2.0], indirect=True)
def test_a_hanging_engine_is_replaced_and_its_frame_is_answered(service, engine, monkeypatch):
    release, original = threading.Event(), engine.stage_a
    hung = []

    def hang_once(*args, **kwargs):
        if not hung:
            hung.append(1)
            release.wait(20.0)
        return original(*args, **kwargs)

    monkeypatch.setattr(engine, "stage_a", hang_once)
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: r.dropped == [(0, "engine_restarting")])
    service.submit("s", packet(1))
    assert recorder.wait(lambda r: [result.seq for result in r.results] == [1])
    release.set()
    time.sleep(0.3)
    assert recorder.answers == {0: 1, 1: 1}
    assert service.health()["lanes"]["A"]["restarts"] == 1


def test_an_engine_that_raises_answers_the_frame_and_goes_on(service, engine, monkeypatch):
    original, calls = engine.stage_a, []

    def fail_once(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("out of luck")
        return original(*args, **kwargs)

    monkeypatch.setattr(engine, "stage_a", fail_once)
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: r.dropped == [(0, "engine_error")])
    service.submit("s", packet(1))
    assert recorder.wait(lambda r: len(r.results) == 1)


def test_stopping_answers_what_waits(engine):
    service = EngineService(EngineConfig(), engine=engine)
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))  # the lanes were never started
    service.stop()
    assert recorder.dropped == [(0, "session_stopped")]


def test_health_shows_lanes_stage_b_and_what_was_withheld(service):
    recorder = Recorder()
    service.open_session("s", SessionSettings(), recorder)
    service.submit("s", packet(0))
    assert recorder.wait(lambda r: any(scene.lane == "C" for scene in r.scenes))
    assert recorder.wait(lambda r: service.health()["lanes"]["C"]["done"] == 1)
    health = service.health()
    assert set(health) == {"alive", "lanes", "sessions", "max_sessions", "background_dropped", "stage_b_cancelled",
                           "stage_b", "not_finite", "engine"}
    for lane in health["lanes"].values():
        assert set(lane) == {"alive", "done", "restarts", "errors", "abandoned", "busy_s"}
        assert lane["done"] == 1
    assert set(health["stage_b"]) == {"tier", "network", "ran", "skipped", "cancelled", "failed", "reasons",
                                      "last_reason", "last_ms", "slices_ms"}
    assert health["stage_b"]["last_ms"] > 0
    assert "pedestrians" in health["stage_b"]["slices_ms"]
    assert health["not_finite"] == service.engine.counters.not_finite()
