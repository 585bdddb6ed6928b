"""Cross-attention fusion: places of the convolutional grid ask the transformer's tokens, and the other way round.

The layer is the cross-modality layer of LXMERT (Tan & Bansal, EMNLP 2019): attention to the other side, attention
among one's own, feed-forward; with the norm first (Xiong et al., "On Layer Normalization in the Transformer
Architecture", ICML 2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.masked_attention import FeedForward, MaskedAttention
from maxsight_core.models.layers.residual import start_small
from maxsight_core.models.layers.tokens import double, halve
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_SIDE

WIDTH, ATTENTION_HEADS = CONTEXT_SIZE, 12
"""ViT-B's width and heads."""
COARSE_SIDE = MAP_SIDE // 2


class CrossAttentionLayer(nn.Module):
    """Cross-attention, then self-attention, then the feed-forward network, each added to the queries.

    Args:
        width: of all tokens. heads: a divisor of it.

    Input: queries [B, Q, width], memory [B, N, width], and optionally a bias, added to the logits over the memory, that
    broadcasts to [B, heads, Q, N]. Output: [B, Q, width].
    """

    def __init__(self, width: int = WIDTH, heads: int = ATTENTION_HEADS) -> None:
        super().__init__()
        self.cross_norm, self.memory_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.cross = MaskedAttention(width, heads)
        self.own_norm = nn.LayerNorm(width)
        self.own = MaskedAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width)
        start_small(self.cross.out, self.own.out, self.feed[-1])

    def forward(self, queries: Tensor, memory: Tensor, bias: Tensor | None = None) -> Tensor:
        queries = queries + self.cross(self.cross_norm(queries), self.memory_norm(memory), bias)
        normed = self.own_norm(queries)
        queries = queries + self.own(normed, normed)
        return queries + self.feed(self.feed_norm(queries))


class CrossAttentionFusion(nn.Module):
    """Two rounds in which either side reads the other; four layers, 38 M parameters.

    The first round asks on 7 x 7 places, the second one on 14 x 14; the transformer's side asks with its class token
    and 7 x 7 mean patches throughout. What is asked is always whole. So it costs half of four full layers.

    Input: cnn [B, 196, 768], vit [B, 197, 768], class token first.
    Output: cnn [B, 196, 768], vit [B, 197, 768], of the same order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.coarse_cnn = CrossAttentionLayer()
        self.coarse_vit = CrossAttentionLayer()
        self.fine_cnn = CrossAttentionLayer()
        self.fine_vit = CrossAttentionLayer()

    def forward(self, cnn: Tensor, vit: Tensor) -> tuple[Tensor, Tensor]:
        coarse = halve(cnn, MAP_SIDE)  # [B, 49, 768]
        learned = self.coarse_cnn(coarse, vit) - coarse
        vit = _ask(self.coarse_vit, vit, cnn)
        cnn = cnn + double(learned, COARSE_SIDE)
        return self.fine_cnn(cnn, vit), _ask(self.fine_vit, vit, cnn)


def _ask(layer: CrossAttentionLayer, vit: Tensor, cnn: Tensor) -> Tensor:
    """What the class token and the 7 x 7 mean patches learn from the grid, added to all of [B, 197, 768]."""
    first, patches = vit[:, :1], vit[:, 1:]
    summary = torch.cat((first, halve(patches, MAP_SIDE)), dim=1)  # [B, 50, 768]
    learned = layer(summary, cnn) - summary
    return vit + torch.cat((learned[:, :1], double(learned[:, 1:], COARSE_SIDE)), dim=1)
