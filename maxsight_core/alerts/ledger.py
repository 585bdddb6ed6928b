"""The alert ledger: one row per alert, its fate, and the figures a clinician judges a session by.

Pure aggregation in memory; whoever stores the rows takes them from :meth:`Ledger.take_changed`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.contracts import FATES, AlertDecision

MINUTE_S = 60.0
HEARD_FATES = ("spoken", "interrupted")
"""Fates in which at least the first words were heard."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One alert.

    Args:
        decision: as last decided, with the browser's own fate once it reported one.
        first_s, delivered_s: frame-clock time of its first and of its delivering decision; None: not delivered.
        reported: True when the fate is the browser's report, which no later decision overrules.
        latency_ms: frame to output, as the browser measured it, or None.
    """

    decision: AlertDecision
    first_s: float
    delivered_s: float | None = None
    reported: bool = False
    latency_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {**self.decision.to_json(), "first_s": round(self.first_s, 3),
                "delivered_s": None if self.delivered_s is None else round(self.delivered_s, 3),
                "reported": self.reported, "latency_ms": self.latency_ms}


class Ledger:
    """Collects decisions and delivery reports of one session."""

    def __init__(self, policy: AlertPolicy = DEFAULT_POLICY) -> None:
        self._policy = policy
        self._rows: dict[str, LedgerRow] = {}
        self._changed: dict[str, None] = {}
        self._last_s: float | None = None
        self._first_s: float | None = None

    def add(self, decisions: Iterable[AlertDecision], now_s: float | None = None) -> None:
        """Takes what :func:`~maxsight_core.alerts.scheduler.decide` returned, in order.

        ``now_s``: time of the decision on the frame clock; None: each decision's own frame time.
        """
        for decision in decisions:
            time_s = decision.time_s if now_s is None else now_s
            self._saw(time_s)
            old = self._rows.get(decision.alert_id)
            if old is None:
                row = LedgerRow(decision, time_s)
            elif old.reported:
                row = dataclasses.replace(
                    old, decision=dataclasses.replace(decision, fate=old.decision.fate, reason=old.decision.reason))
            else:
                row = dataclasses.replace(old, decision=decision)
            if row.delivered_s is None and decision.fate in ("spoken", "haptic_only", "masked"):
                row = dataclasses.replace(row, delivered_s=time_s)
            self._put(row)

    def tick(self, now_s: float) -> None:
        """Notes that the session went on, so that figures per minute count the quiet time too."""
        self._saw(now_s)

    def report(self, alert_id: str, fate: str, reason: str = "", latency_ms: float | None = None) -> bool:
        """What the browser really did with an alert. False when no such row is known.

        Raises:
            ValueError: ``fate`` is none of the contract's.
        """
        if fate not in FATES or fate == "pending":
            raise ValueError(f"report: expected a final fate of {', '.join(FATES)}; got {fate!r}")
        old = self._rows.get(alert_id)
        if old is None:
            return False
        text = f"browser: {reason}" if reason else old.decision.reason
        decision = dataclasses.replace(old.decision, fate=fate, reason=text)
        self._put(dataclasses.replace(old, decision=decision, reported=True, latency_ms=latency_ms))
        return True

    def _put(self, row: LedgerRow) -> None:
        self._rows[row.decision.alert_id] = row
        self._changed[row.decision.alert_id] = None

    def _saw(self, time_s: float) -> None:
        self._first_s = time_s if self._first_s is None else min(self._first_s, time_s)
        self._last_s = time_s if self._last_s is None else max(self._last_s, time_s)

    def rows(self) -> tuple[LedgerRow, ...]:
        """Every row, in the order in which they began."""
        return tuple(self._rows.values())

    def get(self, alert_id: str) -> LedgerRow | None:
        return self._rows.get(alert_id)

    def take_changed(self) -> tuple[LedgerRow, ...]:
        """Rows that are new or changed since the last call: what a writer has to store (upsert by id)."""
        changed = tuple(self._rows[alert_id] for alert_id in self._changed)
        self._changed.clear()
        return changed

    def summary(self) -> dict[str, Any]:
        """Counts by fate, stage and reason, overload events and alerts per minute, latency percentiles."""
        rows = self.rows()
        minutes = 0.0 if self._first_s is None else (self._last_s - self._first_s) / MINUTE_S
        heard = sorted(_time_of(row) for row in rows if _is_information(row))
        events = overload_events(heard, self._policy)
        latencies = sorted(row.latency_ms for row in rows if row.latency_ms is not None)
        return {
            "alerts": len(rows), "minutes": round(minutes, 3),
            "by_fate": {fate: count for fate in FATES
                        if (count := sum(row.decision.fate == fate for row in rows))},
            "by_stage": dict(sorted(Counter(row.decision.stage for row in rows).items())),
            "delivered_by_stage": dict(sorted(Counter(
                row.decision.stage for row in rows if row.decision.delivered or row.decision.fate == "interrupted"
            ).items())),
            "suppressed_by_reason": dict(sorted(Counter(
                reason_code(row.decision) for row in rows if row.decision.fate == "suppressed").items())),
            "overload_events": len(events),
            "overload_events_per_minute": worst_minute(events),
            "alerts_per_minute": worst_minute(heard),
            "latency_ms": {"n": len(latencies), "p50": _percentile(latencies, 50), "p95": _percentile(latencies, 95)},
        }

    def to_json(self) -> dict[str, Any]:
        return {"rows": [row.to_json() for row in self.rows()], "summary": self.summary()}


def reason_code(decision: AlertDecision) -> str:
    """The rule's name at the head of a reason: ``"cooldown: said 3.0 s ago"`` gives ``cooldown``."""
    return decision.reason.split(":", 1)[0].strip()


def overload_events(heard_s: Sequence[float], policy: AlertPolicy = DEFAULT_POLICY) -> list[float]:
    """Times of information-overload events among the begins of spoken alerts.

    An event is ``overload_count`` alerts begun within ``overload_window_s``; it lasts as long as the window,
    and only what comes after it can begin another.
    """
    events: list[float] = []
    for index, time_s in enumerate(heard_s):
        recent = sum(time_s - other < policy.overload_window_s for other in heard_s[: index + 1])
        going_on = bool(events) and time_s - events[-1] < policy.overload_window_s
        if recent >= policy.overload_count and not going_on:
            events.append(time_s)
    return events


def worst_minute(times_s: Sequence[float]) -> int:
    """The most of ``times_s`` (ascending) that fall into any 60 seconds."""
    worst, first = 0, 0
    for last, time_s in enumerate(times_s):
        while time_s - times_s[first] >= MINUTE_S:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


def _is_information(row: LedgerRow) -> bool:
    """Unasked words about the surroundings: answers and notices about perception are no overload."""
    decision = row.decision
    return decision.fate in HEARD_FATES and decision.stage != "P3" and decision.kind != "perception"


def _time_of(row: LedgerRow) -> float:
    return row.first_s if row.delivered_s is None else row.delivered_s


def _percentile(ascending: Sequence[float], percent: int) -> float | None:
    if not ascending:
        return None
    return ascending[min(len(ascending) - 1, max(0, -(-percent * len(ascending) // 100) - 1))]
