"""Lookups in a thread of their own, so that nobody ever waits for retrieval.

    worker = RetrievalWorker(SceneLookup(index)); worker.start()
    worker.submit("session 1", vector, on_answer)   # returns at once; True when it will be looked up

The queue is bounded: a session waits with one vector at most, the newest, and when ``queue_size`` sessions wait, more
are turned away. A session is looked up at most every two seconds. An answer reaches nobody when its session was
forgotten or the worker stopped meanwhile. A lookup that fails is counted; one that hangs holds up later lookups only,
until :meth:`RetrievalWorker.check` gives the work to another thread.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from maxsight_core.retrieval.concepts import ConceptMatch
from maxsight_core.retrieval.index import SceneMatch
from maxsight_core.retrieval.lookup import Found

log = logging.getLogger(__name__)

QUEUE_SIZE = 8
"""Lane C's bound: at 20 ms a lookup the last of eight waits 0.16 s."""
INTERVAL_S = 2.0
"""Scenes change at walking pace; asking more often gives the same answer."""
NICENESS = 10
"""How far the thread stands back behind safety frames: about a tenth of their share of a busy core."""
STALL_S = 10.0
"""Hundreds of times a slow lookup: past this it hangs."""
MAX_ABANDONED = 3
"""Hanging threads that are given up before the worker stays down: what hangs three times will hang again."""
STOP_TIMEOUT_S = 1.0
REMEMBERED_SESSIONS = 256
"""Sessions whose last lookup is remembered; older ones were never forgotten by their owner and are."""


class Lookup(Protocol):
    """What the worker asks; ``SceneLookup`` is one."""

    @property
    def size(self) -> int: ...

    def __call__(self, vectors: np.ndarray) -> Found: ...


@dataclass(frozen=True, slots=True)
class RetrievalAnswer:
    """Similar scenes and concepts for one vector of one session. Advice (Tier 3): it never changes Tier 1 or Tier 2.

    Args:
        session_id: whose. scenes, concepts: best first.
        lookup_ms: time the lookup took. waited_ms: from submit to its begin. index_size: scenes searched.
    """

    session_id: str
    scenes: tuple[SceneMatch, ...]
    concepts: tuple[ConceptMatch, ...]
    lookup_ms: float
    waited_ms: float
    index_size: int

    def to_json(self) -> dict[str, object]:
        return {**Found(self.scenes, self.concepts).to_json(), "index_size": self.index_size,
                "lookup_ms": round(self.lookup_ms, 2)}


