"""The socket against docs/protocol.md, with the real handlers, writer and database; the engine is a double."""

from __future__ import annotations

import time

import pytest
from app_engine_double import decision, result_for, scene_for
from app_support import JPEG, Socket

from app.extensions import db, socketio
from app.live import protocol
from app.live.handlers import EVENT_ROLES
from app.records.people import Login, User
from app.records.sessions import Alert, Figure, Session

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
WEBP = b"RIFF\x40\x00\x00\x00WEBPVP8 " + b"\x00" * 64

VALID = {
    "session_start": {"source": "webcam", "settings": {}}, "settings": {"settings": {"verbosity": "full"}},
    "request": {"kind": "describe"}, "delivery": {"alert_id": "1-0", "fate": "spoken", "latency_ms": 90},
    "notice": {"kind": "vision_paused", "t_cap": 1}, "session_stop": {},
    "frame": {"seq": 1, "t_cap": 1, "w": 8, "h": 8},
    "watch": {"session_id": "x", "view": "clinician"}, "unwatch": {"session_id": "x"},
    "session_control": {"session_id": "x", "action": "stop"},
}


def code(answer) -> str:
    assert answer["ok"] is False and answer["error"]["message"]
    return answer["error"]["code"]


def test_an_anonymous_socket_is_refused(app, live):
    assert not Socket(app, app.test_client()).connected


@pytest.mark.parametrize("role", ["patient", "clinician", "developer"])
@pytest.mark.parametrize("event", sorted(EVENT_ROLES))
def test_each_event_is_for_its_roles_only(event, role, connect):
    socket = connect(f"{role}.north")
    if event == "frame":
        socket.inner.emit("frame", {"v": 1, **VALID[event]}, JPEG)
        (dropped,) = socket.wait("frame_dropped")
        assert dropped["reason"] == "not_started"
        assert ("account" in dropped["message"]) == (role not in EVENT_ROLES[event])
        return
    answer = socket.ask(event, **VALID[event])
    refused = isinstance(answer, dict) and not answer["ok"] and answer["error"]["code"] == "forbidden"
    assert refused == (role not in EVENT_ROLES[event]), answer


def test_every_registered_event_has_a_rule():
    bound = {name for name in socketio.server.handlers["/"] if name not in ("connect", "disconnect")}
    assert bound == set(EVENT_ROLES) == set(VALID)


def test_a_frame_gets_one_result_and_the_ledger_is_saved(connect, engine, app):
    patient = connect("patient.north")
    session_id = patient.start(verbosity="brief")
    engine.alerts_for = {1: (decision("1-0"), decision("1-1", fate="suppressed", reason="cooldown"))}
    patient.frame()
    (result,) = patient.wait("result")
    assert (result["v"], result["seq"], result["t_cap"], result["credit"]) == (1, 1, 100.0, 1)
    assert [a["id"] for a in result["alerts"]] == ["1-0"], "only what is delivered goes to the person"
    assert result["urgency"] == "warning" and result["lighting"]["value"]["level"] == "normal"
    saved = patient.wait("saved")
    assert set(saved[0]["alert_ids"]) == {"1-0", "1-1"} and saved[0]["session_id"] == session_id
    with app.app_context():
        rows = {a.alert_id: a for a in db.session.query(Alert).filter_by(session_id=session_id)}
    assert rows["1-1"].reason == "cooldown" and rows["1-0"].haptic == {"location": "left", "pattern_ms": [80, 40, 80]}
    assert rows["1-0"].distance_m == 3.0 and rows["1-0"].stage == "P1"


def test_saved_is_sent_only_after_the_rows_can_be_read_by_others(connect, engine, app, live, monkeypatch):
    patient = connect("patient.north")
    session_id = patient.start()
    seen: list[int] = []
    tell = live.outbox.emit

    def spy(event, payload, sid):
        if event == "saved" and payload["alert_ids"]:
            with app.app_context():
                seen.append(db.session.query(Alert).filter(Alert.alert_id.in_(payload["alert_ids"])).count())
        tell(event, payload, sid)

    monkeypatch.setattr(live.outbox, "emit", spy)
    engine.alerts_for = {1: (decision("1-0"),)}
    patient.frame()
    patient.wait("saved")
    assert seen == [1] and session_id


