"""Who is connected: one entry a socket, in memory, so that the frame path needs no SQL."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from app.accounts.logins import Identity

EVENTS_PER_S = 60.0
"""Messages other than frames a browser may send each second; a page sends a handful."""
BURST_EVENTS = 120.0


@dataclass(eq=False)
class Client:
    """One connected socket. ``active`` turns False once its login ended; handlers refuse it from then on."""

    sid: str
    identity: Identity
    active: bool = True
    session_id: str | None = None
    last_event_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._tokens, self._filled_s = BURST_EVENTS, time.monotonic()
        self._lock = threading.Lock()

    def seen(self) -> None:
        self.last_event_s = time.monotonic()

    def may_send(self) -> bool:
        """Token bucket over everything but frames: they have their own credit."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(BURST_EVENTS, self._tokens + (now - self._filled_s) * EVENTS_PER_S)
            self._filled_s = now
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True


class Clients:
    """All connected sockets, by their id. Thread-safe."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()

    def add(self, client: Client) -> None:
        with self._lock:
            self._clients[client.sid] = client

    def remove(self, sid: str) -> Client | None:
        with self._lock:
            return self._clients.pop(sid, None)

    def get(self, sid: str) -> Client | None:
        return self._clients.get(sid)

    def all(self) -> list[Client]:
        with self._lock:
            return list(self._clients.values())

    def __len__(self) -> int:
        return len(self._clients)
