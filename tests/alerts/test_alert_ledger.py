"""The ledger: one row per alert, the browser's word is the last, and the figures are right."""

from __future__ import annotations

import pytest
from alert_builders import Session, detection

from maxsight_core.alerts import Ledger, clinician, dev, patient
from maxsight_core.alerts.ledger import overload_events, worst_minute
from maxsight_core.alerts.scheduler import decide_traced
from maxsight_core.contracts import AlertDecision


def decision(alert_id="0-0", fate="spoken", time_s=0.0, stage="P1", reason="soon: test", kind="approach"):
    return AlertDecision(alert_id=alert_id, stage=stage, kind=kind, text="Car, left.", fate=fate, reason=reason, seq=0,
                         time_s=time_s, expires_s=time_s + 1, bearing_deg=-30.0, track_id=4)


def test_a_later_decision_replaces_an_earlier_one_of_the_same_alert():
    ledger = Ledger()
    ledger.add([decision(fate="pending")])
    ledger.add([decision(fate="spoken", time_s=0.4)])
    row, = ledger.rows()
    assert row.decision.fate == "spoken" and row.first_s == 0.0 and row.delivered_s == 0.4


def test_what_the_browser_reports_is_final():
    ledger = Ledger()
    ledger.add([decision()])
    assert ledger.report("0-0", "expired", "tab asleep", latency_ms=1200.0)
    ledger.add([decision(fate="interrupted")])
    row, = ledger.rows()
    assert (row.decision.fate, row.decision.reason, row.latency_ms) == ("expired", "browser: tab asleep", 1200.0)
    assert not ledger.report("9-9", "spoken")


def test_pending_is_no_report():
    with pytest.raises(ValueError, match="pending"):
        Ledger().report("0-0", "pending")


def test_a_writer_gets_each_change_once():
    ledger = Ledger()
    ledger.add([decision("0-0"), decision("0-1")])
    assert [row.decision.alert_id for row in ledger.take_changed()] == ["0-0", "0-1"]
    assert ledger.take_changed() == ()
    ledger.report("0-1", "spoken", latency_ms=80.0)
    assert [row.decision.alert_id for row in ledger.take_changed()] == ["0-1"]


@pytest.mark.parametrize(("times", "events"), [
    ([], []), ([0, 1], []), ([0, 1, 2], [2]), ([0, 2.5, 5], []), ([0, 1, 2, 3, 4], [2]),
    ([0, 1, 2, 3, 4, 5, 6, 7], [2, 7]), ([0, 1, 2, 30, 31, 32], [2, 32]),
])
def test_an_overload_event_is_three_alerts_begun_within_five_seconds(times, events):
    assert overload_events(times) == events


def test_the_worst_minute_is_found_wherever_it_lies():
    assert worst_minute([]) == 0
    assert worst_minute([0, 50, 61, 70, 109]) == 4
    assert worst_minute([0, 60]) == 1


def test_answers_and_notices_are_no_overload():
    ledger = Ledger()
    ledger.add([decision("0-0"), decision("0-1", stage="P3"), decision("0-2", kind="perception"), decision("0-3")])
    summary = ledger.summary()
    assert summary["overload_events"] == 0 and summary["alerts_per_minute"] == 2
    ledger.add([decision("0-4")])
    assert ledger.summary()["overload_events"] == 1


def test_the_summary_counts_fates_reasons_and_latencies():
    ledger = Ledger()
    for index in range(20):
        ledger.add([decision(f"{index}-0", time_s=index * 6.0)])
        ledger.report(f"{index}-0", "spoken", latency_ms=float(index + 1))
    ledger.add([decision("30-0", fate="suppressed", reason="cooldown: said 2.0 s ago", time_s=114.0)])
    ledger.tick(120.0)
    summary = ledger.summary()
    assert summary["by_fate"] == {"spoken": 20, "suppressed": 1}
    assert summary["suppressed_by_reason"] == {"cooldown": 1}
    assert summary["minutes"] == 2.0 and summary["alerts_per_minute"] == 10
    assert summary["latency_ms"] == {"n": 20, "p50": 10.0, "p95": 19.0}


# --- three views of the same decisions ---

ROWS = [decision("0-0"), decision("0-1", "haptic_only"), decision("0-2", "suppressed", reason="cooldown: said 1 s ago"),
        decision("0-3", "expired"), decision("0-4", "masked"), decision("0-5", "pending"),
        decision("0-6", "interrupted"), decision("0-7", reason="browser: said by itself")]


def test_the_patient_gets_what_is_delivered_and_no_internals():
    view = patient.view(ROWS)
    assert [row["id"] for row in view] == ["0-0", "0-1"]
    assert [row["speak"] for row in view] == [True, False]
    assert view[0]["stage_word"] == "Soon" and view[0]["earcon_pan"] < 0
    assert not {"reason", "source", "track_id"} & set(view[0])


def test_the_clinician_gets_every_row_with_its_reason_in_words():
    view = clinician.view(ROWS)
    assert [row["id"] for row in view] == [f"0-{n}" for n in range(8)]
    assert (view[2]["fate_word"], view[2]["rule"], view[2]["why"]) == ("not said", "cooldown", "said 1 s ago")


def test_the_developer_gets_every_candidate_with_its_row_and_the_state():
    session = Session()
    session.frames(0.5, detection("person", contact=4.0))
    from maxsight_core.alerts import AlertInputs
    outcome = decide_traced(session.state, AlertInputs(seq=9, time_s=0.5, detections=(
        detection("person", contact=4.0), detection("door", track=3))), session.settings)
    view = dev.view(outcome)
    assert [item["key"] for item in view["candidates"]] == ["track:3", "track:1"]
    assert all(item["alert_id"] for item in view["candidates"])
    assert view["state"]["speech"]["row"]["text"] == "Person, left."
