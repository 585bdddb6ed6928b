"""Average precision, precision and recall against a slow reference; partly labelled pictures are judged honestly."""

import numpy as np
import pytest
from support.training_samples import CLASSES, painted

from maxsight_core.contracts import RawDetection
from training.evaluate.detection import Picture, figures, iou


def corners(box):
    cx, cy, w, h = box
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def slow_ap(pictures, column, least_iou):
    """101-point average precision, one detection at a time (COCO's rule), without ignored regions."""
    found = sorted(((one.score, number, one) for number, picture in enumerate(pictures) for one in picture.found
                    if one.class_id == CLASSES.ids[column]), key=lambda row: -row[0])
    truth = [[box for box, c in zip(p.truth.boxes, p.truth.columns, strict=True) if c == column] for p in pictures]
    total = sum(len(boxes) for boxes in truth)
    used = [set() for _ in pictures]
    hits, points = 0, []
    for rank, (_, number, one) in enumerate(found, start=1):
        best, where = least_iou, None
        for place, box in enumerate(truth[number]):
            overlap = iou(corners(one.box_cxcywh), corners(box))
            if place not in used[number] and overlap >= best:
                best, where = overlap, place
        if where is not None:
            used[number].add(where)
            hits += 1
        points.append((hits / total, hits / rank))
    return float(np.mean([max((p for r, p in points if r >= level), default=0.0)
                          for level in np.linspace(0, 1, 101)]))


def random_pictures(seed, count=6):
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        boxes = [(int(rng.integers(1, 4)), *rng.uniform(0.25, 0.75, 2), *rng.uniform(0.1, 0.4, 2))
                 for _ in range(int(rng.integers(1, 6)))]
        truth = painted(boxes, outlines=False)
        found = []
        for box, column in zip(truth.boxes, truth.columns, strict=True):
            if rng.random() < 0.8:
                moved = box + rng.normal(0, 0.02, 4).astype(np.float32)
                found.append(RawDetection(CLASSES.ids[column], float(rng.random()), tuple(map(float, moved))))
        for _ in range(int(rng.integers(0, 4))):
            found.append(RawDetection(CLASSES.ids[int(rng.integers(1, 4))], float(rng.random()),
                                      (*map(float, rng.uniform(0.3, 0.7, 2)), 0.2, 0.2)))
        pictures.append(Picture(found, truth))
    return pictures


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_the_slow_reference(seed):
    pictures = random_pictures(seed)
    found = figures(pictures, CLASSES)
    present = sorted({int(c) for p in pictures for c in p.truth.columns})
    levels = np.linspace(0.5, 0.95, 10)
    for column in present:
        name = CLASSES.names[column]
        assert found[f"{name}.ap50"] == pytest.approx(slow_ap(pictures, column, 0.5), abs=1e-6)
        assert found[f"{name}.ap"] == pytest.approx(np.mean([slow_ap(pictures, column, x) for x in levels]), abs=1e-6)
    assert found["map50"] == pytest.approx(np.mean([slow_ap(pictures, c, 0.5) for c in present]), abs=1e-6)


PERSON, CAR = (0.3, 0.5, 0.2, 0.4), (0.7, 0.5, 0.2, 0.4)


def person(score, box=PERSON):
    return RawDetection(1, score, box)


def test_precision_and_recall_at_a_threshold_and_recall_while_half_is_right():
    truth = painted([(1, *PERSON), (1, *CAR)], outlines=False)
    elsewhere = (0.5, 0.2, 0.1, 0.1)
    seen = [person(0.9), person(0.8, elsewhere), person(0.2, CAR), person(0.1, (0.5, 0.8, 0.1, 0.1))]
    found = figures([Picture(seen, truth)], CLASSES, threshold=0.5)
    assert (found["person.precision"], found["person.recall"]) == (0.5, 0.5)
    assert found["person.recall_at_precision_50"] == 1.0 and found["person.boxes"] == 2


def test_what_nobody_labelled_is_neither_right_nor_wrong():
    partly = painted([(2, *CAR)], labelled=(False, True, True), outlines=False)
    labelled = painted([(1, *PERSON)], outlines=False)
    pictures = [Picture([person(0.99), RawDetection(3, 0.9, CAR)], partly), Picture([person(0.5)], labelled)]
    assert figures(pictures, CLASSES)["person.ap50"] == pytest.approx(1.0)


def test_a_find_in_an_ignored_region_costs_nothing_and_one_outside_does():
    truth = painted([(1, *PERSON)], outlines=False, ignored=np.array([[0.75, 0.5, 0.5, 1.0]], np.float32))
    inside = figures([Picture([person(0.9, (0.8, 0.5, 0.1, 0.3)), person(0.5)], truth)], CLASSES)
    outside = figures([Picture([person(0.9, (0.1, 0.1, 0.1, 0.1)), person(0.5)], truth)], CLASSES)
    assert inside["person.ap50"] == pytest.approx(1.0) and inside["person.precision"] == 1.0
    assert outside["person.ap50"] == pytest.approx(0.5, abs=0.01) and outside["person.precision"] == 0.5


def test_nothing_found_is_zero_and_nothing_there_has_no_figures():
    assert figures([Picture([], painted([(1, *PERSON)], outlines=False))], CLASSES)["map50"] == 0.0
    assert figures([Picture([person(0.9)], painted([], outlines=False))], CLASSES) == {}
