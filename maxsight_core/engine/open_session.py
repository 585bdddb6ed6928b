"""One open session as the lanes see it, and the delivery of its answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.packets import FramePacket, SessionSink
from maxsight_core.engine.session_state import SessionState

log = logging.getLogger(__name__)


def deliver(call: Callable[..., None], *args: Any) -> None:
    """Call a sink; one that raises must not take the lane with it."""
    try:
        call(*args)
    except Exception:
        log.exception("a session's sink failed")


@dataclass(slots=True)
class OpenSession:
    """One open session: its state, where its answers go, and the frame lane A is at.

    ``skips``: how many of its frames were decided to be skipped by Stage B so far.
    """

    session_id: str
    state: SessionState
    sink: SessionSink
    closed: bool = False
    skips: int = 0
    _in_work: FramePacket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, packet: FramePacket) -> None:
        with self._lock:
            self._in_work = packet

    def claim(self, packet: FramePacket | None = None) -> FramePacket | None:
        """The right to answer the frame in work: whoever asks first gets it, so it is answered once.

        Lane A and the watchdog that replaces a hanging lane both ask; ``packet`` limits it to that frame.
        """
        with self._lock:
            held = self._in_work
            if held is None or (packet is not None and held is not packet):
                return None
            self._in_work = None
            return held

    def drop(self, packet: FramePacket, reason: str) -> None:
        deliver(self.sink.on_dropped, packet.seq, packet.t_cap_ms, reason)

    def change(self, settings: SessionSettings) -> None:
        with self._lock:
            self.state.settings = settings

    def leave_state_to_lost_thread(self) -> None:
        """A thread that hangs in Stage A keeps the state it has; the session goes on with one of its own."""
        with self._lock:
            self.state = self.state.without_lost_thread()
