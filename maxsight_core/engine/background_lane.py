"""Lane C: text in the background, from a short queue; what does not fit is dropped, because it is only advice."""

from __future__ import annotations

import queue

from maxsight_core.engine.counters import PassNotes
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.lanes import Lane, LaneToken
from maxsight_core.engine.open_session import OpenSession, deliver
from maxsight_core.engine.stage_b import SceneJob

TAKE_TIMEOUT_S = 0.2
MOST_WAITING = 8
"""Further jobs are dropped (02-architecture)."""
STALL_S = 60.0
"""Lane C may take this long: its first reading loads the OCR models, and nobody waits for it."""
NICENESS = 19
"""A reading of text takes 0.3 s of a core and cannot be sliced: it stands back behind everything (Linux)."""


class BackgroundLane:
    """Reads text in the pictures of all sessions. ``dropped``: jobs that found the queue full."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.Queue[tuple[OpenSession, SceneJob]] = queue.Queue(MOST_WAITING)
        self._in_work: OpenSession | None = None
        self.dropped = 0
        self.lane = Lane("C", self._step, self._hang, NICENESS)

    def offer(self, session: OpenSession, job: SceneJob) -> None:
        """Queue a picture if its session wants text read; called by lane B after its own answer."""
        state = session.state
        if not self._engine.text_due(state, job.frame.time_s):
            return
        try:
            self._jobs.put_nowait((session, job))
        except queue.Full:
            self.dropped += 1
            return
        state.last_text_s, state.text_wanted = job.frame.time_s, False

    def _step(self, token: LaneToken) -> None:
        try:
            session, job = self._jobs.get(timeout=TAKE_TIMEOUT_S)
        except queue.Empty:
            return
        if session.closed:
            return
        self._in_work = session
        token.begin()
        try:
            notes = PassNotes(self._engine.counters, lambda: not token.stale)
            result = self._engine.lane_c(session.state, job, notes)
            if result is not None and not token.stale and not session.closed:
                deliver(session.sink.on_scene, result)
        finally:
            if not token.stale:
                self._in_work = None

    def _hang(self) -> None:
        """The thread is given up; the memory it may still write to is left to it."""
        if self._in_work is not None:
            self._in_work.state.lane_c_memory = {}
            self._in_work = None
