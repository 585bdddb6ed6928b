from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from maxsight_core.engine.lanes import Lane, standing_back


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


def test_what_is_done_and_what_is_abandoned_is_counted():
    release, steps = threading.Event(), []

    def step(token):
        steps.append(1)
        if len(steps) == 3:
            time.sleep(0.01)
            return  # nothing came: that is no work
        token.begin()
        if len(steps) == 2:
            release.wait(10.0)
        if len(steps) > 5:
            time.sleep(0.01)

    lane = Lane("A", step)
    lane.start()
    assert wait_for(lambda: len(steps) == 2)
    assert lane.health()["done"] == 1
    time.sleep(0.1)
    lane.check(stall_s=0.05)
    assert lane.health()["abandoned"] == 1
    assert wait_for(lambda: lane.done > 3)
    assert lane.done < len(steps), "the hanging step and the empty one are not done"
    release.set()
    assert wait_for(lambda: lane.health()["abandoned"] == 0)
    lane.stop(2.0)


def test_a_failing_clean_up_does_not_keep_the_next_thread_from_starting():
    release, tokens = threading.Event(), []

    def step(token):
        token.begin()
        tokens.append(token)
        if len(tokens) == 1:
            release.wait(10.0)
        time.sleep(0.01)

    def broken():
        raise RuntimeError("no memory")

    lane = Lane("A", step, on_hang=broken)
    lane.start()
    assert wait_for(lambda: len(tokens) == 1)
    time.sleep(0.1)
    lane.check(stall_s=0.05)
    assert wait_for(lambda: len(tokens) > 2)
    release.set()
    lane.stop(2.0)


def test_a_lane_that_is_stopped_while_it_is_replaced_stays_stopped():
    release, tokens = threading.Event(), []

    def step(token):
        token.begin()
        tokens.append(token)
        release.wait(10.0)

    lane = Lane("A", step, on_hang=lambda: lane.stop(0.0))
    lane.start()
    assert wait_for(lambda: len(tokens) == 1)
    time.sleep(0.1)
    lane.check(stall_s=0.05)
    release.set()
    time.sleep(0.1)
    assert len(tokens) == 1


def test_work_that_goes_on_in_parts_is_no_hang():
    done = []

    def step(token):
        for _ in range(5):
            token.begin()
            time.sleep(0.05)
        done.append(1)

    lane = Lane("B", step)
    lane.start()
    while not done:
        lane.check(stall_s=0.15)
        time.sleep(0.01)
    assert lane.restarts == 0
    lane.stop(2.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps a priority for each thread")
def test_what_is_loaded_standing_back_starts_its_threads_at_that_priority():
    def make():
        seen = []
        child = threading.Thread(target=lambda: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
        child.start()
        child.join()
        return seen[0]

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert standing_back(make, niceness=7) == max(before, 7)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before

    def broken():
        raise FileNotFoundError("no weights")

    with pytest.raises(FileNotFoundError, match="no weights"):
        standing_back(broken)
