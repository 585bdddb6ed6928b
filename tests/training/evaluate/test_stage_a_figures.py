"""Zones, urgency and false reassurance of a network whose answers are known."""

import numpy as np
import pytest
from support.training_samples import CLASSES, painted

from maxsight_core.models.grid import location_count
from training.evaluate.stage_a import evaluate

SIZE, GRID = 64, "fused"
HEADS = frozenset({"objectness", "classification", "boxes", "distance_zones", "urgency"})
BOX = (1, 0.5, 0.5, 0.5, 0.5)


def answering(urgencies, zone):
    """A network that sees one person in the middle of every picture, says ``zone``, and these urgencies in turn."""
    said = iter(urgencies)
    count = location_count(GRID, SIZE)

    def infer(batch):
        assert batch.shape == (1, SIZE, SIZE, 3) and batch.dtype == np.uint8
        place = count // 2 + 2
        raw = {"objectness": np.zeros((1, count), np.float32), "classification": np.zeros((1, count, 4), np.float32),
               "boxes": np.zeros((1, count, 4), np.float32), "distance_zones": np.zeros((1, count, 3), np.float32),
               "sides": np.zeros((1, count, 4), np.float32), "urgency": np.zeros((1, 4), np.float32)}
        x, y = (place % 4 * 16 + 8) / SIZE, (place // 4 * 16 + 8) / SIZE
        raw["sides"][0, place] = [x - 0.25, y - 0.25, 0.75 - x, 0.75 - y]
        raw["objectness"][0, place], raw["classification"][0, place, 1] = 0.9, 1.0
        raw["distance_zones"][0, place, zone] = 1.0
        raw["urgency"][0, next(said)] = 1.0
        return raw

    return infer


def judged(samples, infer, heads=HEADS):
    return evaluate(infer, samples, CLASSES, grid=GRID, input_size_px=SIZE, fit="stretch", heads=heads)


def with_urgency(urgency, zone=-1):
    sample = painted([BOX], outlines=False, urgency=urgency)
    sample.zones[:] = zone
    return sample


def test_a_danger_answered_with_safe_is_false_reassurance():
    samples = [with_urgency(level) for level in (3, 3, 3, 0, -1)]
    found = judged(samples, answering([0, 3, 2, 0, 0], zone=0))
    assert found["false_reassurance"] == pytest.approx(1 / 3) and found["danger_pictures"] == 3
    assert found["urgency_accuracy"] == pytest.approx(2 / 4)
    assert found["person.ap50"] == pytest.approx(1.0) and found["pictures"] == 5


def test_zones_are_judged_where_they_are_known():
    found = judged([with_urgency(0, zone) for zone in (1, 1, 2, -1)], answering([0] * 4, zone=1))
    assert found["zone_accuracy"] == pytest.approx(2 / 3)


def test_heads_that_were_not_trained_are_not_judged():
    found = judged([with_urgency(3, 1)], answering([0], zone=1), HEADS - {"urgency", "distance_zones"})
    assert "urgency_accuracy" not in found and "zone_accuracy" not in found
