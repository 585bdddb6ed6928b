"""Losses against slow hand-written references, and what nobody labelled costs nothing."""

import math

import pytest
import torch
from torch.nn import functional as F

from training.losses.boxes import centerness_loss, ciou_boxes, giou_boxes, smooth_l1_boxes
from training.losses.classification import fused_classification, pyramid_classification
from training.losses.distance_zones import ZONE_WEIGHTS, distance_zones
from training.losses.focal import sigmoid_focal, softmax_focal
from training.losses.objectness import objectness
from training.losses.urgency import URGENCY_WEIGHTS, urgency


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def slow_sigmoid_focal(logit, target):
    p = sigmoid(logit)
    p_t, alpha = (p, 0.25) if target else (1 - p, 0.75)
    return -alpha * (1 - p_t) ** 2 * math.log(p_t)


def slow_softmax_focal(logits, target):
    exps = [math.exp(x) for x in logits]
    p = exps[target] / sum(exps)
    return -0.25 * (1 - p) ** 2 * math.log(p)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2


def test_sigmoid_focal():
    logits, targets = draw(3, 5), (draw(3, 5, seed=1) > 0).double()
    pairs = zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True)
    wanted = [slow_sigmoid_focal(x, t) for x, t in pairs]
    torch.testing.assert_close(sigmoid_focal(logits, targets).flatten(), torch.tensor(wanted, dtype=torch.float64))


def test_softmax_focal():
    logits, columns = draw(6, 4), torch.tensor([0, 1, 2, 3, 1, 2])
    wanted = [slow_softmax_focal(row, c) for row, c in zip(logits.tolist(), columns.tolist(), strict=True)]
    torch.testing.assert_close(softmax_focal(logits, columns), torch.tensor(wanted, dtype=torch.float64))


def test_a_class_that_was_not_labelled_is_no_negative_and_an_ignored_place_counts_not():
    logits = draw(2, 3, 4)
    columns = torch.tensor([[1, 0, 0], [0, 3, 0]])
    labelled = torch.tensor([[True, True, False, True], [True, True, True, False]])
    counted = torch.tensor([[True, True, False], [True, True, True]])
    wanted = 0.0
    for b in range(2):
        for place in range(3):
            for c in range(1, 4):
                positive = int(columns[b, place]) == c
                if bool(counted[b, place]) and (positive or bool(labelled[b, c])):
                    wanted += slow_sigmoid_focal(float(logits[b, place, c]), positive)
    assert float(pyramid_classification(logits, columns, labelled, counted)) == pytest.approx(wanted)


def test_fused_classification_asks_only_where_something_is():
    logits, columns = draw(1, 4, 3), torch.tensor([[0, 2, 1, 0]])
    positive = columns > 0
    wanted = slow_softmax_focal(logits[0, 1].tolist(), 2) + slow_softmax_focal(logits[0, 2].tolist(), 1)
    assert float(fused_classification(logits, columns, positive)) == pytest.approx(wanted)


def test_an_empty_place_weighs_as_much_as_was_labelled():
    logits = draw(2, 3)
    positive = torch.tensor([[True, False, False], [False, False, False]])
    counted = torch.tensor([[True, True, False], [True, True, True]])
    complete = torch.tensor([1.0, 0.25], dtype=torch.float64)
    wanted = slow_sigmoid_focal(float(logits[0, 0]), 1) + slow_sigmoid_focal(float(logits[0, 1]), 0)
    wanted += 0.25 * sum(slow_sigmoid_focal(float(x), 0) for x in logits[1])
    assert float(objectness(logits, positive, counted, complete)) == pytest.approx(wanted, rel=1e-5)


def test_smooth_l1_turns_linear_at_one():
    predicted, wanted = torch.tensor([[0.5, 3.0, 0.0, -2.0]]), torch.zeros(1, 4)
    assert float(smooth_l1_boxes(predicted, wanted)) == pytest.approx(0.5 * 0.25 + 2.5 + 0.0 + 1.5)


