"""Where the time of one pass went."""

from __future__ import annotations

import time


class Stopwatch:
    """Splits of one pass, in ms, by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._started = self._last = time.perf_counter()

    def split(self, part: str) -> None:
        """Everything since the last split belongs to ``part``."""
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + (now - self._last) * 1000.0
        self._last = now

    def total_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000.0
