"""Squeeze-and-excitation, CBAM and the gate, against loops written from the papers."""

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

from maxsight_core.models.layers.attention import CBAM, AttentionGate, SqueezeExcitation

CHANNELS = 32


def mlp_of(layers, vector):
    hidden = [max(0.0, float(row @ vector + bias)) for row, bias in zip(layers[0].weight, layers[0].bias, strict=True)]
    return layers[2].weight @ torch.tensor(hidden) + layers[2].bias


def squeeze_excitation_reference(module, x):
    out = torch.empty_like(x)
    for b in range(x.shape[0]):
        squeezed = torch.tensor([float(x[b, c].sum()) / x[b, c].numel() for c in range(x.shape[1])])
        weights = 1 / (1 + torch.exp(-mlp_of(module.excite, squeezed)))
        for c in range(x.shape[1]):
            out[b, c] = x[b, c] * weights[c]
    return out


def cbam_reference(module, x):
    out = torch.empty_like(x)
    for b in range(x.shape[0]):
        mean = torch.tensor([float(channel.mean()) for channel in x[b]])
        largest = torch.tensor([float(channel.max()) for channel in x[b]])
        weights = 1 / (1 + torch.exp(-(mlp_of(module.channel, mean) + mlp_of(module.channel, largest))))
        y = torch.stack([channel * weight for channel, weight in zip(x[b], weights, strict=True)])
        summary = torch.stack((y.mean(0), y.max(0).values))
        height, width = summary.shape[1:]
        padded = torch.zeros(2, height + 6, width + 6)
        padded[:, 3:-3, 3:-3] = summary
        for row in range(height):
            for column in range(width):
                window = padded[:, row:row + 7, column:column + 7]
                logit = (window * module.spatial.weight[0]).sum() + module.spatial.bias[0]
                out[b, :, row, column] = y[:, row, column] / (1 + torch.exp(-logit))
    return out


def shaken(module):
    """Parameters far from their start, so that every term counts."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module.eval()


@pytest.fixture
def x():
    torch.manual_seed(3)
    return torch.randn(2, CHANNELS, 9, 6)


@torch.no_grad()
@pytest.mark.parametrize(("build", "reference"), [
    (SqueezeExcitation, squeeze_excitation_reference), (CBAM, cbam_reference),
])
def test_each_attention_is_the_papers(build, reference, x):
    module = shaken(build(CHANNELS))
    assert torch.allclose(module(x), reference(module, x), atol=1e-5)


@torch.no_grad()
def test_the_gate_is_excitation_then_cbam_by_its_share(x):
    gate = shaken(AttentionGate(CHANNELS))
    attended = cbam_reference(gate.cbam, squeeze_excitation_reference(gate.squeeze_excitation, x))
    assert torch.allclose(gate(x), x + gate.scale.alpha * (attended - x), atol=1e-5)


@torch.no_grad()
def test_a_new_gate_changes_published_features_by_less_than_a_twentieth():
    torch.manual_seed(1)
    x = torch.relu(torch.randn(1, 256, 14, 14))
    change = (AttentionGate(256)(x) - x).norm() / x.norm()
    assert 0.0 < change < 0.05


def test_gradients_reach_every_parameter(x):
    assert without_gradient(AttentionGate(CHANNELS), (x,)) == []
    assert inputs_without_gradient(AttentionGate(CHANNELS), (x,)) == []


def test_entries_of_a_batch_do_not_touch(x):
    assert entries_are_apart(shaken(AttentionGate(CHANNELS)), (x,))


def test_openvino_answers_as_torch(x):
    gate = shaken(AttentionGate(CHANNELS))
    assert openvino_difference(gate, (x,), (torch.randn_like(x[:1]),)) < OPENVINO_TOLERANCE


def test_half_precision_stays_close(x):
    gate = shaken(AttentionGate(CHANNELS))
    assert half_precision_error(lambda: gate(x)) < 0.03
