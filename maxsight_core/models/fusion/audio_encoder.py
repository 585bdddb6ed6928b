"""One second of sound as sixteen tokens. A transformer encoder (Vaswani et al., "Attention is all you need", 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.masked_attention import SelfAttentionLayer
from maxsight_core.models.layers.tokens import learned_tokens
from maxsight_core.models.stage_b_contract import AUDIO_SIZE, CONTEXT_SIZE

AUDIO_TOKENS = 16
WIDTH, ATTENTION_HEADS, LAYERS = 512, 8, 3
"""Narrower than the picture's 768: sixteen tokens of one second carry less."""


class AudioEncoder(nn.Module):
    """MFCC to tokens, each of which sees all the numbers.

    The numbers are compressed by asinh first, linear near 0 and logarithmic beyond: the first coefficient is loudness
    and tens of times the others.

    Input: audio [B, 128], any finite numbers; audio_valid [B, 1], 1: recorded, 0: missing.
    Output: ``audio_tokens`` [B, 16, 768], exactly 0 where the sound is missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(AUDIO_SIZE, AUDIO_TOKENS * WIDTH)
        self.positions = learned_tokens(1, AUDIO_TOKENS, WIDTH)
        self.layers = nn.Sequential(*(SelfAttentionLayer(WIDTH, ATTENTION_HEADS) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, CONTEXT_SIZE)

    def forward(self, audio: Tensor, audio_valid: Tensor) -> dict[str, Tensor]:
        heard = audio_valid > 0.5  # [B, 1]
        calm = torch.asinh(torch.where(heard, audio, torch.zeros_like(audio)))
        tokens = self.enter(calm).unflatten(1, (AUDIO_TOKENS, WIDTH)) + self.positions  # [B, 16, 512]
        tokens = self.leave(self.norm(self.layers(tokens)))
        return {"audio_tokens": torch.where(heard[:, :, None], tokens, torch.zeros_like(tokens))}
