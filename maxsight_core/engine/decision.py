"""The decision point after Stage A: does Stage B run for this frame, and why (not)."""

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
        if self.stage_a_ms <= 0:
            raise ValueError(f"stage_a_ms: expected a time above 0 ms; got {self.stage_a_ms}")
        if not 0.0 < self.uncertainty <= 1.0:
            raise ValueError(f"uncertainty: expected a threshold above 0 and at most 1; got {self.uncertainty}")


def decide(stage_a_ms: float, uncertainty: float, thresholds: DecisionThresholds) -> StageBDecision:
    """Skip Stage B if Stage A took too long or the picture is too uncertain; otherwise queue it."""
    if stage_a_ms > thresholds.stage_a_ms:
        reason = f"Stage B skipped: Stage A took {stage_a_ms:.0f} ms > {thresholds.stage_a_ms:.0f} ms"
        return StageBDecision(False, reason, stage_a_ms, uncertainty)
    if uncertainty > thresholds.uncertainty:
        reason = f"Stage B skipped: uncertainty {uncertainty:.2f} > {thresholds.uncertainty:.2f}"
        return StageBDecision(False, reason, stage_a_ms, uncertainty)
    return StageBDecision(True, "queued", stage_a_ms, uncertainty)
