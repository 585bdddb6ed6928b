"""In front of the socket: only browsers with a login get a thread, and never the last ones.

Each WebSocket holds a server thread for its life, and Socket.IO asks who is there only after the handshake. This
WSGI layer asks before: without it, a handful of anonymous connections would silence every page.
"""

from __future__ import annotations

import json
import threading

from flask import Flask, Request

SOCKET_PATH = "/socket.io"


class SocketGate:
    """WSGI middleware around Flask and Socket.IO.

    Args:
        limit: socket requests served at once; over it the answer is 503 and what to do.
    """

    def __init__(self, app: Flask, inner, limit: int) -> None:
        self._app = app
        self._inner = inner
        self._limit = limit
        self._open = 0
        self._lock = threading.Lock()

    @property
    def open_sockets(self) -> int:
        return self._open

    def __call__(self, environ, start_response):
        if not environ.get("PATH_INFO", "").startswith(SOCKET_PATH):
            return self._inner(environ, start_response)
        if not self._has_login(environ):
            return _refuse(start_response, "401 Unauthorized", "forbidden", "Log in first, then reload the page.")
        with self._lock:
            full = self._open >= self._limit
            if not full:
                self._open += 1
        if full:
            return _refuse(
                start_response, "503 Service Unavailable", "too_many_sessions",
                "This server has as many connections as it can serve. Try again in a few minutes.",
            )
        try:
            return self._inner(environ, start_response)
        finally:
            with self._lock:
                self._open -= 1

    def _has_login(self, environ) -> bool:
        """Whether the cookie is one this server signed for a login. Whether that still counts, ``connect`` asks."""
        session = self._app.session_interface.open_session(self._app, Request(environ))
        return bool(session and session.get("_user_id"))


def _refuse(start_response, status: str, code: str, message: str):
    body = json.dumps({"ok": False, "error": {"code": code, "message": message}}).encode("utf-8")
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
