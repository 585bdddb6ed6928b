"""Between frames: requests, delivery reports and notices."""

from __future__ import annotations

import dataclasses

import pytest
from alert_builders import Session, detection

from maxsight_core.alerts import on_delivery, on_notice, on_request
from maxsight_core.contracts import SessionSettings


def ask(session: Session, request: str, text: str | None):
    return session.take(*on_request(session.state, request, text, session.seq, session.time_s, session.settings))


def test_an_answer_is_spoken_at_once():
    session = Session()
    session.frame()
    row, = ask(session, "describe", "A door, left.")
    assert (row.stage, row.fate, row.text, row.kind) == ("P3", "spoken", "A door, left.", "answer")


@pytest.mark.parametrize(("request_kind", "expected"), [
    ("describe", "Nothing to describe yet. Ask again in a moment."), ("find", "Not found in view."),
    ("read", "No text found in view."), ("dance", "No answer yet. Ask again in a moment."),
])
def test_a_request_without_a_result_is_answered_too(request_kind, expected):
    session = Session()
    assert ask(session, request_kind, "  ")[0].text == expected


def test_an_answer_waits_for_a_hazard_and_is_then_given():
    session = Session()
    session.frames(0.2, detection("car", bearing=0.0, contact=1.0))
    assert [row.fate for row in ask(session, "describe", "A street.")] == ["pending"]
    session.frames(3.0)
    assert session.spoken() == ["Stop. Car, ahead.", "A street."]


def test_a_newer_question_takes_the_place_of_an_older_one():
    session = Session()
    session.frames(0.2, detection("car", bearing=0.0, contact=1.0))
    ask(session, "describe", "A street.")
    ask(session, "find", "Door, right.")
    session.frames(3.0)
    assert session.spoken() == ["Stop. Car, ahead.", "Door, right."]
    assert [row.text for row in session.with_fate("suppressed") if row.stage == "P3"] == ["A street."]


def test_an_answer_cuts_short_context_and_an_older_answer():
    session = Session()
    session.frame()
    ask(session, "describe", "One two three four five six seven.")
    ask(session, "find", "Door, right.")
    assert [row.text for row in session.with_fate("interrupted")] == ["One two three four five six seven."]
    assert session.with_fate("spoken")[-1].interrupts


def test_who_silenced_alerts_is_answered_all_the_same():
    session = Session(SessionSettings(silenced=True))
    assert ask(session, "read", "Exit.")[0].fate == "spoken"
    session.frames(0.3)
    assert session.with_fate("interrupted") == []


def test_repeat_says_the_last_words_again():
    session = Session()
    assert ask(session, "repeat", None)[0].text == "Nothing was said yet."
    session.frames(3.0)
    assert ask(session, "repeat", None)[0].text == "Nothing was said yet."
    session.frames(3.0)
    session.frames(2.0, detection("person", contact=4.0))
    assert ask(session, "repeat", None)[0].text == "Person, left."


def test_an_alert_the_browser_dropped_as_late_may_be_said_again():
    session = Session()
    session.frames(0.2, detection("person", contact=4.0))
    alert_id = session.with_fate("spoken")[0].alert_id
    session.state = on_delivery(session.state, alert_id, "expired")
    assert session.state.speech is None and session.state.spoken_s == ()
    session.frames(0.1, detection("person", contact=4.0))
    assert session.spoken() == ["Person, left.", "Person, left."]


def test_a_spoken_report_keeps_the_cooldown():
    session = Session()
    session.frames(0.2, detection("person", contact=4.0))
    before = session.state
    assert on_delivery(before, session.with_fate("spoken")[0].alert_id, "spoken") == before
    assert on_delivery(before, "unknown-1", "expired") == before


def test_speech_that_was_cut_off_leaves_the_slot_free():
    session = Session()
    session.frames(0.2, detection("person", contact=4.0))
    state = on_delivery(session.state, session.with_fate("spoken")[0].alert_id, "interrupted")
    assert state.speech is None and state.spoken_s == session.state.spoken_s


def test_a_fate_no_browser_can_report_is_refused():
    with pytest.raises(ValueError, match="suppressed"):
        on_delivery(Session().state, "0-0", "suppressed")


def test_a_notice_of_lost_perception_is_said_once():
    session = Session()
    session.frames(0.3)
    for _ in range(3):
        session.take(*on_notice(session.state, "camera_lost", session.seq, session.time_s, session.settings))
    assert session.spoken() == ["Vision paused. Camera lost."]
    assert len(session.with_fate("suppressed")) == 1


def test_a_notice_cuts_short_what_is_being_said():
    session = Session()
    session.frames(0.2, detection("person", contact=4.0))
    session.take(*on_notice(session.state, "engine_stalled", session.seq, session.time_s, session.settings))
    assert [row.text for row in session.with_fate("interrupted")] == ["Person, left."]


def test_what_the_browser_said_itself_is_recorded_and_not_said_twice():
    session = Session()
    session.frames(0.3)
    session.take(*on_notice(session.state, "vision_paused", session.seq, session.time_s, session.settings,
                            said_by_browser=True))
    session.take(*on_notice(session.state, "vision_resumed", session.seq, session.time_s + 1, session.settings,
                            said_by_browser=True))
    session.time_s += 1
    session.frames(4.0)
    rows = session.with_fate("spoken")
    assert [row.text for row in rows] == ["Vision paused.", "Seeing again."]
    assert all(row.reason.startswith("browser:") for row in rows)


def test_context_waits_until_seeing_is_back():
    session = Session()
    session.frames(0.3)
    session.take(*on_notice(session.state, "camera_lost", session.seq, session.time_s, session.settings))
    session.frames(1.5, detection("door"))
    assert session.spoken() == ["Vision paused. Camera lost."]
    session.frames(6.0, detection("door"))
    assert session.spoken()[1:] == ["Seeing again.", "Door, left."]


def test_an_unknown_notice_is_refused():
    with pytest.raises(ValueError, match="camera_found"):
        on_notice(Session().state, "camera_found", 0, 0.0, SessionSettings())


def test_long_answers_are_cut_at_the_limit():
    session = Session(policy=dataclasses.replace(Session().policy, p3_max_words=5))
    row, = session.take(*on_request(session.state, "describe", "word " * 50, 0, 0.0, session.settings, session.policy))
    assert row.text == "word word word word word"
