"""Lane B: advice about the newest picture of each session, one slice at a time, behind lane A.

A job is given up before its next slice when the decision rule says so (``maxsight_core.engine.decision``), when lane A
had work for too long, or when its session ended. A slice that hangs costs its thread, never a frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from maxsight_core.contracts import FrameResult
from maxsight_core.engine import counters as kinds
from maxsight_core.engine import decision
from maxsight_core.engine.counters import PassNotes
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.lanes import ADVICE_NICENESS, Lane, LaneToken
from maxsight_core.engine.mailbox import FairMailbox
from maxsight_core.engine.open_session import OpenSession, deliver
from maxsight_core.engine.stage_b import SceneJob

TAKE_TIMEOUT_S = 0.2
REMAKE_S = 60.0
"""Compiling Stage B's slices again without a cache takes tens of seconds, and only advice waits for it."""
YIELD_S = 0.002
MAX_YIELD_S = 0.5
"""How long one slice may wait for lane A before its job is given up as too old."""
MAX_YIELDS_S = 2.0
"""The same for all slices of one job together."""


@dataclass(slots=True)
class _Job:
    """A job with the counts it was queued at: a later count means that something has happened that cancels it."""

    session: OpenSession
    scene: SceneJob
    skips: int
    loads: int
    yielded_s: float = 0.0
    ended: tuple[str, str] | None = None


class StageBLane:
    """Works on the newest job of each session, in turn.

    Args:
        engine: perceives. safety_wanted: True while lane A has work. after: told of every finished job, in this lane's
            thread.
    """

    def __init__(
        self, engine: Engine, safety_wanted: Callable[[], bool], after: Callable[[OpenSession, SceneJob], None],
    ) -> None:
        self._engine, self._safety_wanted, self._after = engine, safety_wanted, after
        self._jobs: FairMailbox[_Job] = FairMailbox()
        self._loads = 0
        self._in_work: tuple[_Job, PassNotes] | None = None
        self.lane = Lane("B", self._step, self._hang, ADVICE_NICENESS)

    # ---- lane A's thread --------------------------------------------------------------------------------------------

    def decided(self, session: OpenSession, result: FrameResult, scene: SceneJob | None) -> None:
        """The decision point has spoken about one frame: queue its job, or cancel what its "skip" makes pointless."""
        if scene is not None:
            self._queue(session, scene)
            return
        chosen = result.stage_b
        kind = decision.skip_kind(chosen, self._engine.config.thresholds)
        self._engine.counters.skipped(kind, chosen.reason)
        session.skips += 1
        self._cancelled(self._jobs.discard(session.session_id), kinds.NEWER_SKIPPED, chosen.reason)
        if kind == "latency":
            self._loads += 1
            self._jobs.drain(lambda _, job: self._cancelled(job, kinds.LOAD_ROSE, chosen.reason))

    def _queue(self, session: OpenSession, scene: SceneJob) -> None:
        job = _Job(session, scene, session.skips, self._loads)
        if session.closed:
            self._cancelled(job, kinds.CLOSED, "the session has ended")
            return
        replaced = self._jobs.put(session.session_id, job)
        stopped = replaced is job
        self._cancelled(replaced, kinds.CLOSED if stopped else kinds.SUPERSEDED,
                        "the engine stops" if stopped else "a newer picture took its place")

    def discard(self, session_id: str) -> None:
        """Drop the job of a session that has ended."""
        self._cancelled(self._jobs.discard(session_id), kinds.CLOSED, "the session has ended")

    def _cancelled(self, job: _Job | None, kind: str, words: str) -> None:
        if job is not None:
            self._engine.counters.cancelled(kind, words)

    @property
    def stall_s(self) -> float:
        """How long one slice may take; after a hang the network is made anew, which takes longer."""
        network = self._engine.context_network
        return REMAKE_S if network is not None and network.remaking else self._engine.config.stall_s

    def stop(self, timeout_s: float) -> None:
        self._jobs.close()
        self._jobs.drain(lambda _, job: self._cancelled(job, kinds.CLOSED, "the engine stops"))
        self.lane.stop(timeout_s)
        if self._in_work is not None:
            self._cancelled(self._in_work[0], kinds.CLOSED, "the engine stops")

    # ---- the lane's thread -----------------------------------------------------------------------------------------

    def _step(self, token: LaneToken) -> None:
        taken = self._jobs.take(TAKE_TIMEOUT_S)
        if taken is None:
            return
        job = taken[1]
        notes = PassNotes(self._engine.counters, lambda: not token.stale)
        self._in_work = (job, notes)
        token.begin()
        try:
            self._advise(job, notes, token)
        finally:
            if not token.stale:
                self._in_work = None

    def _advise(self, job: _Job, notes: PassNotes, token: LaneToken) -> None:
        session = job.session
        try:
            result = self._engine.stage_b(session.state, job.scene, lambda: self._may_go_on(token, job), notes)
        except Exception as error:
            if notes.wanted():
                self._engine.counters.failed(kinds.LANE_FAILED, f"Stage B failed: {type(error).__name__}: {error}")
            raise
        if token.stale:
            return  # counted by whoever gave the thread up
        if result is None:
            self._cancelled(job, *(job.ended or (kinds.CLOSED, "the engine stops")))
        elif not session.closed:
            deliver(session.sink.on_scene, result)
            self._after(session, job.scene)

    def _may_go_on(self, token: LaneToken, job: _Job) -> bool:
        """Before every slice: wait while lane A has work; False when the job is not to be finished."""
        waiting_since = time.monotonic()
        while not token.stale:
            job.ended = self._reason_to_end(job)
            if job.ended is not None:
                return False
            if not self._safety_wanted():
                break
            waited_s = time.monotonic() - waiting_since
            if waited_s > MAX_YIELD_S or job.yielded_s + waited_s > MAX_YIELDS_S:
                job.ended = (kinds.WAITED, "lane A had work for so long that the picture is too old")
                return False
            token.begin()  # standing back is no hanging
            time.sleep(YIELD_S)
        job.yielded_s += time.monotonic() - waiting_since
        if token.stale:
            return False
        token.begin()
        return True

    def _reason_to_end(self, job: _Job) -> tuple[str, str] | None:
        if job.session.closed:
            return kinds.CLOSED, "the session has ended"
        if job.skips != job.session.skips:
            return kinds.NEWER_SKIPPED, "a newer picture of the session was decided to be skipped"
        if job.loads != self._loads:
            return kinds.LOAD_ROSE, "Stage A's latest time is over the threshold"
        return None

    # ---- the watchdog's thread ---------------------------------------------------------------------------------------

    def _hang(self) -> None:
        """The thread is given up; what it may still write to is left to it."""
        if self._in_work is None:
            return
        (job, notes), self._in_work = self._in_work, None
        where = notes.slice or "its first slice"
        job.session.state.stage_b_memory = {}
        network = self._engine.context_network
        if network is not None and network.give_up(f"a slice hung for over {self._engine.config.stall_s:g} s"):
            self._engine.counters.failed(kinds.NETWORK_HUNG, "Stage B's network hung")
        else:
            self._engine.counters.failed(kinds.ESTIMATOR_HUNG, f"Stage B's estimator {where} hung")
