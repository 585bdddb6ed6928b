"""The engine without its threads: frame in, result out. Lanes, the command line and tests all call this.

Stage A is one straight line: network -> decode -> track -> motion -> urgency -> alert decisions. Everything in it
is deterministic for the same frames and frame times, so the web app and the command line give the same answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from maxsight_core import outputs as registry
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
from maxsight_core.engine import answers, decision, detect, stage_b
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.runtimes import load_stage_a
from maxsight_core.engine.session_state import SessionState
from maxsight_core.perception import colours, frame_quality, motion_outputs, urgency
from maxsight_core.perception.distance import to_detections
from maxsight_core.perception.stage_b_estimators import LANE_C, STAGE_B

log = logging.getLogger(__name__)

LATE_FRAME_S = 0.3
"""Below this a wait is part of the normal round; leaving it out keeps decisions the same on every machine."""
UNTRAINED = "no trained head in this checkpoint"
LEARNED_NAMES = tuple(s.name for s in registry.REGISTRY if s.stage == "A" and s.learned_by and s.tier == 1)


class Stopwatch:
    """Splits of one pass, in ms, by part."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._started = self._last = time.perf_counter()

    def split(self, part: str) -> None:
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + (now - self._last) * 1000.0
        self._last = now

    def total_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000.0


