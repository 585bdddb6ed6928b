"""A real gunicorn, real WebSockets, real signals. What only a real server shows is tested here."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import time

import pytest
import socketio.exceptions
from app_served import Browser, Served
from app_support import JPEG

from app.live.protocol import MAX_EVENT_BYTES


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated):
    import shutil

    folder = tmp_path_factory.mktemp("served")
    shutil.copy(migrated[0], folder / "maxsight.db")
    with Served(folder) as served:
        yield served


def query(server: Served, sql: str, *values):
    with sqlite3.connect(server.folder / "maxsight.db", timeout=5) as connection:
        return connection.execute(sql, values).fetchall()


def idle(server: Served, within_s: float = 10.0) -> None:
    """Wait until the sessions and sockets of earlier clients are gone."""
    deadline = time.monotonic() + within_s
    while any(json.loads(server.get("/readyz")[2])["live"][what] for what in ("sessions", "sockets")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_frames_travel_over_a_real_websocket_and_are_saved(server):
    browser = Browser(server, server.log_in("patient.north"))
    session_id = browser.ask("session_start", source="webcam", settings={})["session_id"]
    for number in range(1, 21):
        browser.frame(JPEG)
        browser.wait("result", number)
    answer = browser.ask("session_stop")
    assert answer == {"ok": True, "session_id": session_id}
    saved = {alert for told in browser.all("saved") for alert in told["alert_ids"]}
    assert saved == {f"{number}-0" for number in range(1, 21)}
    assert query(server, "SELECT count(*) FROM alerts WHERE session_id = ?", session_id) == [(20,)]
    browser.close()


def test_an_anonymous_or_foreign_socket_is_refused(server):
    with pytest.raises(socketio.exceptions.ConnectionError):
        Browser(server, "")
    with pytest.raises(socketio.exceptions.ConnectionError):
        Browser(server, "maxsight_session=forged")
    cookie = server.log_in("patient.north")
    with pytest.raises(socketio.exceptions.ConnectionError):
        Browser(server, cookie, origin="https://evil.example")
    own = Browser(server, cookie)
    assert own.inner.connected
    own.close()


def test_a_socket_without_a_login_gets_no_thread(server):
    """Refused at the first request: after a handshake it would hold a server thread until a timeout."""
    status, _, body = server.get("/socket.io/?EIO=4&transport=polling")
    assert status == 401 and "Log in" in body
    status, _, body = server.get("/socket.io/?EIO=4&transport=polling", server.log_in("patient.north"))
    assert status == 200 and '"sid"' in body


def test_an_oversized_event_drops_only_that_client(server):
    bad, good = Browser(server, server.log_in("developer.north")), Browser(server, server.log_in("patient.north"))
    for browser in (bad, good):
        assert browser.ask("session_start", source="webcam", settings={})["ok"]
    bad.frame(JPEG + b"\x00" * (MAX_EVENT_BYTES + 1))
    assert bad.gone(), "an event over the cap must end its own connection"
    good.frame(JPEG)
    assert good.wait("result")
    good.close()
    idle(server, within_s=4.0)  # not only when the ping goes unanswered


def test_a_frame_over_its_own_limit_is_answered_and_the_connection_stays(server):
    browser = Browser(server, server.log_in("developer.north"))
    browser.ask("session_start", source="webcam", settings={})
    browser.frame(JPEG + b"\x00" * 650_000)
    assert browser.wait("frame_dropped")[0]["reason"] == "too_large"
    browser.frame(JPEG)
    assert browser.wait("result")
    browser.close()


def test_a_disabled_account_loses_socket_and_pages_within_five_seconds(server):
    cookie = server.log_in("developer.south")
    browser = Browser(server, cookie)
    browser.ask("session_start", source="webcam", settings={})
    with sqlite3.connect(server.folder / "maxsight.db", timeout=5) as connection:
        connection.execute("UPDATE users SET active = 0 WHERE name = 'developer.south'")
    assert browser.gone(5.0)
    assert server.get("/dev/", cookie)[0] == 302


def test_a_full_server_refuses_politely_and_still_answers(server):
    cookie = server.log_in("developer.north")
    idle(server)
    browsers = []
    try:
        for _ in range(8):  # 24 threads: 8 sessions
            browsers.append(Browser(server, cookie))
            assert browsers[-1].ask("session_start", source="webcam", settings={})["ok"]
        browsers.append(Browser(server, cookie))
        refused = browsers[-1].ask("session_start", source="webcam", settings={})
        assert refused["error"]["code"] == "too_many_sessions"
        for _ in range(16 - len(browsers)):
            browsers.append(Browser(server, cookie))
        with pytest.raises(socketio.exceptions.ConnectionError):
            Browser(server, cookie)
        began = time.monotonic()
        assert server.get("/healthz")[0] == 200
        assert time.monotonic() - began < 0.2
    finally:
        for browser in browsers:
            browser.close()
    idle(server)


@pytest.mark.parametrize("how", ["sigterm", "ctrl_c"])
def test_being_told_to_stop_ends_sessions_in_order_and_promptly(how, tmp_path, migrated):
    import os
    import shutil

    shutil.copy(migrated[0], tmp_path / "maxsight.db")
    with Served(tmp_path) as server:
        browser = Browser(server, server.log_in("patient.north"))
        session_id = browser.ask("session_start", source="webcam", settings={})["session_id"]
        for number in range(1, 6):
            browser.frame(JPEG)
            browser.wait("result", number)
        began = time.monotonic()
        if how == "sigterm":
            server.process.send_signal(signal.SIGTERM)
        else:  # a terminal sends it to the master and the worker at once
            os.killpg(server.process.pid, signal.SIGINT)
        assert browser.wait("session_ended")[0] == {"v": 1, "session_id": session_id, "reason": "server_stopped"}
        server.process.wait(12)
        assert time.monotonic() - began < 10, "open sockets must not hold the server up"
        assert query(server, "SELECT status, end_reason FROM sessions") == [("ended", "server_stopped")]
        assert query(server, "SELECT count(*) FROM alerts") == [(5,)]
        assert query(server, "SELECT sum(results) FROM figures") == [(5,)]


def test_kill_9_in_mid_session_loses_nothing_that_was_acknowledged(tmp_path, migrated):
    import shutil

    shutil.copy(migrated[0], tmp_path / "maxsight.db")
    with Served(tmp_path) as server:
        browser = Browser(server, server.log_in("patient.north"))
        session_id = browser.ask("session_start", source="webcam", settings={})["session_id"]
        stop = threading.Event()

        def walk():
            while not stop.is_set() and browser.inner.connected:
                browser.frame(JPEG)
                time.sleep(0.02)

        walker = threading.Thread(target=walk)
        walker.start()
        browser.wait("saved", 5, within_s=15)
        server.kill()
        stop.set()
        walker.join()
        told = browser.all("saved")
        acknowledged = {alert for message in told for alert in message["alert_ids"]}
        figures_up_to_s = max(message["figures_up_to_s"] or 0 for message in told)
        assert len(acknowledged) > 20 and figures_up_to_s >= 1

        server.start()
        kept = {row[0] for row in query(server, "SELECT alert_id FROM alerts WHERE session_id = ?", session_id)}
        assert acknowledged <= kept
        seconds = {row[0] for row in query(server, "SELECT second FROM figures WHERE session_id = ?", session_id)}
        assert set(range(figures_up_to_s)) <= seconds
        assert query(server, "PRAGMA integrity_check") == [("ok",)]
        ((status, reason, ended, last),) = query(
            server, "SELECT status, end_reason, ended_at, max(figures.at) FROM sessions JOIN figures"
            " ON figures.session_id = sessions.id WHERE sessions.id = ?", session_id)
        assert (status, reason) == ("interrupted", "server_killed") and ended >= last
        record = server.json(f"/clinician/api/sessions/{session_id}", server.log_in("clinician.north"))
        assert record["session"]["state"] == "interrupted" and record["alerts_total"] == len(kept)
