"""The settings a session starts with, from the records: the vision profile and the person's own preferences."""

from __future__ import annotations

from app.accounts.logins import Identity
from app.extensions import db
from app.patient.preferences import engine_settings
from app.records.people import Patient, User
from maxsight_core.contracts import SessionSettings


def vision_profile(who: Identity) -> tuple[SessionSettings, str | None]:
    """Settings from the records, and the patient's name; a developer's session has no patient."""
    user = db.session.get(User, who.user_id)
    preferences = engine_settings(user.preferences if user is not None else {})
    patient = db.session.get(Patient, who.patient_id) if who.patient_id and who.role == "patient" else None
    if patient is None:
        return SessionSettings(**preferences), None
    preferences.setdefault("condition", patient.condition)
    return SessionSettings(**preferences, patient_profile=dict(patient.profile or {})), patient.name