def test_session_stop_is_acknowledged_after_the_commit_with_every_figure(connect, engine, app):
    patient = connect("patient.north")
    session_id = patient.start()
    for _ in range(5):
        patient.frame()
    patient.frame(data=b"not a picture")
    assert patient.ask("session_stop", reason="done") == {"ok": True, "session_id": session_id}
    with app.app_context():
        row = db.session.get(Session, session_id)
        figures = db.session.query(Figure).filter_by(session_id=session_id).all()
    assert (row.status, row.end_reason, row.purpose) == ("ended", "done", "patient") and row.ended_at >= row.started_at
    assert row.engine["runtime"] == "double" and row.settings["condition"] == "glaucoma"
    assert sum(f.frames for f in figures) == 6 and sum(f.results for f in figures) == 5
    assert sum(f.drops.get("bad_image", 0) for f in figures) == 1
    assert all(0 <= f.latency_p50_ms <= f.latency_p95_ms for f in figures if f.results)
    assert patient.wait("session_ended")[0]["reason"] == "done"


@pytest.mark.parametrize(("header", "data", "reason"), [
    ({}, b"", "bad_image"),
    ({}, b"GIF89a" + b"\x00" * 50, "bad_image"),
    ({}, "text instead of bytes", "bad_header"),
    ({}, None, "bad_header"),
    ({}, JPEG[:3] + b"\x00" * protocol.MAX_FRAME_BYTES, "too_large"),
    ({"w": 1281}, JPEG, "too_large"),
    ({"h": 100000}, JPEG, "too_large"),
    ({"w": 0}, JPEG, "bad_header"),
    ({"w": "64"}, JPEG, "bad_header"),
    ({"w": True}, JPEG, "bad_header"),
    ({"h": None}, JPEG, "bad_header"),
    ({"seq": -1}, JPEG, "bad_header"),
    ({"seq": 1.5}, JPEG, "bad_header"),
    ({"seq": 2**31}, JPEG, "bad_header"),
    ({"t_cap": "now"}, JPEG, "bad_header"),
    ({"t_cap": -5}, JPEG, "bad_header"),
    ({"v": 2}, JPEG, "bad_header"),
    ({"v": None}, JPEG, "bad_header"),
])
def test_a_bad_frame_is_answered_once_and_never_reaches_the_engine(header, data, reason, connect, engine):
    patient = connect("patient.north")
    patient.start()
    patient.inner.emit("frame", {"v": 1, "seq": 1, "t_cap": 5.0, "w": 64, "h": 48, **header}, data)
    (dropped,) = patient.wait("frame_dropped")
    assert dropped["reason"] == reason and dropped["message"] and dropped["credit"] == 1
    assert engine.frames == [] and patient.all("result") == []
    patient.frame(seq=7)
    assert patient.wait("result")[0]["seq"] == 7, "the session goes on"


@pytest.mark.parametrize("arguments", [(), ("text",), ([1, 2],), (None, JPEG), ({},), ({"v": 1}, JPEG, "more")])
def test_a_frame_of_the_wrong_shape_is_answered(arguments, connect):
    patient = connect("patient.north")
    patient.start()
    patient.inner.emit("frame", *arguments)
    assert patient.wait("frame_dropped")[0]["reason"] == "bad_header"


@pytest.mark.parametrize("data", [JPEG, PNG, WEBP], ids=["jpeg", "png", "webp"])
def test_the_three_formats_are_taken(data, connect, engine):
    patient = connect("patient.north")
    patient.start()
    patient.frame(data=data)
    patient.wait("result")
    assert engine.frames[0][1].data == data


def test_a_repeated_frame_number_is_refused(connect, engine):
    patient = connect("patient.north")
    patient.start()
    patient.frame(seq=3)
    patient.wait("result")
    patient.frame(seq=3)
    assert patient.wait("frame_dropped")[0]["reason"] == "bad_header"
    assert len(engine.frames) == 1


def test_frames_before_session_start_are_answered_not_started(connect, engine):
    patient = connect("patient.north")
    patient.frame(seq=9)
    (dropped,) = patient.wait("frame_dropped")
    assert (dropped["reason"], dropped["seq"], dropped["t_cap"]) == ("not_started", 9, 900.0)
    assert engine.frames == []


