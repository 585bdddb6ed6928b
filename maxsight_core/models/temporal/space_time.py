"""Divided space-time attention: first over time at each place, then over the places of each frame.

Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?" (TimeSformer), ICML 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.masked_attention import ABSENT_LOGIT, FeedForward, MaskedAttention
from maxsight_core.models.layers.residual import start_small


class TimeAttention(nn.Module):
    """Every query sees its own place in all frames, and nothing else.

    Args:
        width: of the queries. memory_width: of the frames. heads: a divisor of ``width``.

    Input: queries [B, Q, N, width], frames [B, T, N, memory_width], valid [B, T] of 0 and 1. Output: [B, Q, N, width].
    A frame that is not valid has weight 0, as long as one is.

    Raises:
        ValueError: heads that do not divide the width.
    """

    def __init__(self, width: int, memory_width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"TimeAttention: expected heads that divide the width {width}; got {heads}")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(memory_width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, frames: Tensor, valid: Tensor) -> Tensor:
        query = self._split(self.query(queries))  # [B, N, heads, Q, d]
        key, value = (self._split(part) for part in self.key_value(frames).chunk(2, dim=-1))  # [B, N, heads, T, d]
        logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # [B, N, heads, Q, T]
        absent = ((1.0 - valid) * ABSENT_LOGIT)[:, None, None, None, :].to(logits.dtype)
        seen = torch.softmax(logits + absent, dim=-1).to(value.dtype) @ value  # [B, N, heads, Q, d]
        return self.out(seen.permute(0, 3, 1, 2, 4).flatten(3))

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).permute(0, 2, 3, 1, 4)  # [B, T, N, width] -> [B, N, heads, T, d]


class SpaceAttention(MaskedAttention):
    """Every place sees all places of its own frame, and nothing else: tokens [B, T, N, width], same out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, frames = tokens.shape[:2]
        single = tokens.flatten(0, 1)  # [B * T, N, width]
        return super().forward(single, single).unflatten(0, (batch, frames))


class DividedSpaceTimeBlock(nn.Module):
    """Attention over time, attention over space, feed-forward network, each pre-norm and added.

    Args:
        width: of the tokens. heads: a divisor of it. memory_width: None where the tokens attend to themselves over
            time; else the width of other frames of the same places, which are attended to instead. That is how the
            last blocks work for the newest frame only, at an eighth of the cost.

    Input: tokens [B, Q, N, width], valid [B, T] of 0 and 1, and with a ``memory_width`` frames
    [B, T, N, memory_width]; without, Q = T. Output: [B, Q, N, width].
    """

    def __init__(self, width: int, heads: int, memory_width: int | None = None) -> None:
        super().__init__()
        self.time_norm = nn.LayerNorm(width)
        self.memory_norm = None if memory_width is None else nn.LayerNorm(memory_width)
        self.time = TimeAttention(width, memory_width or width, heads)
        self.space_norm = nn.LayerNorm(width)
        self.space = SpaceAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width)
        start_small(self.time.out, self.space.out, self.feed[-1])

    def forward(self, tokens: Tensor, valid: Tensor, frames: Tensor | None = None) -> Tensor:
        if (frames is None) != (self.memory_norm is None):
            raise ValueError("DividedSpaceTimeBlock: expected frames exactly where a memory_width was given")
        normed = self.time_norm(tokens)
        tokens = tokens + self.time(normed, normed if self.memory_norm is None else self.memory_norm(frames), valid)
        tokens = tokens + self.space(self.space_norm(tokens))
        return tokens + self.feed(self.feed_norm(tokens))
