"""The engine's threads: a lane takes work, guards its body, and can be replaced when it hangs.

A lane is a real OS thread around ``step``: ``step(token)`` takes one piece of work and does it, or returns when
nothing came. A lane that hangs cannot be killed in Python; it is abandoned (its token goes stale, and whatever it
still produces is discarded) and a new thread takes its place. Both are counted and visible in ``health``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


def stand_back(niceness: int) -> None:
    """Lower the priority of the calling thread, so that a safety frame gets the cores first.

    Linux keeps a nice value for each thread; other systems keep one for the process, which must stay as it is.
    """
    if niceness and sys.platform.startswith("linux"):
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        except OSError:
            log.debug("the priority of a lane could not be lowered; it shares the cores evenly")


class LaneToken:
    """Belongs to one thread of a lane; ``stale`` once the lane was given to another thread or stopped."""

    __slots__ = ("busy_since", "stale")

    def __init__(self) -> None:
        self.busy_since: float | None = None
        self.stale = False

    def begin(self) -> None:
        self.busy_since = time.monotonic()

    def end(self) -> None:
        self.busy_since = None


class Lane:
    """One named lane: a thread that calls ``step`` until it is stopped.

    Args:
        name: ``A``, ``B`` or ``C``.
        step: does one piece of work; must call ``token.begin()`` and ``token.end()`` around it, must not deliver
            anything once ``token.stale``.
        on_hang: called with nothing when the thread was abandoned, so that waiting work gets its answer.
        niceness: 0..19, how far this thread stands back behind others (Linux; elsewhere it has no effect).
    """

    def __init__(
        self, name: str, step: Callable[[LaneToken], None], on_hang: Callable[[], None] = lambda: None,
        niceness: int = 0,
    ) -> None:
        self.name, self._step, self._on_hang, self._niceness = name, step, on_hang, niceness
        self.restarts = self.errors = 0
        self._token = LaneToken()
        self._thread: threading.Thread | None = None
        self._running = False

    def start(self) -> None:
        self._running = True
        self._spawn()

    def _spawn(self) -> None:
        self._token = LaneToken()
        self._thread = threading.Thread(
            target=self._loop, args=(self._token,), name=f"maxsight-lane-{self.name}", daemon=True
        )
        self._thread.start()

    def _loop(self, token: LaneToken) -> None:
        stand_back(self._niceness)
        while self._running and not token.stale:
            try:
                self._step(token)
            except Exception:
                self.errors += 1
                log.exception("lane %s: one step failed; the lane goes on", self.name)
            finally:
                token.end()

    @property
    def busy(self) -> bool:
        return self._token.busy_since is not None

    def check(self, stall_s: float) -> None:
        """Replace the thread when it died or has been at one piece of work for longer than ``stall_s``."""
        if not self._running:
            return
        since = self._token.busy_since
        hangs = since is not None and time.monotonic() - since > stall_s
        dead = self._thread is None or not self._thread.is_alive()
        if not hangs and not dead:
            return
        log.error("lane %s %s; a new thread takes over", self.name, "hangs" if hangs else "died")
        self._token.stale = True
        self.restarts += 1
        self._on_hang()
        self._spawn()

    def stop(self, timeout_s: float) -> None:
        self._running = False
        self._token.stale = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def health(self) -> dict[str, object]:
        since = self._token.busy_since
        return {
            "alive": self._thread is not None and self._thread.is_alive(), "restarts": self.restarts,
            "errors": self.errors, "busy_s": 0.0 if since is None else round(time.monotonic() - since, 3),
        }
