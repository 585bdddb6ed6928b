"""How a network is laid out in memory for training, and what of it stays as it was."""

import torch
from torch import nn

from maxsight_core.models.layers.dynamic_convolution import DynamicConvolution
from training.loop.network import TrainedNetwork, channels_last


def test_convolutions_are_channels_last_and_dynamic_ones_stay_as_they_are():
    network = nn.Sequential(nn.Conv2d(8, 16, 3), DynamicConvolution(8), nn.Linear(4, 4))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    channels_last(network)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[1].weight.ndim == 5 and network[1].weight.is_contiguous()
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))


def test_frozen_stages_keep_their_weights_and_statistics_and_the_rest_learns():
    torch.manual_seed(0)
    network = TrainedNetwork("T0", "fused", 4, frozen_stages=2).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    found = network.stage_a(torch.randn(2, 3, 64, 64))
    sum(value.square().mean() for value in found.values() if value.requires_grad).backward()
    optimiser.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    body = "stage_a.backbone.body."
    frozen = tuple(body + part for part in ("conv1.", "bn1.", "layer1.", "layer2."))
    assert not {name for name in changed if name.startswith(frozen)}
    assert {f"{body}layer3.0.conv1.weight", f"{body}layer3.0.bn1.running_mean"} <= changed
