"""Hidden patches and the loss on them, shared by both masked autoencoders.

He et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022.
"""

from __future__ import annotations

import torch
from torch import Tensor

EPS = 1e-6
"""Added to a patch's variance, as the paper's code does."""


def hidden_patches(batch: int, side: int, share: float, generator: torch.Generator) -> Tensor:
    """[batch, side, side] bool, True hidden: the same number in every picture, at least one and never all.

    Args:
        side: patches along a side of the picture. share: of them that are hidden, 0..1. generator: on the CPU.
    """
    count = side * side
    hidden = min(count - 1, max(1, round(count * share)))
    order = torch.rand(batch, count, generator=generator).argsort(dim=1)
    return (order < hidden).reshape(batch, side, side)


def patches_of(images: Tensor, patch_px: int) -> Tensor:
    """[B, 3, S, S] -> [B, (S / patch_px)^2, patch_px^2 * 3]: row by row, and each patch's pixels row by row."""
    batch, channels, height, width = images.shape
    rows, columns = height // patch_px, width // patch_px
    split = images.reshape(batch, channels, rows, patch_px, columns, patch_px)
    return split.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, patch_px * patch_px * channels)


def hidden_pixel_loss(predicted: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    """Mean squared error over hidden patches, against pixels of zero mean and unit variance within their patch.

    Args:
        predicted: [B, N, P^2 * 3] as :func:`patches_of` orders them. images: [B, 3, S, S]. hidden: [B, n, n] bool with
            n * n = N.
    """
    patch_px = images.shape[-1] // hidden.shape[-1]
    wanted = patches_of(images.float(), patch_px)
    wanted = (wanted - wanted.mean(dim=2, keepdim=True)) / (wanted.var(dim=2, keepdim=True) + EPS).sqrt()
    error = (predicted.float() - wanted).square().mean(dim=2)  # [B, N]
    chosen = hidden.flatten(1).to(error.dtype)  # [B, N]
    return (error * chosen).sum() / chosen.sum()
