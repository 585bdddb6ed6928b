"""Who may read the engine's report, and what a Dev view is told of frames that no result speaks of."""

import re
import time
from datetime import timedelta

import pytest
from staff_engine import StaffEngine
from staff_server import PASSWORD, add_people

from app import create_app, live_service
from app.config import Config
from app.extensions import db
from app.live.watchers import Watchers
from app.records.base import utc_now
from app.records.people import Login
from maxsight_core.contracts import FrameResult, StageBDecision

ADDRESS = "/dev/api/engine"


@pytest.fixture
def app(tmp_path):
    made = create_app(Config(
        secret_key="a secret key that only tests know", database_url=f"sqlite:///{tmp_path / 'maxsight.db'}",
        instance_dir=tmp_path, threads=24,
    ), engine=StaffEngine)
    with made.app_context():
        db.create_all()
        add_people()
        db.session.commit()
    yield made
    with made.app_context():
        db.engine.dispose()


def browser_of(app, role: str):
    browser = app.test_client()
    page = browser.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page).group(1)
    form = {"email": f"{role}@example.org", "password": PASSWORD, "csrf_token": token}
    assert browser.post("/login", data=form).status_code == 302
    return browser


def test_developers_read_the_report_and_nobody_else_does(app):
    assert app.test_client().get(ADDRESS).status_code in (302, 401)
    assert [browser_of(app, role).get(ADDRESS).status_code for role in ("patient", "clinician")] == [403, 403]
    engine = live_service(app).engine
    browser = browser_of(app, "developer")
    before = time.monotonic()
    stopped = browser.get(ADDRESS).json
    assert stopped["engine"] == {"state": "not_started", "error": None}
    assert before <= stopped["at_s"] <= time.monotonic()
    engine.start()
    assert engine.wait(5.0)
    answer = browser.get(ADDRESS)
    assert answer.json["engine"] == engine.health() and answer.json["engine"]["lanes"]["A"]["alive"] is True
    assert answer.headers["Cache-Control"] == "no-store"
    engine.stop()


def test_a_page_that_reads_the_report_every_second_does_not_keep_its_login_alive(app):
    browser = browser_of(app, "developer")
    before = utc_now() - timedelta(minutes=10)
    with app.app_context():
        db.session.query(Login).update({"last_seen_at": before})
        db.session.commit()
    assert browser.get(ADDRESS).status_code == 200
    with app.app_context():
        assert db.session.query(Login).one().last_seen_at == before


class Outbox:
    """Keeps what would be sent: (socket, message)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict]] = []

    def emit(self, event, payload, sid) -> None:
        assert event == "live"
        self.sent.append((sid, payload))

    def waiting(self, sid) -> int:
        return 0


def result(seq: int) -> FrameResult:
    chosen = StageBDecision(False, "Stage B skipped: uncertainty 0.83 > 0.70", 21.0, 0.83)
    return FrameResult(
        seq=seq, time_s=seq / 10, t_cap_ms=seq * 100.0, width=64, height=48, outputs={}, detections=(),
        uncertainty=0.83, urgency=0, alerts=(), stage_b=chosen, timings_ms={"stage_a": 21.0},
    )


def test_a_dev_view_hears_of_dropped_and_passed_over_frames_and_a_clinician_does_not():
    outbox = Outbox()
    watchers = Watchers(outbox)
    watchers.add("s", "dev-socket", "dev")
    watchers.add("s", "clinician-socket", "clinician")
    for seq in (1, 2, 4):
        watchers.result("s", result(seq), 30.0)
    watchers.dropped("s", 3, "superseded")
    watchers.start()
    deadline = time.monotonic() + 5.0
    while len(outbox.sent) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    watchers.stop()
    told = {sid: [(body["kind"], body["seq"]) for to, body in outbox.sent if to == sid] for sid, _ in outbox.sent}
    assert told == {
        "dev-socket": [("decision", 1), ("decision", 2), ("dropped", 3), ("result", 4)],
        "clinician-socket": [("result", 4)],
    }
    passed = next(body for _, body in outbox.sent if body["kind"] == "decision")
    assert passed["session_id"] == "s" and passed["stage_b"] == result(1).stage_b.to_json()
    dropped = next(body for _, body in outbox.sent if body["kind"] == "dropped")
    assert dropped["reason"] == "superseded" and dropped["v"] == 1
