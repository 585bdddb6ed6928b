"""The worker: whatever a lookup does, nobody waits for it, and nobody gets an answer that is not theirs."""

from __future__ import annotations

import os
import sys
import threading
import time

import numpy as np
import pytest

from maxsight_core.retrieval import Found, RetrievalWorker, SceneIndex, SceneLookup
from maxsight_core.retrieval import worker as worker_module

PROMPT_S = 0.5
"""A call that waits for nothing takes microseconds; this leaves room for a very busy machine."""
PATIENCE_S = 20.0


class Gated:
    """A lookup that waits until it is let go, and remembers what it was asked."""

    size = 7

    def __init__(self) -> None:
        self.gate, self.begun, self.asked = threading.Event(), threading.Semaphore(0), []

    def __call__(self, vectors):
        self.asked.append(float(vectors.reshape(-1)[0]))
        self.begun.release()
        assert self.gate.wait(PATIENCE_S)
        return Found((), ())


class Answers:
    """Collects answers and lets a test wait for them."""

    def __init__(self) -> None:
        self.got, self._came = [], threading.Semaphore(0)

    def __call__(self, answer) -> None:
        self.got.append(answer)
        self._came.release()

    def wait(self, count: int = 1) -> list:
        for _ in range(count):
            assert self._came.acquire(timeout=PATIENCE_S), "an answer did not come"
        return self.got


@pytest.fixture
def gated():
    lookup = Gated()
    yield lookup
    lookup.gate.set()


@pytest.fixture
def start(request):
    """Starts workers and stops them after the test."""
    def started(lookup, **options):
        worker = RetrievalWorker(lookup, **options)
        worker.start()
        request.addfinalizer(lambda: worker.stop(0.0))
        return worker

    return started


def vector(first: float = 1.0) -> np.ndarray:
    found = np.zeros(256, np.float32)
    found[0] = first
    return found


def eventually(condition) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def prompt(call, *arguments):
    started = time.monotonic()
    value = call(*arguments)
    assert time.monotonic() - started < PROMPT_S, f"{call} waited"
    return value


# ---- answers --------------------------------------------------------------------------------------------------------


def test_an_answer_is_that_of_the_index(start, clustered, entries_for):
    index = SceneIndex.build(clustered(50), entries_for(50))
    worker, answers = start(SceneLookup(index)), Answers()
    query = clustered(1, seed=2)[0]
    assert worker.submit("anna", query, answers)
    answer = answers.wait()[0]
    expected = SceneLookup(index)(query)
    assert (answer.session_id, answer.scenes, answer.concepts) == ("anna", expected.scenes, expected.concepts)
    assert answer.index_size == 50 and answer.lookup_ms > 0 and answer.waited_ms >= 0
    body = answer.to_json()
    assert body["advisory"] is True and body["index_size"] == 50
    assert eventually(lambda: worker.health()["answered"] == 1)
    health = worker.health()
    assert (health["queued"], health["dropped"], health["failed"], health["index_size"]) == (0, 0, 0, 50)
    assert health["alive"] and health["last_ms"] > 0 and health["last_error"] is None


def test_the_vector_may_be_overwritten_after_submit(start, gated):
    worker, buffer = start(gated), vector(5.0)
    worker.submit("a", vector(), Answers())
    assert gated.begun.acquire(timeout=PATIENCE_S)
    answers = Answers()
    worker.submit("b", buffer, answers)
    buffer[:] = 9.0
    gated.gate.set()
    answers.wait()
    assert gated.asked == [1.0, 5.0]


def test_lookups_run_in_a_thread_of_their_own_that_stands_back(start):
    seen = {}

    class Looking:
        size = 0

        def __call__(self, vectors):
            seen["name"], seen["thread"] = threading.current_thread().name, threading.get_ident()
            seen["daemon"] = threading.current_thread().daemon
            if sys.platform.startswith("linux"):
                seen["nice"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return Found((), ())

    answers = Answers()
    start(Looking()).submit("a", vector(), answers)
    answers.wait()
    assert seen["name"] == "maxsight-retrieval" and seen["daemon"] and seen["thread"] != threading.get_ident()
    if sys.platform.startswith("linux"):
        assert seen["nice"] > os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) or seen["nice"] == 19


# ---- nobody waits ---------------------------------------------------------------------------------------------------


def test_a_lookup_that_hangs_delays_no_call_and_stop_returns(start, gated):
    worker, answers = start(gated), Answers()
    assert prompt(worker.submit, "a", vector(), answers)
    assert gated.begun.acquire(timeout=PATIENCE_S)
    assert prompt(worker.submit, "b", vector(), answers)
    assert prompt(worker.health)["busy_s"] >= 0.0
    prompt(worker.forget, "b")
    prompt(worker.check)
    prompt(worker.stop, 0.1)
    assert not worker.health()["alive"]
    assert not prompt(worker.submit, "c", vector(), answers)
    gated.gate.set()
    assert eventually(lambda: worker.health()["dropped"] == 3)
    assert answers.got == []  # the lookup ended after the worker was stopped: its answer is nobody's


def test_the_queue_is_bounded_and_says_when_it_is_full(start, gated):
    worker, answers = start(gated, queue_size=3), Answers()
    worker.submit("first", vector(), answers)
    assert gated.begun.acquire(timeout=PATIENCE_S)
    taken = [worker.submit(f"s{number}", vector(number), answers) for number in range(6)]
    assert taken == [True, True, True, False, False, False]
    assert worker.submit("s2", vector(20), answers)  # who waits already may always bring newer
    health = worker.health()
    assert health["queued"] == 3 and health["dropped"] == 4
    gated.gate.set()
    assert [answer.session_id for answer in answers.wait(4)] == ["first", "s0", "s1", "s2"]
    assert gated.asked == [1.0, 0.0, 1.0, 20.0]


