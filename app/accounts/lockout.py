"""Seven failures lock an address for five minutes, whether or not an account has it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete, update

from app.extensions import db
from app.records.base import utc_now
from app.records.people import LoginThrottle

MAX_FAILURES = 7
LOCK_FOR = timedelta(minutes=5)
FORGET_AFTER = timedelta(hours=24)
"""Failures older than this no longer count, and their rows go."""


def _key(email: str) -> str:
    return hashlib.sha256(email.encode("utf-8")).hexdigest()


def locked_for(email: str) -> timedelta | None:
    """How long the address is still locked, or None."""
    row = db.session.get(LoginThrottle, _key(email))
    if row is None or row.locked_until is None:
        return None
    left = row.locked_until - utc_now()
    return left if left > timedelta(0) else None


def record_failure(email: str) -> None:
    """Count one failure and commit; the seventh locks."""
    key, now = _key(email), utc_now()
    db.session.execute(delete(LoginThrottle).where(LoginThrottle.last_failure_at < now - FORGET_AFTER))
    db.session.execute(  # a lock that was served: the count starts again
        update(LoginThrottle).where(LoginThrottle.email_sha256 == key, LoginThrottle.locked_until <= now)
        .values(failures=0, locked_until=None)
    )
    counted = db.session.execute(
        update(LoginThrottle).where(LoginThrottle.email_sha256 == key)
        .values(failures=LoginThrottle.failures + 1, last_failure_at=now)  # in SQL: two guesses at once count as two
    )
    if counted.rowcount == 0:
        db.session.add(LoginThrottle(email_sha256=key, failures=1, last_failure_at=now))
        db.session.flush()
    db.session.execute(
        update(LoginThrottle).where(LoginThrottle.email_sha256 == key, LoginThrottle.failures >= MAX_FAILURES)
        .values(locked_until=now + LOCK_FOR)
    )
    db.session.commit()


def clear(email: str) -> None:
    """Forget failures after a login that succeeded. The caller commits."""
    db.session.execute(delete(LoginThrottle).where(LoginThrottle.email_sha256 == _key(email)))
