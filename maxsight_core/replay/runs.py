"""One scenario lived through: by the policy alone on perfect perception, or by the whole system on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from maxsight_core.alerts.ledger import Ledger
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.scheduler import decide, finish
from maxsight_core.alerts.state import AlertState
from maxsight_core.contracts import AlertDecision, Detection, FrameResult, SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.session_state import SessionState
from maxsight_core.outputs import REGISTRY
from maxsight_core.process import offline
from maxsight_core.replay.hazards import Hazard, hazards_of
from maxsight_core.replay.ideal import IdealPerception
from maxsight_core.replay.player import play
from maxsight_core.replay.recording import Recording, RecordingError
from maxsight_core.replay.scenarios import Scenario
from maxsight_core.scenes.renderer import SceneRenderer
from maxsight_core.scenes.spec import PREFIX, parse_spec
from maxsight_core.scenes.truth import SceneTruth

ALERT_KINDS = ("approach", "fall")
ALERT_STAGES = ("P0", "P1")
STAGE_B_EVERY = 5
"""Frames between two passes of Stage B, about as often as a laptop finds time for one."""
TIER_1 = tuple(spec.name for spec in REGISTRY if spec.tier == 1)
ALWAYS = frozenset({"detections", "urgency", "uncertainty"})
"""What Stage A says of every frame, whatever is in it; learned heads come on top."""
TRUTH_WIDTH_PX = 320
"""The truth alone needs no large picture."""


@dataclass(frozen=True, slots=True)
class Told:
    """An alert about a hazard that reached the person, spoken or felt, at ``time_s`` of the frame clock."""

    time_s: float
    stage: str
    kind: str
    track_id: int | None
    bearing_deg: float | None
    text: str


@dataclass
class Run:
    """What was there and what was said.

    Args:
        truths: of every frame. hazards: of the run. told: in order of time. detections: of every frame.
        answered: of every frame, which Tier 1 outputs had a value. overload_events, minutes: of the ledger.
        by_track: an alert's track is the thing's number in the truth. expected: Tier 1 outputs that no frame may lack.
    """

    name: str
    truths: list[SceneTruth]
    hazards: list[Hazard]
    by_track: bool
    expected: frozenset[str] = frozenset()
    told: list[Told] = field(default_factory=list)
    detections: list[tuple[Detection, ...]] = field(default_factory=list)
    answered: list[frozenset[str]] = field(default_factory=list)
    overload_events: int = 0
    minutes: float = 0.0


def policy_alone(
    scenario: Scenario, policy: AlertPolicy = DEFAULT_POLICY, settings: SessionSettings | None = None,
) -> Run:
    """The policy's run on the truth itself."""
    settings = settings or SessionSettings()
    renderer = scenario.renderer(TRUTH_WIDTH_PX)
    truths = [renderer.frame(index).truth for index in range(len(renderer))]
    run = Run(scenario.name, truths, hazards_of(truths), by_track=True, expected=ALWAYS)
    ledger, state, perception = Ledger(policy), AlertState(), IdealPerception()
    for truth in truths:
        inputs = perception.inputs(truth)
        state, decisions = decide(state, inputs, settings, policy)
        ledger.add(decisions, truth.time_s)
        ledger.tick(truth.time_s)
        run.detections.append(inputs.detections)
        run.answered.append(frozenset(TIER_1))
    return _closed(run, ledger, finish(state, settings, policy)[1])


def whole_system(scenario: Scenario, engine: Engine, settings: SessionSettings | None = None) -> Run:
    """The engine's run on the rendered pictures. Stage B runs in every fifth frame; text is not read."""
    session = engine.new_session(settings or SessionSettings())
    ledger = Ledger(engine.policy)
    truths: list[SceneTruth] = []
    run = Run(scenario.name, truths, [], by_track=False, expected=ALWAYS | engine.trained.intersection(TIER_1))
    for result, truth in _lived(scenario, engine, session):
        truths.append(truth)
        ledger.add(result.alerts, truth.time_s)
        ledger.tick(truth.time_s)
        run.detections.append(result.detections)
        run.answered.append(frozenset(name for name in TIER_1 if _there(result, name)))
    run.hazards = hazards_of(truths)
    return _closed(run, ledger, engine.finish(session))


def recorded(made: Recording, policy: AlertPolicy) -> Run:
    """A recorded walk through a rendered scene, decided again with ``policy``.

    Raises:
        RecordingError: of anything else nobody knows what was there.
    """
    if not made.source.startswith(PREFIX):
        raise RecordingError(f"{made.folder}: {made.source} has no ground truth; only rendered scenes can be scored")
    spec = parse_spec(made.source)
    smaller = spec.with_changes(width=TRUTH_WIDTH_PX, height=round(TRUTH_WIDTH_PX * spec.height / spec.width))
    renderer, ledger = SceneRenderer(smaller), Ledger(policy)
    truths = [renderer.frame(index).truth for index in range(len(made.frames))]
    run = Run(str(made.folder.name), truths, hazards_of(truths), by_track=False)
    *frames, end = play(made, policy)
    for kept, frame in zip(made.frames, frames, strict=True):
        ledger.add(frame.decisions, frame.time_s)
        ledger.tick(frame.time_s)
        run.detections.append(kept.inputs.detections)
    return _closed(run, ledger, end.decisions)


def engine_for_scoring(config: EngineConfig | None = None, policy: AlertPolicy | None = None) -> Engine:
    """An engine whose answers do not depend on how fast the machine is."""
    return Engine(offline(config or EngineConfig.from_environment()), policy)


def _lived(scenario: Scenario, engine: Engine, session: SessionState) -> Iterator[tuple[FrameResult, SceneTruth]]:
    renderer = scenario.renderer()
    for index in range(len(renderer)):
        frame = renderer.frame(index)
        result, job = engine.stage_a(session, as_frame(np.asarray(frame.rgb), frame.time_s, index))
        if job is not None and index % STAGE_B_EVERY == 0:
            engine.stage_b(session, job)  # what it finds is decided on with the next frame
        yield result, frame.truth


def _there(result: FrameResult, name: str) -> bool:
    value = result.outputs.get(name)
    return value is not None and value.source != "unavailable"


def _closed(run: Run, ledger: Ledger, last: tuple[AlertDecision, ...]) -> Run:
    ledger.add(last, run.truths[-1].time_s)
    for row in ledger.rows():
        decision = row.decision
        if row.delivered_s is not None and decision.stage in ALERT_STAGES and decision.kind in ALERT_KINDS:
            run.told.append(Told(row.delivered_s, decision.stage, decision.kind, decision.track_id,
                                 decision.bearing_deg, decision.text))
    run.told.sort(key=lambda told: told.time_s)
    counted = ledger.summary()
    run.overload_events, run.minutes = counted["overload_events"], counted["minutes"]
    return run
