"""Reading. Every query that a member of a clinic may cause names the clinic."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.records.people import Patient
from app.records.sessions import Alert, Figure, Session

RECENT_SESSIONS = 200


@dataclass(frozen=True, slots=True)
class CaseloadRow:
    """One patient with the facts of a caseload."""

    patient: Patient
    sessions: int
    last: Session | None


def caseload(clinic_id: str) -> list[CaseloadRow]:
    """Patients of the clinic by name, each with the number of sessions and the latest one."""
    counted = (
        select(Session.patient_id, func.count().label("sessions"), func.max(Session.started_at).label("latest"))
        .where(Session.clinic_id == clinic_id, Session.patient_id.is_not(None))
        .group_by(Session.patient_id).subquery()
    )
    rows = db.session.execute(
        select(Patient, counted.c.sessions, Session)
        .outerjoin(counted, counted.c.patient_id == Patient.id)
        .outerjoin(Session, (Session.patient_id == Patient.id) & (Session.started_at == counted.c.latest))
        .where(Patient.clinic_id == clinic_id).order_by(Patient.name, Patient.id)
    ).all()
    seen: dict[str, CaseloadRow] = {}
    for patient_, sessions, last in rows:  # two sessions of one microsecond would give the patient two rows
        seen.setdefault(patient_.id, CaseloadRow(patient_, int(sessions or 0), last))
    return list(seen.values())


def patient(clinic_id: str, patient_id: str) -> Patient | None:
    return db.session.scalar(select(Patient).where(Patient.id == patient_id, Patient.clinic_id == clinic_id))


def sessions_of_patient(patient_id: str, limit: int = RECENT_SESSIONS) -> list[Session]:
    """Newest first."""
    return list(db.session.scalars(
        select(Session).options(joinedload(Session.patient)).where(Session.patient_id == patient_id)
        .order_by(Session.started_at.desc()).limit(limit)
    ))


@dataclass(frozen=True, slots=True)
class Totals:
    """What a session amounts to: alerts by their final fate, and frames that got no result."""

    alerts_by_fate: dict[str, int]
    dropped: int


def totals(session_ids: list[str]) -> dict[str, Totals]:
    """Totals of these sessions. The browser has the last word on a fate: what it did replaces the decision."""
    fate = func.coalesce(Alert.delivery_fate, Alert.fate)
    fates: dict[str, dict[str, int]] = {}
    for session_id, name, count in db.session.execute(
        select(Alert.session_id, fate, func.count()).where(Alert.session_id.in_(session_ids))
        .group_by(Alert.session_id, fate)
    ):
        fates.setdefault(session_id, {})[name] = count
    dropped: dict[str, int] = {}
    for session_id, drops in db.session.execute(
        select(Figure.session_id, Figure.drops).where(Figure.session_id.in_(session_ids))
    ):
        dropped[session_id] = dropped.get(session_id, 0) + sum((drops or {}).values())
    return {name: Totals(fates.get(name, {}), dropped.get(name, 0)) for name in session_ids}


def session(clinic_id: str, session_id: str) -> Session | None:
    """A patient's session of this clinic; a developer's test session is no clinical record."""
    return db.session.scalar(
        select(Session).options(joinedload(Session.patient))
        .where(Session.id == session_id, Session.clinic_id == clinic_id, Session.patient_id.is_not(None))
    )


def figures(session_id: str) -> list[Figure]:
    return list(db.session.scalars(select(Figure).where(Figure.session_id == session_id).order_by(Figure.second)))


def ledger(session_id: str, start: int, limit: int) -> tuple[int, list[Alert]]:
    """Number of all rows, and ``limit`` of them from ``start`` on, in the order they were decided."""
    total = db.session.scalar(select(func.count()).select_from(Alert).where(Alert.session_id == session_id)) or 0
    rows = db.session.scalars(
        select(Alert).where(Alert.session_id == session_id)
        .order_by(Alert.decided_at, Alert.seq, Alert.alert_id).offset(start).limit(limit)
    )
    return total, list(rows)
