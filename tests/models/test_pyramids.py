"""Feature pyramids against a hand-written reference, and how one level reaches another."""

import pytest
import torch
import torch.nn.functional as F
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    inputs_without_gradient,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.backbones.pyramids import PyramidOfFour, PyramidOfThree

SIDES = (16, 8, 4, 2)
CHANNELS = (256, 512, 1024, 2048)


@pytest.fixture(scope="module")
def maps():
    torch.manual_seed(9)
    return tuple(torch.randn(2, channels, side, side) for channels, side in zip(CHANNELS, SIDES, strict=True))


@pytest.fixture(scope="module", params=[PyramidOfThree, PyramidOfFour])
def pyramid(request):
    torch.manual_seed(10)
    return request.param().eval()


@pytest.fixture
def inputs(pyramid, maps):
    return maps if isinstance(pyramid, PyramidOfFour) else maps[:3]


def reference(pyramid, maps):
    """Lin et al. 2017, coarse to fine, from the plain weights."""
    state = pyramid.state_dict()
    above, out = None, []
    for index in reversed(range(len(maps))):
        weight, bias = (state[f"fpn.inner_blocks.{index}.0.{kind}"] for kind in ("weight", "bias"))
        level = torch.einsum("bchw,oc->bohw", maps[index], weight[:, :, 0, 0]) + bias[:, None, None]
        if above is not None:
            level = level + above.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        above = level
        weight, bias = (state[f"fpn.layer_blocks.{index}.0.{kind}"] for kind in ("weight", "bias"))
        out.insert(0, F.conv2d(level, weight, bias, padding=1))
    if isinstance(pyramid, PyramidOfThree):
        out.append(F.conv2d(out[-1], state["coarser.weight"], state["coarser.bias"], stride=2, padding=1))
    return out


@torch.no_grad()
def test_levels_are_those_of_the_paper(pyramid, inputs):
    made = pyramid(*inputs)
    letter = "f" if isinstance(pyramid, PyramidOfFour) else "p"
    assert list(made) == [f"{letter}{level}" for level in (2, 3, 4, 5)]
    assert [tuple(level.shape) for level in made.values()] == [(2, 256, side, side) for side in SIDES]
    for level, wanted in zip(made.values(), reference(pyramid, inputs), strict=True):
        assert torch.allclose(level, wanted, atol=1e-4)


@torch.no_grad()
def test_the_coarsest_map_reaches_the_finest_level(pyramid, inputs):
    coarse = (*inputs[:-1], inputs[-1] + 1.0)
    before, after = (next(iter(pyramid(*maps).values())) for maps in (inputs, coarse))
    assert (before - after).abs().mean() > 1e-2


def test_sizes_are_those_of_the_tier_table():
    with torch.device("meta"):
        three, four = (sum(p.numel() for p in made().parameters()) / 1e6 for made in (PyramidOfThree, PyramidOfFour))
    assert (three, four) == (pytest.approx(2.9, rel=0.05), pytest.approx(3.35, rel=0.05))


def test_gradients_reach_every_parameter_and_map(pyramid, inputs):
    assert inputs_without_gradient(pyramid, inputs) == []
    assert without_gradient(pyramid, inputs) == []


def test_entries_of_a_batch_do_not_touch(pyramid, inputs):
    assert entries_are_apart(pyramid, inputs)


def test_openvino_answers_as_torch(pyramid, inputs):
    example = tuple(torch.randn_like(level[:1]) for level in inputs)
    assert openvino_difference(pyramid, inputs, example) < OPENVINO_TOLERANCE


def test_half_precision_stays_close(pyramid, inputs):
    assert half_precision_error(lambda: pyramid(*inputs)) < 0.05
