"""Seeing and hearing together: sound asks where in the picture it comes from, the picture asks what is heard.

Cross-modal attention in both directions (Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language
Sequences", ACL 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.fusion.cross_attention import ATTENTION_HEADS, WIDTH
from maxsight_core.models.layers.bounded_scale import BoundedScale
from maxsight_core.models.layers.masked_attention import FeedForward, MaskedAttention
from maxsight_core.models.layers.residual import start_small
from maxsight_core.models.layers.tokens import learned_tokens, map_to_tokens
from maxsight_core.models.stage_b_contract import MAP_CHANNELS, MAP_SIDE


class CrossModalLayer(nn.Module):
    """One direction: queries [B, Q, 768] read memory [B, N, 768], then a feed-forward network -> [B, Q, 768]."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.memory_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = MaskedAttention(WIDTH, ATTENTION_HEADS)
        self.feed_norm = nn.LayerNorm(WIDTH)
        self.feed = FeedForward(WIDTH)
        start_small(self.attention.out, self.feed[-1])

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:
        queries = queries + self.attention(self.norm(queries), self.memory_norm(memory))
        return queries + self.feed(self.feed_norm(queries))


class CrossModalAttention(nn.Module):
    """Audio tokens read the picture, then the picture's context reads them.

    Input: scene [B, 768], grid [B, 256, 14, 14], audio_tokens [B, 16, 768], audio_valid [B, 1] of 0 and 1.
    Output: ``scene_heard`` [B, 768]: the scene with what was heard; bit for bit the scene where sound is missing.
    ``audio_context`` [B, 768]: the sound with where it may come from; exactly 0 where it is missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(MAP_CHANNELS, WIDTH, kernel_size=1)
        self.positions = learned_tokens(1, MAP_SIDE * MAP_SIDE, WIDTH)
        self.audio_reads = CrossModalLayer()
        self.scene_reads = CrossModalLayer()
        self.scene_norm = nn.LayerNorm(WIDTH)
        self.scale = BoundedScale()
        self.audio_norm = nn.LayerNorm(WIDTH)
        self.audio_leave = nn.Linear(WIDTH, WIDTH)

    def forward(self, scene: Tensor, grid: Tensor, audio_tokens: Tensor, audio_valid: Tensor) -> dict[str, Tensor]:
        heard = audio_valid > 0.5  # [B, 1]
        places = map_to_tokens(self.enter(grid)) + self.positions  # [B, 196, 768]
        seen = torch.cat((scene[:, None, :], places), dim=1)
        placed = self.audio_reads(audio_tokens, seen)  # [B, 16, 768]
        read = self.scene_norm(self.scene_reads(scene[:, None, :], placed)[:, 0])
        context = self.audio_leave(self.audio_norm(placed.mean(dim=1)))
        return {  # chosen, not weighted: a product with 0 would not keep the bits of every number
            "scene_heard": torch.where(heard, scene + self.scale(read), scene),
            "audio_context": torch.where(heard, context, torch.zeros_like(context)),
        }
