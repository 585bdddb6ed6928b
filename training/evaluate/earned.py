"""Which classes a detector has earned to report, and from which score on: the evaluation decides, not hope.

A class is earned where a threshold is found on one half of the photographs above which enough of its detections are
right, and the other half agrees. A class with too few boxes in the photographs is not earned: nobody knows how good it
is. Where something measured does the same job better, it keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from maxsight_core.engine.score_rule import ScoreRule
from training.data.sample import ClassTable
from training.evaluate import calibration, detection

PRECISION = 0.7
"""Share of right detections, so that most of what a person is told is there."""
LEAST_BOXES = 20
"""Of a class in all photographs."""
LEAST_RIGHT = 4
"""Detections on each half that are right above the threshold; fewer are chance."""
TOLERANCE = 0.15
"""By which the judging half may fall short of the precision: halves are small."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one class.

    Args:
        earned: whether it is reported. reason: why not. threshold: least calibrated score, where one was found.
        precision, recall: above it, on the half that did not choose it. ap50: on all photographs. boxes: in them.
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
    chosen, judging = (detection.precision_recall(pictures[half::2], classes, column) for half in (0, 1))
    boxes = chosen.boxes + judging.boxes
    if boxes < LEAST_BOXES:
        return Verdict(False, f"{boxes} boxes in the photographs, {LEAST_BOXES} are needed", ap50=ap50, boxes=boxes)
    if measured is not None and measured >= ap50:
        return Verdict(False, f"what is measured does it better (AP50 {measured:.3f})", ap50=ap50, boxes=boxes)
    right = np.round(chosen.precision * np.arange(1, len(chosen.scores) + 1))
    # equal scores are taken together or not at all
    last_of_its_score = np.append(chosen.scores[1:] < chosen.scores[:-1], True)[: len(chosen.scores)]
    good = np.flatnonzero((chosen.precision >= wanted) & (right >= LEAST_RIGHT) & last_of_its_score)
    if not len(good):
        return Verdict(False, f"no score above which {wanted:.0%} of the detections are right", ap50=ap50, boxes=boxes)
    raw = float(chosen.scores[good[-1]])
    taken = int((judging.scores >= raw).sum())
    reached = float(judging.precision[taken - 1]) if taken else 0.0
    recall = float(judging.recall[taken - 1]) if taken else 0.0
    enough = reached >= wanted - TOLERANCE and reached * taken >= LEAST_RIGHT - 0.5
    return Verdict(enough, "" if enough else "the other half of the photographs does not agree",
                   rule.calibrated(raw), reached, recall, ap50, boxes)
