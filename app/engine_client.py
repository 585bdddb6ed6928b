"""The engine, as the web product knows it. The only file of ``app`` that imports ``maxsight_core.engine``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from maxsight_core.contracts import SessionSettings

log = logging.getLogger(__name__)

NOT_STARTED, STARTING, RUNNING, FAILED, STOPPED = "not_started", "starting", "running", "failed", "stopped"


class EngineUnavailableError(RuntimeError):
    """The engine cannot answer now; the message says why and what to do."""


class EngineFullError(RuntimeError):
    """The engine serves as many sessions as it may."""


class Service(Protocol):
    """The part of ``EngineService`` that is used here."""

    def start(self) -> None: ...

    def stop(self, timeout_s: float = 5.0) -> None: ...

    def open_session(self, session_id: str, settings: SessionSettings, sink: Any) -> None: ...

    def submit(self, session_id: str, packet: Any) -> None: ...

    def update_settings(self, session_id: str, settings: SessionSettings) -> None: ...

    def request(self, session_id: str, kind: str, what: str | None = None) -> None: ...

    def report_delivery(self, session_id: str, alert_id: str, fate: str, reason: str = "") -> None: ...

    def report_notice(self, session_id: str, kind: str) -> None: ...

    def close_session(self, session_id: str) -> None: ...

    def health(self) -> dict[str, Any]: ...


def build_service(max_sessions: int) -> Service:
    """The real engine, from ``MAXSIGHT_*``. Loads the model: seconds."""
    from dataclasses import replace

    from maxsight_core.engine.service import EngineConfig, EngineService

    config = EngineConfig.from_environment()
    return EngineService(replace(config, max_sessions=min(config.max_sessions, max_sessions)))


class EngineClient:
    """Starts the engine in the background and passes calls on while it runs.

    Args:
        build: makes the service; it may take seconds and may fail, which is kept and reported.
    """

    def __init__(self, build: Callable[[], Service]) -> None:
        self._build = build
        self._service: Service | None = None
        self._error: str | None = None
        self._state = NOT_STARTED
        self._changed = threading.Condition()

    @property
    def state(self) -> str:
        return self._state

    def start(self) -> None:
        """Begin loading and return at once: /healthz answers meanwhile, /readyz says ``starting``."""
        with self._changed:
            if self._state in (STARTING, RUNNING):
                return
            self._state, self._error = STARTING, None
        threading.Thread(target=self._load, name="maxsight-engine-start", daemon=True).start()

    def _load(self) -> None:
        started = time.monotonic()
        try:
            service = self._build()
            service.start()
        except Exception as error:
            log.exception("the engine could not be started")
            self._become(FAILED, None, f"{type(error).__name__}: {error}")
            return
        with self._changed:
            if self._state == STARTING:
                self._service, self._state = service, RUNNING
                self._changed.notify_all()
                log.info("the engine runs after %.1f s", time.monotonic() - started)
                return
        service.stop()  # the server was told to stop while the model was loading

    def _become(self, state: str, service: Service | None, error: str | None) -> None:
        with self._changed:
            self._state, self._service, self._error = state, service, error
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it runs or failed; True when it runs."""
        with self._changed:
            self._changed.wait_for(lambda: self._state not in (NOT_STARTED, STARTING), timeout_s)
            return self._state == RUNNING

    def stop(self, timeout_s: float = 5.0) -> None:
        service = self._service
        self._become(STOPPED, None, None)
        if service is not None:
            service.stop(timeout_s)

    def _running(self) -> Service:
        service = self._service
        if service is not None:
            return service
        why = {
            STARTING: "The engine is still starting. Try again in a few seconds.",
            FAILED: f"The engine could not be started ({self._error}). The server's log says more.",
        }.get(self._state, "The engine is not running. Try again later.")
        raise EngineUnavailableError(why)

    # ---- sessions --------------------------------------------------------------------------------

    def open_session(self, session_id: str, settings: SessionSettings, sink: Any) -> None:
        """Raises:
            EngineUnavailableError: it does not run. EngineFullError: no further session fits.
        """
        service = self._running()
        from maxsight_core.engine.packets import SessionLimitError

        try:
            service.open_session(session_id, settings, sink)
        except SessionLimitError as error:
            raise EngineFullError(str(error)) from None

    def submit(self, session_id: str, seq: int, t_cap_ms: float, width: int, height: int, data: bytes) -> None:
        """Leave one encoded frame for lane A. Raises EngineUnavailableError when nobody would answer it."""
        service = self._running()
        from maxsight_core.engine.packets import FramePacket

        try:
            service.submit(session_id, FramePacket(seq, t_cap_ms, width, height, data))
        except KeyError:
            raise EngineUnavailableError("the engine does not know this session any more; start again") from None

    def update_settings(self, session_id: str, settings: SessionSettings) -> None:
        self._running().update_settings(session_id, settings)

    def request(self, session_id: str, kind: str, what: str | None) -> None:
        self._running().request(session_id, kind, what)

    def report_delivery(self, session_id: str, alert_id: str, fate: str, reason: str) -> None:
        self._running().report_delivery(session_id, alert_id, fate, reason)

    def report_notice(self, session_id: str, kind: str) -> None:
        self._running().report_notice(session_id, kind)

    def close_session(self, session_id: str) -> None:
        """Closing is always allowed: without an engine there is nothing to close."""
        service = self._service
        if service is not None:
            service.close_session(session_id)

    def description(self) -> dict[str, Any]:
        """What perceives: runtime, precision, weights, trained heads. For the session's record."""
        described = self._running().health().get("engine")
        return dict(described) if isinstance(described, dict) else {}

    def health(self) -> dict[str, Any]:
        """State, and the engine's own health while it runs."""
        body: dict[str, Any] = {"state": self._state, "error": self._error}
        service = self._service
        if service is not None:
            body.update(service.health())
        return body
