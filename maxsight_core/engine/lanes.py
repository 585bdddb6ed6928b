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
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

log = logging.getLogger(__name__)

Made = TypeVar("Made")


def stand_back(niceness: int) -> None:
    """Lower the priority of the calling thread, so that a safety frame gets the cores first.

    Linux keeps a nice value for each thread; other systems keep one for the process, which must stay as it is.
    """
    if niceness and sys.platform.startswith("linux"):
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        except OSError:
            log.debug("the priority of a lane could not be lowered; it shares the cores evenly")


ADVICE_NICENESS = 10
"""How far Stage B stands back behind Stage A: about a tenth of its share of a busy core."""


def standing_back(make: Callable[[], Made], niceness: int = ADVICE_NICENESS) -> Made:
    """The result of ``make``, run in a thread that stands back: threads that it starts stand back too."""
    with ThreadPoolExecutor(1, "maxsight-load", initializer=stand_back, initargs=(niceness,)) as helper:
        return helper.submit(make).result()


class LaneToken:
    """Belongs to one thread of a lane; ``stale`` once the lane was given to another thread or stopped."""

    __slots__ = ("busy_since", "stale")

    def __init__(self) -> None:
        self.busy_since: float | None = None
        self.stale = False

    def begin(self) -> None:
        """Work begins, or goes on with its next part: the time in which it must end starts anew."""
        self.busy_since = time.monotonic()

    def end(self) -> None:
        self.busy_since = None


class Lane:
    """One named lane: a thread that calls ``step`` until it is stopped.

    Args:
        name: ``A``, ``B`` or ``C``.
        step: does one piece of work; calls ``token.begin()`` when it has some, and must not deliver anything once
            ``token.stale``.
        on_hang: called with nothing when the thread was abandoned, so that waiting work gets its answer.
        niceness: 0..19, how far this thread stands back behind others (Linux; elsewhere it has no effect).

    Attributes:
        done: pieces of work that came to their end. errors: those that raised. restarts: threads given up.
    """

    def __init__(
        self, name: str, step: Callable[[LaneToken], None], on_hang: Callable[[], None] = lambda: None,
        niceness: int = 0,
    ) -> None:
        self.name, self._step, self._on_hang, self._niceness = name, step, on_hang, niceness
        self.done = self.restarts = self.errors = 0
        self._token = LaneToken()
        self._thread: threading.Thread | None = None
        self._abandoned: list[threading.Thread] = []
        self._running = False
        self._life = threading.Lock()

    def start(self) -> None:
        with self._life:
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
                if token.stale:
                    log.info("lane %s: a thread that was given up has failed; nothing of it is used", self.name)
                    return
                self.failed()
                log.exception("lane %s: one step failed; the lane goes on", self.name)
            else:
                if token.busy_since is not None and not token.stale:
                    self.done += 1
            finally:
                token.end()

    def failed(self) -> None:
        """Count a piece of work that raised, also one that ``step`` has dealt with itself."""
        self.errors += 1

    @property
    def busy(self) -> bool:
        return self._token.busy_since is not None

    def check(self, stall_s: float) -> None:
        """Replace the thread when it died or has been at one piece of work for longer than ``stall_s``."""
        if not self._running:
            return
        token = self._token
        since = token.busy_since
        hangs = since is not None and time.monotonic() - since > stall_s
        dead = self._thread is None or not self._thread.is_alive()
        if not hangs and not dead:
            return
        log.error("lane %s %s; a new thread takes over", self.name, "hangs" if hangs else "died")
        token.stale = True
        self.restarts += 1
        if self._thread is not None:
            self._abandoned = [thread for thread in (*self._abandoned, self._thread) if thread.is_alive()]
        try:
            self._on_hang()
        except Exception:  # cleaning up after one thread must not keep the next one from starting
            log.exception("lane %s: what its thread left could not be cleaned up", self.name)
        with self._life:
            if self._running:  # it may have been stopped meanwhile
                self._spawn()

    def stop(self, timeout_s: float) -> None:
        with self._life:
            self._running = False
            self._token.stale = True
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def health(self) -> dict[str, object]:
        """Liveness and counts; ``abandoned``: threads that were given up and still have not come back."""
        since = self._token.busy_since
        return {
            "alive": self._thread is not None and self._thread.is_alive(), "done": self.done,
            "restarts": self.restarts, "errors": self.errors,
            "abandoned": sum(thread.is_alive() for thread in list(self._abandoned)),
            "busy_s": 0.0 if since is None else round(time.monotonic() - since, 3),
        }
