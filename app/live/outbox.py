"""Sending events from any thread, and ending connections. Each socket has its own queue and sending thread."""

from __future__ import annotations

import logging
import threading
from typing import Any

import socketio

log = logging.getLogger(__name__)

NAMESPACE = "/"


class Outbox:
    """The sending side of one Socket.IO server."""

    def __init__(self, server: socketio.Server) -> None:
        self._server = server

    def emit(self, event: str, payload: dict[str, Any], sid: str) -> None:
        """Queue an event for one socket; a socket that is gone is no error."""
        try:
            self._server.emit(event, payload, to=sid, namespace=NAMESPACE)
        except Exception:
            log.exception("an event could not be sent")

    def waiting(self, sid: str) -> int:
        """Packets that wait to be sent to this socket; 0 when it is gone."""
        try:
            connection = self._server.manager.eio_sid_from_sid(sid, NAMESPACE)
            return self._server.eio.sockets[connection].queue.qsize()
        except (KeyError, AttributeError):
            return 0

    def disconnect(self, sid: str) -> None:
        """End a connection for good: the Socket.IO session at once, the transport beneath it right after."""
        try:
            connection = self._server.manager.eio_sid_from_sid(sid, NAMESPACE)
        except KeyError:
            connection = None
        self._server.disconnect(sid, namespace=NAMESPACE)
        if connection is not None:  # waits for the socket's own queue, so never in the caller's thread
            threading.Thread(target=self._hang_up, args=(connection,), name="maxsight-hang-up", daemon=True).start()

    def _hang_up(self, connection: str) -> None:
        try:
            self._server.eio.disconnect(connection)
        except Exception:
            log.debug("the transport was gone already")
