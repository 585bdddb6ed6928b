"""The socket's events. Each one checks again who asks: nothing of a page's own checks runs for an event.

The frame path does no SQL and decodes nothing: it checks the header, leaves the bytes with the engine, returns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, request
from flask_login import current_user
from flask_socketio import ConnectionRefusedError, SocketIO

from app.accounts import logins
from app.engine_client import EngineUnavailableError
from app.live import protocol, views
from app.live.clients import Client
from app.live.protocol import FrameRefusedError, ProtocolError
from app.live.service import LiveService
from app.live.sessions import Owner, Pipes, RunningSession
from app.live.start import vision_profile
from app.records.base import new_id

log = logging.getLogger(__name__)

STARTERS = ("patient", "developer")
WATCHING = ("clinician", "developer")

EVENT_ROLES: dict[str, tuple[str, ...]] = {
    "session_start": STARTERS, "frame": STARTERS, "settings": STARTERS, "request": STARTERS, "delivery": STARTERS,
    "notice": STARTERS, "session_stop": STARTERS,
    "watch": WATCHING, "unwatch": WATCHING, "session_control": WATCHING,
}
"""Every event a browser may send, and the roles that may send it. The tests walk this table."""

Handler = Callable[[LiveService, Client, Any], dict[str, Any] | None]


def live() -> LiveService:
    return current_app.extensions["maxsight.live"]


def register(socketio: SocketIO) -> None:
    """Bind every event of EVENT_ROLES, connect and disconnect."""
    socketio.on_event("connect", _connect)
    socketio.on_event("disconnect", _disconnect)
    socketio.on_event("frame", _frame)
    for event, handler in HANDLERS.items():
        socketio.on_event(event, _checked(event, handler))


# ---- connection ---------------------------------------------------------------------------------


def _connect(auth: Any = None) -> None:
    """Let in whoever is logged in, and nobody else. The identity is read from the database, not from the cookie."""
    service = live()
    who = None
    if current_user.is_authenticated:
        who = logins.identity(current_user.login_id)
    if who is None:
        raise ConnectionRefusedError("Log in first, then reload the page.")
    service.clients.add(Client(request.sid, who))


def _disconnect(reason: Any = None) -> None:
    service = live()
    client = service.clients.remove(request.sid)
    if client is None:
        return
    client.active = False
    service.watchers.forget_socket(request.sid)
    if client.session_id is not None:
        service.end(client.session_id, "disconnected", wait=False)


def _client(service: LiveService, event: str) -> Client:
    """The sender, if it may send this event.

    Raises:
        ProtocolError: ``forbidden``.
    """
    client = service.clients.get(request.sid)
    if client is None or not client.active:
        raise ProtocolError("forbidden", "This login has ended. Log in again.")
    if client.identity.role not in EVENT_ROLES[event]:
        raise ProtocolError(
            "forbidden", f"{event} is for {' and '.join(EVENT_ROLES[event])} accounts; this one is a "
            f"{client.identity.role} account."
        )
    client.seen()
    return client


def _checked(event: str, handler: Handler) -> Callable[..., dict[str, Any] | None]:
    """Role check before, protocol errors as an answer after."""

    @wraps(handler)
    def entry(*args: Any) -> dict[str, Any] | None:
        service = live()
        try:
            client = _client(service, event)
            if not client.may_send():
                raise ProtocolError("bad_message", "Too many messages at once. Wait a second, then go on.")
            return handler(service, client, args[0] if args else None)
        except ProtocolError as error:
            return error.to_json()
        except EngineUnavailableError as error:
            return ProtocolError("engine_unavailable", str(error)).to_json()
        except KeyError:  # the engine closed the session between our check and its own
            log.info("%s came after the end of its session", event)
            return ProtocolError("not_started", "The session has ended. Start a new one.").to_json()

    return entry


def _fresh(client: Client) -> logins.Identity:
    """The identity as the database has it now, for everything that grants access.

    Raises:
        ProtocolError: ``forbidden``.
    """
    who = logins.identity(client.identity.login_id)
    if who is None or who.role != client.identity.role:
        client.active = False
        raise ProtocolError("forbidden", "This login has ended. Log in again.")
    client.identity = who
    return who


def _own(service: LiveService, client: Client) -> RunningSession:
    """The sender's own running session.

    Raises:
        ProtocolError: ``not_started``.
    """
    session = service.sessions.get(client.session_id) if client.session_id else None
    if session is None or session.sid != client.sid or session.owner.user_id != client.identity.user_id:
        raise ProtocolError("not_started", "No session is running here. Send session_start first.")
    return session


# ---- frames -------------------------------------------------------------------------------------


def _frame(*args: Any) -> None:
    """One frame; it is answered by exactly one ``result`` or ``frame_dropped``, and by nothing else."""
    service = live()
    payload, data = (*args, None, None)[:2]
    seq, t_cap_ms = protocol.echo(payload)
    try:
        client = _client(service, "frame")
        session = _own(service, client)
    except ProtocolError as error:
        service.outbox.emit("frame_dropped", views.dropped(seq, t_cap_ms, "not_started", error.message), request.sid)
        return
    try:
        header = protocol.frame_header(payload, data)
    except FrameRefusedError as error:
        session.counter.frame()
        session.refuse(seq, t_cap_ms, error.reason, error.message)
        return
    if not session.frame_in(header):
        session.counter.frame()
        session.refuse(seq, t_cap_ms, "bad_header", "seq: expected a number greater than the last frame's")
        return
    try:
        service.engine.submit(
            session.session_id, header.seq, header.t_cap_ms, header.width, header.height, bytes(data)
        )
    except EngineUnavailableError:
        session.on_dropped(header.seq, header.t_cap_ms, "engine_error")


# ---- the person's own session -------------------------------------------------------------------


def _session_start(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    wanted = protocol.start_request(payload)
    who = _fresh(client)
    if client.session_id is not None:
        raise ProtocolError("already_started", "A session is running here. Send session_stop first.")
    if who.role == "patient" and who.patient_id is None:
        raise ProtocolError("not_found", "This account is not linked to a patient record. Ask your clinic to link it.")
    base, patient_name = vision_profile(who)
    session = RunningSession(
        session_id=new_id(), sid=client.sid,
        owner=Owner(who.user_id, who.clinic_id, who.patient_id if who.role == "patient" else None, patient_name),
        source=wanted.source, source_detail=wanted.source_detail, settings=protocol.apply_changes(base, wanted.changes),
        pipes=Pipes(service.outbox, service.writer, service.watchers),
    )
    if session.owner.patient_id is not None:  # one person, one camera: a page that was reloaded takes over
        for older in service.sessions.of_patient(session.owner.patient_id):
            service.end(older.session_id, "replaced", wait=False)
    service.begin(session)
    client.session_id = session.session_id
    if not client.active:  # it was disconnected while the session was being opened
        service.end(session.session_id, "disconnected", wait=False)
    about = service.engine.description()
    return {
        "ok": True, "session_id": session.session_id, "credit": protocol.CREDIT,
        "limits": {"max_bytes": protocol.MAX_FRAME_BYTES, "max_side_px": protocol.MAX_SIDE_PX},
        "settings": views.settings_json(session.settings),
        "names_things": "classification" in about.get("trained_heads", ()),
        "named_classes": about.get("named_classes"),
    }


def _settings(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    session = _own(service, client)
    settings = protocol.apply_changes(session.settings, protocol.settings_changes(payload))
    service.engine.update_settings(session.session_id, settings)
    session.settings = settings
    return {"ok": True, "settings": views.settings_json(settings)}


def _request(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    session = _own(service, client)
    kind, what = protocol.request_kind(payload)
    service.engine.request(session.session_id, kind, what)
    return {"ok": True}


def _delivery(service: LiveService, client: Client, payload: Any) -> None:
    session = _own(service, client)
    told = protocol.delivery(payload)
    if session.delivered(told):
        service.engine.report_delivery(session.session_id, told.alert_id, told.fate, told.reason)


def _notice(service: LiveService, client: Client, payload: Any) -> None:
    session = _own(service, client)
    kind = protocol.notice_kind(payload)
    with session.reporting():
        service.engine.report_notice(session.session_id, kind)


def _session_stop(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    reason = protocol.stop_reason(payload)
    session = _own(service, client)
    return _ended(service, session.session_id, reason)


def _ended(service: LiveService, session_id: str, reason: str) -> dict[str, Any]:
    if not service.end(session_id, reason):
        raise ProtocolError(
            "engine_unavailable", "The session has stopped, but its record is not written yet: the database is slow."
        )
    return {"ok": True, "session_id": session_id}


# ---- watching -----------------------------------------------------------------------------------


def _visible(service: LiveService, client: Client, payload: Any) -> RunningSession:
    """The running session a clinician or developer names, if it is of their own clinic.

    Raises:
        ProtocolError: ``forbidden`` or ``not_found``; a session of another clinic is not found.
    """
    who = _fresh(client)
    session = service.sessions.get(protocol.session_id(payload))
    if session is None or session.owner.clinic_id != who.clinic_id:
        raise ProtocolError("not_found", "No such session is running. It may have ended: reload the list.")
    if who.role == "clinician" and session.owner.patient_id is None:
        raise ProtocolError("forbidden", "This is a developer's test session; it belongs to no patient.")
    return session


def _watch(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    view = protocol.view(payload)
    session = _visible(service, client, payload)
    if view == "dev" and client.identity.role != "developer":
        raise ProtocolError("forbidden", "The dev view is for developer accounts.")
    service.watchers.add(session.session_id, client.sid, view)
    if session.ended:  # it ended while this was being decided, so nobody would tell the watcher
        service.watchers.remove(session.session_id, client.sid)
        raise ProtocolError("not_found", "This session has just ended.")
    return {"ok": True, "session": session.to_json()}


def _unwatch(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    service.watchers.remove(protocol.session_id(payload), client.sid)
    return {"ok": True}


def _session_control(service: LiveService, client: Client, payload: Any) -> dict[str, Any]:
    protocol.action(payload)
    session = _visible(service, client, payload)
    return _ended(service, session.session_id, f"stopped_by_{client.identity.role}")


HANDLERS: dict[str, Handler] = {
    "session_start": _session_start, "settings": _settings, "request": _request, "delivery": _delivery,
    "notice": _notice, "session_stop": _session_stop,
    "watch": _watch, "unwatch": _unwatch, "session_control": _session_control,
}
