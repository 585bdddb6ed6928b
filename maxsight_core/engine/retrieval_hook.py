"""Where retrieval joins the engine: similar scenes as advice of lane C, looked up by a thread that nobody waits for.

Lane A leaves a copy of the scene embedding after its answer has gone out; the answer to that comes, soon or never, from
the retrieval worker's own thread. Only an embedding that the checkpoint has learned is looked up.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maxsight_core.contracts import FrameResult, SceneResult, Value
from maxsight_core.engine.manifest import CheckpointManifest
from maxsight_core.engine.open_session import OpenSession, deliver
from maxsight_core.engine.session_state import SessionState

if TYPE_CHECKING:
    from maxsight_core.retrieval import Found, RetrievalAnswer, RetrievalWorker, SceneLookup

log = logging.getLogger(__name__)

EMBEDDING, OUTPUT = "scene_embedding", "retrieval"
NO_INDEX = "no scene index on this machine"
INTERVAL_S = 2.0
"""Least time between two lookups of a recording, on the frame clock; live, the worker keeps the same interval."""


class Retrieval:
    """The index, its worker, and why there are none.

    Args:
        lookup: answers vectors. worker: asks it in a thread of its own. reason: why both are None.
    """

    def __init__(
        self, lookup: SceneLookup | None = None, worker: RetrievalWorker | None = None, reason: str = NO_INDEX,
    ) -> None:
        self.lookup, self.worker = lookup, worker
        self.reason = None if worker is not None else reason

    @classmethod
    def load(cls, folder: Path | None, manifest: CheckpointManifest) -> Retrieval:
        """The index in ``folder`` for the weights of ``manifest``. Advice: what is unusable is a reason, no error."""
        if folder is None:
            return cls()
        if not manifest.is_learned(EMBEDDING):
            return cls(reason=f"no trained {EMBEDDING} in this checkpoint")
        try:
            from maxsight_core import retrieval
            from maxsight_core.retrieval.embed import embedding_key

            stored = retrieval.load(folder, expected=embedding_key(manifest))
            lookup = retrieval.SceneLookup(stored.index, stored.concepts)
            return cls(lookup, retrieval.RetrievalWorker(lookup))
        except Exception as error:  # safety must not fail to start because of a damaged index
            log.exception("the scene index cannot be used")
            return cls(reason=f"the scene index cannot be used: {error}")

    def start(self) -> None:
        if self.worker is not None:
            self.worker.start()

    def check(self) -> None:
        """Look after the worker's thread; called by the watchdog."""
        if self.worker is not None:
            self.worker.check()

    def stop(self) -> None:
        if self.worker is not None:
            self.worker.stop()

    def forget(self, session_id: str) -> None:
        if self.worker is not None:
            self.worker.forget(session_id)

    def offer(self, session: OpenSession, result: FrameResult) -> None:
        """Leave the scene embedding of an answered frame; returns at once."""
        vector = _vector(result)
        if self.worker is None or vector is None:
            return
        self.worker.submit(session.session_id, vector, lambda answer: _answered(session, result, answer))

    def look_up(self, state: SessionState, result: FrameResult) -> None:
        """The same for a recording, here and now, and at the same interval on the frame clock."""
        vector = _vector(result)
        held = state.scene.get(OUTPUT)
        if self.lookup is None or vector is None or (
                held is not None and 0.0 <= result.time_s - held[1] < INTERVAL_S):
            return
        try:
            value = _value(self.lookup(vector), self.lookup.size)
        except Exception as error:  # advice: a failing index must not end a run
            log.exception("a lookup failed")
            value = Value.unavailable(OUTPUT, f"the lookup failed: {type(error).__name__}: {error}")
        state.scene[OUTPUT] = (value, result.time_s)

    def health(self) -> dict[str, object] | None:
        return None if self.worker is None else self.worker.health()


def _vector(result: FrameResult) -> np.ndarray | None:
    """[256] the learned scene embedding of a frame, or None."""
    held = result.outputs.get(EMBEDDING)
    return None if held is None or held.source != "learned" else np.asarray(held.value)[0]


def _value(found: Found, scenes: int) -> Value:
    return Value.learned(OUTPUT, found.to_json(), f"nearest of {scenes} remembered scenes by {EMBEDDING}; advice only")


def _answered(session: OpenSession, result: FrameResult, answer: RetrievalAnswer) -> None:
    """In the worker's thread: the answer becomes advice of lane C, if its session is still there."""
    from maxsight_core.retrieval import Found

    if session.closed:
        return
    value = _value(Found(answer.scenes, answer.concepts), answer.index_size)
    session.state.scene[OUTPUT] = (value, result.time_s)
    timings = {"retrieval": answer.lookup_ms, "retrieval_waited": answer.waited_ms}
    deliver(session.sink.on_scene, SceneResult(
        seq=result.seq, time_s=result.time_s, t_cap_ms=result.t_cap_ms, lane="C", outputs={OUTPUT: value}, alerts=(),
        timings_ms=timings,
    ))
