"""Parts of Stage B as tests want them: with residual branches that matter, and inputs of the contract's shapes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDES = (56, 28, 14, 7)
SMALL, LIVELY = 0.004, 0.03
"""Spread below which a layer is the small end of a residual branch, and the one it gets."""


def enliven(module: nn.Module, seed: int = 3) -> nn.Module:
    """Give every small residual end ordinary weights: untrained, a fault behind it would hardly show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)) and layer.weight.std() < SMALL:
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * LIVELY)
    return module.eval()


def pyramid(batch: int = 2, seed: int = 4) -> tuple[Tensor, ...]:
    """p2..p5."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(batch, 256, side, side, generator=generator) for side in SIDES)


def grid(batch: int = 2, seed: int = 5) -> Tensor:
    return torch.randn(batch, 256, 14, 14, generator=torch.Generator().manual_seed(seed))


def millions(module: nn.Module) -> float:
    """Parameters, in millions."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def changed_entry(tensor: Tensor, *index: int | slice) -> Tensor:
    """A copy with other numbers at ``index``."""
    other = tensor.clone()
    other[index] = torch.randn(other[index].shape, generator=torch.Generator().manual_seed(99)) * 3.0
    return other
