"""Attention and feed-forward parts of pre-norm transformer layers, for short sequences with entries that may be absent.

Vaswani et al., "Attention is all you need", 2017; the norm comes first as in Xiong et al., "On layer normalization in
the transformer architecture", 2020, which trains without a warm-up.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

ABSENT_LOGIT = -1e4
"""Added to the logit of an absent entry: its weight is exactly 0 in 32 bits, and half precision can hold the number."""
FEED_FORWARD_RATIO = 4
"""Hidden width of the feed-forward part per width (Vaswani et al.)."""


def absence_bias(valid: Tensor) -> Tensor:
    """[B, N] of 0 and 1 -> [B, 1, 1, N] to add to the logits over N entries."""
    return ((1.0 - valid) * ABSENT_LOGIT)[:, None, None, :]


class MaskedAttention(nn.Module):
    """Queries [B, Q, width] over memory [B, N, width] -> [B, Q, width].

    Args:
        width: of queries, memory and answer. heads: a divisor of it.

    ``bias``, if given, is added to the logits and must broadcast to [B, heads, Q, N].
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"MaskedAttention: expected heads that divide the width {width}; got {heads}")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, memory: Tensor, bias: Tensor | None = None) -> Tensor:
        q = self._split(self.query(queries))
        k, v = (self._split(part) for part in self.key_value(memory).chunk(2, dim=-1))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias.to(q.dtype))
        return self.out(seen.transpose(1, 2).flatten(2))  # [B, heads, Q, d] -> [B, Q, width]

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, N, width] -> [B, heads, N, d]


class FeedForward(nn.Sequential):
    """The same two-layer network for every entry: [..., width] -> [..., width]."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, FEED_FORWARD_RATIO * width), nn.GELU(),
                         nn.Linear(FEED_FORWARD_RATIO * width, width))


class SelfAttentionLayer(nn.Module):
    """One pre-norm transformer encoder layer: [B, N, width] -> [B, N, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = MaskedAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width)

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm(tokens)
        tokens = tokens + self.attention(normed, normed)
        return tokens + self.feed(self.feed_norm(tokens))


class DecoderLayer(nn.Module):
    """One pre-norm transformer decoder layer without causal mask: queries see one another and then the memory.

    Input: queries [B, Q, width], memory [B, N, width] (already normed), bias [B, 1, 1, N]. Output: [B, Q, width].
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = MaskedAttention(width, heads)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_attention = MaskedAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width)

    def forward(self, queries: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        normed = self.self_norm(queries)
        queries = queries + self.self_attention(normed, normed)
        queries = queries + self.cross_attention(self.cross_norm(queries), memory, bias)
        return queries + self.feed(self.feed_norm(queries))
