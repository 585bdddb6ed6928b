"""The schedule that lets losses in one after the other."""

import pytest

from training.balance.groups import GROUP_OF
from training.balance.unlock import TRANSFER_WEIGHTS, unlocked, weights_at
from training.losses.objective import LOSS_WEIGHTS

DETECTION = {"objectness": 1.0, "classification": 1.2, "boxes": 3.0, "distance_zones": 0.7, "urgency": 1.5}
NAVIGATION = {"motion": 0.6, "navigation_difficulty": 0.5, "roi_priority": 0.4}
LATE = {"scene_graph": 0.3, "ocr": 0.4, "scene_description": 0.3, "sound_events": 0.4, "personalization": 0.3,
        "predictive_alerts": 0.6}


@pytest.mark.parametrize(("epoch", "counting"), [
    (0, DETECTION), (9, DETECTION), (10, DETECTION | NAVIGATION), (24, DETECTION | NAVIGATION),
    (25, DETECTION | NAVIGATION | {"therapy_state": 0.8}), (39, DETECTION | NAVIGATION | {"therapy_state": 0.8}),
    (40, DETECTION | NAVIGATION | {"therapy_state": 0.8} | LATE),
    (99, DETECTION | NAVIGATION | {"therapy_state": 0.8} | LATE),
])
def test_the_named_losses_count_as_the_description_says(epoch, counting):
    found = weights_at(epoch)
    assert {name: found[name] for name in TRANSFER_WEIGHTS} == dict.fromkeys(TRANSFER_WEIGHTS, 0.0) | counting


def test_in_the_end_every_loss_counts_and_none_was_ever_locked_again():
    assert unlocked(40) == set(GROUP_OF)
    assert all(unlocked(epoch) <= unlocked(epoch + 1) for epoch in range(60))


def test_other_weights_follow_the_same_schedule():
    found = weights_at(10, {"motion": 2.0, "ocr": 5.0})
    assert (found["motion"], found["ocr"], found["depth"]) == (2.0, 0.0, 1.0)


def test_no_default_weight_is_below_the_activation_threshold():
    assert min(LOSS_WEIGHTS.values()) >= 0.3 and min(TRANSFER_WEIGHTS.values()) >= 0.3
    assert LOSS_WEIGHTS["boxes"] == 3.0 and set(LOSS_WEIGHTS) <= set(GROUP_OF)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="0 or more"):
        weights_at(-1)
    with pytest.raises(KeyError, match="box_regression"):
        weights_at(3, {"box_regression": 3.0})
