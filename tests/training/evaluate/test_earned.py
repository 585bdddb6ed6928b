"""A class is reported only where photographs that were not learned from say that it may be."""

import numpy as np
import pytest
from support.training_samples import CLASSES, painted

from maxsight_core.contracts import RawDetection
from maxsight_core.engine.score_rule import ScoreRule
from training.evaluate import earned
from training.evaluate.detection import Picture
from training.evaluate.stage_a import replace_image

PERSON, CAR, DOOR = 1, 2, 3
HERE, ELSEWHERE = (0.5, 0.5, 0.4, 0.4), (0.15, 0.15, 0.2, 0.2)
IDS = dict(enumerate(CLASSES.ids))


def picture(column, *found):
    """One thing of a class, and detections of it as (score, right)."""
    truth = replace_image(painted([(column, *HERE)]))
    return Picture([RawDetection(IDS[column], score, HERE if right else ELSEWHERE) for score, right in found], truth)


def verdict_of(name, pictures, **options):
    return earned.verdicts(pictures, CLASSES, options.pop("rule", ScoreRule()), **options)[name]


def test_the_threshold_is_the_least_score_above_which_enough_are_right():
    pictures = [picture(PERSON, (0.9, True), (0.2, False)) for _ in range(20)] + [
        picture(PERSON, (0.5, True), (0.4, False)) for _ in range(20)]
    found = verdict_of("person", pictures, precision=0.7)
    assert found.earned and found.precision == 1.0 and found.recall == 1.0 and found.boxes == 40
    assert found.threshold == pytest.approx(0.5)  # with the 20 wrong at 0.4, which go together, only 67 % are right


@pytest.mark.parametrize(("pictures", "reason"), [
    ([picture(PERSON, (0.9, True)) for _ in range(5)], "no score above which 70% of the detections are right"),
    ([picture(PERSON, (0.9, n % 10 < 8)) for n in range(10)], "8 of 10 are right above the score that the other parts"),
    ([picture(PERSON, (0.9, True)) if n % 5 else picture(PERSON, (0.9, False), (0.9, False), (0.9, False))
      for n in range(40)], "no score above which 70% of the"),
    ([picture(PERSON, (0.9, False), (0.5, True)) for _ in range(40)], "no score above which 70% of the detections are"),
    ([picture(PERSON, (0.9, n % 2 == 0)) for n in range(60)], "no score above which 70% of the"),
    ([picture(PERSON, (0.9, True)) if n < 4 else picture(PERSON) for n in range(60)], "no score above which 70%"),
])
def test_what_is_not_proven_is_not_earned(pictures, reason):
    found = verdict_of("person", pictures, precision=0.7)
    assert not found.earned and found.reason.startswith(reason)


def test_what_is_measured_better_stays_measured():
    pictures = [picture(PERSON, (0.9, True)) for _ in range(40)]
    assert verdict_of("person", pictures, measured_ap50={"person": 0.5}).earned
    kept = verdict_of("person", pictures, measured_ap50={"person": 1.0})
    assert not kept.earned and "measured does it better (AP50 1.000)" in kept.reason


def test_a_class_that_was_not_labelled_proves_nothing():
    pictures = [picture(CAR, (0.9, True)) for _ in range(40)]
    found = earned.verdicts(pictures, CLASSES, ScoreRule())
    assert found["car"].earned and not found["door"].earned and found["door"].boxes == 0


def test_thresholds_are_of_calibrated_scores():
    pictures = [picture(CAR, (0.9, True)) for _ in range(40)]
    assert verdict_of("car", pictures, rule=ScoreRule(temperature=2.0)).threshold == pytest.approx(0.75, abs=1e-6)


def test_the_temperature_mends_scores_that_claim_too_much():
    pictures = [picture(PERSON, (0.95, n % 10 < 6)) for n in range(400)]
    temperature = earned.temperature_of(pictures, CLASSES)
    assert ScoreRule(temperature).calibrated(0.95) == pytest.approx(0.6, abs=0.02)
    assert earned.temperature_of([picture(PERSON, (0.95, True))], CLASSES) == 1.0  # too few to say
    assert np.isfinite(temperature)
