"""What happened to Stage B, frame by frame, and which outputs were not finite: the figures of the Dev page.

Every frame that Stage A answered ends in exactly one of ``ran``, ``skipped``, ``cancelled`` and ``failed``. A reason
has a kind, which is counted, and words, of which the last ones are kept.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from maxsight_core.contracts import Value
from maxsight_core.engine.stage_b import finite

SUPERSEDED, NEWER_SKIPPED, LOAD_ROSE, WAITED, CLOSED = (
    "superseded", "newer_frame_skipped", "latency_rose", "waited_for_safety", "session_closed",
)
"""Kinds of a cancelled job. Those of a skipped frame come from ``decision.skip_kind``."""
NETWORK_FAILED, NETWORK_HUNG, NETWORK_OFF, NOT_FINITE, ESTIMATOR_FAILED, ESTIMATOR_HUNG, LANE_FAILED = (
    "network_failed", "network_hung", "network_off", "not_finite", "estimator_failed", "estimator_hung", "lane_failed",
)
"""Kinds of what went wrong inside a pass; the pass may still have given its other outputs."""


class Counters:
    """Thread-safe; lanes write, health pages read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._not_finite: Counter[str] = Counter()
        self._slices_ms: dict[str, float] = {}
        self._last_reason: str | None = None
        self._last_ms: float | None = None

    # ---- Stage B -----------------------------------------------------------------------------------------------------

    def skipped(self, kind: str, words: str) -> None:
        self._end("skipped", kind, words)

    def cancelled(self, kind: str, words: str) -> None:
        self._end("cancelled", kind, words)

    def failed(self, kind: str, words: str) -> None:
        """A pass that gave nothing: its lane hung, died or raised."""
        self._end("failed", kind, words)

    def finished(self, ms: float, timings: Mapping[str, float], trouble: bool) -> None:
        """A pass that came to its end; ``trouble``: something inside it failed, and was counted by :meth:`reason`."""
        with self._lock:
            self._ends["failed" if trouble else "ran"] += 1
            self._last_ms = ms
            self._slices_ms.update(timings)

    def reason(self, kind: str, words: str) -> None:
        """Something that went wrong inside a pass which goes on."""
        with self._lock:
            self._reasons[kind] += 1
            self._last_reason = words

    def _end(self, end: str, kind: str, words: str) -> None:
        with self._lock:
            self._ends[end] += 1
        self.reason(kind, words)

    def count(self, end: str) -> int:
        """How many frames ended as ``ran``, ``skipped``, ``cancelled`` or ``failed``."""
        with self._lock:
            return self._ends[end]

    def stage_b(self) -> dict[str, object]:
        """Everything about Stage B that health pages show, times in ms."""
        with self._lock:
            ends = {end: self._ends[end] for end in ("ran", "skipped", "cancelled", "failed")}
            return {
                **ends, "reasons": dict(self._reasons), "last_reason": self._last_reason,
                "last_ms": None if self._last_ms is None else round(self._last_ms, 1),
                "slices_ms": {name: round(ms, 2) for name, ms in self._slices_ms.items()},
            }

    # ---- NaN and infinity --------------------------------------------------------------------------------------------

    def withhold(self, name: str) -> None:
        """One output held a NaN or an infinity and is not shown."""
        with self._lock:
            self._not_finite[name] += 1

    def checked(self, value: Value) -> Value:
        """The value, or ``unavailable`` (and counted) when it is not finite."""
        kept = finite(value)
        if kept is not value:
            self.withhold(value.name)
        return kept

    def not_finite(self) -> dict[str, int]:
        """Output name -> how often it was withheld."""
        with self._lock:
            return dict(self._not_finite)


class PassNotes:
    """What one pass of Stage B reports; from a thread that was given up, nothing is counted any more.

    Args:
        counters: of the engine. wanted: False once the thread was given up.

    Attributes:
        wanted: as given. slice: what began last. trouble: whether anything in this pass failed.
    """

    def __init__(self, counters: Counters, wanted: Callable[[], bool] = lambda: True) -> None:
        self._counters, self.wanted = counters, wanted
        self.slice = ""
        self.trouble = False

    def begins(self, name: str) -> None:
        self.slice = name

    def estimator_failed(self, name: str, words: str) -> None:
        self.reason(ESTIMATOR_FAILED, f"{name}: {words}")

    def withhold(self, name: str) -> None:
        if self.wanted():
            self._counters.withhold(name)
        self.reason(NOT_FINITE, f"{name}: NaN or infinity")

    def reason(self, kind: str, words: str) -> None:
        """Something in this pass failed."""
        self.trouble = True
        self.remark(kind, words)

    def remark(self, kind: str, words: str) -> None:
        """Something worth showing that is no failure of this pass."""
        if self.wanted():
            self._counters.reason(kind, words)

    def finished(self, ms: float, timings: Mapping[str, float]) -> None:
        if self.wanted():
            self._counters.finished(ms, timings, self.trouble)
