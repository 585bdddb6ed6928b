"""Which classes a detector has earned to report, and from which score on: the evaluation decides, not hope.

The photographs are divided into five parts. For each, the other four choose the least score above which enough
detections of a class are right, and the part judges it. The class is earned where the detections that were judged are
right often enough, and there are so many of them that the lower end of the interval of their share still says "more
often right than wrong". Where something measured does the same job better, it keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from maxsight_core.engine.score_rule import ScoreRule
from maxsight_core.replay.intervals import wilson
from training.data.sample import ClassTable
from training.evaluate import calibration, detection

PRECISION = 0.7
"""Share of right detections, so that most of what a person is told is there."""
PARTS = 5
LEAST_RIGHT = 5
"""Right detections that a score is chosen by; fewer are chance."""
TOLERANCE = 0.15
"""By which the parts that judge may fall short of the precision: they are small."""
LEAST_SURE = 0.5
"""Lower end of the 95 % interval of the precision in the parts that judged (Wilson 1927)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one class.

    Args:
        earned: whether it is reported. reason: why not. threshold: least calibrated score, where one was found:
            the highest of the parts'. precision, recall: of what every part found above the score that the others
            chose. ap50: on all photographs. boxes: in them.
    """

    earned: bool
    reason: str = ""
    threshold: float | None = None
    precision: float | None = None
    recall: float | None = None
    ap50: float | None = None
    boxes: int = 0

    def to_json(self) -> dict[str, object]:
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def temperature_of(pictures: Sequence[detection.Picture], classes: ClassTable) -> float:
    """Of the detections' scores, fitted on every second picture; 1 where there is too little to fit on."""
    scores, right, picture = detection.judged(pictures, classes)
    fitted = picture % 2 == 0
    if fitted.sum() < calibration.LEAST_SAMPLES or not 0 < right[fitted].sum() < fitted.sum():
        return 1.0
    return calibration.best_temperature(scores[fitted], right[fitted])


def verdicts(
    pictures: Sequence[detection.Picture], classes: ClassTable, rule: ScoreRule, *, precision: float = PRECISION,
    measured_ap50: Mapping[str, float] | None = None,
) -> dict[str, Verdict]:
    """A verdict per class.

    Args:
        pictures: photographs that were not learned from, with raw detections. rule: whose temperature is applied.
        precision: to reach. measured_ap50: class -> figure of the measured detector on the same photographs.
    """
    figures = detection.figures(pictures, classes)
    return {name: _verdict(pictures, classes, column, rule, precision, figures.get(f"{name}.ap50", 0.0),
                           (measured_ap50 or {}).get(name))
            for column, name in enumerate(classes.names) if column}


def _verdict(
    pictures: Sequence[detection.Picture], classes: ClassTable, column: int, rule: ScoreRule, wanted: float,
    ap50: float, measured: float | None,
) -> Verdict:
    boxes = detection.precision_recall(pictures, classes, column).boxes
    if measured is not None and measured >= ap50:
        return Verdict(False, f"what is measured does it better (AP50 {measured:.3f})", ap50=ap50, boxes=boxes)
    right = taken = 0
    scores = []
    for part in range(PARTS):
        others = [picture for number, picture in enumerate(pictures) if number % PARTS != part]
        score = _least_score(detection.precision_recall(others, classes, column), wanted)
        if score is None:
            return Verdict(False, f"no score above which {wanted:.0%} of the detections are right", ap50=ap50,
                           boxes=boxes)
        judging = detection.precision_recall(pictures[part::PARTS], classes, column)
        above = int((judging.scores >= score).sum())
        taken += above
        right += round(float(judging.precision[above - 1]) * above) if above else 0
        scores.append(score)
    precision = right / taken if taken else 0.0
    sure = precision >= wanted - TOLERANCE and taken > 0 and wilson(right, taken).low >= LEAST_SURE
    reason = "" if sure else f"{right} of {taken} are right above the score that the other parts chose: not enough"
    return Verdict(sure, reason, rule.calibrated(max(scores)), precision, right / max(1, boxes), ap50, boxes)


def _least_score(curve: detection.Curve, wanted: float) -> float | None:
    """The least raw score above which enough detections are right, or None."""
    right = np.round(curve.precision * np.arange(1, len(curve.scores) + 1))
    # equal scores are taken together or not at all
    last_of_its_score = np.append(curve.scores[1:] < curve.scores[:-1], True)[: len(curve.scores)]
    good = np.flatnonzero((curve.precision >= wanted) & (right >= LEAST_RIGHT) & last_of_its_score)
    return float(curve.scores[good[-1]]) if len(good) else None
