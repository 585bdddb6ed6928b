"""What the uncertainty head is taught: how wrong the detector is about a picture."""

import itertools
import math

import pytest
import torch
from torchvision.ops import box_convert, box_iou

from maxsight_core.models.grid import location_count
from training.losses.assign import assign
from training.losses.objective import _at_matches
from training.losses.uncertainty import detection_error, uncertainty

SIZE, CLASSES = 64, 4
NONE = torch.zeros(0, 4)


def iou(one, other):
    return float(box_iou(*(box_convert(box[None], "cxcywh", "xyxy") for box in (one, other))))


def slow_error(probability, predicted, matched, counted, boxes, columns, labelled):
    missed = 0.0
    if len(boxes):
        best = [0.0] * len(boxes)
        for place, box in enumerate(matched.tolist()):
            if box >= 0:
                quality = float(probability[place, columns[box]]) * iou(predicted[place], boxes[box])
                best[box] = max(best[box], quality)
        missed = 1 - sum(best) / len(best)
    invented = 0.0
    for place, column in itertools.product(range(len(matched)), range(1, CLASSES)):
        overlaps = max((iou(predicted[place], box) for box in boxes), default=0.0)
        if counted[place] and labelled[column] and overlaps < 0.5:
            invented = max(invented, float(probability[place, column]))
    return 1 - (1 - missed) * (1 - invented)


@pytest.mark.parametrize("grid", ["fused", "pyramid"])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_what_was_missed_and_what_was_invented(grid, seed):
    draw = torch.Generator().manual_seed(seed)
    count = location_count(grid, SIZE)
    boxes = [torch.tensor([[0.3, 0.3, 0.3, 0.4], [0.7, 0.6, 0.2, 0.2]]), torch.tensor([[0.5, 0.5, 0.6, 0.6]]), NONE,
             NONE]
    columns = [torch.tensor([1, 3]), torch.tensor([2]), *[torch.zeros(0, dtype=torch.int64)] * 2]
    ignored = [NONE, torch.tensor([[0.2, 0.2, 0.4, 0.4]]), NONE, NONE]
    labelled = torch.tensor([[True, True, False, True], [True, True, True, True], [True, False, True, False],
                             [True, False, False, False]])
    matches = assign(boxes, ignored, grid, SIZE)
    probability = torch.rand(4, count, CLASSES, generator=draw) ** 3
    near = matches.boxes + 0.05 * torch.randn(4, count, 4, generator=draw)
    anywhere = torch.rand(4, count, 4, generator=draw)
    predicted = torch.where(matches.positive[..., None], near, anywhere).clamp(0.02, 0.98)
    found = detection_error(probability, predicted, matches, boxes, _at_matches(columns, matches), labelled)
    for row in range(3):
        wanted = slow_error(probability[row], predicted[row], matches.matched[row], matches.counted[row], boxes[row],
                            columns[row], labelled[row])
        assert float(found[row]) == pytest.approx(wanted, abs=1e-5)
    assert found[3].isnan()  # nothing was labelled there: nothing is right or wrong


def test_a_perfect_detector_is_trusted_and_a_blind_one_is_not():
    boxes, columns = [torch.tensor([[0.5, 0.5, 0.4, 0.4]])], [torch.tensor([2])]
    matches = assign(boxes, [NONE], "fused", SIZE)
    labelled = torch.ones(1, CLASSES, dtype=torch.bool)
    at = _at_matches(columns, matches)
    perfect = torch.nn.functional.one_hot(at, CLASSES).float() * matches.positive[..., None]
    assert float(detection_error(perfect, matches.boxes, matches, boxes, at, labelled)) == pytest.approx(0.0, abs=1e-5)
    assert float(detection_error(perfect * 0, matches.boxes, matches, boxes, at, labelled)) == 1.0


def test_the_head_learns_by_cross_entropy_and_the_detector_learns_nothing_from_it():
    logits = torch.tensor([[0.3], [-1.0], [2.0]], requires_grad=True)
    error = torch.tensor([0.2, float("nan"), 1.0])
    p = [1 / (1 + math.exp(-x)) for x in (0.3, 2.0)]
    slow = -(0.2 * math.log(p[0]) + 0.8 * math.log(1 - p[0]) + math.log(p[1])) / 2
    loss = uncertainty(logits, error)
    assert loss.item() == pytest.approx(slow)
    loss.backward()
    assert logits.grad.isfinite().all() and logits.grad[1] == 0.0
    boxes = [torch.tensor([[0.5, 0.5, 0.4, 0.4]])]
    matches = assign(boxes, [NONE], "fused", SIZE)
    sure = torch.rand(1, 16, CLASSES, requires_grad=True)
    found = detection_error(sure, matches.boxes, matches, boxes, matches.matched.clamp(min=0),
                            torch.ones(1, CLASSES, dtype=torch.bool))
    assert not found.requires_grad
