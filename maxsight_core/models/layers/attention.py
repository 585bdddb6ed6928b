"""Attention over channels and positions of a feature map: squeeze-and-excitation, CBAM, and both behind a gate.

Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018; Woo et al., "CBAM: Convolutional Block Attention Module",
ECCV 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.bounded_scale import BoundedScale

REDUCTION = 16
"""Channels per hidden unit, in both papers."""
MAX_HIDDEN = 64
"""Widest hidden layer: a sixteenth of ResNet50's 2048 channels would cost a million parameters in one gate."""
SPATIAL_KERNEL = 7
"""Side of CBAM's spatial convolution (Woo et al. 2018, table 2)."""
OPEN_LOGIT = 3.0
"""Where every attention starts: sigmoid(3) = 0.95, so that new attention leaves published features as they are."""
SMALL_STD = 0.01
"""Spread of the last layers' weights at the start, so that OPEN_LOGIT decides and not chance."""


def _hidden_size(channels: int) -> int:
    return max(1, min(channels // REDUCTION, MAX_HIDDEN))


def _bottleneck(channels: int, start: float) -> nn.Sequential:
    """[B, C] -> [B, C] logits, about ``start`` before training."""
    hidden = _hidden_size(channels)
    layers = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels))
    nn.init.normal_(layers[2].weight, std=SMALL_STD)
    nn.init.constant_(layers[2].bias, start)
    return layers


class SqueezeExcitation(nn.Module):
    """``x * sigmoid(MLP(mean of x over positions))`` (Hu et al. 2018).

    Args:
        channels: C.

    Input and output: [B, C, H, W].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.excite = _bottleneck(channels, OPEN_LOGIT)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.excite(x.mean(dim=(2, 3))))  # [B, C]
        return x * weights[:, :, None, None]


class CBAM(nn.Module):
    """Channel attention, then spatial attention (Woo et al. 2018).

    ``y = x * sigmoid(MLP(mean) + MLP(max))`` over positions, then
    ``y * sigmoid(conv7x7([mean, max]))`` over channels.

    Args:
        channels: C.

    Input and output: [B, C, H, W].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = _bottleneck(channels, OPEN_LOGIT / 2)  # it is added twice: once of the mean, once of the maximum
        self.spatial = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2)
        nn.init.normal_(self.spatial.weight, std=SMALL_STD)
        nn.init.constant_(self.spatial.bias, OPEN_LOGIT)

    def forward(self, x: Tensor) -> Tensor:
        channel = torch.sigmoid(self.channel(x.mean(dim=(2, 3))) + self.channel(x.amax(dim=(2, 3))))  # [B, C]
        x = x * channel[:, :, None, None]
        summary = torch.cat((x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)), dim=1)  # [B, 2, H, W]
        return x * torch.sigmoid(self.spatial(summary))


class AttentionGate(nn.Module):
    """``x + alpha (cbam(se(x)) - x)``: attention that published features meet gently, alpha from 0.1 on.

    Args:
        channels: C.

    Input and output: [B, C, H, W].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze_excitation = SqueezeExcitation(channels)
        self.cbam = CBAM(channels)
        self.scale = BoundedScale()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale(self.cbam(self.squeeze_excitation(x)) - x)
