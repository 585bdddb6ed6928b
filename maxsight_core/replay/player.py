"""A recorded run decided again: through its own policy it gives the same decisions to the last bit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.alerts.ledger import Ledger
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.alerts.scheduler import decide, finish
from maxsight_core.alerts.state import AlertState
from maxsight_core.contracts import AlertDecision, Frame, SessionSettings
from maxsight_core.engine.engine import Engine
from maxsight_core.replay.recording import Recording, RecordingError
from maxsight_core.scenes.spec import PREFIX
from maxsight_core.sources import open_source


@dataclass(frozen=True, slots=True)
class Played:
    """One frame decided again: the recorded rows and the new ones."""

    seq: int
    time_s: float
    recorded: tuple[AlertDecision, ...]
    decisions: tuple[AlertDecision, ...]

    @property
    def same(self) -> bool:
        return self.recorded == self.decisions


def play(
    recording: Recording, policy: AlertPolicy | None = None, settings: SessionSettings | None = None,
) -> Iterator[Played]:
    """Every frame of a recording, then the session's end, decided with ``policy`` and ``settings`` (its own: None)."""
    policy, settings = policy or recording.policy, settings or recording.settings
    state, inputs = AlertState(), None
    for frame in recording.frames:
        inputs = frame.inputs
        state, decisions = decide(state, inputs, settings, policy)
        yield Played(inputs.seq, inputs.time_s, frame.decisions, decisions)
    if inputs is not None:
        yield Played(inputs.seq, inputs.time_s, recording.closing, finish(state, settings, policy)[1])


def perceive_again(made: Recording, engine: Engine) -> Iterator[Played]:
    """Every frame seen anew by ``engine`` and decided with its policy, beside what was recorded.

    Raises:
        RecordingError: there are no pictures: none were kept, and the source is no rendered scene.
    """
    session = engine.new_session(made.settings)
    for frame, kept in zip(_pictures(made), made.frames, strict=True):
        result, _ = engine.process(session, frame)
        yield Played(frame.seq, frame.time_s, kept.decisions, result.alerts)
    if made.frames:
        last = made.frames[-1].inputs
        yield Played(last.seq, last.time_s, made.closing, engine.finish(session))


def _pictures(made: Recording) -> Iterator[Frame]:
    if made.about.get("pictures"):
        for index, kept in enumerate(made.frames):
            path = made.picture(index)
            pixels = None if path is None else cv2.imread(str(path))
            if pixels is None:
                raise RecordingError(f"{made.folder}: picture {index} is missing or damaged; record it again")
            yield Frame(np.ascontiguousarray(pixels[..., ::-1]), kept.inputs.time_s, kept.inputs.seq)
    elif made.source.startswith(PREFIX):
        yield from itertools.islice(open_source(made.source).frames(), len(made.frames))
    else:
        raise RecordingError(f"{made.folder}: its pictures were not kept; record with --pictures to see them anew")


def delivered(played: Sequence[Played], policy: AlertPolicy) -> tuple[list[str], list[str]]:
    """What the person was told, and what they would be told now: ``"3.1 s P1 spoken: Person, ahead, 12 metres."``"""
    old, new = Ledger(policy), Ledger(policy)
    for frame in played:
        old.add(frame.recorded, frame.time_s)
        new.add(frame.decisions, frame.time_s)
    return _told(old), _told(new)


def _told(ledger: Ledger) -> list[str]:
    return [f"{row.delivered_s:.1f} s {row.decision.stage} {row.decision.fate}: {row.decision.text}"
            for row in ledger.rows() if row.delivered_s is not None]
