"""What goes into the engine and comes out of it, as its callers (the web app, the benches) see it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from maxsight_core.contracts import AlertDecision, FrameResult, SceneResult


@dataclass(frozen=True, slots=True)
class FramePacket:
    """One encoded frame as it came from the browser.

    Args:
        seq: number of the frame in its session. t_cap_ms: the browser's own capture time, only echoed.
        width, height: what the header declared, pixels. data: JPEG, PNG or WebP bytes.
        received_s: when it arrived, on the server's monotonic clock.
    """

    seq: int
    t_cap_ms: float
    width: int
    height: int
    data: bytes
    received_s: float = field(default_factory=time.monotonic)


class SessionSink(Protocol):
    """Receives a session's answers; called from the engine's own threads, so it must not block."""

    def on_result(self, result: FrameResult) -> None: ...

    def on_dropped(self, seq: int, t_cap_ms: float, reason: str) -> None: ...

    def on_scene(self, result: SceneResult) -> None: ...

    def on_alerts(self, decisions: tuple[AlertDecision, ...]) -> None: ...


class SessionLimitError(RuntimeError):
    """The engine serves as many sessions as it may; the message says how many and what to do."""


class UnknownSessionError(KeyError):
    """A call named a session that is not open."""
