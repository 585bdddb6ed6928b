"""Stage B's network as lane B uses it: contained, counted, and switched off for a while when it keeps failing.

Whatever the network does (raise, hang, answer NaN), the measured estimators and Stage A go on. Values are taken from
trained heads only, and never for an output that belongs to Stage A.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from maxsight_core import outputs as registry
from maxsight_core.contracts import SceneView, Value
from maxsight_core.engine import stage_b_values
from maxsight_core.engine.breaker import CircuitBreaker
from maxsight_core.engine.counters import NETWORK_FAILED, NETWORK_OFF, PassNotes
from maxsight_core.engine.safety_network import UNTRAINED
from maxsight_core.engine.stage_b import SceneJob, finite
from maxsight_core.models.stage_b_contract import heads_of

if TYPE_CHECKING:
    from maxsight_core.engine.runtimes import LoadedStageB

log = logging.getLogger(__name__)

ADVISORY_STAGES = ("B", "C")
"""Stages of the registry whose outputs Stage B's network may fill; all others are Stage A's own."""
SLICE_PREFIX, SHOWN_PREFIX = "stage_b.", "network."
"""The runtime's names of slices, and ours: an estimator may have the same name as a slice of the network."""


@dataclass(frozen=True, slots=True)
class NetworkPass:
    """What one pass of the network gave.

    Args:
        complete: False when ``between`` ended it. values: of trained heads, finite. reason: why there are none (or
            not all), in words. missing: the same for single outputs of trained heads. timings: slice to ms.
    """

    complete: bool
    values: dict[str, Value] = field(default_factory=dict)
    reason: str | None = None
    missing: dict[str, str] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)