def test_a_frame_in_work_when_the_session_stops_is_answered_once(connect, engine):
    patient = connect("patient.north")
    session_id = patient.start()
    engine.hold = True
    patient.frame()
    sink = engine.sinks[session_id]
    patient.ask("session_stop")
    assert patient.wait("frame_dropped")[0]["reason"] == "session_stopped"
    sink.on_result(result_for(1, 100.0))  # the engine was in the middle of it
    sink.on_dropped(1, 100.0, "engine_error")
    sink.on_scene(scene_for(1, 100.0))
    time.sleep(0.05)
    assert len(patient.all("frame_dropped")) == 1 and not patient.all("result") and not patient.all("scene")


def test_the_engine_cannot_answer_a_frame_twice(connect, engine):
    patient = connect("patient.north")
    session_id = patient.start()
    engine.hold = True
    patient.frame()
    sink = engine.sinks[session_id]
    sink.on_dropped(1, 100.0, "engine_restarting")
    sink.on_result(result_for(1, 100.0))
    time.sleep(0.05)
    assert [d["reason"] for d in patient.all("frame_dropped")] == ["engine_restarting"] and not patient.all("result")


@pytest.mark.parametrize(("payload", "expected"), [
    (None, "bad_message"), ("hello", "bad_message"), ([], "bad_message"), ({}, "unsupported_version"),
    ({"v": 2, "source": "webcam"}, "unsupported_version"), ({"v": "1", "source": "webcam"}, "unsupported_version"),
    ({"v": True, "source": "webcam"}, "unsupported_version"),
    ({"v": 1}, "bad_message"), ({"v": 1, "source": "screen"}, "bad_message"),
    ({"v": 1, "source": ["webcam"]}, "bad_message"),
    ({"v": 1, "source": "webcam", "source_detail": "x" * 201}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": "brief"}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"condition": "blindness"}}, "unknown_condition"),
    ({"v": 1, "source": "webcam", "settings": {"condition": {"a": 1}}}, "unknown_condition"),
    ({"v": 1, "source": "webcam", "settings": {"verbosity": "loud"}}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"speech_wpm": 451}}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"speech_wpm": True}}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"silenced": "yes"}}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"hfov_deg": "wide"}}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"hfov_deg": 5}}, "bad_message"),
    ({"v": 1, "source": "webcam", "settings": {"patient_profile": {}}}, "bad_message"),
])
def test_a_bad_start_is_refused_with_its_code_and_starts_nothing(payload, expected, connect, engine, live):
    patient = connect("patient.north")
    assert code(patient.ask("session_start", payload)) == expected
    assert engine.sinks == {} and len(live.sessions) == 0


@pytest.mark.parametrize(("event", "payload", "expected"), [
    ("settings", {"v": 1}, "bad_message"), ("settings", {"v": 1, "settings": {"volume": 3}}, "bad_message"),
    ("settings", {"v": 1, "settings": {"condition": "x"}}, "unknown_condition"),
    ("settings", {}, "unsupported_version"),
    ("request", {"v": 1, "kind": "sing"}, "bad_message"),
    ("request", {"v": 1, "kind": "find", "what": "x" * 81}, "bad_message"),
    ("request", None, "bad_message"), ("delivery", {"v": 1, "alert_id": "1-0", "fate": "lost"}, "bad_message"),
    ("delivery", {"v": 1, "alert_id": "", "fate": "spoken"}, "bad_message"),
    ("delivery", {"v": 1, "alert_id": "1-0", "fate": "spoken", "latency_ms": -1}, "bad_message"),
    ("notice", {"v": 1, "kind": "tired"}, "bad_message"), ("session_stop", {"v": 3}, "unsupported_version"),
    ("session_stop", {"v": 1, "reason": "x" * 65}, "bad_message"),
])
def test_a_bad_message_in_a_session_is_refused_and_the_session_goes_on(event, payload, expected, connect):
    patient = connect("patient.north")
    patient.start()
    assert code(patient.ask(event, payload)) == expected
    patient.frame()
    patient.wait("result")


def test_settings_reach_the_engine_and_come_back(connect, engine):
    patient = connect("patient.north")
    session_id = patient.start(units="feet")
    answer = patient.ask("settings", settings={"silenced": True, "directions": "clock", "condition": None})
    assert answer["ok"] and answer["settings"]["units"] == "feet" and answer["settings"]["silenced"] is True
    held = engine.settings[session_id]
    assert held.silenced and held.directions == "clock" and held.condition is None


