"""Maps as token sequences, row by row, and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSITION_STD = 0.02
"""Spread of new position embeddings and learned queries (ViT, Dosovitskiy et al. 2021)."""


def map_to_tokens(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, H * W, C]."""
    return x.flatten(2).transpose(1, 2)


def tokens_to_map(tokens: Tensor, side: int) -> Tensor:
    """[B, side * side, C] -> [B, C, side, side]."""
    return tokens.transpose(1, 2).unflatten(2, (side, side))


def halve(tokens: Tensor, side: int) -> Tensor:
    """[B, side * side, C] -> [B, side/2 * side/2, C], the mean of every 2 x 2."""
    return map_to_tokens(F.avg_pool2d(tokens_to_map(tokens, side), 2))


def double(tokens: Tensor, side: int) -> Tensor:
    """[B, side * side, C] -> [B, 2 side * 2 side, C], every token four times."""
    return map_to_tokens(F.interpolate(tokens_to_map(tokens, side), scale_factor=2.0, mode="nearest"))


def learned_tokens(*shape: int) -> nn.Parameter:
    """Learned positions or queries, small at the start."""
    return nn.Parameter(torch.empty(shape).normal_(std=POSITION_STD))
