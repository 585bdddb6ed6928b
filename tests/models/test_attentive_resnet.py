"""The convolutional branch of Stage B: shapes, sizes, gradients, and the same answers from OpenVINO."""

import pytest
import torch
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    inputs_without_gradient,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.backbones.attentive_resnet import ResNetHigh, ResNetLow, ResNetMid

SIDE = 64  # the parts are convolutional: what holds here holds at 224 px, for a twelfth of the work
PARTS = ("low", "mid", "high")


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(7)
    return {"low": ResNetLow(), "mid": ResNetMid(), "high": ResNetHigh()}


@pytest.fixture(scope="module")
def inputs():
    """What each part reads, from untrained parts before it."""
    torch.manual_seed(8)
    return {"low": torch.randn(2, 3, SIDE, SIDE), "mid": torch.relu(torch.randn(2, 512, 8, 8)),
            "high": torch.relu(torch.randn(2, 1024, 4, 4))}


@torch.no_grad()
def test_maps_have_the_contracts_shapes_and_calm_untrained_values(parts):
    low = parts["low"].eval()(torch.randn(1, 3, 224, 224))
    mid = parts["mid"].eval()(low["c3"])
    high = parts["high"].eval()(mid["c4"])
    maps = {**low, **mid, **high}
    assert {name: tuple(made.shape[1:]) for name, made in maps.items()} == {
        "c2": (256, 56, 56), "c3": (512, 28, 28), "c4": (1024, 14, 14), "c5": (2048, 7, 7)}
    assert all(0.0 < made.std() < 2.0 and made.min() >= 0.0 for made in maps.values())


def test_sizes_are_those_of_the_tier_table():
    with torch.device("meta"):
        millions = [sum(p.numel() for p in part().parameters()) / 1e6 for part in (ResNetLow, ResNetMid, ResNetHigh)]
    assert millions[0] + millions[1] == pytest.approx(8.7, rel=0.05)
    assert millions[2] == pytest.approx(15.1, rel=0.05)


@pytest.mark.parametrize("name", PARTS)
def test_gradients_reach_every_parameter_and_the_part_before(parts, inputs, name):
    assert inputs_without_gradient(parts[name].train(), (inputs[name],)) == []
    assert without_gradient(parts[name].train(), (inputs[name],)) == []


@pytest.mark.parametrize("name", PARTS)
def test_entries_of_a_batch_do_not_touch(parts, inputs, name):
    assert entries_are_apart(parts[name], (inputs[name],))


class AllParts(torch.nn.Module):
    """Every map of the branch from one graph: one conversion instead of three."""

    def __init__(self, parts):
        super().__init__()
        self.parts = torch.nn.ModuleDict(parts)

    def forward(self, images):
        low = self.parts["low"](images)
        mid = self.parts["mid"](low["c3"])
        return {**low, **mid, **self.parts["high"](mid["c4"])}


def test_openvino_answers_as_torch(parts, inputs):
    images = inputs["low"]
    assert openvino_difference(AllParts(parts), (images,), (torch.randn_like(images[:1]),)) < OPENVINO_TOLERANCE


def test_half_precision_stays_close(parts, inputs):
    low = parts["low"].eval()
    assert half_precision_error(lambda: low(inputs["low"])) < 0.05
