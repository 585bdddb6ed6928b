"""One fine map from the pyramid."""

import pytest
import torch
from support.lively_parts import SIDES, changed_entry, enliven, grid, millions, pyramid
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.decoder import DenseDecoder

INPUTS = ("p2", "p3", "p4", "p5", "grid")


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(30)
    return enliven(DenseDecoder())


@pytest.fixture(scope="module")
def inputs():
    return *pyramid(), grid()


@pytest.fixture(scope="module")
def dense(decoder, inputs):
    with torch.no_grad():
        return decoder(*inputs)["dense"]


def test_the_map_has_stride_four_and_the_size_that_was_planned(decoder, dense):
    assert dense.shape == (2, 128, 56, 56)
    assert dense.isfinite().all()
    assert millions(decoder) == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("index", range(5), ids=INPUTS)
@torch.no_grad()
def test_every_input_is_seen_at_its_own_place(decoder, inputs, dense, index):
    side = (*SIDES, 14)[index]
    row, column = side // 4, side - 1 - side // 7
    moved = list(inputs)
    moved[index] = changed_entry(inputs[index], slice(None), slice(None), row, column)
    difference = (decoder(*moved)["dense"] - dense).abs().amax(dim=(0, 1))  # [56, 56]
    y, x = divmod(int(difference.argmax()), 56)
    cell = 56 / side
    assert difference.max() > 0.05
    assert abs(y + 0.5 - (row + 0.5) * cell) <= cell and abs(x + 0.5 - (column + 0.5) * cell) <= cell


@torch.no_grad()
def test_without_refinement_it_is_the_sum_of_the_levels_resized(inputs):
    torch.manual_seed(31)
    decoder = DenseDecoder().eval()
    for unit in (decoder.refine5, decoder.refine4, decoder.refine3):
        torch.nn.init.zeros_(unit.second.weight)
    for unit in decoder.refine2:
        torch.nn.init.zeros_(unit.pointwise.weight)

    def doubled(x):
        return torch.nn.functional.interpolate(x, size=2 * x.shape[-1], mode="bilinear", align_corners=False)

    p2, p3, p4, p5, context = inputs
    coarse = decoder.lateral4(p4) + decoder.lateral_grid(context) + doubled(decoder.lateral5(p5))
    expected = decoder.lateral2(p2) + doubled(decoder.lateral3(p3) + doubled(decoder.narrow(coarse)))
    assert torch.allclose(decoder(*inputs)["dense"], expected, atol=1e-5)


def test_gradients_reach_every_parameter(inputs):
    assert not without_gradient(DenseDecoder(), inputs)


def test_entries_of_a_batch_do_not_influence_one_another(decoder, inputs):
    assert entries_are_apart(decoder, inputs)


def test_half_precision_stays_close(decoder, inputs):
    assert half_precision_error(lambda: decoder(*inputs)) < 0.03


def test_openvino_gives_the_same_numbers(decoder, inputs):
    assert openvino_difference(decoder, inputs, (*pyramid(1, 7), grid(1, 8))) < OPENVINO_TOLERANCE
