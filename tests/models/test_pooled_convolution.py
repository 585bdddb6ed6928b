"""The shortcut through the mean of P2 gives the numbers of the long way."""

import pytest
import torch
from torch import nn

from maxsight_core.models.layers.pooled_convolution import mean_of_convolution


@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (2, 5, 7, 4), (1, 8, 56, 56)])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_mean_of_the_convolution_and_its_gradient(shape, bias):
    torch.manual_seed(0)
    convolution = nn.Conv2d(shape[1], 6, 3, padding=1, bias=bias).double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    long_way = convolution(x).mean(dim=(2, 3))
    expected = torch.autograd.grad(long_way.square().sum(), [x, convolution.weight])
    short_way = mean_of_convolution(x, convolution)
    found = torch.autograd.grad(short_way.square().sum(), [x, convolution.weight])
    torch.testing.assert_close(short_way, long_way)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("other", [
    nn.Conv2d(4, 4, 3, padding=0), nn.Conv2d(4, 4, 3, padding=1, stride=2), nn.Conv2d(4, 4, 1),
    nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
])
def test_another_kind_of_convolution_is_refused(other):
    with pytest.raises(ValueError, match="mean_of_convolution: expected"):
        mean_of_convolution(torch.zeros(1, 4, 8, 8), other)