def test_giou_of_sides_is_that_of_the_boxes_around_one_point():
    one, other = draw(8, 4).abs() + 0.1, draw(8, 4, seed=2).abs() + 0.1
    wanted = 0.0
    for (l, t, r, b), (l2, t2, r2, b2) in zip(one.tolist(), other.tolist(), strict=True):
        shared = (min(r, r2) + min(l, l2)) * (min(b, b2) + min(t, t2))
        union = (l + r) * (t + b) + (l2 + r2) * (t2 + b2) - shared
        hull = (max(r, r2) + max(l, l2)) * (max(b, b2) + max(t, t2))
        wanted += 1 - (shared / union - (hull - union) / hull)
    assert float(giou_boxes(one, other)) == pytest.approx(wanted, rel=1e-5)


def test_ciou_adds_what_the_centres_and_the_ratio_of_the_sides_miss():
    one, other = draw(8, 4).abs() + 0.1, draw(8, 4, seed=2).abs() + 0.1
    wanted = 0.0
    for (l, t, r, b), (l2, t2, r2, b2) in zip(one.tolist(), other.tolist(), strict=True):
        shared = (min(r, r2) + min(l, l2)) * (min(b, b2) + min(t, t2))
        overlap = shared / ((l + r) * (t + b) + (l2 + r2) * (t2 + b2) - shared)
        apart = ((r - l - r2 + l2) ** 2 + (b - t - b2 + t2) ** 2) / 4
        diagonal = (max(r, r2) + max(l, l2)) ** 2 + (max(b, b2) + max(t, t2)) ** 2
        ratio = 4 / math.pi**2 * (math.atan((l2 + r2) / (t2 + b2)) - math.atan((l + r) / (t + b))) ** 2
        wanted += 1 - overlap + apart / diagonal + ratio * ratio / (1 - overlap + ratio)
    assert float(ciou_boxes(one, other)) == pytest.approx(wanted, rel=1e-5)


def test_centreness_is_binary_cross_entropy():
    logits, wanted = draw(5), torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0], dtype=torch.float64)
    slow = sum(-(t * math.log(sigmoid(x)) + (1 - t) * math.log(1 - sigmoid(x)))
               for x, t in zip(logits.tolist(), wanted.tolist(), strict=True))
    assert float(centerness_loss(logits, wanted)) == pytest.approx(slow)


def test_unknown_zones_and_urgencies_cost_nothing():
    logits = draw(3, 3)
    known = -sum(ZONE_WEIGHTS[z] * float(F.log_softmax(logits[row], 0)[z]) for row, z in ((0, 0), (2, 2)))
    total, weight = distance_zones(logits, torch.tensor([0, -1, 2]))
    assert float(total) == pytest.approx(known) and float(weight) == ZONE_WEIGHTS[0] + ZONE_WEIGHTS[2]
    assert [float(x) for x in distance_zones(logits, torch.tensor([-1, -1, -1]))] == [0.0, 0.0]
    assert [float(x) for x in urgency(draw(2, 4), torch.tensor([-1, -1]))] == [0.0, 0.0]


def test_a_missed_danger_weighs_three_times():
    logits = draw(3, 4)
    truth = [3, 0, 2]
    slow = sum(URGENCY_WEIGHTS[t] * slow_softmax_focal(logits[row].tolist(), t) for row, t in enumerate(truth))
    total, count = urgency(logits, torch.tensor(truth))
    assert float(total) == pytest.approx(slow) and count == 3
    assert URGENCY_WEIGHTS == (1.0, 1.5, 2.0, 3.0)


def test_class_weights_weigh_what_answers_for_a_class_and_no_background():
    logits, labelled = draw(1, 3, 3), torch.ones(1, 3, dtype=torch.bool)
    columns, counted = torch.tensor([[0, 1, 2]]), torch.ones(1, 3, dtype=torch.bool)
    weights = torch.tensor([1.0, 0.5, 0.25])
    wanted = sum(slow_sigmoid_focal(float(logits[0, place, column]), int(columns[0, place]) == column)
                 * (float(weights[column]) if int(columns[0, place]) == column else 1.0)
                 for place in range(3) for column in (1, 2))
    assert float(pyramid_classification(logits, columns, labelled, counted, weights)) == pytest.approx(wanted)
    wanted = sum(slow_softmax_focal(logits[0, place].tolist(), column) * float(weights[column])
                 for place, column in ((1, 1), (2, 2)))
    assert float(fused_classification(logits, columns, columns > 0, weights)) == pytest.approx(wanted)
