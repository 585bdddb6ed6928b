"""What the tests of the web side share: settings, people, a picture, a socket with a memory."""

from __future__ import annotations

import re
import time
from pathlib import Path

from app.accounts import passwords
from app.config import Config
from app.extensions import db, socketio
from app.records.people import Clinic, Patient, User

KEY = "a secret key that only tests know"
PASSWORD = "correct horse battery"
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 200 + b"\xff\xd9"


def make_config(folder: Path, **changes) -> Config:
    settings = {
        "secret_key": KEY, "database_url": f"sqlite:///{folder / 'maxsight.db'}", "instance_dir": folder,
        "threads": 24, **changes,
    }
    return Config(**settings)


def add_people() -> dict[str, str]:
    """Two clinics with people in each; returns the ids by a short name."""
    hashed = passwords.hash_password(PASSWORD)
    ids: dict[str, str] = {}
    for clinic_name in ("north", "south"):
        clinic = Clinic(name=clinic_name)
        db.session.add(clinic)
        db.session.flush()
        for role in ("patient", "clinician", "developer"):
            name = f"{role}.{clinic_name}"
            user = User(clinic_id=clinic.id, email=f"{name}@example.org", name=name, role=role, password_hash=hashed)
            db.session.add(user)
            db.session.flush()
            ids[name] = user.id
            if role == "patient":
                patient = Patient(clinic_id=clinic.id, user_id=user.id, name=name, condition="glaucoma")
                db.session.add(patient)
                db.session.flush()
                ids[f"record.{clinic_name}"] = patient.id
    db.session.commit()
    return ids


def token_of(browser) -> str:
    """The CSRF token that the page carries."""
    page = browser.get("/login", follow_redirects=True).get_data(as_text=True)
    return re.search(r'name="csrf-token" content="([^"]+)"', page).group(1)


class Socket:
    """A socket test client with a memory: events are kept until they are asked for."""

    def __init__(self, app, browser) -> None:
        self.inner = socketio.test_client(app, flask_test_client=browser)
        self.events: list[tuple[str, dict]] = []
        self.seq = 0

    @property
    def connected(self) -> bool:
        return self.inner.is_connected()

    def ask(self, event: str, *args, **fields):
        payload = args or ({"v": 1, **fields},)
        return self.inner.emit(event, *payload, callback=True)

    def tell(self, event: str, **fields) -> None:
        self.inner.emit(event, {"v": 1, **fields})

    def frame(self, seq: int | None = None, data: bytes = JPEG, **changes) -> int:
        self.seq = self.seq + 1 if seq is None else seq
        header = {"v": 1, "seq": self.seq, "t_cap": self.seq * 100.0, "w": 64, "h": 48, **changes}
        self.inner.emit("frame", header, data)
        return self.seq

    def start(self, **settings):
        answer = self.ask("session_start", source="webcam", settings=settings)
        assert answer["ok"], answer
        return answer["session_id"]

    def all(self, name: str) -> list[dict]:
        if self.connected:
            self.events += [(event["name"], event["args"][0]) for event in self.inner.get_received()]
        return [body for event, body in self.events if event == name]

    def wait(self, name: str, count: int = 1, within_s: float = 3.0) -> list[dict]:
        deadline = time.monotonic() + within_s
        while len(found := self.all(name)) < count:
            assert time.monotonic() < deadline, f"expected {count} {name}; got {[e for e, _ in self.events]}"
            time.sleep(0.01)
        return found
