"""Structured pruning: whole channels go, so that the network becomes smaller and faster on any machine.

Only the channels inside ResNet's bottlenecks (He et al. 2015) go, where nine tenths of Stage A's parameters are; what
blocks pass on to each other and to the heads keeps its width, and so every output its shape. A channel's importance is
how much of it arrives in the next convolution: |gamma| of its batch norm (Liu et al., "Learning Efficient Convolutional
Networks through Network Slimming", 2017) times the length of the weights that read it. Accuracy drops until the network
is trained on (``python -m training.prune`` does).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from training.export.narrow import set_convolution, set_norm

ROUND_TO = 8
"""Channels stay a multiple of this: vector units waste the rest."""
MOST_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Pruned:
    """Numbers of parameters before and after, and channels that went and that there were."""

    parameters_before: int
    parameters_after: int
    channels_removed: int
    channels_before: int


def prune(model: nn.Module, share: float) -> Pruned:
    """Remove the least important ``share`` of the channels inside every bottleneck, in place.

    Raises:
        ValueError: a share outside 0 .. 0.9, or a network without bottlenecks or with fixed batch norms.
    """
    if not 0.0 < share <= MOST_SHARE:
        raise ValueError(f"prune: expected a share above 0 and up to {MOST_SHARE}; got {share}")
    blocks = [module for module in model.modules() if isinstance(module, Bottleneck)]
    if not blocks:
        raise ValueError(f"prune: expected a network with ResNet bottlenecks; {type(model).__name__} has none")
    before = count(model)
    removed = channels = 0
    for block in blocks:
        for conv, norm, reader in ((block.conv1, block.bn1, block.conv2), (block.conv2, block.bn2, block.conv3)):
            kept = channels_to_keep(conv, norm, reader, share)
            removed, channels = removed + conv.out_channels - len(kept), channels + conv.out_channels
            _keep(conv, norm, reader, kept)
    return Pruned(before, count(model), removed, channels)


def channels_to_keep(conv: nn.Conv2d, norm: nn.Module, reader: nn.Conv2d, share: float) -> Tensor:
    """[k] int64: the more important channels, in their order; at least :data:`ROUND_TO`."""
    if not isinstance(norm, nn.BatchNorm2d) or conv.groups != 1 or reader.groups != 1:
        raise ValueError(f"prune: expected plain convolutions with BatchNorm2d; got {type(norm).__name__} and groups "
                         f"of {conv.groups} and {reader.groups}. Load the network without frozen norms")
    importance = norm.weight.detach().abs() * reader.weight.detach().transpose(0, 1).flatten(1).norm(dim=1)  # [C]
    wanted = max(ROUND_TO, round(len(importance) * (1.0 - share) / ROUND_TO) * ROUND_TO)
    return importance.argsort(descending=True, stable=True)[:wanted].sort().values


def count(model: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def _keep(conv: nn.Conv2d, norm: nn.BatchNorm2d, reader: nn.Conv2d, kept: Tensor) -> None:
    set_convolution(conv, conv.weight[kept].clone())
    if conv.bias is not None:
        conv.bias = nn.Parameter(conv.bias[kept].clone())
    set_norm(norm, kept, len(kept))
    set_convolution(reader, reader.weight[:, kept].clone())
