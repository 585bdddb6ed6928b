"""The engine without its threads: frame in, result out. Lanes, the command line and tests all call this.

Stage A is one straight line: network -> decode -> track -> motion -> urgency -> alert decisions. Everything in it
is deterministic for the same frames and frame times, so the web app and the command line give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maxsight_core import outputs as registry
from maxsight_core import taxonomy
from maxsight_core.alerts.inputs import AlertInputs
from maxsight_core.alerts.policy import DEFAULT_POLICY, AlertPolicy
from maxsight_core.alerts.scheduler import decide as decide_alerts
from maxsight_core.alerts.scheduler import finish as finish_alerts
from maxsight_core.contracts import (
    AlertDecision,
    Detection,
    Frame,
    FrameResult,
    SceneResult,
    SessionSettings,
    Value,
)
from maxsight_core.engine import decision, detect, loading, stage_a_outputs, stage_b
from maxsight_core.engine.advice import Advice
from maxsight_core.engine.beside import Beside
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.counters import Counters, PassNotes
from maxsight_core.engine.retrieval_hook import Retrieval
from maxsight_core.engine.safety_network import NetworkAnswer, SafetyNetwork
from maxsight_core.engine.session_state import SessionState
from maxsight_core.engine.stopwatch import Stopwatch
from maxsight_core.models.contract import SHARED_MAP
from maxsight_core.models.stage_b_contract import MAP_HISTORY
from maxsight_core.models.tiers import tier as tier_named
from maxsight_core.perception import colours, urgency
from maxsight_core.perception.distance import to_detections

if TYPE_CHECKING:
    from maxsight_core.engine.runtimes import LoadedStageA, LoadedStageB

LATE_FRAME_S = 0.3
"""Below this a wait is part of the normal round; leaving it out keeps decisions the same on every machine."""


def always() -> bool:
    """For passes that nobody interrupts."""
    return True


class Engine:
    """Stage A, the decision point, Stage B and lane C, for any number of sessions.

    ``stage_a`` must be called from one thread at a time (lane A); ``stage_b`` and ``lane_c`` may each run in
    another thread beside it. Session state is passed in and lives with the caller.

    Args:
        config: settings; None for the defaults. policy: of the alerts.
        stage_a, stage_b: networks that are loaded already, in place of what the configuration names.
    """

    def __init__(
        self, config: EngineConfig | None = None, policy: AlertPolicy | None = None, *,
        stage_a: LoadedStageA | None = None, stage_b: LoadedStageB | None = None,
    ) -> None:
        self.config = config or EngineConfig()
        self.policy = policy or DEFAULT_POLICY
        self.counters = Counters()
        self.beside = Beside()
        loaded = stage_a or loading.safety(self.config)
        self.network = SafetyNetwork(loaded, self.config.run_untrained, self.counters.withhold)
        self.runtime, self.manifest, self.source_note = loaded.runtime, loaded.manifest, loaded.source_note
        self.trained = self.network.trained
        self.detects = detect.can_detect(self.trained)
        self.score_rule = self.manifest.score_rule
        self.detect_settings = self.score_rule.settings(self.runtime.grid)
        self.tier = tier_named(loaded.manifest.tier if stage_b is None else stage_b.runtime.tier)
        self.context_network = loading.context(self.config, self.tier, stage_b)
        self.map_history = MAP_HISTORY[self.tier.key] if self.context_network is not None else 0
        self.retrieval = Retrieval.load(self.config.retrieval_index, self.manifest)
        self.advice = Advice(self.tier, self.context_network, self.counters, self.policy, self.retrieval.reason)

    def new_session(self, settings: SessionSettings) -> SessionState:
        return SessionState(settings=settings)

    @property
    def batch_max(self) -> int:
        """How many frames of different sessions lane A may give to the network at once."""
        return self.config.batch_max or self.network.batch_max

    def describe(self) -> dict[str, object]:
        """What perceives here: tier, runtimes, precisions, grid, trained heads, and which classes alone are named. For
        health pages and records."""
        return {
            "tier": self.tier.key, "tier_name": self.tier.name,
            "runtime": self.runtime.name, "device": self.runtime.device, "precision": self.runtime.precision,
            "grid": self.runtime.grid, "input_size": self.runtime.input_size,
            "trained_heads": sorted(self.trained), "weights": self.source_note, "named_classes": self._named_classes(),
            "stage_b": None if self.context_network is None else self.context_network.describe(),
        }

    def _named_classes(self) -> list[str] | None:
        """The only classes that are reported, by name; None: all that the network knows, or it detects nothing."""
        thresholds = self.manifest.score_thresholds
        if not thresholds or not self.detects:
            return None
        return sorted(taxonomy.by_id(number).name for number in thresholds)

    def stage_b_health(self) -> dict[str, object]:
        """Tier, state of the network, counts and reasons of Stage B, for health pages."""
        network = self.context_network
        return {
            "tier": self.tier.key, "network": "none" if network is None else network.state, **self.counters.stage_b(),
        }

    # ---- Stage A -----------------------------------------------------------------------------------------------

    def stage_a(
        self, state: SessionState, frame: Frame, t_cap_ms: float | None = None, decode_ms: float = 0.0,
        waited_s: float = 0.0, network: NetworkAnswer | None = None,
    ) -> tuple[FrameResult, stage_b.SceneJob | None]:
        """Answer one frame; the second value is the job for Stage B, or None when it is skipped.

        Args:
            waited_s: how long the frame waited for its turn. A long wait makes its alerts late, and they then say so.
            network: the network's answer to this frame when it came out of a batch; None: it is asked here.
        """
        began = Stopwatch()
        settings = state.settings
        camera = settings.camera(frame.width, frame.height)
        gap_s = None if state.last_time_s is None else frame.time_s - state.last_time_s
        if gap_s is not None and not 0.0 < gap_s <= self.config.gap_reset_s:
            state.reset_motion()
        state.last_time_s = frame.time_s

        measured = self.beside.start(state.motion, frame, camera)
        answer = network or self.infer([frame])[0]
        quality, motion, parts = measured()
        state.turn_with(motion.ego, gap_s or 0.0, camera)
        # What came before: a batch was answered before this call; otherwise network and measurement, side by side.
        before_ms = began.total_ms() if network is None else network.waited_ms + network.ms + began.total_ms()
        watch = Stopwatch()
        self._remember_map(state, answer, cut=motion.ego.cut)
        detections = self._detections(state, answer, frame, camera, motion)
        watch.split("detect")
        values = stage_a_outputs.outputs(self.network, answer, detections, motion, quality)
        values = {name: self.counters.checked(value) for name, value in values.items()}
        stage_a_outputs.freeze(values, motion)
        uncertainty = stage_a_outputs.scalar(values, "uncertainty", default=1.0)
        watch.split("outputs")
        alerts = self._decide_alerts(state, frame, detections, motion, quality, uncertainty, waited_s)
        watch.split("alerts")

        stage_a_ms = decode_ms + before_ms + watch.total_ms()
        chosen = decision.decide(stage_a_ms, uncertainty, self.config.thresholds)
        timings = {"decode": decode_ms, "network": answer.ms, **parts, **watch.parts, "stage_a": stage_a_ms}
        if answer.waited_ms:
            timings["batch_wait"] = answer.waited_ms
        values["timings"] = Value.measured("timings", dict(timings), "monotonic clock of the server")
        values["stage_b"] = Value.measured("stage_b", chosen.to_json(), "decision point after Stage A")
        result = FrameResult(
            seq=frame.seq, time_s=frame.time_s, t_cap_ms=frame.time_s * 1000.0 if t_cap_ms is None else t_cap_ms,
            width=frame.width, height=frame.height, outputs=values, detections=detections, uncertainty=uncertainty,
            urgency=max((d.urgency for d in detections), default=0), alerts=alerts, stage_b=chosen,
            timings_ms=timings,
        )
        state.last_result = result
        if not chosen.run:
            return result, None
        return result, stage_b.SceneJob(
            frame, result.t_cap_ms, camera, detections, motion, quality, settings, state.heading_deg,
            maps=tuple(state.maps),
        )

    def infer(self, frames: Sequence[Frame]) -> list[NetworkAnswer]:
        """Stage A's network on frames of different sessions at once; each answer is what the frame alone would get."""
        return self.network.answer(frames)

    def give_up_stage_a(self) -> None:
        """Lane A's thread hangs: whatever it holds of the network and of the measuring thread is left to it."""
        self.beside.give_up()
        self.network.give_up()

    def _remember_map(self, state: SessionState, answer: NetworkAnswer, cut: bool) -> None:
        if cut:
            state.maps.clear()
        usable = answer.raw is not None and SHARED_MAP not in answer.spoilt
        state.remember_map(answer.raw.get(SHARED_MAP) if usable else None, self.map_history)

    def _detections(self, state, answer: NetworkAnswer, frame, camera, motion) -> tuple[Detection, ...]:
        """Tracked detections of the network, and what approaches without a name, as one list."""
        named: tuple[Detection, ...] = ()
        if self.detects and answer.decodable:
            found = detect.decode(
                answer.raw, grid=self.runtime.grid, input_size=self.runtime.input_size,
                image_size=(frame.height, frame.width), fit=self.manifest.fit, classes=self.manifest.classes,
                settings=self.detect_settings,
            )
            tracks = state.tracker.update(self.score_rule.apply(found), frame.time_s, motion.ego, camera)
            named = tuple(replace(d, colour=colours.of_detection(frame.rgb, d))
                          for d in to_detections(tracks, camera, frame.time_s, motion.approaching))
        unnamed = tuple(thing for thing in motion.approaching if not stage_a_outputs.explained(thing, named))
        still = motion.ego.still
        return tuple(replace(d, urgency=urgency.of_detection(d, still)) for d in (*named, *unnamed))

    def finish(self, state: SessionState) -> tuple[AlertDecision, ...]:
        """Close the ledger of a session: nothing stays pending."""
        with state.alert_lock:
            state.alerts, decisions = finish_alerts(state.alerts, state.settings, self.policy)
        return decisions

    def _decide_alerts(
        self, state, frame, detections, motion, quality, uncertainty, waited_s
    ) -> tuple[AlertDecision, ...]:
        inputs = AlertInputs(
            seq=frame.seq, time_s=frame.time_s, detections=detections, uncertainty=uncertainty, quality=quality,
            ego=motion.ego, context=state.take_context(),
            frame_age_s=waited_s if waited_s >= LATE_FRAME_S else 0.0,
        )
        state.last_inputs = inputs
        with state.alert_lock:
            state.alerts, decisions = decide_alerts(state.alerts, inputs, state.settings, self.policy)
        return decisions

    # ---- Stage B and lane C --------------------------------------------------------------------------------------

    def stage_b(
        self, state: SessionState, job: stage_b.SceneJob, between: Callable[[], bool] = always,
        notes: PassNotes | None = None,
    ) -> SceneResult | None:
        """Advisory outputs for one frame, in slices; None when ``between`` ended it or its thread was given up.

        Args:
            between: asked before every slice. notes: what this pass reports to; None: to the engine's counters.
        """
        return self.advice.stage_b(state, job, between, notes)

    def text_due(self, state: SessionState, time_s: float) -> bool:
        """Whether lane C should read text in this frame: on request at once, otherwise at an interval."""
        return (
            state.text_wanted or state.last_text_s is None
            or not 0.0 <= time_s - state.last_text_s < self.config.text_interval_s
        )

    def lane_c(
        self, state: SessionState, job: stage_b.SceneJob, notes: PassNotes | None = None
    ) -> SceneResult | None:
        """Background outputs (text; sound and retrieval say why they are missing); None as for :meth:`stage_b`."""
        return self.advice.lane_c(state, job, notes)

    # ---- everything at once ----------------------------------------------------------------------------------------

    def process(
        self, state: SessionState, frame: Frame, decode_ms: float = 0.0
    ) -> tuple[FrameResult, dict[str, Value]]:
        """Stage A, Stage B and lane C in turn for one frame: every output of the registry, with its age."""
        result, job = self.stage_a(state, frame, decode_ms=decode_ms)
        if job is None:
            self.counters.skipped(decision.skip_kind(result.stage_b, self.config.thresholds), result.stage_b.reason)
            values = {**self.recent(state, frame.time_s, "C"), **stage_b.skipped(result.stage_b.reason)}
            return result, {**values, **result.outputs}
        scenes = [self.stage_b(state, job)]
        if self.text_due(state, frame.time_s):
            scenes.append(self.lane_c(state, job))
        self.retrieval.look_up(state, result)
        timings = {part: ms for scene in scenes if scene is not None for part, ms in scene.timings_ms.items()}
        values = {**self.recent(state, frame.time_s), **result.outputs}
        values["timings"] = replace(values["timings"], value={**result.timings_ms, **timings})
        return result, values

    def recent(self, state: SessionState, time_s: float, stages: str = "BC") -> dict[str, Value]:
        """Newest Stage B and lane C outputs with their age on the frame clock; unavailable where none came yet."""
        values: dict[str, Value] = {}
        for spec in registry.REGISTRY:
            if spec.stage not in stages or spec.stage == "-":
                continue
            held = state.scene.get(spec.name)
            if held is None:
                values[spec.name] = Value.unavailable(spec.name, "not measured yet in this session")
            else:
                values[spec.name] = replace(held[0], age_ms=max(0.0, (time_s - held[1]) * 1000.0))
        return values


def as_frame(rgb: np.ndarray, time_s: float, seq: int) -> Frame:
    """A frame whose memory is contiguous, as OpenCV's routines want it."""
    return Frame(np.ascontiguousarray(rgb), time_s, seq)


cv2.setNumThreads(1)  # the lanes are the parallelism; OpenCV's own pool would fight Stage A for the cores
