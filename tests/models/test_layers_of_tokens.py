"""Tokens are places row by row, and residual units start as what they are added to."""

import pytest
import torch
import torch.nn.functional as F

from maxsight_core.models.layers.residual import ResidualUnit
from maxsight_core.models.layers.tokens import double, halve, learned_tokens, map_to_tokens, tokens_to_map


def test_tokens_are_the_places_row_by_row_and_come_back():
    x = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    tokens = map_to_tokens(x)
    for row in range(4):
        for column in range(4):
            assert torch.equal(tokens[:, row * 4 + column], x[:, :, row, column])
    assert torch.equal(tokens_to_map(tokens, 4), x)


def test_halving_is_the_mean_of_two_by_two_places_and_doubling_repeats_it():
    x = torch.randn(1, 5, 4, 4)
    half = halve(map_to_tokens(x), 4)
    assert torch.allclose(half[0, 3], x[0, :, 2:, 2:].mean(dim=(1, 2)))  # row 1, column 1 of 2 x 2
    assert torch.equal(tokens_to_map(double(half, 2), 4), tokens_to_map(half, 2).repeat_interleave(2, 2)
                       .repeat_interleave(2, 3))


def test_learned_tokens_start_small_and_different():
    torch.manual_seed(0)
    tokens = learned_tokens(1, 100, 50)
    assert tokens.requires_grad and tokens.std().item() == pytest.approx(0.02, rel=0.1)


def test_a_residual_unit_adds_little_at_first_and_is_two_convolutions():
    torch.manual_seed(0)
    unit, x = ResidualUnit(16), torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        assert 0 < (unit(x) - x).abs().max() < 0.05 * x.abs().max()
        torch.nn.init.normal_(unit.second.weight)
        torch.nn.init.normal_(unit.second.bias)
        inner = F.conv2d(x.clamp_min(0), unit.first.weight, unit.first.bias, padding=1).clamp_min(0)
        assert torch.allclose(unit(x), x + F.conv2d(inner, unit.second.weight, unit.second.bias, padding=1), atol=1e-4)