class Engine:
    """Stage A, the decision point, Stage B and lane C, for any number of sessions.

    ``stage_a`` must be called from one thread at a time (lane A); ``stage_b`` and ``lane_c`` may each run in
    another thread beside it. Session state is passed in and lives with the caller.
    """

    def __init__(self, config: EngineConfig | None = None, policy: AlertPolicy | None = None) -> None:
        self.config = config or EngineConfig()
        self.policy = policy or DEFAULT_POLICY
        loaded = load_stage_a(
            checkpoint=self.config.checkpoint, grid=self.config.grid, runtime=self.config.runtime,
            precision=self.config.precision, threads=self.config.threads, cache_dir=self.config.cache_dir,
        )
        self.runtime, self.manifest, self.source_note = loaded.runtime, loaded.manifest, loaded.source_note
        self.trained = frozenset(self.manifest.trained_heads)
        self.detects = detect.can_detect(self.trained)

    def new_session(self, settings: SessionSettings) -> SessionState:
        return SessionState(settings=settings)

    def describe(self) -> dict[str, object]:
        """What perceives here: runtime, precision, grid, trained heads. For health pages and records."""
        return {
            "runtime": self.runtime.name, "device": self.runtime.device, "precision": self.runtime.precision,
            "grid": self.runtime.grid, "input_size": self.runtime.input_size,
            "trained_heads": sorted(self.trained), "weights": self.source_note,
        }

    # ---- Stage A -----------------------------------------------------------------------------------------------

    def stage_a(
        self, state: SessionState, frame: Frame, t_cap_ms: float | None = None, decode_ms: float = 0.0,
        waited_s: float = 0.0,
    ) -> tuple[FrameResult, stage_b.SceneJob | None]:
        """Answer one frame; the second value is the job for Stage B, or None when it is skipped.

        ``waited_s``: how long the frame waited for its turn. A long wait makes its alerts late, and they then say so.
        """
        watch = Stopwatch()
        settings = state.settings
        camera = settings.camera(frame.width, frame.height)
        gap_s = None if state.last_time_s is None else frame.time_s - state.last_time_s
        if gap_s is not None and not 0.0 < gap_s <= self.config.gap_reset_s:
            state.reset_motion()
        state.last_time_s = frame.time_s

        quality = frame_quality.measure(frame.rgb)
        watch.split("quality")
        # One after the other: beside each other they fight for the cores, and both are slower (docs/performance.md).
        raw, network_error = self._network(frame)
        watch.split("network")
        motion = state.motion.update(frame, camera)
        state.turn_with(motion.ego, gap_s or 0.0, camera)
        watch.split("motion")
        detections = self._detections(state, raw, frame, camera, motion)
        watch.split("detect")

        values = self._learned(raw, network_error)
        values.update(motion_outputs.values(motion))
        values["lighting"] = frame_quality.lighting_value(quality)
        certain = frame_quality.uncertainty_value(quality, detect.entropy(raw, self.trained) if raw else None)
        if values["uncertainty"].source != "learned":
            values["uncertainty"] = certain
        values["detections"] = self._detections_value(detections, motion, network_error)
        if values["urgency"].source != "learned":
            values["urgency"] = urgency.value(detections)
        if values["distance_zones"].source != "learned":
            values["distance_zones"] = _zones_value(detections)
        values = {name: stage_b.finite(value) for name, value in values.items()}
        uncertainty = _scalar(values["uncertainty"], default=1.0)
        watch.split("outputs")

        alerts = self._decide_alerts(state, frame, detections, motion, quality, uncertainty, waited_s)
        watch.split("alerts")

        stage_a_ms = decode_ms + watch.total_ms()
        chosen = decision.decide(stage_a_ms, uncertainty, self.config.thresholds)
        timings = {"decode": decode_ms, **watch.parts, "stage_a": stage_a_ms}
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
            frame, result.t_cap_ms, camera, detections, motion, quality, settings, state.heading_deg
        )

    def _network(self, frame: Frame) -> tuple[dict[str, np.ndarray] | None, str | None]:
        """Raw tensors of the network, or None with the reason; a failing network never stops the measured path."""
        if not self.trained and not self.config.run_untrained:
            return None, UNTRAINED
        try:
            return self.runtime.infer(detect.prepare(frame.rgb, self.runtime.input_size, self.manifest.fit)), None
        except Exception as error:
            log.exception("Stage A's network failed")
            return None, f"Stage A's network failed: {type(error).__name__}: {error}"

    def _learned(self, raw: dict[str, np.ndarray] | None, network_error: str | None) -> dict[str, Value]:
        """Tier 1 tensors: learned where the checkpoint's head is trained, otherwise unavailable, never noise."""
        values: dict[str, Value] = {}
        for name in LEARNED_NAMES:
            if name == "detections":
                continue
            if name in self.trained and raw is not None:
                values[name] = stage_b.finite(Value.learned(name, raw[name], f"{self.runtime.grid} head {name}"))
            else:
                reason = network_error if name in self.trained and network_error else UNTRAINED
                values[name] = Value.unavailable(name, reason)
        return values

    def _detections(self, state, raw, frame, camera, motion) -> tuple[Detection, ...]:
        """Tracked detections of the network, and what approaches without a name, as one list."""
        named: tuple[Detection, ...] = ()
        if self.detects and raw is not None and all(np.isfinite(tensor).all() for tensor in raw.values()):
            found = detect.decode(
                raw, grid=self.runtime.grid, input_size=self.runtime.input_size,
                image_size=(frame.height, frame.width), fit=self.manifest.fit, classes=self.manifest.classes,
            )
            tracks = state.tracker.update(found, frame.time_s, motion.ego, camera)
            named = tuple(replace(d, colour=colours.of_detection(frame.rgb, d))
                          for d in to_detections(tracks, camera, frame.time_s, motion.approaching))
        unnamed = tuple(thing for thing in motion.approaching if not _explained(thing, named))
        still = motion.ego.still
        return tuple(replace(d, urgency=urgency.of_detection(d, still)) for d in (*named, *unnamed))

    def _detections_value(self, detections, motion, network_error) -> Value:
        items = [d.to_json() for d in detections]
        if self.detects and network_error is None:
            return Value.learned("detections", items, f"{self.runtime.grid} decode + NMS + tracker")
        if motion.reason:
            return Value.unavailable("detections", f"{network_error or UNTRAINED}; motion: {motion.reason}")
        return Value.measured(
            "detections", items, "expansion of optical flow beyond ego-motion: approaching things, unnamed",
            confidence=min(1.0, max(0.0, motion.quality)),
        )

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
        with state.alert_lock:
            state.alerts, decisions = decide_alerts(state.alerts, inputs, state.settings, self.policy)
        return decisions

    # ---- Stage B and lane C --------------------------------------------------------------------------------------

    def stage_b(
        self, state: SessionState, job: stage_b.SceneJob, between: Callable[[], bool] = lambda: True
    ) -> SceneResult | None:
        """Advisory outputs for one frame, in slices; None when ``between`` cancelled it."""
        watch = Stopwatch()
        text = answers.fresh(state, "ocr", job.frame.time_s, answers.FRESH_SCENE_S)
        view = stage_b.make_view(job, state.stage_b_memory, {"ocr": text} if text is not None else None)
        values, timings, complete = stage_b.run_slices(view, STAGE_B, between)
        if not complete:
            return None
        return self._scene(state, job, "B", values, {**timings, "stage_b": watch.total_ms()})

    def text_due(self, state: SessionState, time_s: float) -> bool:
        """Whether lane C should read text in this frame: on request at once, otherwise at an interval."""
        return (
            state.text_wanted or state.last_text_s is None
            or not 0.0 <= time_s - state.last_text_s < self.config.text_interval_s
        )

    def lane_c(self, state: SessionState, job: stage_b.SceneJob) -> SceneResult:
        """Background outputs (text; sound and retrieval say why they are unavailable)."""
        state.text_wanted, state.last_text_s = False, job.frame.time_s
        watch = Stopwatch()
        view = stage_b.make_view(job, state.lane_c_memory)
        values, timings, _ = stage_b.run_slices(view, LANE_C)
        values = {**stage_b.not_built(), **values}
        return self._scene(state, job, "C", values, {**timings, "lane_c": watch.total_ms()})

    def _scene(self, state, job, lane, values, timings) -> SceneResult:
        state.scene.update({name: (value, job.frame.time_s) for name, value in values.items()})
        items = answers.context_items(values, job.frame.seq, job.frame.time_s, job.camera, self.policy)
        with state.alert_lock:
            state.context.extend(items)
        return SceneResult(
            seq=job.frame.seq, time_s=job.frame.time_s, t_cap_ms=job.t_cap_ms, lane=lane, outputs=values, alerts=(),
            timings_ms=timings,
        )

    # ---- everything at once ----------------------------------------------------------------------------------------

    def process(
        self, state: SessionState, frame: Frame, decode_ms: float = 0.0
    ) -> tuple[FrameResult, dict[str, Value]]:
        """Stage A, Stage B and lane C in turn for one frame: every output of the registry, with its age."""
        result, job = self.stage_a(state, frame, decode_ms=decode_ms)
        if job is None:
            values = {**self.recent(state, frame.time_s, "C"), **stage_b.skipped(result.stage_b.reason)}
        else:
            self.stage_b(state, job)
            if self.text_due(state, frame.time_s):
                self.lane_c(state, job)
            values = self.recent(state, frame.time_s)
        return result, {**values, **result.outputs}

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


