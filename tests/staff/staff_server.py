"""The real app with a small, known clinic, as a process of its own: PORT, a folder, and ``real`` for the real engine.

Without ``real`` the engine is the double of staff_engine.py.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from staff_engine import StaffEngine

from app import create_app, live_service
from app.accounts import passwords
from app.config import Config
from app.extensions import db, socketio
from app.records.people import Clinic, Patient, User
from app.records.sessions import Alert, Figure, Session

PASSWORD = "correct horse battery"
LENGTH_S = 120
GAP_S = range(50, 60)
FATES = (("spoken", 140.0), ("suppressed", None), ("expired", None))


def add_people() -> dict[str, Patient]:
    clinic = Clinic(name="north")
    db.session.add(clinic)
    db.session.flush()
    patients = {}
    for role in ("patient", "clinician", "developer"):
        user = User(clinic_id=clinic.id, email=f"{role}@example.org", name=role, role=role,
                    password_hash=passwords.hash_password(PASSWORD))
        db.session.add(user)
        db.session.flush()
        if role == "patient":
            anna = Patient(clinic_id=clinic.id, user_id=user.id, name="Anna Berg", condition="glaucoma")
            patients[anna.name] = anna
    patients["Bertil Olsen"] = Patient(clinic_id=clinic.id, name="Bertil Olsen", condition="amd")
    patients["Zoe Zimmer"] = Patient(clinic_id=clinic.id, name="Zoe Zimmer", condition="cvi")
    db.session.add_all(patients.values())
    db.session.flush()
    return patients


def add_session(session_id: str, patient: Patient, user_id: str, started: datetime, reason: str) -> None:
    """Two minutes: figures of every second but a gap, and an alert every ten seconds."""
    db.session.add(Session(
        id=session_id, clinic_id=patient.clinic_id, patient_id=patient.id, user_id=user_id, purpose="patient",
        source="webcam", settings={"condition": patient.condition}, engine={"runtime": "double", "trained_heads": []},
        status="interrupted" if reason == "server_killed" else "ended", started_at=started,
        ended_at=started + timedelta(seconds=LENGTH_S), end_reason=reason, software_version="3.0.0",
    ))
    db.session.flush()
    for second in range(LENGTH_S):
        if second in GAP_S:
            continue
        results, dropped = 5 + second % 5, second % 3
        db.session.add(Figure(
            session_id=session_id, second=second, at=started + timedelta(seconds=second + 1), frames=results + dropped,
            results=results, drops={"superseded": dropped}, latency_p50_ms=20.0 + second,
            latency_p95_ms=40.0 + second, uncertainty_mean=second / 200, alerts=0,
        ))
    for number in range(1, LENGTH_S // 10):
        fate, latency_ms = FATES[number % 3]
        db.session.add(Alert(
            session_id=session_id, alert_id=f"{number}-0", stage=("P0", "P1", "P2")[number % 3], kind="approach",
            text=f"Alert number {number}.", fate=fate, reason="test", seq=number, time_s=5000.0 + number * 10,
            expires_s=5001.0 + number * 10, urgency=2, interrupts=False, source="measured",
            decided_at=started + timedelta(seconds=number * 10), delivery_fate=fate if latency_ms else None,
            delivery_latency_ms=latency_ms,
        ))


def main(folder: Path, port: int, real_engine: bool) -> None:
    app = create_app(Config(
        secret_key="a secret key that only tests know", database_url=f"sqlite:///{folder / 'maxsight.db'}",
        instance_dir=folder, threads=24,
    ), engine=None if real_engine else StaffEngine)
    with app.app_context():
        db.create_all()
        patients = add_people()
        owner = patients["Anna Berg"].user_id
        started = datetime(2026, 3, 1, 12, 1, 4, tzinfo=UTC)
        add_session("interrupted", patients["Bertil Olsen"], owner, started, "server_killed")
        add_session("ended", patients["Anna Berg"], owner, datetime.now(UTC) - timedelta(days=1), "stopped")
        db.session.commit()
    live_service(app).start()
    socketio.run(app, host="127.0.0.1", port=port, allow_unsafe_werkzeug=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(os.environ["PORT"]), real_engine="real" in sys.argv[2:])
