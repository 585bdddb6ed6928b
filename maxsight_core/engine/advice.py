"""One pass of Stage B, and one of lane C: advisory outputs for one frame, without threads.

A trained network goes first, and what it has learned is not measured again. An untrained one goes last: its numbers
are withheld, and its time shows what a trained one would take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from maxsight_core import outputs as registry
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.contracts import SceneResult, Value
from maxsight_core.engine import answers, stage_b
from maxsight_core.engine.counters import Counters, PassNotes
from maxsight_core.engine.safety_network import UNTRAINED
from maxsight_core.engine.session_state import SessionState
from maxsight_core.engine.stage_b_network import NetworkPass, StageBNetwork
from maxsight_core.models.tiers import TierSpec
from maxsight_core.perception.stage_b_estimators import LANE_C, STAGE_B


class Advice:
    """Stage B and lane C of one engine.

    Args:
        tier: its row. network: Stage B's, or None where the tier has none or it is not to be run. counters, policy: of
            the engine. no_retrieval: why nothing is looked up, or None when it is.
    """

    def __init__(
        self, tier: TierSpec, network: StageBNetwork | None, counters: Counters, policy: AlertPolicy,
        no_retrieval: str | None,
    ) -> None:
        self.tier, self.network, self._no_retrieval = tier, network, no_retrieval
        self._counters, self._policy = counters, policy

    def stage_b(
        self, state: SessionState, job: stage_b.SceneJob, between: Callable[[], bool], notes: PassNotes | None,
    ) -> SceneResult | None:
        """Advisory outputs for one frame; None when ``between`` ended the pass or its thread was given up."""
        notes = notes or PassNotes(self._counters)
        started = time.perf_counter()
        text = answers.fresh(state, "ocr", job.frame.time_s, answers.FRESH_SCENE_S)
        view = stage_b.make_view(job, state.stage_b_memory, {"ocr": text} if text is not None else None)
        network, passed = self.network, NetworkPass(True)
        if network is not None and network.trained:
            passed = network.run(view, job, between, notes)
            if not passed.complete:
                return None
            view.so_far.update(passed.values)
        measured, slices, complete = stage_b.run_slices(view, STAGE_B, between, passed.values, notes)
        if not complete:
            return None
        if network is not None and not network.trained:
            passed = network.run(view, job, between, notes)  # cut short or not: the measured outputs are whole
        if not notes.wanted():
            return None
        timings, total_ms = {**passed.timings, **slices}, (time.perf_counter() - started) * 1000.0
        notes.finished(total_ms, timings)
        values = self._with_reasons({**measured, **passed.values}, passed)
        return self._scene(state, job, "B", values, {**timings, "stage_b": total_ms})

    def _with_reasons(self, values: dict[str, Value], passed: NetworkPass) -> dict[str, Value]:
        """Also the Stage B outputs that neither a head nor an estimator gave, each with why."""
        for spec in registry.REGISTRY:
            if spec.stage == "B" and spec.name not in values:
                values[spec.name] = Value.unavailable(spec.name, self._why_missing(spec.name, passed))
        return values

    def _why_missing(self, name: str, passed: NetworkPass) -> str:
        if not self.tier.trunk:
            return f"tier {self.tier.key} has no network for it"
        return UNTRAINED if self.network is None else self.network.why_missing(name, passed)

    def lane_c(self, state: SessionState, job: stage_b.SceneJob, notes: PassNotes | None) -> SceneResult | None:
        """Background outputs that no trained head gave lately; None when its thread was given up meanwhile."""
        state.text_wanted, state.last_text_s = False, job.frame.time_s
        notes = notes or PassNotes(self._counters)
        started = time.perf_counter()
        learned = [name for name, (value, time_s) in list(state.scene.items())
                   if value.source == "learned" and 0.0 <= job.frame.time_s - time_s <= answers.FRESH_SCENE_S]
        view = stage_b.make_view(job, state.lane_c_memory)
        values, timings, _ = stage_b.run_slices(view, LANE_C, learned=learned, notes=notes)
        if not notes.wanted():
            return None
        missing = {name: value for name, value in self._not_measured().items() if name not in learned}
        total_ms = (time.perf_counter() - started) * 1000.0
        return self._scene(state, job, "C", {**missing, **values}, {**timings, "lane_c": total_ms})

    def _not_measured(self) -> dict[str, Value]:
        values = stage_b.no_sound()
        if self._no_retrieval is not None:  # otherwise its worker answers, in its own time
            values["retrieval"] = Value.unavailable("retrieval", self._no_retrieval)
        return values

    def _scene(
        self, state: SessionState, job: stage_b.SceneJob, lane: str, values: dict[str, Value],
        timings: Mapping[str, float],
    ) -> SceneResult:
        state.scene.update({name: (value, job.frame.time_s) for name, value in values.items()})
        items = answers.context_items(values, job.frame.seq, job.frame.time_s, job.camera, self._policy)
        with state.alert_lock:
            state.context.extend(items)
        return SceneResult(
            seq=job.frame.seq, time_s=job.frame.time_s, t_cap_ms=job.t_cap_ms, lane=lane, outputs=values, alerts=(),
            timings_ms=dict(timings),
        )
