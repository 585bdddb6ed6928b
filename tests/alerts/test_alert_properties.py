"""Properties that hold for any input: one fate each, no two voices, nothing late, limits kept."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

from alert_builders import detection, quality
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maxsight_core.alerts import (
    DEFAULT_POLICY,
    AlertInputs,
    AlertState,
    ContextItem,
    decide_context,
    decide_traced,
    finish,
    on_delivery,
    on_notice,
    on_request,
)
from maxsight_core.alerts.candidates import candidates
from maxsight_core.alerts.context import observe
from maxsight_core.alerts.wording import speech_s
from maxsight_core.contracts import CONDITIONS, SessionSettings

CONTACTS = (None, 0.3, 1.0, 2.4, 2.6, 2.9, 4.0, 4.9, 7.0)

things = st.builds(
    lambda name, track, bearing, contact, distance, closing, frames, on_course: detection(
        name, track=track, bearing=bearing, contact=contact, distance_m=distance, closing_mps=closing,
        time_to_contact_frames=frames, on_course=on_course and contact is not None),
    st.sampled_from(("something", "person", "car", "door", "stairs down", "exit sign")), st.integers(1, 9),
    st.sampled_from((-40.0, -16.0, -3.0, 0.0, 14.0, 25.0, 50.0)), st.sampled_from(CONTACTS),
    st.sampled_from((None, 0.6, 2.3, 7.0)), st.sampled_from((None, 1.0, 5.0)), st.sampled_from((2, 3, 8)),
    st.sampled_from((True, True, True, False)),
)
unique_things = st.lists(things, max_size=6, unique_by=lambda item: item.track_id).map(tuple)

frames = st.fixed_dictionaries({
    "what": st.just("frame"), "step_s": st.sampled_from((0.05, 0.1, 0.2, 0.5, 1.5)), "detections": unique_things,
    "repeat": st.integers(1, 12), "uncertainty": st.sampled_from((0.1, 0.7, 0.95)),
    "light": st.sampled_from(("normal", "dark", "bright")), "age_s": st.sampled_from((0.0, 0.0, 0.3, 0.7, 1.2)),
    "lost": st.sampled_from((None, None, None, None, "camera_lost")),
})
others = st.one_of(
    st.fixed_dictionaries({"what": st.just("context"), "label": st.sampled_from(("EXIT", "Bus 7")),
                           "late_s": st.sampled_from((0.1, 2.0, 4.0))}),
    st.fixed_dictionaries({"what": st.just("request"), "words": st.integers(1, 20)}),
    st.fixed_dictionaries({"what": st.just("notice"), "kind": st.sampled_from(("camera_lost", "vision_resumed"))}),
    st.fixed_dictionaries({"what": st.just("delivery"), "fate": st.sampled_from(("spoken", "interrupted"))}),
)
scripts = st.lists(st.one_of(frames, frames, frames, others), min_size=3, max_size=40)
people = st.builds(
    lambda condition, wpm, silenced, masked: SessionSettings(
        condition=condition, speech_wpm=wpm, silenced=silenced, masked=masked),
    st.sampled_from((None, *CONDITIONS)), st.sampled_from((80, 180, 450)),
    st.sampled_from((False, False, False, True)), st.sampled_from((False, False, False, True)))


class Watcher:
    """Plays a script and checks every decision against the rules, independently of the scheduler's own memory."""

    def __init__(self, person: SessionSettings) -> None:
        self.person, self.state = person, AlertState()
        self.time_s, self.seq = 0.0, 0
        self.final: dict[str, object] = {}
        self.voice: tuple[str, float] | None = None  # (alert id, ends)
        self.spoken: list[tuple[float, object]] = []
        self.delivered: list[tuple[float, object]] = []

    def now_s(self) -> float:
        return self.time_s if self.state.time_s is None else self.state.time_s

    def play(self, script) -> None:
        for step in script:
            getattr(self, f"do_{step['what']}")(step)
        self.state, rows = finish(self.state, self.person)
        self.check(rows)
        assert all(row.fate != "pending" for row in self.final.values())

    def do_frame(self, step) -> None:
        for _ in range(step["repeat"]):
            self.time_s += step["step_s"]
            self.seq += 1
            inputs = AlertInputs(
                seq=self.seq, time_s=self.time_s, detections=step["detections"], uncertainty=step["uncertainty"],
                quality=quality(step["light"], uncertainty=step["uncertainty"]), frame_age_s=step["age_s"],
                lost=step["lost"])
            memory = observe(self.state.context, inputs, DEFAULT_POLICY)
            expected = Counter(item.key for item in candidates(inputs, DEFAULT_POLICY, memory))
            outcome = decide_traced(self.state, inputs, self.person)
            assigned = Counter(item.key for item, _ in outcome.assigned if item.kind != "perception")
            assert assigned == expected, "every candidate of a frame has exactly one row"
            self.state = outcome.state
            self.check(outcome.decisions)
            assert {alert_id for _, alert_id in outcome.assigned} <= set(self.final)

    def do_context(self, step) -> None:
        item = ContextItem("text", step["label"], self.seq, self.time_s - step["late_s"])
        self.state, rows = decide_context(self.state, [item], self.seq, self.person)
        self.check(rows)

    def do_request(self, step) -> None:
        text = "word " * step["words"]
        self.state, rows = on_request(self.state, "describe", text, self.seq, self.time_s, self.person)
        self.check(rows)

    def do_notice(self, step) -> None:
        self.state, rows = on_notice(self.state, step["kind"], self.seq, self.time_s, self.person)
        self.check(rows)

    def do_delivery(self, step) -> None:
        if self.voice is not None:
            self.state = on_delivery(self.state, self.voice[0], step["fate"])
            if step["fate"] == "interrupted":
                self.voice = None

    def check(self, rows) -> None:
        now_s = self.now_s()
        for row in rows:
            before = self.final.get(row.alert_id)
            fresh = before is None or before.fate == "pending"
            if not fresh:
                assert row.stage == before.stage
                assert row.fate == before.fate or (before.fate, row.fate) == ("spoken", "interrupted"), "one fate only"
            self.final[row.alert_id] = row
            if row.fate == "interrupted" and self.voice is not None:
                assert self.voice[0] == row.alert_id
                self.voice = None
            if fresh and row.fate == "spoken":
                self.check_spoken(row, now_s)
            if fresh and row.fate in ("spoken", "haptic_only"):
                self.check_delivered(row, now_s)

    def check_spoken(self, row, now_s: float) -> None:
        assert not self.person.masked
        assert not self.person.silenced or row.stage == "P3"
        assert now_s <= row.expires_s + 1e-9, "nothing is spoken after its expiry"
        assert self.voice is None or now_s >= self.voice[1] - 1e-9, "two voices at once"
        self.voice = (row.alert_id, now_s + speech_s(row.text, self.person))
        if row.stage == "P3" or row.kind == "perception":
            return
        if row.kind == "approach":
            assert row.time_to_contact_s < (5.0 if row.stage == "P1" else 3.0)
        recent = [time_s for time_s, _ in self.spoken if now_s - time_s < DEFAULT_POLICY.overload_window_s]
        if row.stage != "P0":
            assert len(recent) < 2, "only stops may begin an overload event"
        if row.stage == "P2":
            assert all(other.stage != "P2" or now_s - time_s >= 15.0 for time_s, other in self.spoken)
        self.spoken.append((now_s, row))

    def check_delivered(self, row, now_s: float) -> None:
        assert not self.person.masked
        if row.stage == "P3" or row.kind == "perception":
            return
        if row.stage != "P0":
            recent = sum(now_s - time_s < 60.0 for time_s, _ in self.delivered)
            assert recent < DEFAULT_POLICY.alerts_per_minute, "twelve alerts a minute"
        if row.stage != "P0" or row.fate == "spoken":
            self.delivered.append((now_s, row))

    def overload_events(self) -> list[float]:
        events: list[float] = []
        times = [time_s for time_s, _ in self.spoken]
        for index, time_s in enumerate(times):
            recent = [other for other in times[: index + 1] if time_s - other < DEFAULT_POLICY.overload_window_s]
            if len(recent) >= 3 and not (events and time_s - events[-1] < DEFAULT_POLICY.overload_window_s):
                events.append(time_s)
        return events


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(script=scripts, person=people)
def test_for_any_session_each_candidate_has_one_fate_and_all_limits_hold(script, person):
    watcher = Watcher(person)
    watcher.play(script)
    events = watcher.overload_events()
    assert all(b - a >= 60.0 for a, b in itertools.pairwise(events)), "under two overload events a minute"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(script=scripts, person=people)
def test_any_state_comes_back_from_json_and_stays_small(script, person):
    watcher = Watcher(dataclasses.replace(person, masked=False))
    watcher.play(script)
    state = watcher.state
    assert AlertState.from_json(state.to_json()) == state
    assert len(state.tracks) <= DEFAULT_POLICY.max_tracks and len(state.pending) == 0
