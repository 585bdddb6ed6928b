"""The writer: nothing acknowledged before its commit, nothing lost without a word, nobody held up."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time

import pytest
from app_engine_double import decision
from sqlalchemy.orm import Session as OrmSession

from app.extensions import db
from app.live.figures import SecondCounter, percentile
from app.live.writer import ALERT_PATIENCE_S, Writer
from app.records import ledger
from app.records.base import utc_now
from app.records.sessions import Alert, Figure, Session


@pytest.fixture
def database(app, ids):
    """The engine of a database with one running session ``s``."""
    with app.app_context():
        engine = db.engine
    with OrmSession(engine) as session:
        from app.records.people import User

        user = session.get(User, ids["patient.north"])
        session.add(Session(id="s", clinic_id=user.clinic_id, patient_id=ids["record.north"], user_id=user.id,
                            purpose="patient", source="webcam"))
        session.commit()
    return engine


def rows(engine, table=Alert):
    with OrmSession(engine) as session:
        return session.query(table).all()


def make(database, **changes) -> tuple[Writer, list]:
    saved: list = []
    return Writer(database, lambda *told: saved.append(told), **changes), saved


def second(number: int):
    counter = SecondCounter(clock=lambda: 0.0)
    counter.frame()
    counter.result(20.0, 0.5, 1)
    (made,) = counter.roll(finish=True)
    return dataclasses.replace(made, second=number)


def test_everything_queued_is_written_in_order_and_then_announced(database):
    writer, saved = make(database)
    writer.start()
    writer.alerts("s", [decision("1-0"), decision("2-0")])
    writer.figures("s", [second(0), second(1)])
    end = writer.end("s", "stopped")
    assert end.result(3.0) is True
    assert {a.alert_id for a in rows(database)} == {"1-0", "2-0"} and len(rows(database, Figure)) == 2
    assert saved == [("s", ["1-0", "2-0"], 2)]
    assert rows(database, Session)[0].status == "ended"
    assert writer.stop(3.0)


def test_a_commit_comes_within_a_second(database):
    writer, saved = make(database)
    writer.start()
    began = time.monotonic()
    writer.alerts("s", [decision("1-0")])
    while not saved:
        assert time.monotonic() - began < 1.0
        time.sleep(0.005)
    writer.stop()


def test_every_field_of_a_decision_is_kept(database):
    writer, _ = make(database)
    writer.start()
    made = decision("1-0")
    writer.alerts("s", [made])
    writer.stop()
    (row,) = rows(database)
    for field in dataclasses.fields(made):
        assert getattr(row, field.name) == getattr(made, field.name), field.name


def test_a_decision_told_again_changes_its_fate_and_keeps_its_delivery(database):
    from app.live.protocol import Delivery

    writer, _ = make(database)
    writer.start()
    writer.alerts("s", [decision("1-0")])
    writer.delivery("s", Delivery("1-0", "spoken", "", 88.0), repeat=False)
    writer.alerts("s", [decision("1-0", fate="interrupted", reason="by 2-0")])
    writer.stop()
    (row,) = rows(database)
    assert (row.fate, row.reason) == ("interrupted", "by 2-0")
    assert (row.delivery_fate, row.delivery_latency_ms) == ("spoken", 88.0)


def test_stopping_writes_what_is_queued(database):
    writer, _ = make(database)
    for number in range(500):
        writer.alerts("s", [decision(f"{number}-0")])
    writer.start()
    assert writer.stop(5.0)
    assert len(rows(database)) == 500


def test_a_full_queue_holds_lane_a_up_for_no_longer_than_the_patience(database):
    writer, _ = make(database, queue_items=3)  # its thread does not run: nothing leaves the queue
    for number in range(3):
        assert writer.alerts("s", [decision(f"{number}-0")])
    began = time.monotonic()
    assert writer.alerts("s", [decision("8-0"), decision("9-0")]) is False
    assert time.monotonic() - began < ALERT_PATIENCE_S + 0.1
    assert writer.figures("s", [second(0)]) is False
    assert writer.health()["lost"] == 3


def test_what_was_lost_is_written_with_its_session(database):
    writer, _ = make(database, queue_items=1)
    writer.alerts("s", [decision("1-0")])
    writer.alerts("s", [decision("2-0"), decision("3-0")])
    writer.start()
    writer.stop()
    (row,) = rows(database, Session)
    assert row.alerts_lost == 2 and [a.alert_id for a in rows(database)] == ["1-0"]


def test_a_locked_database_delays_the_rows_and_loses_none(database, folder, monkeypatch):
    writer, saved = make(database)
    monkeypatch.setattr("app.live.writer.RETRY_S", 0.05)
    monkeypatch.setattr("app.records.database.BUSY_TIMEOUT_MS", 50)  # the lock must outlast it, the test need not
    database.dispose()
    other = sqlite3.connect(folder / "maxsight.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.start()
    writer.alerts("s", [decision("1-0")])
    time.sleep(1.2)
    assert saved == [] and rows(database) == [] and "locked" in writer.health()["last_error"]
    other.execute("ROLLBACK")
    other.close()
    deadline = time.monotonic() + 8
    while not saved:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [a.alert_id for a in rows(database)] == ["1-0"]
    writer.stop()


def test_one_row_that_cannot_be_written_does_not_take_the_others_with_it(database):
    writer, saved = make(database)
    writer.alerts("s", [decision("1-0")])
    writer.alerts("no such session", [decision("2-0")])
    writer.alerts("s", [decision("3-0")])
    writer.start()
    writer.stop()
    assert {a.alert_id for a in rows(database)} == {"1-0", "3-0"}
    assert writer.health()["refused"] == 1 and "2-0" not in str(saved)


def test_the_thread_outlives_a_callback_that_fails(database):
    def fail(*_told):
        raise RuntimeError("the socket is gone")

    writer = Writer(database, fail)
    writer.start()
    writer.alerts("s", [decision("1-0")])
    time.sleep(0.8)
    assert writer.end("s", "stopped").result(3.0) is True
    writer.stop()


def test_many_threads_write_without_losing_anything(database):
    writer, _ = make(database)
    writer.start()

    def produce(lane: int):
        for number in range(100):
            writer.alerts("s", [decision(f"{lane * 1000 + number}-0")])

    threads = [threading.Thread(target=produce, args=(lane,)) for lane in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.stop()
    assert len(rows(database)) == 800


def test_abandoned_sessions_are_interrupted_at_their_last_figure(database):
    moment = utc_now()
    with database.begin() as connection:
        made = [dataclasses.replace(second(number), at=moment) for number in (0, 1)]
        ledger.put_figures(connection, [ledger.figure_row("s", figures) for figures in made])
        assert ledger.interrupt_abandoned(connection) == ["s"]
        assert ledger.interrupt_abandoned(connection) == []
    (row,) = rows(database, Session)
    assert (row.status, row.end_reason, row.ended_at) == ("interrupted", "server_killed", moment)


# ---- figures ------------------------------------------------------------------------------------


def test_seconds_are_counted_apart_and_quiet_ones_are_left_out():
    now = [0.0]
    counter = SecondCounter(clock=lambda: now[0])
    for latency_ms in (10.0, 20.0, 30.0, 40.0):
        counter.frame()
        counter.result(latency_ms, 0.5, 1)
    counter.frame()
    counter.dropped("superseded")
    assert counter.roll() == []
    now[0] = 3.2
    counter.frame()
    counter.delivered(150.0)
    (first,) = counter.roll()
    assert (first.second, first.frames, first.results, first.drops, first.alerts) == (0, 5, 4, {"superseded": 1}, 4)
    assert (first.latency_p50_ms, first.latency_p95_ms, first.uncertainty_mean) == (20.0, 40.0, 0.5)
    (last,) = counter.roll(finish=True)
    assert (last.second, last.frames, last.delivery_p50_ms, last.latency_p50_ms) == (3, 1, 150.0, None)


@pytest.mark.parametrize(("values", "share", "expected"), [
    ([], 0.5, None), ([7.0], 0.5, 7.0), ([7.0], 0.95, 7.0), ([1.0, 2.0], 0.5, 1.0), ([3.0, 1.0, 2.0], 0.5, 2.0),
    (list(map(float, range(1, 101))), 0.95, 95.0), (list(map(float, range(1, 21))), 0.95, 19.0),
])
def test_percentiles_are_values_that_occurred(values, share, expected):
    assert percentile(values, share) == expected