def test_a_second_start_on_one_socket_is_refused(connect):
    patient = connect("patient.north")
    patient.start()
    assert code(patient.ask("session_start", source="webcam", settings={})) == "already_started"


def test_a_new_page_of_the_same_patient_takes_over(connect, app):
    old, new = connect("patient.north"), connect("patient.north")
    first = old.start()
    new.start()
    assert old.wait("session_ended")[0] == {"v": 1, "session_id": first, "reason": "replaced"}
    new.frame()
    new.wait("result")


def test_over_the_cap_a_session_is_refused_politely_and_a_place_is_given_again(connect, live):
    live.sessions.limit = 2
    a, b, c = connect("developer.north"), connect("developer.south"), connect("patient.north")
    a.start()
    b.start()
    answer = c.ask("session_start", source="webcam", settings={})
    assert code(answer) == "too_many_sessions" and "Try again" in answer["error"]["message"]
    a.ask("session_stop")
    c.start()


def test_the_engines_own_limit_is_said_the_same_way(connect, engine, live):
    engine.max_sessions = 0
    assert code(connect("patient.north").ask("session_start", source="webcam", settings={})) == "too_many_sessions"
    assert len(live.sessions) == 0


def test_an_engine_that_does_not_run_is_said(connect, live):
    patient = connect("patient.north")
    live.engine.stop()
    assert code(patient.ask("session_start", source="webcam", settings={})) == "engine_unavailable"


def test_an_engine_that_stops_in_a_session_still_has_every_frame_answered(connect, live):
    patient = connect("patient.north")
    patient.start()
    live.engine.stop()
    patient.frame()
    assert patient.wait("frame_dropped")[0]["reason"] == "engine_error"
    assert code(patient.ask("request", kind="describe")) == "engine_unavailable"


def test_a_request_is_answered_as_an_alert(connect, engine):
    patient = connect("patient.north")
    patient.start()
    assert patient.ask("request", kind="find", what="door") == {"ok": True}
    assert ("request", "find", "door") in engine.calls
    assert patient.wait("alert")[0]["alerts"][0]["stage"] == "P3"


def test_a_notice_is_kept_but_not_said_twice(connect, engine, app):
    patient = connect("patient.north")
    session_id = patient.start()
    patient.tell("notice", kind="vision_paused", t_cap=3)
    patient.ask("session_stop")
    assert ("notice", "vision_paused") in engine.calls and patient.all("alert") == []
    with app.app_context():
        assert db.session.get(Alert, (session_id, "901-0")).reason == "vision_paused"


def test_what_the_browser_did_is_kept_with_the_first_latency(connect, engine, app):
    patient = connect("patient.north")
    session_id = patient.start()
    engine.alerts_for = {1: (decision("1-0"),)}
    patient.frame()
    patient.wait("result")
    patient.tell("delivery", alert_id="1-0", fate="spoken", latency_ms=120.5)
    patient.tell("delivery", alert_id="1-0", fate="interrupted", reason="2-0", latency_ms=900)
    patient.tell("delivery", alert_id="1-0", fate="spoken", reason="repeat_last", latency_ms=5000)
    patient.tell("delivery", alert_id="77-7", fate="spoken", latency_ms=1)
    patient.ask("session_stop")
    with app.app_context():
        row = db.session.get(Alert, (session_id, "1-0"))
        figures = db.session.query(Figure).filter_by(session_id=session_id).all()
    assert (row.fate, row.delivery_fate, row.delivery_reason) == ("spoken", "interrupted", "2-0")
    assert (row.delivery_latency_ms, row.repeats) == (120.5, 1) and row.delivered_at is not None
    assert [f.delivery_p50_ms for f in figures if f.delivery_p50_ms] == [120.5]
    assert ("delivery", "77-7", "spoken", "") not in engine.calls, "an alert never sent cannot have been delivered"


def test_a_vanished_browser_ends_its_session(connect, app, live):
    patient = connect("patient.north")
    session_id = patient.start()
    patient.inner.disconnect()
    deadline = time.monotonic() + 3
    with app.app_context():
        while db.session.get(Session, session_id).status == "running":
            assert time.monotonic() < deadline
            db.session.expire_all()
            time.sleep(0.02)
        assert db.session.get(Session, session_id).end_reason == "disconnected"
    assert len(live.sessions) == 0