def _zones_value(detections: tuple[Detection, ...]) -> Value:
    zones = [{"id": d.track_id, "zone": d.zone} for d in detections if d.zone is not None]
    if not zones:
        return Value.unavailable("distance_zones", "nothing in view whose distance could be measured")
    return Value.measured("distance_zones", zones, "pinhole from class heights, box area as the last resort")


def _scalar(value: Value, default: float) -> float:
    if value.source == "unavailable":
        return default
    return float(np.clip(np.asarray(value.value, dtype=np.float64).reshape(-1)[0], 0.0, 1.0))


def _explained(thing: Detection, named: tuple[Detection, ...]) -> bool:
    """True when a named detection covers the middle of an approaching region: it is that thing, with a name."""
    x, y = thing.box_cxcywh[0], thing.box_cxcywh[1]
    return any(
        abs(x - d.box_cxcywh[0]) <= d.box_cxcywh[2] / 2 and abs(y - d.box_cxcywh[1]) <= d.box_cxcywh[3] / 2
        and d.time_to_contact_s is not None
        for d in named
    )


def as_frame(rgb: np.ndarray, time_s: float, seq: int) -> Frame:
    """A frame whose memory is contiguous, as OpenCV's routines want it."""
    return Frame(np.ascontiguousarray(rgb), time_s, seq)


cv2.setNumThreads(1)  # the lanes are the parallelism; OpenCV's own pool would fight Stage A for the cores
