"""What is in each box: the crops are RoIAlign's, and boxes that are none give nothing."""

import pytest
import torch
from support.lively_parts import changed_entry, millions, pyramid
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    openvino_difference,
    without_gradient,
)
from torchvision.ops import roi_align

from maxsight_core.models.box_features import BINS, POINTS_PER_BIN, BoxFeatures, crops, sampling_points

BOXES = torch.tensor([
    [0.5, 0.5, 1.0, 1.0], [0.25, 0.75, 0.3, 0.2], [0.9, 0.1, 0.4, 0.4], [0.02, 0.98, 0.1, 0.1], [0.6, 0.4, 0.01, 0.5],
    [1.0, 1.0, 0.05, 0.05], [0.3, 0.3, 0.0, 0.0], [0.5, 0.01, 1.01, 0.08],
])
"""Whole picture, inside, over the border, tiny, thin, in the corner, empty, wider than the picture."""


def inputs(batch: int = 2, seed: int = 40):
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.cat((BOXES, torch.rand(8, 4, generator=generator) * 0.6)).repeat(batch, 1, 1)
    valid = (torch.arange(16) < 13).float().repeat(batch, 1)
    _, p3, p4, _ = pyramid(batch, seed)
    return p3, p4, boxes, valid


@pytest.fixture(scope="module")
def module():
    torch.manual_seed(41)
    return BoxFeatures().eval()


def corners(boxes_cxcywh):
    low, high = boxes_cxcywh[:, :2] - boxes_cxcywh[:, 2:] / 2, boxes_cxcywh[:, :2] + boxes_cxcywh[:, 2:] / 2
    return torch.cat((low.clamp(0, 1), high.clamp(0, 1)), dim=1)


@pytest.mark.parametrize("side", [28, 14])
def test_crops_are_those_of_torchvisions_roi_align(side):
    torch.manual_seed(side)
    level = torch.randn(2, 5, side, side)
    boxes = torch.stack((BOXES, BOXES.flip(0)))
    found = crops(level, sampling_points(boxes))  # [2, 5, 8, BINS, BINS]
    for entry in range(2):
        expected = roi_align(level[entry:entry + 1], [corners(boxes[entry]) * side], output_size=BINS,
                             sampling_ratio=POINTS_PER_BIN, aligned=True)  # [8, 5, BINS, BINS]
        assert torch.allclose(found[entry].transpose(0, 1), expected, atol=1e-4)


def test_points_lie_inside_their_box_and_inside_the_picture():
    points = sampling_points(BOXES[None])[0]  # [8, S * S, 2]
    limits = corners(BOXES)
    assert (points >= limits[:, None, :2]).all() and (points <= limits[:, None, 2:]).all()
    whole = points[0].reshape(8, 8, 2)
    assert torch.allclose(whole[0, :, 0], (torch.arange(8) + 0.5) / 8)  # x runs along a row
    assert torch.allclose(whole[:, 0, 1], (torch.arange(8) + 0.5) / 8)


@torch.no_grad()
def test_boxes_that_are_none_give_exactly_nothing_and_touch_no_other(module):
    p3, p4, boxes, valid = inputs()
    found = module(p3, p4, boxes, valid)["box_features"]
    assert found.shape == (2, 16, 256) and found[:, :13].abs().amax(dim=2).min() > 0.1
    assert not found[:, 13:].any()
    other = module(p3, p4, changed_entry(boxes, slice(None), slice(13, 16)), valid)["box_features"]
    assert torch.equal(found, other)
    broken = boxes.clone()
    broken[:, 13:] = float("nan")
    assert torch.equal(found, module(p3, p4, broken, valid)["box_features"])


@torch.no_grad()
def test_a_box_sees_what_is_inside_it_and_nothing_outside(module):
    p3, p4, boxes, valid = inputs()
    before = module(p3, p4, boxes, valid)["box_features"]
    far = changed_entry(p3, slice(None), slice(None), slice(2, 6), slice(2, 8))  # upper left, outside of box 1
    inside = changed_entry(p3, slice(None), slice(None), slice(20, 22), slice(6, 8))  # in the middle of box 1
    assert torch.equal(before[:, 1], module(far, p4, boxes, valid)["box_features"][:, 1])
    assert not torch.equal(before[:, 0], module(far, p4, boxes, valid)["box_features"][:, 0])
    assert (before[:, 1] - module(inside, p4, boxes, valid)["box_features"][:, 1]).abs().max() > 1e-3


@torch.no_grad()
def test_place_and_size_count_also_where_everything_looks_alike(module):
    _, _, boxes, valid = inputs()
    plain3, plain4 = torch.ones(2, 256, 28, 28), torch.ones(2, 256, 14, 14)
    found = module(plain3, plain4, boxes, valid)["box_features"]
    assert (found[0, 1] - found[0, 2]).abs().max() > 1e-3


def test_gradients_reach_every_parameter_and_both_levels():
    p3, p4, boxes, valid = inputs()
    p3.requires_grad_()
    p4.requires_grad_()
    assert not without_gradient(BoxFeatures(), (p3, p4, boxes, valid))
    assert p3.grad.abs().max() > 0 and p4.grad.abs().max() > 0


def test_entries_of_a_batch_do_not_influence_one_another(module):
    assert entries_are_apart(module, inputs())


def test_half_precision_stays_close(module):
    given = inputs()
    assert half_precision_error(lambda: module(*given)) < 0.05


def test_openvino_gives_the_same_numbers(module):
    assert openvino_difference(module, inputs(), inputs(1, 42)) < OPENVINO_TOLERANCE


def test_it_has_the_size_that_was_planned(module):
    assert millions(module) == pytest.approx(0.6, rel=0.05)
