"""Clinics, users, their logins, and patients."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from flask_login import UserMixin
from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Base, UtcDateTime, new_id, utc_now

ROLES: tuple[str, ...] = ("patient", "clinician", "developer")


class Clinic(Base):
    """The border of what a clinician or developer may see."""

    __tablename__ = "clinics"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class User(UserMixin, Base):
    """Somebody who can log in. ``preferences`` are the person's own settings (see app/patient/preferences.py)."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('patient', 'clinician', 'developer')", name="role"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    clinic_id: Mapped[str] = mapped_column(ForeignKey("clinics.id"), index=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    preferences: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    clinic: Mapped[Clinic] = relationship()
    patient: Mapped[Patient | None] = relationship(back_populates="user", uselist=False)

    login_token: ClassVar[str | None] = None
    """Token of the login that loaded this object; set on it by ``accounts.logins``, kept in no column."""
    login_id: ClassVar[str | None] = None

    @property
    def is_active(self) -> bool:
        return self.active

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the token of this login, not the user's number."""
        if self.login_token is None:
            raise ValueError("User.get_id: this user has no login; start one with accounts.logins.start")
        return self.login_token


class Login(Base):
    """One browser's login. Ending it on the server ends it everywhere, whatever cookie somebody kept."""

    __tablename__ = "logins"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()


class LoginThrottle(Base):
    """Failed logins of one address, known or not: the answer must not tell which addresses exist."""

    __tablename__ = "login_throttle"

    email_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    last_failure_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Patient(Base):
    """A person under care. ``profile`` is the vision profile handed to the engine with each session."""

    __tablename__ = "patients"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    clinic_id: Mapped[str] = mapped_column(ForeignKey("clinics.id"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    condition: Mapped[str | None] = mapped_column(String(40))
    profile: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    user: Mapped[User | None] = relationship(back_populates="patient")
