"""A masked autoencoder for Stage A's convolutional backbone, pyramid included.

Why this and not a contrastive method by default: there are a few thousand pictures and small batches. El-Nouby et al.,
"Are Large-scale Datasets Necessary for Self-Supervised Pre-training?", 2021, find that denoising autoencoders gain from
small sets of the very pictures of the task, where methods that compare whole pictures lose most, and a reconstruction
needs no large batch.

How it is done on a convolutional network is SparK's (Tian et al., "Designing BERT for Convolutional Networks", ICLR
2023): a hidden patch must stay hidden in every layer, or its border is eaten away convolution by convolution; so after
every norm the hidden places are zero, and batch statistics are those of visible places. Here dense convolutions do it
with gathered norms; the decoder is Stage A's own pyramid, which thereby learns to put levels together, and a small head
that is thrown away.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.resnet import Bottleneck

from training.ssl.config import HIDDEN_SHARE
from training.ssl.masks import hidden_patches, hidden_pixel_loss, patches_of

PATCH_PX = 32
"""Side of a hidden patch: the stride of C5, so that every level can hide exactly the same places."""
HEAD_CHANNELS = 128
TOKEN_STD = 0.02
"""Spread of the vectors put in hidden places (as the original's)."""


class _Rows(torch.autograd.Function):
    """Chosen rows of a matrix, each once: the way back is a copy, not the sum that indexing would need."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.rows = len(matrix)
        return matrix.index_select(0, places)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.rows, gradient.shape[1]).index_copy_(0, places, gradient), None


class _Placed(torch.autograd.Function):
    """Rows put back to their places among zeros."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, places: Tensor, count: int) -> Tensor:
        ctx.save_for_backward(places)
        return rows.new_zeros(count, rows.shape[1]).index_copy_(0, places, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        return gradient.index_select(0, places), None, None


class Visible:
    """Where a batch may be seen, at every size of map.

    Args:
        hidden: [B, n, n] bool, True hidden.
    """

    def __init__(self, hidden: Tensor) -> None:
        self._shown = ~hidden
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def at(self, side: int) -> tuple[Tensor, Tensor]:
        """(visible [B, 1, side, side] bool, the numbers of its True places in reading order)."""
        if side not in self._kept:
            times = side // self._shown.shape[-1]
            shown = self._shown.repeat_interleave(times, dim=1).repeat_interleave(times, dim=2)
            self._kept[side] = shown[:, None], shown.flatten().nonzero().squeeze(1)
        return self._kept[side]

    def norm(self, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
        """Batch norm whose statistics are of visible places; zero elsewhere. Input and output: [B, C, H, W]."""
        batch, channels, height, width = x.shape
        _, places = self.at(height)
        matrix = x.permute(0, 2, 3, 1).reshape(-1, channels)  # [B * H * W, C]
        rows = _Rows.apply(matrix, places)
        # as one channels-last picture of n places, whose kernel is fast
        rows = norm(rows.reshape(1, -1, 1, channels).permute(0, 3, 1, 2))
        rows = rows.permute(0, 2, 3, 1).reshape(-1, channels)  # [n, C]
        placed = _Placed.apply(rows, places, len(matrix))
        return placed.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


class MaskedResNet(nn.Module):
    """The backbone as the encoder of a masked autoencoder.

    Args:
        backbone: of Stage A. share: of a picture that is hidden.

    Input: [1, B, 3, S, S], normalised, S a multiple of 32. Output: ``pixels``, the loss.
    """

    def __init__(self, backbone: BackboneWithFPN, share: float = HIDDEN_SHARE["backbone"]) -> None:
        super().__init__()
        self.backbone, self.share = backbone, share
        widths = [block[0].in_channels for block in backbone.fpn.inner_blocks]
        self.stride = PATCH_PX >> (len(widths) - 1)  # of the finest level: 8 on the pyramid grid, 4 on the fused
        self.tokens = nn.ParameterList(nn.Parameter(torch.randn(1, width, 1, 1) * TOKEN_STD) for width in widths)
        self.gather = nn.ModuleList(nn.Conv2d(backbone.out_channels, HEAD_CHANNELS, 1, bias=False) for _ in widths)
        self.head = nn.Sequential(
            nn.BatchNorm2d(HEAD_CHANNELS), nn.ReLU(inplace=True),
            nn.Conv2d(HEAD_CHANNELS, HEAD_CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(HEAD_CHANNELS),
            nn.ReLU(inplace=True), nn.Conv2d(HEAD_CHANNELS, 3 * self.stride**2, 1))

    def forward(self, views: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        images = views[0].contiguous(memory_format=torch.channels_last)
        hidden = hidden_patches(len(images), images.shape[-1] // PATCH_PX, self.share, generator).to(images.device)
        levels = self.encode(images, Visible(hidden))
        return {"pixels": hidden_pixel_loss(self.decode(levels, hidden), images, hidden)}

    def encode(self, images: Tensor, visible: Visible) -> list[Tensor]:
        """The body's maps, finest first, each zero in hidden places."""
        body = self.backbone.body
        seen, _ = visible.at(images.shape[-1])
        x = F.relu(visible.norm(body["bn1"], body["conv1"](images * seen)))
        x = body["maxpool"](x)  # reaches one place into hidden patches; what reads it is 1x1 and then normed
        levels = []
        for name in ("layer1", "layer2", "layer3", "layer4"):
            for block in body[name]:
                x = _bottleneck(block, x, visible)
            if name in body.return_layers:
                levels.append(x)
        return levels

    def decode(self, levels: list[Tensor], hidden: Tensor) -> Tensor:
        """[B, n * n, 32 * 32 * 3] what the pyramid says about the pixels of every patch."""
        visible = Visible(hidden)
        filled = [torch.where(visible.at(x.shape[-1])[0], x, token.to(x.dtype))
                  for x, token in zip(levels, self.tokens, strict=True)]
        names = [str(number) for number in range(len(filled))]
        maps = self.backbone.fpn(OrderedDict(zip(names, filled, strict=True)))
        side = levels[0].shape[-1]
        told = [F.interpolate(project(maps[name]), size=(side, side), mode="nearest")
                for name, project in zip(names, self.gather, strict=True)]
        pixels = F.pixel_shuffle(self.head(torch.stack(told).sum(dim=0)), self.stride)  # [B, 3, S, S]
        return patches_of(pixels, PATCH_PX)


def _bottleneck(block: Bottleneck, x: Tensor, visible: Visible) -> Tensor:
    """torchvision's bottleneck with norms over visible places."""
    found = F.relu(visible.norm(block.bn1, block.conv1(x)))
    found = F.relu(visible.norm(block.bn2, block.conv2(found)))
    found = visible.norm(block.bn3, block.conv3(found))
    if block.downsample is not None:
        x = visible.norm(block.downsample[1], block.downsample[0](x))
    return F.relu(found + x)
