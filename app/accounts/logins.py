"""Logins kept on the server: started, touched, expired, ended.

The cookie holds a random token; the database holds its SHA-256 and decides whether it still counts.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import has_request_context, request
from sqlalchemy import select, update
from sqlalchemy.orm import Session as OrmSession

from app.config import ABSOLUTE_LIMIT_S, IDLE_LIMIT_S
from app.extensions import db
from app.records.base import utc_now
from app.records.people import Login, Patient, User

IDLE_LIMIT = timedelta(seconds=IDLE_LIMIT_S)
ABSOLUTE_LIMIT = timedelta(seconds=ABSOLUTE_LIMIT_S)
TOUCH_EVERY = timedelta(seconds=30)
"""Activity is written at most this often: the idle limit needs no finer clock."""
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a socket belongs to, as read from the database at one moment."""

    login_id: str
    user_id: str
    name: str
    role: str
    clinic_id: str
    patient_id: str | None


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("ascii", "replace")).hexdigest()


def start(user: User) -> Login:
    """Begin a login of ``user`` under a new token and commit it; the user object then carries the token."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    login = Login(user_id=user.id, token_sha256=_sha256(token))
    db.session.add(login)
    db.session.commit()
    user.login_token, user.login_id = token, login.id
    return login


def load_user(token: str) -> User | None:
    """The user of a login that still counts, or None. This is Flask-Login's user loader."""
    login = db.session.scalar(select(Login).where(Login.token_sha256 == _sha256(token)))
    if login is None or not _counts(login, utc_now()):
        return None
    now = utc_now()
    if now - login.last_seen_at >= TOUCH_EVERY and not _asked_by_itself():
        login.last_seen_at = now
        db.session.commit()
    user = login.user
    user.login_token, user.login_id = token, login.id
    return user


def _asked_by_itself() -> bool:
    """Whether a page asked on its own: an open caseload reloads every few seconds, and nobody may be there."""
    return has_request_context() and request.method == "GET" and "/api/" in request.path


def end(login_id: str) -> None:
    """End one login; the cookie that carries it is worth nothing from here on."""
    db.session.execute(update(Login).where(Login.id == login_id, Login.ended_at.is_(None)).values(ended_at=utc_now()))
    db.session.commit()


def identity(login_id: str) -> Identity | None:
    """Fresh identity behind a login, or None when it ended, expired, or its user was disabled."""
    login = db.session.get(Login, login_id, populate_existing=True)
    if login is None or not _counts(login, utc_now()):
        return None
    user = login.user
    patient_id = db.session.scalar(select(Patient.id).where(Patient.user_id == user.id))
    return Identity(login.id, user.id, user.name, user.role, user.clinic_id, patient_id)


def still_valid(session: OrmSession, login_ids: Iterable[str], seen_now: Iterable[str]) -> set[str]:
    """Which of these logins still count; those in ``seen_now`` were active and are touched. Commits.

    Used by the socket guard, in its own thread and with its own database session.
    """
    wanted = tuple(login_ids)
    if not wanted:
        return set()
    now = utc_now()
    rows = session.scalars(select(Login).join(User).where(Login.id.in_(wanted), User.active)).all()
    valid = {row.id for row in rows if _counts(row, now)}
    for row in rows:
        if row.id in valid and row.id in seen_now and now - row.last_seen_at >= TOUCH_EVERY:
            row.last_seen_at = now
    session.commit()
    return valid


def _counts(login: Login, now: datetime) -> bool:
    return (
        login.ended_at is None
        and login.user.active
        and now - login.last_seen_at < IDLE_LIMIT
        and now - login.created_at < ABSOLUTE_LIMIT
    )
