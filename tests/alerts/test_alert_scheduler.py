"""When something is said, and when not: one test per rule."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from alert_builders import Session, detection, quality

from maxsight_core.alerts import AlertState, ContextItem, decide_context, finish, on_request
from maxsight_core.alerts.ledger import reason_code, worst_minute
from maxsight_core.contracts import EgoMotion, SessionSettings


def reasons(session: Session, fate: str = "suppressed") -> set[str]:
    return {reason_code(row) for row in session.with_fate(fate)}


# --- triggers and hysteresis ---

def test_a_thing_on_course_is_said_soon_and_then_stop():
    session = Session()
    for _ in range(45):
        session.frame(detection("person", bearing=0.0, contact=5.5 - session.time_s, distance_m=3.0))
    assert session.spoken() == ["Person, ahead, 3 metres.", "Stop. Person, ahead, 3 metres."]
    soon, stop = session.spoken_times()
    assert 0.5 < soon < 1.0 and 3.0 < stop < 3.5
    stop_row = session.with_fate("spoken", "P0")[0]
    assert stop_row.interrupts and stop_row.haptic["location"] == "both" and stop_row.urgency == 3


def test_the_first_frames_of_an_estimate_say_nothing():
    session = Session()
    session.frame(detection(contact=1.0))
    assert session.spoken() == [] and reasons(session) == {"unconfirmed"}
    session.frame(detection(contact=1.0))
    assert session.with_fate("spoken", "P0")


def test_a_measured_region_needs_one_frame_more_than_a_named_thing():
    session = Session()
    session.frames(0.2, detection("something", contact=1.0))
    assert session.spoken() == []
    session.frame(detection("something", contact=1.0))
    assert session.spoken() == ["Something approaching, left."]


@pytest.mark.parametrize("period", [2, 3])
def test_one_noisy_estimate_among_good_frames_never_says_stop(period):
    session = Session()
    for index in range(60):
        noisy = index % period == 0
        session.frame(*([detection("something", bearing=0.0, contact=0.8)] if noisy else []))
    assert session.spoken() == [] and session.with_fate("haptic_only") == []


def test_one_noisy_stop_on_a_thing_that_approaches_slowly_stays_soon():
    session = Session()
    for index in range(40):
        session.frame(detection("something", bearing=0.0, contact=0.8 if index == 20 else 4.0))
    assert [row.stage for row in session.with_fate("spoken")] == ["P1"]


def test_noises_at_one_bearing_are_not_one_thing_that_approaches():
    session = Session()
    for track in range(30):
        session.frame(detection("something", track=track, bearing=0.0, contact=0.8))
    assert session.spoken() == [] and session.with_fate("haptic_only") == []


def test_a_cut_voids_what_was_nearly_confirmed():
    session = Session()
    session.frames(0.2, detection("something", contact=1.0))
    session.frame(detection("something", contact=1.0), ego=EgoMotion(cut=True))
    session.frames(0.2, detection("something", contact=1.0))
    assert session.spoken() == []


# --- cooldown ---

def test_the_same_track_is_not_said_again_within_fifteen_seconds():
    session = Session()
    session.frames(15.0, detection("person", contact=4.0))
    assert len(session.spoken()) == 1
    session.frames(1.0, detection("person", contact=4.0))
    assert len(session.spoken()) == 2


def test_the_cooldown_is_per_track_not_per_class():
    session = Session()
    session.frames(3.0, detection("person", track=1, contact=4.0))
    session.frames(3.0, detection("person", track=1, contact=4.0),
                   detection("person", track=2, bearing=30.0, contact=4.0))
    assert session.spoken() == ["Person, left.", "Person, right."]


def test_a_rising_stage_bypasses_the_cooldown_and_a_falling_one_does_not():
    session = Session()
    session.frames(2.0, detection("person", contact=4.0))
    session.frames(2.0, detection("person", contact=2.0))
    session.frames(2.0, detection("person", contact=4.0))
    assert [row.stage for row in session.with_fate("spoken")] == ["P1", "P0"]


def test_a_track_found_again_under_another_number_keeps_its_cooldown():
    session = Session()
    session.frames(2.0, detection("person", track=1, contact=4.0))
    session.frames(0.5)
    session.frames(2.0, detection("person", track=7, bearing=-14.0, contact=4.0))
    assert len(session.spoken()) == 1


def test_danger_that_lasts_is_felt_again_and_not_said_again():
    session = Session()
    session.frames(6.0, detection("person", bearing=0.0, contact=2.0))
    assert len(session.spoken("P0")) == 1
    assert len(session.with_fate("haptic_only", "P0")) == 2  # every two seconds


def test_a_place_is_named_again_only_after_a_minute_out_of_view():
    session = Session()
    door = detection("door", distance_m=3.0)
    session.frames(1.0, door)
    session.frames(20.0)
    session.frames(1.0, door)
    assert session.spoken() == ["Door, left, 3 metres."]
    session.frames(61.0)
    session.frames(1.0, door)
    assert len(session.spoken()) == 2


def test_the_same_place_under_another_track_number_is_the_same_item():
    session = Session()
    session.frames(1.0, detection("door", track=1))
    session.frames(20.0)
    session.frames(1.0, detection("door", track=2))
    assert len(session.spoken()) == 1 and "same_item" in reasons(session)


# --- speech slot, interruption, queue ---

def test_a_stop_cuts_short_whatever_is_being_said():
    session = Session(SessionSettings(speech_wpm=80))
    session.frames(0.5, detection("door"))
    assert session.spoken() == ["Door, left."]
    session.frames(0.3, detection("door"), detection("car", track=2, bearing=0.0, contact=1.0))
    cut = session.with_fate("interrupted")
    stop = session.with_fate("spoken", "P0")[0]
    assert [row.text for row in cut] == ["Door, left."] and stop.alert_id in cut[0].reason


def test_a_second_stop_in_the_same_moment_is_felt_first_and_said_when_there_is_room():
    session = Session()
    cars = (detection("car", track=1, bearing=-30.0, contact=1.0), detection("car", track=2, bearing=30.0, contact=1.5))
    session.frames(0.3, *cars)
    assert session.spoken() == ["Car, left."]
    assert [row.haptic["location"] for row in session.with_fate("haptic_only")] == ["right"]
    session.frames(1.0, *cars)
    assert session.spoken() == ["Car, left.", "Car, right."]
    assert session.with_fate("interrupted") == []


def test_an_alert_that_waits_is_checked_again_and_said_when_its_turn_comes():
    session = Session()
    one = detection("person", track=1, contact=3.0)
    session.frames(0.7, one)
    two = detection("person", track=2, bearing=40.0, contact=4.0)
    session.frames(0.2, one, two)
    assert [row.text for row in session.with_fate("pending")] == ["Person, right."]
    session.frames(0.5, one, two)
    assert session.spoken() == ["Person, left.", "Person, right."]
    waited = session.with_fate("pending")[0].alert_id
    assert session.with_fate("spoken")[1].alert_id == waited


def test_an_alert_that_waits_and_is_no_longer_true_expires_unsaid():
    session = Session(SessionSettings(speech_wpm=100))
    one = detection("person", track=1, contact=3.0)
    session.frames(0.5, one)
    session.frames(0.2, one, detection("person", track=2, bearing=40.0, contact=4.0))
    session.frames(3.0, one)
    assert session.spoken() == ["Person, left."]
    assert [row.text for row in session.with_fate("expired")] == ["Person, right."]


def test_a_hazard_that_cannot_wait_for_a_long_answer_is_felt_at_once_and_said_afterwards():
    session = Session()
    session.frame()
    session.take(*on_request(session.state, "describe", "a long street with many things " * 4, 0, 0.0,
                             session.settings))
    session.frames(0.5, detection("person", contact=4.5))
    assert [row.stage for row in session.with_fate("haptic_only")] == ["P1"]
    assert session.spoken("P1") == []
    session.frames(12.0, detection("person", contact=4.5))
    assert session.spoken("P1") == ["Person, left."]


def test_an_alert_that_rises_while_it_waits_leaves_its_row_and_speaks_as_stop():
    session = Session()
    one = detection("person", track=1, contact=4.0)
    session.frames(0.6, one)
    session.frames(0.2, one, detection("person", track=2, bearing=40.0, contact=4.0))
    session.frames(0.3, one, detection("person", track=2, bearing=40.0, contact=1.0))
    assert "rose" in reasons(session)
    assert session.spoken("P0") == ["Person, right."]


# --- limits ---

def test_context_is_at_least_fifteen_seconds_apart():
    session = Session()
    names = ("door", "stairs", "exit sign", "crosswalk", "lift", "turnstile", "gate", "ramp", "escalator", "platform")
    for second in range(90):
        session.frames(1.0, detection(names[second // 9], track=second // 9),
                       detection("bench", track=50, bearing=30.0))
    times = session.spoken_times("P2")
    assert len(times) >= 3
    assert min(b - a for a, b in itertools.pairwise(times)) >= 15.0


def crowd(second: int, contact: float = 4.0):
    return [detection("person", track=10 * second + n, bearing=-50.0 + 25.0 * n, contact=contact) for n in range(5)]


def test_a_crowd_gives_at_most_twelve_alerts_a_minute_and_no_overload():
    session = Session()
    for second in range(120):
        session.frames(1.0, *crowd(second))
    summary = session.ledger.summary()
    assert summary["alerts_per_minute"] <= 12
    assert summary["overload_events"] == 0
    assert len(session.spoken()) >= 12  # and it does not fall silent either
    assert {"rate_limit", "overload"} & reasons(session)


def test_stops_make_at_most_one_overload_event_a_minute_and_the_others_are_felt():
    session = Session()
    for second in range(90):
        session.frames(1.0, *crowd(second, contact=1.0))
    summary = session.ledger.summary()
    assert summary["overload_events_per_minute"] == 1
    assert any(reason_code(row) == "overload" for row in session.with_fate("haptic_only", "P0"))


def test_hazards_that_are_only_felt_count_towards_the_twelve_a_minute():
    session = Session(SessionSettings(silenced=True))
    for second in range(90):
        session.frames(1.0, *crowd(second))
    times = [time_s for time_s, row in session.history if row.fate == "haptic_only"]
    assert worst_minute(times) == 12


# --- expiry ---

@pytest.mark.parametrize(("contact", "age", "fates"), [
    (1.0, 0.4, {"spoken"}), (1.0, 0.6, {"haptic_only"}), (4.0, 0.9, {"spoken"}), (4.0, 0.3, {"spoken"}),
])
def test_a_late_stop_is_felt_and_nothing_is_said_late(contact, age, fates):
    session = Session()
    session.frames(0.2, detection("person", contact=contact), frame_age_s=age)
    delivered = {row.fate for row in session.with_fate("spoken") + session.with_fate("haptic_only")}
    assert delivered == fates


def test_context_from_a_slow_stage_b_has_expired():
    session = Session()
    session.frames(4.0)
    late = ContextItem(kind="text", label="EXIT", seq=0, time_s=0.5)
    session.take(*decide_context(session.state, [late], 40, session.settings))
    assert session.spoken() == [] and [row.fate for _, row in session.history] == ["expired"]
    fresh = dataclasses.replace(late, time_s=3.0)
    session.take(*decide_context(session.state, [fresh], 40, session.settings))
    assert session.spoken() == ["Text: EXIT."]


# --- uncertainty, silence, masking, conditions ---

def test_uncertainty_silences_context_but_never_a_hazard():
    session = Session()
    session.frames(1.0, detection("door", track=5), detection("car", track=2, bearing=0.0, contact=1.0),
                   uncertainty=0.85)
    assert session.spoken() == ["Stop. Something ahead."]
    assert "uncertain" in reasons(session)


def test_at_the_limit_of_uncertainty_things_still_have_their_names():
    session = Session()
    session.frames(0.5, detection("car", bearing=0.0, contact=1.0), uncertainty=0.7)
    assert session.spoken() == ["Stop. Car, ahead."]


def test_silence_stops_words_but_not_haptics_and_a_stop_keeps_its_sound():
    session = Session(SessionSettings(silenced=True))
    session.frames(1.0, detection("door", track=5), detection("person", track=1, contact=4.0),
                   detection("car", track=2, bearing=30.0, contact=1.0))
    assert session.spoken() == []
    felt = {row.stage: row for row in session.with_fate("haptic_only")}
    assert felt["P0"].earcon == "stop" and felt["P0"].haptic["location"] == "right"
    assert felt["P1"].earcon is None and felt["P1"].haptic["location"] == "left"
    assert "silenced" in reasons(session)


def test_the_silence_key_stops_what_is_being_said():
    session = Session()
    session.frames(0.5, detection("person", contact=4.0))
    session.settings = dataclasses.replace(session.settings, silenced=True)
    session.frame(detection("person", contact=4.0))
    assert [row.reason for row in session.with_fate("interrupted")] == ["interrupted: by the silence key"]


def test_a_masked_session_decides_as_usual_and_delivers_nothing():
    def run(masked):
        session = Session(SessionSettings(masked=masked))
        for second in range(20):
            session.frames(1.0, *crowd(second)[:2], detection("door", track=5, bearing=0.0))
        return session

    plain, masked = run(False), run(True)
    assert masked.with_fate("spoken") == [] and masked.with_fate("haptic_only") == []
    would_be = [row.text for row in masked.with_fate("masked") if "would have been spoken" in row.reason]
    assert would_be == plain.spoken() and len(would_be) > 2


def test_cvi_hears_one_thing_at_a_time():
    session = Session(SessionSettings(condition="cvi"))
    session.frames(0.5, detection("person", track=1, contact=4.0),
                   detection("person", track=2, bearing=40.0, contact=4.5), detection("door", track=3, bearing=0.0))
    assert session.spoken() == ["Person. Left."]
    assert session.with_fate("pending") == []
    assert "one_at_a_time" in reasons(session)
    session.frames(3.5, detection("door", track=3, bearing=0.0))
    assert len(session.spoken()) == 1 and "pause" in reasons(session)
    session.frames(1.5, detection("door", track=3, bearing=0.0))
    assert session.spoken()[-1] == "Door. Ahead."


@pytest.mark.parametrize(("condition", "profile", "first"), [
    (None, {}, "Person, ahead."),
    ("glaucoma", {}, "Person, right."),
    ("retinitis_pigmentosa", {"field_radius_deg": 20}, "Person, right."),
    ("retinitis_pigmentosa", {"field_radius_deg": 60}, "Person, ahead."),
])
def test_what_the_condition_hides_comes_first_among_equals(condition, profile, first):
    session = Session(SessionSettings(condition=condition, patient_profile=profile))
    session.frames(0.3, detection("person", track=1, bearing=0.0, contact=3.5),
                   detection("person", track=2, bearing=40.0, contact=4.5))
    assert session.spoken() == [first]


def test_what_the_person_probably_did_not_see_comes_first():
    session = Session()
    session.frames(0.3, detection("person", track=1, bearing=0.0, contact=3.5),
                   detection("person", track=2, bearing=40.0, contact=4.5), missed=((2, 0.8), (1, 0.2)))
    assert session.spoken() == ["Person, right."]


# --- lost perception ---

def test_lost_perception_is_said_once_and_felt():
    session = Session()
    session.frames(1.0)
    session.frames(5.0, lost="camera_lost")
    assert session.spoken() == ["Vision paused. Camera lost."]
    row = session.with_fate("spoken")[0]
    assert row.haptic["location"] == "both" and row.earcon == "vision_paused" and row.interrupts


def test_seeing_again_is_said_after_two_steady_seconds_only():
    session = Session()
    session.frames(1.0, lost="engine_stalled")
    for _ in range(4):  # comes and goes: no chatter
        session.frames(1.0)
        session.frames(0.5, lost="engine_stalled")
    assert session.spoken() == ["Vision paused. Please wait."]
    session.frames(6.0)
    assert session.spoken()[1:] == ["Seeing again."]


def test_a_frame_older_than_a_second_is_lost_perception_and_its_alerts_expire():
    session = Session()
    session.frames(0.5, detection("car", bearing=0.0, contact=1.0), frame_age_s=1.1)
    assert session.spoken() == ["Vision paused. Picture late."]
    assert {row.kind for row in session.with_fate("expired")} == {"approach"}


def test_a_covered_camera_is_told_but_what_is_still_detected_surfaces():
    session = Session()
    session.frames(3.0, quality=quality("dark", uncertainty=0.97), uncertainty=0.97)
    assert session.spoken() == ["Cannot see. Too dark, too bright, or camera covered."]
    session.frames(1.0, detection("car", bearing=0.0, contact=1.0), quality=quality("dark", uncertainty=0.97),
                   uncertainty=0.97)
    assert "Stop. Something ahead." in session.spoken()


def test_lost_perception_is_felt_when_speech_is_silenced():
    session = Session(SessionSettings(silenced=True))
    session.frames(1.0, lost="camera_lost")
    rows = session.with_fate("haptic_only")
    assert [row.kind for row in rows] == ["perception"] and rows[0].earcon == "vision_paused"


# --- ledger rows ---

def test_a_candidate_suppressed_frame_after_frame_is_one_row_with_a_count():
    session = Session()
    session.frames(8.0, detection("person", contact=4.0))
    session.take(*finish(session.state, session.settings))
    rows = session.ledger.rows()
    assert [row.decision.fate for row in rows] == ["suppressed", "spoken", "suppressed"]
    assert rows[2].decision.reason.endswith("; 78 frames over 7.7 s")


def test_a_row_whose_reason_changes_is_closed_with_its_count():
    session = Session()
    session.frames(0.3, detection("bench", track=9, bearing=30.0))
    session.frames(1.0, detection("door"))
    rows = session.with_fate("suppressed")
    assert [row.reason.split(";")[0].split(":")[0] for row in rows if row.class_name == "door"] == [
        "unconfirmed", "unconfirmed", "p2_spacing"]
    assert rows[-2].reason.endswith("; 2 frames over 0.1 s") and rows[-2].alert_id != rows[-1].alert_id


def test_nothing_stays_pending_at_the_end_of_a_session():
    session = Session()
    one = detection("person", track=1, contact=3.0)
    session.frames(0.7, one)
    session.frames(0.2, one, detection("person", track=2, bearing=40.0, contact=4.0))
    session.take(*finish(session.state, session.settings))
    assert [row.decision.fate for row in session.ledger.rows()].count("pending") == 0
    assert session.with_fate("expired")[0].text == "Person, right."


def test_a_video_that_starts_over_keeps_limits_and_falls_not_silent():
    session = Session()
    session.frames(30.0, detection("person", contact=4.0))
    said = len(session.spoken())
    session.time_s = 0.0
    session.frames(1.0, detection("person", contact=4.0))
    assert session.state.time_s < 2.0
    session.frames(20.0, detection("person", contact=4.0))
    assert len(session.spoken()) > said
    assert AlertState.from_json(session.state.to_json()) == session.state


def test_frames_that_come_late_are_no_jump_of_the_clock():
    session = Session()
    session.frames(0.4, frame_age_s=1.2)
    assert session.state.time_s == pytest.approx(1.5)
    assert session.spoken() == ["Vision paused. Picture late."]
    assert session.state.speech is not None


def test_ids_are_unique_and_begin_with_the_frame_number():
    session = Session()
    for second in range(10):
        session.frames(1.0, *crowd(second))
    ids = {row.alert_id for _, row in session.history}
    assert len(ids) == len(session.ledger.rows())
    assert all(row.decision.alert_id.split("-")[0].isdigit() for row in session.ledger.rows())