def test_the_newest_vector_of_a_session_wins_and_keeps_its_place(start, gated):
    worker, answers, old = start(gated), Answers(), Answers()
    worker.submit("first", vector(), answers)
    assert gated.begun.acquire(timeout=PATIENCE_S)
    worker.submit("a", vector(2), old)
    worker.submit("b", vector(3), answers)
    worker.submit("a", vector(4), answers)
    gated.gate.set()
    assert [answer.session_id for answer in answers.wait(3)] == ["first", "a", "b"]
    assert gated.asked == [1.0, 4.0, 3.0] and old.got == []
    assert worker.health()["dropped"] == 1


def test_a_session_is_looked_up_at_most_every_interval(start, gated):
    gated.gate.set()
    worker, answers = start(gated, interval_s=0.3), Answers()
    started = time.monotonic()
    assert worker.submit("a", vector(1), answers)
    answers.wait()
    early = worker.submit("a", vector(2), answers)
    if time.monotonic() - started < 0.3:  # on a machine that stood still the interval may be over
        assert not early and worker.health()["early"] == 1
    assert worker.submit("b", vector(3), answers)  # others are not concerned
    answers.wait()
    assert eventually(lambda: worker.submit("a", vector(4), answers)) and time.monotonic() - started >= 0.3
    answers.wait()
    assert gated.asked[-1] == 4.0 and worker_module.INTERVAL_S == 2.0


# ---- whose answer ---------------------------------------------------------------------------------------------------


def test_an_answer_for_a_forgotten_session_is_dropped_even_when_the_session_came_back(start, gated):
    worker, stale, fresh = start(gated), Answers(), Answers()
    worker.submit("a", vector(1), stale)
    assert gated.begun.acquire(timeout=PATIENCE_S)
    worker.forget("a")
    assert worker.submit("a", vector(2), fresh)  # a new visit need not wait for the old one's interval
    gated.gate.set()
    fresh.wait()
    assert stale.got == [] and worker.health()["dropped"] == 1


def test_what_waits_for_a_forgotten_session_is_never_looked_up(start, gated):
    worker, answers = start(gated), Answers()
    worker.submit("first", vector(1), answers)
    assert gated.begun.acquire(timeout=PATIENCE_S)
    worker.submit("a", vector(2), answers)
    worker.submit("b", vector(3), answers)
    worker.forget("a")
    worker.forget("never seen")
    gated.gate.set()
    answers.wait(2)
    assert gated.asked == [1.0, 3.0] and worker.health()["dropped"] == 1


def test_sessions_that_nobody_forgets_do_not_pile_up(start, gated, monkeypatch):
    monkeypatch.setattr(worker_module, "REMEMBERED_SESSIONS", 4)
    gated.gate.set()
    worker, answers = start(gated), Answers()
    for number in range(20):
        worker.submit(f"s{number}", vector(), answers)
        answers.wait()
    assert len(worker._visits) <= 4


# ---- failures -------------------------------------------------------------------------------------------------------


def test_failures_of_lookups_and_callbacks_are_counted_and_the_next_one_gets_its_turn(
    start, clustered, entries_for,
):
    worker, answers = start(SceneLookup(SceneIndex.build(clustered(9), entries_for(9)))), Answers()

    def raising(_):
        raise RuntimeError("the sink is gone")

    assert worker.submit("a", vector(np.nan), answers)
    assert eventually(lambda: worker.health()["failed"] == 1)
    assert worker.health()["last_error"].startswith("RetrievalError: query: row 0 has NaN")
    assert worker.submit("b", vector(), raising)
    assert eventually(lambda: worker.health()["failed"] == 2)
    assert worker.health()["last_error"] == "RuntimeError: the sink is gone"
    assert not worker.submit("c", "no vector", answers) and worker.health()["failed"] == 3
    assert worker.submit("d", vector(), answers) and answers.wait()[0].session_id == "d"
    assert eventually(lambda: worker.health()["answered"] == 1) and worker.health()["alive"]


def test_another_thread_takes_over_from_one_that_hangs_but_not_for_ever(start, gated):
    worker, answers = start(gated), Answers()
    for number in range(worker_module.MAX_ABANDONED + 1):
        worker.submit(f"s{number}", vector(number), answers)
        assert gated.begun.acquire(timeout=PATIENCE_S)
        worker.check(stall_s=60.0)
        assert worker.health()["restarts"] == number  # patience first
        time.sleep(0.01)
        worker.check(stall_s=0.001)
    health = worker.health()
    assert health["restarts"] == worker_module.MAX_ABANDONED == health["failed"]
    assert "longer than 0.001 s" in health["last_error"]
    gated.gate.set()
    assert [answer.session_id for answer in answers.wait()] == ["s3"]  # the abandoned ones say nothing any more
    assert eventually(lambda: worker.health()["dropped"] == worker_module.MAX_ABANDONED)
    assert len(answers.got) == 1


def test_a_worker_can_be_started_again(start, gated):
    gated.gate.set()
    worker, answers = start(gated), Answers()
    worker.start()
    worker.stop()
    assert not worker.health()["alive"]
    worker.start()
    assert worker.submit("a", vector(), answers) and answers.wait()
    with pytest.raises(ValueError, match="queue_size: expected at least 1; got 0"):
        RetrievalWorker(gated, queue_size=0)