class StageBNetwork:
    """One tier's network behind its circuit breaker.

    Args:
        loaded: runtime and manifest. breaker: None for the usual one.

    ``run`` belongs to lane B's thread; ``give_up`` is called by the watchdog when that thread hangs.
    """

    def __init__(self, loaded: LoadedStageB, breaker: CircuitBreaker | None = None) -> None:
        self.runtime, self.manifest, self.source_note = loaded.runtime, loaded.manifest, loaded.source_note
        self.tier: str = loaded.runtime.tier
        self.heads = heads_of(self.tier)
        self.trained = frozenset(self.manifest.trained_heads) & {o for head in self.heads for o in head.outputs}
        self.breaker = breaker or CircuitBreaker()
        self._head_of = {output: head.name for head in self.heads for output in head.outputs}
        self._calls = 0
        self._running: int | None = None
        self._must_renew = False
        self.remaking = False
        """True from a hang until the next pass has reached its first slice: what was lost is made again meanwhile."""

    @property
    def state(self) -> str:
        """``trained`` | ``untrained`` | ``off: <reason>``, for health pages."""
        refusal = self.breaker.refusal()
        return f"off: {refusal}" if refusal else "trained" if self.trained else "untrained"

    def describe(self) -> dict[str, object]:
        return {
            "runtime": self.runtime.name, "device": self.runtime.device, "precision": self.runtime.precision,
            "trained_heads": sorted(self.trained), "weights": self.source_note,
        }

    def run(self, view: SceneView, job: SceneJob, between: Callable[[], bool], notes: PassNotes) -> NetworkPass:
        """One pass over one frame. Never raises; what fails is in ``reason`` and in ``notes``."""
        refusal = self.breaker.refusal()
        if refusal is not None:
            notes.remark(NETWORK_OFF, f"Stage B's network is off: {refusal}")
            return NetworkPass(True, reason=f"Stage B's network is off: {refusal}")
        notes.begins("network")
        self._calls += 1
        call = self._running = self._calls
        timings: dict[str, float] = {}
        try:
            raw = self._answer(view, job, between, timings)
            if self._running != call:  # given up meanwhile: this thread's answer counts for nothing
                return NetworkPass(False)
            passed = NetworkPass(False) if raw is None else self._values(raw, view, notes)
        except Exception as error:
            if self._running != call:
                return NetworkPass(False)  # this failure was counted as a hang
            return self._failed(f"{type(error).__name__}: {error}", notes, timings)
        self._running = None
        return replace(passed, timings=_shown(timings))

    def _answer(self, view, job, between, timings) -> dict[str, np.ndarray] | None:
        if self._must_renew:
            self.runtime.renew()
            self._must_renew = False
        given = stage_b_values.inputs(self.tier, view.frame.rgb, job.detections, job.maps, job.settings, job.audio)

        def before_slice() -> bool:
            self.remaking = False
            return between()

        return self.runtime.run(given, before_slice, timings)

    def _failed(self, words: str, notes: PassNotes, timings: dict[str, float]) -> NetworkPass:
        log.exception("Stage B's network failed")
        self._running, self.remaking = None, False
        self.breaker.failed(words)
        reason = f"Stage B's network failed: {words}"
        notes.reason(NETWORK_FAILED, reason)
        return NetworkPass(True, reason=reason, timings=_shown(timings))

    def _values(self, raw: Mapping[str, np.ndarray], view: SceneView, notes: PassNotes) -> NetworkPass:
        """Values of the trained heads whose tensors are finite; the others are counted by output."""
        spoilt = [head for head in self.heads
                  if any(not np.isfinite(raw[tensor.name]).all() for tensor in head.gives)]
        for head in spoilt:
            for output in head.outputs:
                notes.withhold(output)
        if len(spoilt) == len(self.heads):
            self.breaker.failed("NaN or infinity in every output")
        else:
            self.breaker.succeeded()
        lost = {output: f"NaN or infinity from Stage B's head {head.name}"
                for head in spoilt for output in head.outputs}
        usable = self.trained - set(lost)
        given = stage_b_values.values(raw, usable, view) if usable else {}
        missing = {name: value.reason for name, value in given.items() if value.source == "unavailable"}
        return NetworkPass(True, self._admitted(given, notes), missing={**missing, **lost})

    def _admitted(self, given: Mapping[str, Value], notes: PassNotes) -> dict[str, Value]:
        """Learned, finite values of advisory outputs, each naming its tier and head; nothing else gets through."""
        admitted: dict[str, Value] = {}
        for name, value in given.items():
            if registry.spec(name).stage not in ADVISORY_STAGES:
                log.error("Stage B's network gave %s, which belongs to Stage A; it is not used", name)
                notes.reason(NETWORK_FAILED, f"Stage B gave {name}, which belongs to Stage A; it is not used")
            elif value.source == "learned" and finite(value) is value:
                origin = f"{self.tier} head {self._head_of.get(name, name)}"
                admitted[name] = replace(value, method=f"{origin}: {value.method}")
            elif value.source == "learned":
                notes.withhold(name)
        return admitted

    def why_missing(self, name: str, passed: NetworkPass) -> str:
        """Why output ``name`` did not come out of ``passed``."""
        if name not in self._head_of:
            return f"tier {self.tier} has no head for it"
        nothing = UNTRAINED if name not in self.trained else f"the head {self._head_of[name]} gave nothing"
        return passed.missing.get(name) or passed.reason or nothing

    def give_up(self, words: str) -> bool:
        """The thread in ``run`` hangs: count it, and let the next thread share nothing with it.

        Returns:
            whether it was in here at all (it may hang in an estimator).
        """
        if self._running is None:
            return False
        self._running = None
        self.breaker.failed(words)
        self._must_renew = self.remaking = True
        try:
            self.runtime.renew()
            self._must_renew = False
        except Exception:  # tried again before the next pass, which fails (and is counted) if it cannot be done
            log.exception("Stage B's runtime could not be renewed after a hang")
        return True


def _shown(timings: Mapping[str, float]) -> dict[str, float]:
    return {SHOWN_PREFIX + name.removeprefix(SLICE_PREFIX): ms for name, ms in timings.items()}
