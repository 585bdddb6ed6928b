"""Which location answers for which box: torchvision's rule on the pyramid, every box heard on the fused grid."""

import pytest
import torch
from torchvision.models.detection import fcos_resnet50_fpn
from torchvision.ops import box_convert

from maxsight_core.models.grid import levels, location_count, points_px, reach_px
from training.losses.assign import assign, centerness

SIZE = 320
NONE = torch.zeros(0, 4)


def boxes(count, seed, least=0.01, most=0.9):
    draw = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=draw) * 0.9
    extent = least + torch.rand(count, 2, generator=draw) ** 3 * (most - least)
    high = torch.minimum(low + extent, torch.ones(2))
    return torch.cat(((low + high) / 2, high - low), dim=1)


def matched_by_torchvision(found):
    """The indices that torchvision's own training loss hands to its head."""
    model = fcos_resnet50_fpn(weights=None, weights_backbone=None)
    model.train()
    seen = []
    model.head.compute_loss = lambda targets, outputs, anchors, matched: seen.extend(matched) or {}
    points, reach = torch.from_numpy(points_px("pyramid", SIZE).copy()), torch.from_numpy(
        reach_px("pyramid", SIZE).copy())
    anchors = torch.cat((points - reach / 2, points + reach / 2), dim=1)
    target = {"boxes": box_convert(found, "cxcywh", "xyxy") * SIZE, "labels": torch.ones(len(found), dtype=torch.int64)}
    model.compute_loss([target], {}, [anchors], [level.locations for level in levels("pyramid", SIZE)])
    return seen[0]


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (5, 1), (40, 2), (40, 3), (120, 4)])
def test_the_pyramid_is_assigned_exactly_as_torchvision_does(count, seed):
    found = boxes(count, seed)
    ours = assign([found], [NONE], "pyramid", SIZE)
    assert torch.equal(ours.matched[0], matched_by_torchvision(found))
    assert ours.positive.any()


def test_sides_and_boxes_are_those_of_the_matched_box():
    found = boxes(30, 7)
    ours = assign([found], [NONE], "pyramid", SIZE)
    points, reach = torch.from_numpy(points_px("pyramid", SIZE).copy()), torch.from_numpy(
        reach_px("pyramid", SIZE).copy())
    for place in ours.positive[0].nonzero().squeeze(1).tolist():
        left, top, right, bottom = (box_convert(found[ours.matched[0, place]], "cxcywh", "xyxy") * SIZE).tolist()
        x, y = points[place].tolist()
        wanted = torch.tensor([x - left, y - top, right - x, bottom - y]) / reach[place]
        torch.testing.assert_close(ours.sides[0, place], wanted)
        assert torch.equal(ours.boxes[0, place], found[ours.matched[0, place]])
    assert not ours.sides[0][~ours.positive[0]].any()


@pytest.mark.parametrize("seed", range(4))
def test_every_box_on_the_fused_grid_has_a_location_unless_a_smaller_one_took_it(seed):
    found = torch.cat((boxes(6, seed), torch.tensor([[0.501, 0.503, 0.004, 0.004]])))
    ours = assign([found], [NONE], "fused", 224)
    heard = set(ours.matched[0].tolist()) - {-1}
    assert len(found) - 1 in heard  # two thousandths of the picture wide, between all locations
    areas = found[:, 2:].prod(dim=1)
    for row in range(len(found)):
        if row not in heard:
            assert areas[row] > areas[list(heard)].min()


def test_locations_in_an_ignored_region_do_not_count_unless_a_box_claims_them():
    inside, region = torch.tensor([[0.25, 0.25, 0.2, 0.2]]), torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    ours = assign([inside, NONE], [region, NONE], "fused", 224)
    points = torch.from_numpy(points_px("fused", 224).copy()) / 224
    in_region = (points <= 0.5).all(dim=1)
    assert torch.equal(ours.counted[0], ~in_region | ours.positive[0])
    assert ours.positive[0].any() and (in_region & ~ours.positive[0]).any()
    assert ours.counted[1].all() and not ours.positive[1].any()


def test_a_batch_is_its_pictures_side_by_side():
    one, other = boxes(9, 1), boxes(3, 2)
    both = assign([one, other], [NONE, NONE], "pyramid", SIZE)
    assert both.matched.shape == (2, location_count("pyramid", SIZE))
    for row, found in enumerate((one, other)):
        assert torch.equal(both.matched[row], assign([found], [NONE], "pyramid", SIZE).matched[0])


def test_centreness_is_one_in_the_middle_and_falls_to_the_sides():
    assert centerness(torch.tensor([2.0, 3.0, 2.0, 3.0])) == 1.0
    assert centerness(torch.tensor([1.0, 2.0, 4.0, 2.0])) == pytest.approx(0.5)
