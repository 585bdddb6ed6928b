"""A kernel mixed for each picture: the same numbers as mixing and convolving one picture after the other."""

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

from maxsight_core.models.layers.dynamic_convolution import DynamicConvolution

CHANNELS = 16


@pytest.fixture(scope="module")
def layer():
    torch.manual_seed(5)
    made = DynamicConvolution(CHANNELS)
    made.set_temperature(1.0)
    with torch.no_grad():
        for parameter in made.attention.parameters():
            parameter.normal_(std=1.5)  # shares far from equal
        made.bias.normal_()
    return made


@pytest.fixture(scope="module")
def x():
    torch.manual_seed(6)
    return torch.randn(3, CHANNELS, 7, 5) + torch.randn(3, CHANNELS, 1, 1)  # three different pictures


def one_by_one(layer, x):
    out = []
    for picture in x:
        hidden = torch.relu(layer.attention[0](picture.mean(dim=(1, 2))))
        logits = layer.attention[2](hidden) / layer.temperature
        shares = torch.exp(logits) / torch.exp(logits).sum()
        kernel = sum(share * expert for share, expert in zip(shares, layer.weight, strict=True))
        bias = sum(share * expert for share, expert in zip(shares, layer.bias, strict=True))
        out.append(F.conv2d(picture[None], kernel, bias, padding=1))
    return torch.cat(out)


@torch.no_grad()
def test_it_is_each_pictures_own_convolution(layer, x):
    assert torch.allclose(layer(x), one_by_one(layer, x), atol=1e-5)


@torch.no_grad()
def test_the_kernel_follows_the_picture(layer, x):
    shares = layer.shares(x)
    assert torch.allclose(shares.sum(dim=1), torch.ones(3))
    assert (shares[0] - shares[1]).abs().max() > 0.05


@torch.no_grad()
def test_a_high_temperature_uses_every_expert(layer, x):
    sharp = layer.shares(x).max()
    layer.set_temperature(30.0)
    even = layer.shares(x)
    layer.set_temperature(1.0)
    assert (even - 0.25).abs().max() < 0.1 < sharp - 0.25


def test_the_temperature_is_saved_with_the_weights(layer):
    other = DynamicConvolution(CHANNELS)
    assert other.temperature.item() == 30.0
    other.load_state_dict(layer.state_dict())
    assert other.temperature.item() == 1.0


@pytest.mark.parametrize("temperature", [0.5, 0.0, float("nan")])
def test_a_temperature_below_one_is_refused(layer, temperature):
    with pytest.raises(ValueError, match=r"at least 1\.0; got"):
        layer.set_temperature(temperature)


def test_gradients_reach_every_expert(x):
    fresh = DynamicConvolution(CHANNELS)
    assert without_gradient(fresh, (x,)) == []
    assert inputs_without_gradient(fresh, (x,)) == []
    assert (fresh.weight.grad.flatten(1).abs().amax(dim=1) > 0).all()


def test_entries_of_a_batch_do_not_touch(layer, x):
    assert entries_are_apart(layer, (x,))


def test_openvino_answers_as_torch(layer, x):
    assert openvino_difference(layer, (x,), (torch.randn(2, CHANNELS, 7, 5),)) < OPENVINO_TOLERANCE


def test_half_precision_stays_close(layer, x):
    assert half_precision_error(lambda: layer(x)) < 0.03
