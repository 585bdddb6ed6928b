"""The decision point after Stage A: does Stage B run for this frame, and why (not).

A frame that may run becomes a job of lane B. The job is given up, waiting or between two of its slices, when

* a newer frame of the same session was decided "skip" (the scene it describes has become too uncertain), or
* the latest Stage A of any session took longer than the threshold (the machine is under load, whoever caused it), or
* lane A had work for so long that the job is too old (``maxsight_core.engine.stage_b_lane``).

Jobs that come after that are judged anew: nothing stays switched off.
"""

from __future__ import annotations

from dataclasses import dataclass

from maxsight_core.contracts import StageBDecision

MAX_STAGE_A_MS = 200.0
"""Above this Stage A is under load, and Stage B would only make it worse (system description, guarantee 6)."""
MAX_UNCERTAINTY = 0.7
"""Above this enhancement is silenced; critical hazards still surface (system description, guarantee 6)."""


@dataclass(frozen=True, slots=True)
class DecisionThresholds:
    """When Stage B is skipped: Stage A slower than ``stage_a_ms``, or a picture less certain than allowed."""

    stage_a_ms: float = MAX_STAGE_A_MS
    uncertainty: float = MAX_UNCERTAINTY

    def __post_init__(self) -> None:
        if not self.stage_a_ms > 0:
            raise ValueError(f"stage_a_ms: expected a time above 0 ms; got {self.stage_a_ms}")
        if not 0.0 < self.uncertainty <= 1.0:
            raise ValueError(f"uncertainty: expected a threshold above 0 and at most 1; got {self.uncertainty}")

    def too_slow(self, stage_a_ms: float) -> bool:
        """Whether Stage A is under load; a time that is no number counts as such."""
        return not stage_a_ms <= self.stage_a_ms

    def too_uncertain(self, uncertainty: float) -> bool:
        """Whether the picture cannot be trusted; an uncertainty that is no number counts as such."""
        return not uncertainty <= self.uncertainty


def decide(stage_a_ms: float, uncertainty: float, thresholds: DecisionThresholds) -> StageBDecision:
    """Skip Stage B if Stage A took too long or the picture is too uncertain; otherwise queue it."""
    if thresholds.too_slow(stage_a_ms):
        reason = f"Stage B skipped: Stage A took {stage_a_ms:.0f} ms > {thresholds.stage_a_ms:.0f} ms"
        return StageBDecision(False, reason, stage_a_ms, uncertainty)
    if thresholds.too_uncertain(uncertainty):
        reason = f"Stage B skipped: uncertainty {uncertainty:.2f} > {thresholds.uncertainty:.2f}"
        return StageBDecision(False, reason, stage_a_ms, uncertainty)
    return StageBDecision(True, "queued", stage_a_ms, uncertainty)


def skip_kind(chosen: StageBDecision, thresholds: DecisionThresholds) -> str:
    """Which rule skipped Stage B: ``latency`` or ``uncertainty``."""
    return "latency" if thresholds.too_slow(chosen.stage_a_ms) else "uncertainty"
