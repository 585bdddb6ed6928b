"""What happened in each second of a session, gathered without locks held for long and without SQL."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.records.base import utc_now


@dataclass(frozen=True, slots=True)
class SecondFigures:
    """One finished second: the values of one row of the ``figures`` table."""

    second: int
    at: datetime
    frames: int
    results: int
    drops: dict[str, int]
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    delivery_p50_ms: float | None
    delivery_p95_ms: float | None
    uncertainty_mean: float | None
    alerts: int


@dataclass(slots=True)
class _Second:
    frames: int = 0
    alerts: int = 0
    drops: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    deliveries_ms: list[float] = field(default_factory=list)
    uncertainties: list[float] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.frames or self.alerts or self.drops or self.latencies_ms or self.deliveries_ms)


def percentile(values: list[float], share: float) -> float | None:
    """Nearest-rank percentile (share 0..1): always a value that really occurred; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    rank = max(1, -(-int(share * len(ordered) * 1000) // 1000))
    return round(ordered[min(rank, len(ordered)) - 1], 2)


class SecondCounter:
    """Counts the events of the running second; ``roll`` hands out a second once it is over. Thread-safe."""

    def __init__(self, clock=time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._started_at = utc_now()
        self._second = 0
        self._now = _Second()
        self._done: list[SecondFigures] = []
        self._lock = threading.Lock()

    def frame(self) -> None:
        with self._lock:
            self._current().frames += 1

    def result(self, latency_ms: float, uncertainty: float, alerts: int) -> None:
        """A result went out ``latency_ms`` after its frame came in."""
        with self._lock:
            second = self._current()
            second.latencies_ms.append(latency_ms)
            second.uncertainties.append(uncertainty)
            second.alerts += alerts

    def dropped(self, reason: str) -> None:
        with self._lock:
            self._current().drops[reason] += 1

    def alerts(self, count: int) -> None:
        with self._lock:
            self._current().alerts += count

    def delivered(self, latency_ms: float) -> None:
        with self._lock:
            self._current().deliveries_ms.append(latency_ms)

    def roll(self, *, finish: bool = False) -> list[SecondFigures]:
        """Seconds that are over since the last call; with ``finish`` the running one too. Empty seconds are skipped."""
        with self._lock:
            self._current()
            if finish:
                self._close()
            done, self._done = self._done, []
            return done

    def _current(self) -> _Second:
        second = int(self._clock() - self._started)
        if second != self._second:
            self._close()
            self._second = second
        return self._now

    def _close(self) -> None:
        now, self._now = self._now, _Second()
        if now.empty:
            return
        mean = sum(now.uncertainties) / len(now.uncertainties) if now.uncertainties else None
        self._done.append(SecondFigures(
            second=self._second, at=self._started_at + timedelta(seconds=self._second + 1), frames=now.frames,
            results=len(now.latencies_ms), drops=dict(now.drops),
            latency_p50_ms=percentile(now.latencies_ms, 0.50), latency_p95_ms=percentile(now.latencies_ms, 0.95),
            delivery_p50_ms=percentile(now.deliveries_ms, 0.50), delivery_p95_ms=percentile(now.deliveries_ms, 0.95),
            uncertainty_mean=None if mean is None else round(mean, 4), alerts=now.alerts,
        ))