def test_a_developers_session_belongs_to_no_patient(connect, app):
    developer = connect("developer.north")
    session_id = developer.start()
    with app.app_context():
        row = db.session.get(Session, session_id)
    assert (row.purpose, row.patient_id) == ("dev", None)


# ---- watching -----------------------------------------------------------------------------------


def test_a_clinician_sees_everything_of_the_own_clinics_patient(connect, engine):
    patient, clinician = connect("patient.north"), connect("clinician.north")
    session_id = patient.start()
    answer = clinician.ask("watch", session_id=session_id, view="clinician")
    assert answer["ok"] and answer["session"]["patient"]["name"] == "patient.north"
    engine.alerts_for = {1: (decision("1-0"), decision("1-1", fate="suppressed", reason="cooldown"))}
    patient.frame()
    (seen,) = clinician.wait("live")
    assert (seen["kind"], seen["session_id"], seen["t_cap"]) == ("result", session_id, 100.0) and seen["age_ms"] >= 0
    assert [a["fate"] for a in seen["alerts"]] == ["spoken", "suppressed"] and "outputs" not in seen
    patient.wait("result")
    patient.tell("delivery", alert_id="1-0", fate="spoken", latency_ms=90)
    assert clinician.wait("delivery")[0]["latency_ms"] == 90
    engine.sinks[session_id].on_scene(scene_for(1, 100.0))
    assert patient.wait("scene")[0]["outputs"]["path_guidance"]["value"] == {"free_bearing_deg": 4.0}
    assert clinician.wait("live", 2)[1]["kind"] == "scene"
    patient.ask("session_stop")
    assert clinician.wait("live", 3)[2] == {
        "v": 1, "session_id": session_id, "kind": "ended", "seq": None, "reason": "stopped"}


def test_a_developer_sees_every_output(connect):
    patient, developer = connect("patient.north"), connect("developer.north")
    session_id = patient.start()
    developer.ask("watch", session_id=session_id, view="dev")
    patient.frame()
    assert set(developer.wait("live")[0]["outputs"]) == {"lighting", "uncertainty"}


def test_nothing_is_sent_after_unwatch_or_without_watch(connect):
    patient, clinician, other = connect("patient.north"), connect("clinician.north"), connect("clinician.north")
    session_id = patient.start()
    clinician.ask("watch", session_id=session_id, view="clinician")
    clinician.ask("unwatch", session_id=session_id)
    patient.frame()
    patient.wait("result")
    time.sleep(0.1)
    assert clinician.all("live") == [] and other.all("live") == []


@pytest.mark.parametrize(("who", "view", "expected"), [
    ("clinician.south", "clinician", "not_found"), ("developer.south", "dev", "not_found"),
    ("clinician.north", "dev", "forbidden"), ("clinician.north", "all", "bad_message"),
])
def test_watching_is_limited_to_the_own_clinic_and_view(who, view, expected, connect):
    patient, watcher = connect("patient.north"), connect(who)
    session_id = patient.start()
    assert code(watcher.ask("watch", session_id=session_id, view=view)) == expected


@pytest.mark.parametrize(("who", "expected"), [
    ("clinician.north", None), ("developer.north", None), ("clinician.south", "not_found")])
def test_stopping_somebodys_session_is_limited_to_the_own_clinic(who, expected, connect, live):
    patient, other = connect("patient.north"), connect(who)
    session_id = patient.start()
    answer = other.ask("session_control", session_id=session_id, action="stop")
    if expected:
        assert code(answer) == expected and len(live.sessions) == 1
    else:
        assert answer["ok"]
        assert patient.wait("session_ended")[0]["reason"] == f"stopped_by_{who.split('.')[0]}"


def test_a_clinician_cannot_watch_a_developers_test_session(connect):
    developer, clinician = connect("developer.north"), connect("clinician.north")
    session_id = developer.start()
    assert code(clinician.ask("watch", session_id=session_id, view="clinician")) == "forbidden"