class _Visit:
    """A session from its first vector until it is forgotten; ``started`` is when its last lookup began."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started: float | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    session_id: str
    visit: _Visit
    vectors: np.ndarray
    on_answer: Callable[[RetrievalAnswer], None]
    submitted: float


class RetrievalWorker:
    """A thread that looks things up, and the queue in front of it.

    Args:
        lookup: does the work, in the worker's thread. queue_size: sessions that may wait.
        name: of the thread. interval_s: least time between two lookups of a session.

    Raises:
        ValueError: a queue for less than one session.
    """

    def __init__(
        self, lookup: Lookup, queue_size: int = QUEUE_SIZE, name: str = "maxsight-retrieval", *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        if queue_size < 1:
            raise ValueError(f"queue_size: expected at least 1; got {queue_size}")
        self._lookup, self._queue_size, self._name, self._interval_s = lookup, queue_size, name, interval_s
        self._changed = threading.Condition()  # guards everything below; never held during a lookup or a callback
        self._waiting: dict[str, _Job] = {}
        self._visits: dict[str, _Visit] = {}
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None
        self._running = False
        self._counts = {"answered": 0, "dropped": 0, "early": 0, "failed": 0, "restarts": 0}
        self._last_ms: float | None = None
        self._last_error: str | None = None

    # ---- for callers ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; nothing when it runs already."""
        with self._changed:
            if not self._running:
                self._running = True
                self._spawn()

    def submit(self, session_id: str, vector: np.ndarray, on_answer: Callable[[RetrievalAnswer], None]) -> bool:
        """Ask for a lookup; never waits.

        Args:
            vector: [256] or [1 + Q, 256] float (see ``SceneLookup``); it is copied.
            on_answer: called in the worker's thread, soon or never. It may still come when :meth:`forget` is called
                while it is being delivered.

        Returns:
            True when it will be looked up (unless a newer one of the session takes its place). False when the session
            was looked up less than ``interval_s`` ago (counted as early), when the queue is full or the worker is
            stopped (dropped), or when it is no array of numbers (failed).
        """
        try:
            copied = np.array(vector, np.float32)
        except (TypeError, ValueError) as error:
            with self._changed:
                self._failed(error)
            return False
        now = time.monotonic()
        with self._changed:
            visit = self._visits.get(session_id) or _Visit()
            superseded = session_id in self._waiting
            if not self._running or (not superseded and len(self._waiting) >= self._queue_size):
                self._counts["dropped"] += 1
                return False
            if not superseded and visit.started is not None and now - visit.started < self._interval_s:
                self._counts["early"] += 1
                return False
            self._counts["dropped"] += superseded
            self._visits.pop(session_id, None)
            self._visits[session_id] = visit  # the newest is last, for _tidy
            self._waiting[session_id] = _Job(session_id, visit, copied, on_answer, now)  # keeps its place in the queue
            self._tidy()
            self._changed.notify()
            return True

    def forget(self, session_id: str) -> None:
        """The session is over: what waits for it is dropped, and so is an answer that is on its way."""
        with self._changed:
            self._visits.pop(session_id, None)
            self._counts["dropped"] += self._waiting.pop(session_id, None) is not None

    def check(self, stall_s: float = STALL_S) -> None:
        """Give the work to another thread when the present one died or hangs; call it now and then."""
        with self._changed:
            if not self._running or self._thread is None:
                return
            hangs = self._busy_since is not None and time.monotonic() - self._busy_since > stall_s
            if (self._thread.is_alive() and not hangs) or self._counts["restarts"] >= MAX_ABANDONED:
                return
            log.error("the retrieval thread %s; another takes over", "hangs" if hangs else "died")
            self._counts["restarts"] += 1
            self._counts["failed"] += hangs
            self._last_error = f"a lookup took longer than {stall_s:g} s" if hangs else self._last_error
            self._spawn()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the thread; returns within ``timeout_s`` even when a lookup hangs. No answer is given afterwards."""
        with self._changed:
            self._running = False
            thread = self._thread
            self._counts["dropped"] += len(self._waiting)
            self._waiting.clear()
            self._visits.clear()
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def health(self) -> dict[str, Any]:
        """Figures for health pages.

        Returns:
            queued: waiting now. answered: delivered. dropped: turned away, superseded, forgotten or stopped.
            early: turned away because the session had its lookup. failed: lookups or callbacks that raised or hung.
            index_size: scenes. last_ms: time of the last lookup, or None. alive: the thread runs.
            busy_s: how long the present lookup has been running. restarts: threads that were replaced.
            last_error: one line, or None.
        """
        size = self._size()
        with self._changed:
            busy = self._busy_since
            return {
                "queued": len(self._waiting), **self._counts, "index_size": size, "last_ms": self._last_ms,
                "alive": self._running and self._thread is not None and self._thread.is_alive(),
                "busy_s": 0.0 if busy is None else round(time.monotonic() - busy, 3), "last_error": self._last_error,
            }

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        self._busy_since = None
        self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        _stand_back(NICENESS)
        while (job := self._take()) is not None:
            self._answer(job)

    def _take(self) -> _Job | None:
        """The session that waits longest; None when this thread shall end."""
        with self._changed:
            if self._thread is not threading.current_thread():
                return None
            self._busy_since = None
            self._changed.wait_for(lambda: self._waiting or not self._current())
            if not self._current():
                return None
            job = self._waiting.pop(next(iter(self._waiting)))
            self._busy_since = job.visit.started = time.monotonic()
            return job

    def _current(self) -> bool:
        """Whether the calling thread is the one that works here (it may have been replaced, or the worker stopped)."""
        return self._running and self._thread is threading.current_thread()

    def _answer(self, job: _Job) -> None:
        started = time.monotonic()
        try:
            found = self._lookup(job.vectors)
            took_ms = (time.monotonic() - started) * 1000.0
            answer = RetrievalAnswer(job.session_id, found.scenes, found.concepts, took_ms,
                                     (started - job.submitted) * 1000.0, self._size())
            with self._changed:
                wanted = self._current() and self._visits.get(job.session_id) is job.visit
                if self._current():
                    self._last_ms = round(took_ms, 3)
                self._counts["dropped"] += not wanted
            if wanted:
                job.on_answer(answer)
                with self._changed:
                    self._counts["answered"] += 1
        except Exception as error:  # whatever a lookup or a callback does, the next one gets its turn
            log.exception("a retrieval lookup failed")
            with self._changed:
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._counts["failed"] += 1
        self._last_error = f"{type(error).__name__}: {error}"

    def _size(self) -> int:
        try:
            return int(self._lookup.size)
        except Exception:  # a health page must not fail because the index does
            return 0

    def _tidy(self) -> None:
        """Let go of sessions that nobody has asked for in a while, the oldest first."""
        for session_id in list(self._visits)[: max(0, len(self._visits) - REMEMBERED_SESSIONS)]:
            if session_id not in self._waiting:
                del self._visits[session_id]


def _stand_back(niceness: int) -> None:
    """Lower the calling thread's priority on Linux, where each thread has its own; elsewhere it stays as it is."""
    if sys.platform.startswith("linux"):
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        except OSError:
            log.debug("the priority of the retrieval thread could not be lowered")
