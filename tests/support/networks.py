"""Random but lively networks: their outputs differ from place to place, so that a comparison means something."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

CALIBRATION_SIDE_PX = 96
RESIDUAL_SCALE = 0.2
"""Trained residual branches are small beside what passes them by; random ones would double every rounding error."""


def calibrate_norms(backbone: nn.Module, seed: int = 0) -> None:
    """Give every batch norm the statistics of one random batch; without, activations of a random ResNet explode."""
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    for block in (m for m in backbone.modules() if isinstance(m, Bottleneck)):
        nn.init.constant_(block.bn3.weight, RESIDUAL_SCALE)
    generator = torch.Generator().manual_seed(seed)
    backbone.train()
    with torch.no_grad():
        backbone(torch.randn(4, 3, CALIBRATION_SIDE_PX, CALIBRATION_SIDE_PX, generator=generator))
    backbone.eval()
    for norm in norms:
        norm.momentum = 0.1


def spread(layer: nn.Module, std: float, bias: float | None = None, seed: int = 1) -> None:
    """Larger random weights for a predictor, which starts out nearly constant."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * std)
        if bias is not None:
            layer.bias.fill_(bias)
