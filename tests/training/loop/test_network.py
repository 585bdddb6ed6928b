"""How a network is laid out in memory for training."""

import torch
from torch import nn

from maxsight_core.models.layers.dynamic_convolution import DynamicConvolution
from training.loop.network import channels_last


def test_convolutions_are_channels_last_and_dynamic_ones_stay_as_they_are():
    network = nn.Sequential(nn.Conv2d(8, 16, 3), DynamicConvolution(8), nn.Linear(4, 4))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    channels_last(network)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[1].weight.ndim == 5 and network[1].weight.is_contiguous()
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))
