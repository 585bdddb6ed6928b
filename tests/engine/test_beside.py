"""Quality and motion are measured beside Stage A's network, not after it, and a hang of either costs one frame."""

from __future__ import annotations

import os
import threading

import pytest
from support.engine_doubles import Recorder, StageADouble, make_engine, packet

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine import beside
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import as_frame
from maxsight_core.engine.service import EngineService

FRAMES = [as_frame(decode_rgb(packet(seq).data), seq / 10.0, seq) for seq in range(4)]


def test_measurement_goes_on_while_the_network_computes(monkeypatch):
    """Broken by measuring after the network: it then waits for what has not begun."""
    measured = threading.Event()
    original = beside.measure

    def measure(*given):
        found = original(*given)
        measured.set()
        return found

    monkeypatch.setattr(beside, "measure", measure)
    in_time = []
    engine = make_engine(StageADouble(lambda batch: in_time.append(measured.wait(5.0))))
    result, _ = engine.stage_a(engine.new_session(SessionSettings()), FRAMES[0])
    assert in_time == [True]
    assert {"network", "quality", "motion"} <= set(result.timings_ms)


def test_a_slow_network_changes_nothing_of_what_is_measured():
    """The order in which the two end decides nothing."""
    answers = []
    for before in (lambda batch: None, lambda batch: threading.Event().wait(0.1)):
        engine = make_engine(StageADouble(before))
        state = engine.new_session(SessionSettings())
        results = [engine.stage_a(state, frame)[0] for frame in FRAMES]
        answers.append([(r.outputs["uncertainty"].value, r.detections, r.alerts) for r in results])
    assert answers[0] == answers[1]


def test_what_the_measurement_raises_is_an_error_of_the_frame(monkeypatch):
    monkeypatch.setattr(beside.frame_quality, "measure", lambda rgb: (_ for _ in ()).throw(ValueError("broken")))
    engine = make_engine(StageADouble())
    with pytest.raises(ValueError, match="broken"):
        engine.stage_a(engine.new_session(SessionSettings()), FRAMES[0])


def test_a_hanging_measurement_costs_its_frame_and_the_next_one_gets_another_thread(monkeypatch):
    """Broken by keeping the thread (``Beside.give_up``): every later frame then waits behind the one that hangs."""
    release, original, calls = threading.Event(), beside.measure, []

    def hang_once(*given):
        calls.append(1)
        if len(calls) == 1:
            release.wait(30.0)
        return original(*given)

    config = EngineConfig(stall_s=0.5)
    beside.measure(make_engine(StageADouble()).new_session(SessionSettings()).motion, FRAMES[0],
                   SessionSettings().camera(FRAMES[0].width, FRAMES[0].height))  # loads what is loaded once
    monkeypatch.setattr(beside, "measure", hang_once)
    service, recorder = EngineService(config, make_engine(StageADouble(), config=config)), Recorder()
    service.start()
    service.open_session("s", SessionSettings(), recorder)
    try:
        service.submit("s", packet(0))
        assert recorder.wait(lambda r: r.dropped)
        assert recorder.dropped[0][-1] == "engine_restarting"
        service.submit("s", packet(1))
        assert recorder.wait(lambda r: r.results)
    finally:
        release.set()
        service.stop()


def test_the_fused_grid_leaves_one_core_for_the_measurement_unless_the_threads_are_given(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert beside.network_threads(None, "fused") == 7
    assert beside.network_threads(None, "pyramid") == 8
    assert beside.network_threads(3, "fused") == beside.network_threads(3, "pyramid") == 3
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert beside.network_threads(None, "fused") == beside.network_threads(None, "pyramid") == 1
