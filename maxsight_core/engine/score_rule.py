"""Which detections of a checkpoint are reported, and with which score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from maxsight_core.contracts import RawDetection
from maxsight_core.engine.detect import DEFAULTS, DetectSettings
from maxsight_core.models.grid import check_grid

_SMALLEST_SCORE = 1e-6


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Which detections of a checkpoint are reported, and with which score.

    Args:
        temperature: the logit of a score is divided by it (Guo et al., "On Calibration of Modern Neural Networks",
            2017), so that a score is the share of such detections that are right.
        thresholds: taxonomy id -> least score after that; classes not named are not reported. None: all classes, at
            the grid's threshold, which is one of raw scores.
    """

    temperature: float = 1.0
    thresholds: Mapping[int, float] | None = None

    def settings(self, grid: str) -> DetectSettings:
        """Of decoding: low enough for the least of the thresholds."""
        usual = DEFAULTS[check_grid(grid)]
        if not self.thresholds:
            return usual
        return replace(usual, score_threshold=self._raw(min(self.thresholds.values())))

    def apply(self, found: Sequence[RawDetection]) -> list[RawDetection]:
        """The detections that are reported, with their calibrated scores, in their order."""
        if self.temperature == 1.0 and self.thresholds is None:
            return list(found)
        judged = [replace(one, score=self.calibrated(one.score)) for one in found]
        if self.thresholds is None:
            return judged
        return [one for one in judged if one.score >= self.thresholds.get(one.class_id, math.inf)]

    def calibrated(self, score: float) -> float:
        """A raw score, 0..1, at the temperature."""
        return score if self.temperature == 1.0 else _expit(_logit(score) / self.temperature)

    def _raw(self, score: float) -> float:
        return min(max(_expit(_logit(score) * self.temperature) - _SMALLEST_SCORE, _SMALLEST_SCORE),
                   1.0 - _SMALLEST_SCORE)


def _logit(score: float) -> float:
    inside = min(max(score, _SMALLEST_SCORE), 1.0 - _SMALLEST_SCORE)
    return math.log(inside / (1.0 - inside))


def _expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