def test_a_watcher_that_does_not_keep_up_still_gets_the_alerts(connect, engine, live, monkeypatch):
    patient, clinician = connect("patient.north"), connect("clinician.north")
    session_id = patient.start()
    clinician.ask("watch", session_id=session_id, view="clinician")
    monkeypatch.setattr(live.outbox, "waiting", lambda sid: 100)
    engine.alerts_for = {2: (decision("2-0"),)}
    patient.frame(1)
    patient.wait("result")
    time.sleep(0.1)
    patient.frame(2)
    assert clinician.wait("live")[0]["kind"] == "alert"
    assert [event["kind"] for event in clinician.all("live")] == ["alert"]


def test_alerts_of_a_result_that_was_passed_over_still_reach_the_watcher():
    from app.live.watchers import Watchers

    class Kept:
        def __init__(self):
            self.sent = []

        def emit(self, event, payload, sid):
            self.sent.append(payload)

        def waiting(self, sid):
            return 0

    outbox = Kept()
    watchers = Watchers(outbox)  # its thread starts late: two results come before it has sent one
    watchers.add("s", "socket", "clinician")
    watchers.result("s", result_for(1, 100.0, (decision("1-0"),)), 5.0)
    watchers.result("s", result_for(2, 200.0), 5.0)
    watchers.start()
    deadline = time.monotonic() + 2
    while len(outbox.sent) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    watchers.stop()
    assert [(told["kind"], told["seq"]) for told in outbox.sent] == [("alert", 1), ("result", 2)]


# ---- the frame path ------------------------------------------------------------------------------------------------


def test_frames_and_their_results_cost_no_sql_outside_the_writer(connect, engine, live):
    import threading

    from sqlalchemy import event

    patient = connect("patient.north")
    patient.start()
    engine.alerts_for = {seq: (decision(f"{seq}-0"),) for seq in range(1, 31)}
    used: set[str] = set()

    def note(*_args):
        used.add(threading.current_thread().name)

    event.listen(live._database, "before_cursor_execute", note)
    try:
        for _ in range(30):
            patient.frame()
        patient.wait("saved", 1)
    finally:
        event.remove(live._database, "before_cursor_execute", note)
    assert used <= {"maxsight-writer", "maxsight-lookout"}, used


# ---- logins that end ----------------------------------------------------------------------------


def test_logging_out_closes_the_sockets_of_that_login_only(app, live, enter):
    one, other = enter("patient.north"), enter("clinician.north")
    patient, clinician = Socket(app, one), Socket(app, other)
    session_id = patient.start()
    from app_support import token_of

    assert one.post("/logout", data={"csrf_token": token_of(one)}).status_code == 302
    assert not patient.connected and clinician.connected
    assert live.sessions.get(session_id) is None


@pytest.mark.parametrize("how", ["disabled", "ended", "idle", "old"])
def test_a_login_that_stops_counting_loses_its_socket(how, connect, app, live):
    from datetime import timedelta

    from app.accounts.logins import ABSOLUTE_LIMIT, IDLE_LIMIT
    from app.records.base import utc_now

    patient = connect("patient.north")
    patient.start()
    live.check_logins()
    assert patient.connected
    with app.app_context():
        login = db.session.query(Login).order_by(Login.created_at.desc()).first()
        if how == "disabled":
            db.session.get(User, login.user_id).active = False
        elif how == "ended":
            login.ended_at = utc_now()
        elif how == "idle":
            login.last_seen_at = utc_now() - IDLE_LIMIT
        else:
            login.created_at = utc_now() - ABSOLUTE_LIMIT - timedelta(seconds=1)
        db.session.commit()
    live.check_logins()
    assert not patient.connected and len(live.sessions) == 0


def test_somebody_in_a_session_is_not_idle(connect, app, live):
    from datetime import timedelta

    from app.records.base import utc_now

    patient = connect("patient.north")
    patient.start()
    with app.app_context():
        login = db.session.query(Login).order_by(Login.created_at.desc()).first()
        login.last_seen_at = before = utc_now() - timedelta(minutes=14)
        db.session.commit()
        live.check_logins()
        db.session.expire_all()
        assert login.last_seen_at > before + timedelta(minutes=13)
    assert patient.connected


def test_a_flood_of_messages_is_refused_and_frames_are_not(connect):
    patient = connect("patient.north")
    patient.start()
    answers = [patient.ask("settings", settings={"silenced": False}) for _ in range(200)]
    assert any(not answer["ok"] for answer in answers)
    patient.frame()
    patient.wait("result")
