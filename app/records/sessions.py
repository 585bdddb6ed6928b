"""Vision sessions, the alert ledger, and the figures of every second."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.records.base import Base, UtcDateTime, utc_now
from app.records.people import Patient, User


class Session(Base):
    """One vision session: from ``session_start`` to its end, whoever or whatever ended it.

    ``engine`` is what perceived (runtime, precision, weights, trained heads), as the engine described itself.
    ``alerts_lost`` and ``figures_lost`` count rows that could not be kept because the database did not keep up:
    a ledger with gaps says so.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("status IN ('running', 'ended', 'interrupted')", name="status"),
        CheckConstraint("purpose IN ('patient', 'dev')", name="purpose"),
        CheckConstraint("(purpose = 'patient') = (patient_id IS NOT NULL)", name="patient_named"),
        Index("ix_sessions_patient_id_started_at", "patient_id", "started_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    clinic_id: Mapped[str] = mapped_column(ForeignKey("clinics.id"), index=True)
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patients.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    source_detail: Mapped[str | None] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    engine: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    software_version: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(16), default="running", index=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str | None] = mapped_column(String(80))
    alerts_lost: Mapped[int] = mapped_column(Integer, default=0)
    figures_lost: Mapped[int] = mapped_column(Integer, default=0)

    patient: Mapped[Patient | None] = relationship()
    user: Mapped[User] = relationship()


class Alert(Base):
    """One row of the ledger: an alert candidate, the engine's decision, and what the browser did with it.

    The columns up to ``source`` are those of ``contracts.AlertDecision``. ``delivery_*`` come from the browser:
    ``delivery_latency_ms`` is from the capture of the frame to the output, on the browser's own clock.
    """

    __tablename__ = "alerts"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    alert_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    stage: Mapped[str] = mapped_column(String(2))
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    fate: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    seq: Mapped[int] = mapped_column(Integer)
    time_s: Mapped[float] = mapped_column(Float)
    expires_s: Mapped[float] = mapped_column(Float)
    track_id: Mapped[int | None] = mapped_column(Integer)
    class_name: Mapped[str | None] = mapped_column(String(80))
    bearing_deg: Mapped[float | None] = mapped_column(Float)
    distance_m: Mapped[float | None] = mapped_column(Float)
    time_to_contact_s: Mapped[float | None] = mapped_column(Float)
    urgency: Mapped[int] = mapped_column(Integer)
    haptic: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    earcon: Mapped[str | None] = mapped_column(String(40))
    interrupts: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[str] = mapped_column(String(16))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    delivery_fate: Mapped[str | None] = mapped_column(String(16))
    delivery_reason: Mapped[str | None] = mapped_column(String(200))
    delivery_latency_ms: Mapped[float | None] = mapped_column(Float)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    repeats: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class Figure(Base):
    """What happened in one second of a session. Latencies are milliseconds.

    ``latency_*`` is a frame's age in the server: received until its result was sent. ``delivery_*`` is what the
    browser measured from capture to output. ``drops`` counts dropped frames by reason.
    """

    __tablename__ = "figures"

    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    second: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    frames: Mapped[int] = mapped_column(Integer)
    results: Mapped[int] = mapped_column(Integer)
    drops: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    latency_p50_ms: Mapped[float | None] = mapped_column(Float)
    latency_p95_ms: Mapped[float | None] = mapped_column(Float)
    delivery_p50_ms: Mapped[float | None] = mapped_column(Float)
    delivery_p95_ms: Mapped[float | None] = mapped_column(Float)
    uncertainty_mean: Mapped[float | None] = mapped_column(Float)
    alerts: Mapped[int] = mapped_column(Integer)
