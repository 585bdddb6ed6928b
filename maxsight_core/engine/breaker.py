"""A circuit breaker: advice that fails again and again is left alone for a while (Nygard, "Release It!", 2007)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES_IN_A_ROW = 3
OFF_S = 30.0
"""Long enough that what fails costs safety nothing, short enough that a passing trouble is over within a walk."""


class CircuitBreaker:
    """Opens after failures in a row, and lets one try through when its time is over.

    Args:
        failures: in a row until it opens. off_s: how long it stays open, seconds. clock: monotonic seconds.
    """

    def __init__(
        self, failures: int = FAILURES_IN_A_ROW, off_s: float = OFF_S, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if failures < 1 or off_s <= 0.0:
            raise ValueError(f"CircuitBreaker: expected at least 1 failure and a time above 0 s; got {failures} and "
                             f"{off_s}")
        self._failures, self._off_s, self._clock = failures, off_s, clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._until_s: float | None = None
        self._last = ""

    def refusal(self) -> str | None:
        """Why nothing may be tried now, or None when it may."""
        with self._lock:
            if self._until_s is None:
                return None
            left_s = self._until_s - self._clock()
            if left_s <= 0.0:
                return None
            return f"{self._in_a_row} failures in a row, the last: {self._last}; tried again in {left_s:.0f} s"

    def succeeded(self) -> None:
        with self._lock:
            self._in_a_row, self._until_s = 0, None

    def failed(self, words: str) -> None:
        """Count a failure; the last one allowed opens it, and so does the first after its time was over."""
        with self._lock:
            self._in_a_row += 1
            self._last = words
            if self._in_a_row >= self._failures:
                self._until_s = self._clock() + self._off_s
