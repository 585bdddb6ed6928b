"""Replay: the same recorded inputs give the same bytes, also through JSON and from a saved state."""

from __future__ import annotations

import json
import random

from alert_builders import detection, quality

from maxsight_core.alerts import AlertInputs, AlertState, ContextItem, decide
from maxsight_core.alerts.codec import encode
from maxsight_core.contracts import EgoMotion, SessionSettings


def recording(frames: int = 300) -> list[AlertInputs]:
    chance = random.Random(20261123)
    found = []
    for seq in range(frames):
        time_s = seq / 7.0
        things = [
            detection("person", track=1, bearing=-5.0 + chance.gauss(0, 2), contact=abs(9.0 - time_s % 11) + 0.2,
                      distance_m=1.0 + chance.random() * 5),
            detection("something", track=2 + seq // 40, bearing=30.0, contact=chance.choice([None, 1.3, 4.0])),
            detection("door", track=90, bearing=20.0 - time_s, distance_m=4.0),
        ]
        context = (ContextItem("text", "EXIT", seq, time_s - 0.3),) if seq % 50 == 10 else ()
        found.append(AlertInputs(
            seq=seq, time_s=time_s, detections=tuple(things), uncertainty=chance.random(), context=context,
            quality=quality("dark" if seq > 150 else "normal"), ego=EgoMotion(still=seq % 3 == 0),
            lost="camera_lost" if 200 < seq < 215 else None, missed=((1, chance.random()),)))
    return found


def played(inputs: list[AlertInputs], state: AlertState | None = None) -> tuple[bytes, AlertState]:
    settings, lines = SessionSettings(condition="glaucoma", speech_wpm=220), []
    state = state or AlertState()
    for item in inputs:
        state, decisions = decide(state, item, settings)
        lines.append(json.dumps([encode(decision) for decision in decisions], sort_keys=True))
    return "\n".join(lines).encode(), state


def test_a_recording_played_twice_is_byte_identical():
    first, end = played(recording())
    second, end_again = played(recording())
    assert first == second and end.to_json() == end_again.to_json()
    assert first.count(b'"spoken"') > 5


def test_inputs_come_back_from_json_as_they_were():
    inputs = recording(60)
    text = json.dumps([item.to_json() for item in inputs])
    again = [AlertInputs.from_json(item) for item in json.loads(text)]
    assert again == inputs and played(again)[0] == played(inputs)[0]


def test_a_run_continued_from_a_saved_state_is_the_same_run():
    inputs = recording()
    whole, end = played(inputs)
    head, middle = played(inputs[:137])
    tail, end_again = played(inputs[137:], AlertState.from_json(middle.to_json()))
    assert head + b"\n" + tail == whole and end_again == end


def test_a_decision_leaves_the_state_it_was_given_alone():
    state = played(recording(80))[1]
    before = state.to_json()
    decide(state, recording(81)[80], SessionSettings())
    assert state.to_json() == before
