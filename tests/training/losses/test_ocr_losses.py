"""Text: the core that the map learns, which box shows which line, and what it says."""

import math

import pytest
import torch
from torchvision.ops import box_convert, box_iou, generalized_box_iou

from training.losses import ocr
from training.losses.ctc import ctc

NAN = float("nan")
LINE, OTHER = [0.25, 0.5, 0.4, 0.2], [0.75, 0.5, 0.3, 0.1]
NO_LINE, UNKNOWN = [0.0] * 4, [NAN] * 4


def test_the_core_is_the_line_without_a_quarter_of_its_height_all_around():
    core = ocr.text_core(torch.tensor([[LINE], [NO_LINE], [UNKNOWN]]), 20)
    for y in range(20):
        for x in range(20):
            inside = abs((x + 0.5) / 20 - 0.25) <= 0.2 - 0.05 and abs((y + 0.5) / 20 - 0.5) <= 0.1 - 0.05
            assert bool(core[0, y, x]) == inside
    assert core[0].any() and not core[1].any() and core[2].isnan().all()


def test_a_line_smaller_than_a_location_still_has_one():
    core = ocr.text_core(torch.tensor([[[0.33, 0.47, 0.02, 0.002]]]), 14)
    assert core.sum() == 1 and core[0, int(0.47 * 14), int(0.33 * 14)] == 1


def test_the_map_learns_by_cross_entropy_and_dice():
    draw = torch.Generator().manual_seed(1)
    p, core = torch.rand(2, 3, 3, generator=draw), (torch.rand(2, 3, 3, generator=draw) > 0.7).float()
    core[1] = NAN
    pairs = list(zip(p[0].flatten().tolist(), core[0].flatten().tolist(), strict=True))
    cross = -sum(math.log(a) if t else math.log(1 - a) for a, t in pairs) / 9
    dice = 1 - (2 * sum(a * t for a, t in pairs) + 1) / (sum(a * a + t * t for a, t in pairs) + 1)
    assert float(ocr.text_map(p, core)) == pytest.approx(cross + dice, rel=1e-5)
    assert float(ocr.text_map(core[:1], core[:1])) == pytest.approx(0.0, abs=1e-5)


def regions():
    """On the first line well and badly, on the other, on nothing, and a place without a score on the first."""
    boxes = torch.tensor([[[0.26, 0.5, 0.38, 0.2], [0.2, 0.5, 0.1, 0.1], [0.75, 0.5, 0.3, 0.1], [0.5, 0.9, 0.2, 0.1],
                           LINE]])
    return boxes, torch.tensor([[0.9, 0.8, 0.7, 0.6, 0.0]]), torch.tensor([[LINE, OTHER, NO_LINE]])


def test_a_box_shows_the_line_its_centre_lies_in_and_the_best_one_of_a_line_is_told():
    boxes, scores, lines = regions()
    matched, overlap, best = ocr.match(boxes, scores, lines)
    assert matched.tolist() == [[0, 0, 1, -1, -1]]
    assert best.tolist() == [[True, False, True, False, False]]
    for place, line in ((0, 0), (1, 0), (2, 1)):
        pair = [box_convert(one, "cxcywh", "xyxy") for one in (boxes[0, [place]], lines[0, [line]])]
        assert float(overlap[0, place]) == pytest.approx(float(box_iou(*pair)), rel=1e-5)


def test_boxes_learn_by_generalised_overlap_with_their_line():
    boxes, scores, lines = regions()
    slow = 0.0
    for place, line in ((0, 0), (1, 0), (2, 1)):
        pair = [box_convert(one, "cxcywh", "xyxy") for one in (boxes[0, [place]], lines[0, [line]])]
        slow += (1 - float(generalized_box_iou(*pair))) / 3
    assert float(ocr.text_boxes(boxes, scores, lines)) == pytest.approx(slow, rel=1e-5)


def test_scores_learn_that_repetitions_and_empty_places_are_no_text():
    boxes, scores, lines = regions()
    slow = -sum(math.log(p) for p in (0.9, 1 - 0.8, 0.7, 1 - 0.6, 1.0)) / 5
    assert float(ocr.text_scores(scores, boxes, lines)) == pytest.approx(slow, rel=1e-5)


def test_only_a_box_that_shows_the_whole_line_is_read():
    boxes, scores, lines = regions()
    logits = torch.randn(1, 5, 6, 4, generator=torch.Generator().manual_seed(2))
    numbers = torch.tensor([[[1, 2], [3, 0]]])
    wanted = (ctc(logits[0, :1], numbers[0, :1]) + ctc(logits[0, 2:3], numbers[0, 1:])) / 2
    assert float(ocr.reading(logits, boxes, scores, lines, numbers)) == pytest.approx(float(wanted))
    numbers[0, 1] = -1  # nobody could read the other line
    assert float(ocr.reading(logits, boxes, scores, lines, numbers)) == pytest.approx(
        float(ctc(logits[0, :1], numbers[0, :1])))


def test_pictures_whose_text_nobody_marked_cost_nothing():
    boxes, scores, _ = regions()
    boxes.requires_grad_()
    scores.requires_grad_()
    lines = torch.full((1, 2, 4), NAN)
    logits = torch.zeros(1, 5, 6, 4, requires_grad=True)
    found = (ocr.text_boxes(boxes, scores, lines) + ocr.text_scores(scores, boxes, lines)
             + ocr.reading(logits, boxes, scores, lines, torch.full((1, 1, 2), -1)))
    found.backward()
    assert float(found.detach()) == 0.0
    assert all(not leaf.grad.any() for leaf in (boxes, scores, logits))
