from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from maxsight_core.engine.lanes import Lane


def wait_for(condition, seconds=5.0):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_step_that_raises_is_counted_and_the_lane_goes_on():
    calls = []

    def step(token):
        calls.append(1)
        time.sleep(0.005)
        if len(calls) == 1:
            raise RuntimeError("broken once")

    lane = Lane("A", step)
    lane.start()
    assert wait_for(lambda: len(calls) > 3)
    lane.stop(2.0)
    assert lane.errors == 1


def test_a_lane_that_hangs_is_replaced_and_its_old_thread_is_told_that_it_is_stale():
    release, tokens, hangs = threading.Event(), [], []

    def step(token):
        token.begin()
        tokens.append(token)
        if len(tokens) == 1:
            release.wait(10.0)
        time.sleep(0.01)

    lane = Lane("A", step, on_hang=lambda: hangs.append(1))
    lane.start()
    assert wait_for(lambda: len(tokens) == 1)
    time.sleep(0.1)
    lane.check(stall_s=0.05)
    assert wait_for(lambda: len(tokens) > 2)
    assert tokens[0].stale
    assert not tokens[-1].stale
    assert hangs == [1]
    assert lane.restarts == 1
    release.set()
    lane.stop(2.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_lane_whose_thread_died_is_replaced():
    steps = []

    def step(token):
        steps.append(threading.current_thread().name)
        time.sleep(0.005)
        if len(steps) == 1:
            raise SystemExit  # not an Exception: it ends the thread

    lane = Lane("B", step)
    lane.start()
    assert wait_for(lambda: not lane.health()["alive"])
    lane.check(stall_s=1.0)
    assert wait_for(lambda: len(steps) > 3)
    assert lane.restarts == 1
    lane.stop(2.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps a priority for each thread")
def test_an_advisory_lane_stands_back_and_the_rest_of_the_process_does_not():
    seen = []
    lane = Lane("C", lambda token: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())), niceness=7)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    lane.start()
    assert wait_for(lambda: len(seen) > 1)
    lane.stop(2.0)
    assert seen[0] == max(before, 7)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
