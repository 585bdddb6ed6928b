"""Where locations lie, and how sides become boxes."""

import numpy as np
import pytest
import torch

from maxsight_core.models import grid, stage_a


def test_location_counts_are_those_of_the_output_contract():
    assert grid.location_count("fused", 224) == 196
    assert grid.location_count("pyramid", 224) == 1049


def test_fused_locations_lie_in_the_middle_of_their_cells():
    points = grid.points_px("fused", 224)
    assert points[0].tolist() == [8.0, 8.0]
    assert points[1].tolist() == [24.0, 8.0]  # row by row: x runs first
    assert points[-1].tolist() == [216.0, 216.0]


@pytest.mark.parametrize("size", [224, 320, 416])
def test_pyramid_locations_and_reach_are_those_of_torchvisions_anchors(size):
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.image_list import ImageList

    generator = AnchorGenerator(tuple((s,) for s in grid.PYRAMID_REACH_PX), ((1.0,),) * 5)
    maps = [torch.zeros(1, 1, level.side, level.side) for level in grid.levels("pyramid", size)]
    anchors = generator(ImageList(torch.zeros(1, 3, size, size), [(size, size)]), maps)[0].numpy()
    np.testing.assert_allclose((anchors[:, :2] + anchors[:, 2:]) / 2, grid.points_px("pyramid", size))
    np.testing.assert_allclose(anchors[:, 2:3] - anchors[:, :1], grid.reach_px("pyramid", size))


def test_boxes_are_cut_at_the_border_of_the_input():
    sides = np.zeros((196, 4), np.float32)
    sides[0] = (0.5, 0.5, 0.25, 0.5)  # from (8, 8): left and top would leave the picture
    box = grid.boxes_cxcywh(sides, "fused", 224)[0]
    width, height = 8 / 224 + 0.25, 8 / 224 + 0.5
    np.testing.assert_allclose(box, (width / 2, height / 2, width, height), rtol=1e-6)


@pytest.mark.parametrize("name", grid.GRIDS)
def test_tensor_and_numpy_boxes_are_the_same(name):
    size = grid.DEFAULT_INPUT_PX[name]
    sides = np.random.default_rng(0).random((2, grid.location_count(name, size), 4), dtype=np.float32) * 3
    ours = stage_a.boxes_cxcywh(torch.from_numpy(sides), name, size).numpy()
    np.testing.assert_allclose(ours, grid.boxes_cxcywh(sides, name, size), atol=1e-6)


@pytest.mark.parametrize("size", [0, 31, 225, -32])
def test_a_size_that_is_no_multiple_of_32_is_refused_with_an_example(size):
    with pytest.raises(ValueError, match="multiple of 32 pixels, such as 224"):
        grid.levels("fused", size)


def test_an_unknown_grid_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="fused, pyramid; got 'dense'"):
        grid.levels("dense", 224)
