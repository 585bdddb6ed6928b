"""Everything that runs while the server runs: engine, writer, live views, sessions, and the look-out over logins."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future

from flask import Flask
from sqlalchemy.orm import Session as OrmSession

from app.accounts import logins
from app.engine_client import EngineClient, EngineFullError, EngineUnavailableError
from app.extensions import db
from app.live.clients import Client, Clients
from app.live.outbox import Outbox
from app.live.protocol import VERSION, ProtocolError
from app.live.sessions import RunningSession, RunningSessions
from app.live.views import settings_json
from app.live.watchers import Watchers
from app.live.writer import Writer
from app.records import database, ledger
from app.records.sessions import Session
from maxsight_core import __version__

log = logging.getLogger(__name__)

ROLL_EVERY_S = 0.5
CHECK_LOGINS_EVERY_S = 2.0
"""A disabled user's sockets close within 5 s (07-security); this leaves room for a slow database."""
ACTIVE_WITHIN_S = 60.0
END_TIMEOUT_S = 8.0
SHUTDOWN_TIMEOUT_S = 6.0


class LiveService:
    """The running half of the web product. ``create_app`` makes one; it does nothing until :meth:`start`."""

    def __init__(self, app: Flask, outbox: Outbox, engine: EngineClient, max_sessions: int) -> None:
        self.app = app
        self.engine = engine
        self.outbox = outbox
        self.clients = Clients()
        self.sessions = RunningSessions(max_sessions)
        self.watchers = Watchers(outbox)
        with app.app_context():
            self._database = db.engine
        self.writer = Writer(self._database, self._saved)
        self._sids: dict[str, str] = {}
        """Socket of every session with rows still to be written, also after the session's end."""
        self._stop = threading.Event()
        self._lookout: threading.Thread | None = None
        self._life = threading.Lock()
        self._started = False

    # ---- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Close what a killed server left open, then start writer, live views, look-out and engine."""
        with self._life:
            if self._started:
                return
            wrong = database.answers(self._database)
            if wrong is not None:
                raise RuntimeError(f"the server cannot start: {wrong}")
            with self._database.begin() as connection:
                abandoned = ledger.interrupt_abandoned(connection)
            if abandoned:
                log.warning("%d sessions of a killed server are marked interrupted", len(abandoned))
            self._stop.clear()
            self.writer.start()
            self.watchers.start()
            self._lookout = threading.Thread(target=self._look_out, name="maxsight-lookout", daemon=True)
            self._lookout.start()
            self.engine.start()
            self._started = True

    def stop(self) -> None:
        """End every session as ``server_stopped``, write everything, close the sockets, stop the engine."""
        with self._life:
            if not self._started:
                return
            self._started = False
            self._stop.set()
            for session in self.sessions.all():
                self.end(session.session_id, "server_stopped", wait=False)
            if not self.writer.stop(SHUTDOWN_TIMEOUT_S):
                log.error("the writer could not finish: the database did not answer")
            self.watchers.stop()
            for client in self.clients.all():
                self.outbox.disconnect(client.sid)
            self.engine.stop()

    def _look_out(self) -> None:
        """Hand over finished seconds of quiet sessions; disconnect sockets whose login no longer counts."""
        next_check = time.monotonic() + CHECK_LOGINS_EVERY_S
        while not self._stop.wait(ROLL_EVERY_S):
            try:
                for session in self.sessions.all():
                    session.roll()
                if time.monotonic() >= next_check:
                    next_check = time.monotonic() + CHECK_LOGINS_EVERY_S
                    self.check_logins()
            except Exception:  # a database that is away must not end the look-out, nor anybody's session
                log.exception("the look-out failed; it goes on")

    # ---- logins ----------------------------------------------------------------------------------

    def check_logins(self) -> None:
        """Disconnect every socket whose login ended, expired, or whose user was disabled."""
        clients = self.clients.all()
        if not clients:
            return
        with OrmSession(self._database) as session:
            valid = logins.still_valid(
                session, {c.identity.login_id for c in clients},
                {c.identity.login_id for c in clients if self._in_use(c)},
            )
        for login_id in {c.identity.login_id for c in clients} - valid:
            self.disconnect_login(login_id, "login_ended")

    def _in_use(self, client: Client) -> bool:
        recent = time.monotonic() - client.last_event_s < ACTIVE_WITHIN_S
        return recent or client.session_id is not None or self.watchers.is_watching(client.sid)

    def disconnect_login(self, login_id: str, reason: str) -> None:
        """End the sockets of one login, and with them their sessions."""
        for client in self.clients.all():
            if client.identity.login_id == login_id:
                client.active = False
                if client.session_id is not None:
                    self.end(client.session_id, reason, wait=False)
                self.outbox.disconnect(client.sid)

    # ---- sessions --------------------------------------------------------------------------------

    def begin(self, session: RunningSession) -> None:
        """Open a session with the engine and the database; on any failure nothing of it remains.

        Raises:
            ProtocolError: ``too_many_sessions`` or ``engine_unavailable``.
        """
        self.sessions.add(session)
        try:
            self.engine.open_session(session.session_id, session.settings, session)
            self._insert(session)
        except EngineFullError as error:
            self._undo(session)
            raise ProtocolError("too_many_sessions", str(error)) from None
        except EngineUnavailableError as error:
            self._undo(session)
            raise ProtocolError("engine_unavailable", str(error)) from None
        except Exception:
            self._undo(session)
            log.exception("a session could not be started")
            raise ProtocolError(
                "engine_unavailable", "The session could not be started. Try again; the server's log says why."
            ) from None

    def _undo(self, session: RunningSession) -> None:
        self.sessions.remove(session.session_id)
        self._sids.pop(session.session_id, None)
        self.engine.close_session(session.session_id)

    def _insert(self, session: RunningSession) -> None:
        owner = session.owner
        self._sids[session.session_id] = session.sid
        with OrmSession(self._database) as rows:
            rows.add(Session(
                id=session.session_id, clinic_id=owner.clinic_id, patient_id=owner.patient_id, user_id=owner.user_id,
                purpose=owner.purpose, source=session.source, source_detail=session.source_detail,
                settings=settings_json(session.settings), started_at=session.started_at,
                engine=self.engine.description(), software_version=__version__,
            ))
            rows.commit()

    def end(self, session_id: str, reason: str, *, wait: bool = True) -> bool:
        """End a session; with ``wait`` True means that its last row is committed. Ending twice is harmless."""
        session = self.sessions.remove(session_id)
        if session is None:
            return True
        self.engine.close_session(session_id)
        session.finish()
        written = self.writer.end(session_id, reason)
        written.add_done_callback(lambda _: self._sids.pop(session_id, None))
        client = self.clients.get(session.sid)
        if client is not None and client.session_id == session_id:
            client.session_id = None
        self.outbox.emit("session_ended", {"v": VERSION, "session_id": session_id, "reason": reason}, session.sid)
        self.watchers.forget_session(session_id, reason)
        return _committed(written) if wait else True

    def _saved(self, session_id: str, alert_ids: list[str], figures_up_to_s: int | None) -> None:
        sid = self._sids.get(session_id)
        if sid is not None:
            self.outbox.emit("saved", {
                "v": VERSION, "session_id": session_id, "alert_ids": alert_ids, "figures_up_to_s": figures_up_to_s,
            }, sid)

    # ---- health ----------------------------------------------------------------------------------

    def health(self) -> dict[str, object]:
        return {
            "started": self._started, "sessions": len(self.sessions), "max_sessions": self.sessions.limit,
            "sockets": len(self.clients), "writer": self.writer.health(),
        }


def _committed(written: Future) -> bool:
    try:
        written.result(END_TIMEOUT_S)
    except Exception:
        log.exception("the end of a session is not written yet")
        return False
    return True
