"""Binds the Socket.IO server to the app, with its limits."""

from __future__ import annotations

from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from flask import Flask
from simple_websocket import ConnectionClosed

from app.config import Config
from app.extensions import socketio
from app.live import handlers
from app.live.gate import SocketGate
from app.live.protocol import MAX_EVENT_BYTES

CLOSED_CHECK_S = 1.0
PING_INTERVAL_S = 10
PING_TIMEOUT_S = 10
"""A phone that lost its network is noticed within 20 s, and its session ended."""

handlers.register(socketio)


class BoundedWebSocket(SimpleWebSocketWSGI):
    """Stops reading a message at the size limit, instead of holding all of it in memory before refusing it."""

    def __init__(self, handler, server) -> None:
        super().__init__(handler, server, max_message_size=MAX_EVENT_BYTES)

    def wait(self):
        """The next message, or None once the connection is closed.

        Looks again every second: when the library closes a connection itself (a message over the limit), it may
        wake the waiting thread before it has noted that the connection is closed, and then never again.
        """
        while self.ws.connected:
            try:
                message = self.ws.receive(timeout=CLOSED_CHECK_S)
            except ConnectionClosed:
                return None
            if message is not None:
                return message
        return self.ws.input_buffer.pop(0) if self.ws.input_buffer else None


def bind(app: Flask, config: Config) -> None:
    """Attach the socket to ``app``. Threads, not eventlet: passed explicitly, because it is otherwise guessed."""
    # None admits the page's own origin only; a list replaces that, so the own origin must be in it.
    origins = list(config.allowed_origins) or None
    socketio.init_app(
        app, async_mode="threading", async_handlers=False, manage_session=True, cors_allowed_origins=origins,
        max_http_buffer_size=MAX_EVENT_BYTES, ping_interval=PING_INTERVAL_S, ping_timeout=PING_TIMEOUT_S,
    )
    engineio_server = socketio.server.eio
    engineio_server._async = {**engineio_server._async, "websocket": BoundedWebSocket}
    app.wsgi_app = SocketGate(app, app.wsgi_app, config.max_sockets)
