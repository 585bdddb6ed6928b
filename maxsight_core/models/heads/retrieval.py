"""Vectors to look up: one for the scene, four for what it is made of.

Scenes are compared by the angle between unit vectors (Radenovic et al., "Fine-tuning CNN image retrieval with no human
annotation", TPAMI 2019). Concepts are read by learned queries, tinted by the
context (Carion et al., "DETR", ECCV 2020).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, mean_and_peak
from maxsight_core.models.layers.masked_attention import MaskedAttention
from maxsight_core.models.layers.tokens import learned_tokens, map_to_tokens
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS, MAP_SIDE

VECTOR = 256
CONCEPTS, ATTENTION_HEADS = 4, 8
SCENE_HIDDEN, CONCEPT_HIDDEN = 480, 512
QUERY_STD = 1.0
"""Queries differ from one another from the start, or all concepts would be the same one."""
SMALLEST_NORM = 1e-6
"""Keeps a vector of zeros, which has no direction, at zeros."""


class RetrievalHead(nn.Module):
    """Input: grid [B, 256, 14, 14], context [B, 768].

    Output: scene_vector [B, 256] and concept_vectors [B, 4, 256], unit vectors.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(MAP_CHANNELS)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.scene = nn.Sequential(nn.Linear(2 * MAP_CHANNELS + CONTEXT_SIZE, SCENE_HIDDEN), nn.GELU(),
                                   nn.Linear(SCENE_HIDDEN, VECTOR))
        self.queries = nn.Parameter(torch.randn(1, CONCEPTS, MAP_CHANNELS) * QUERY_STD)
        self.tint = nn.Linear(CONTEXT_SIZE, MAP_CHANNELS, bias=False)
        self.places = learned_tokens(1, MAP_SIDE * MAP_SIDE, MAP_CHANNELS)
        self.attention = MaskedAttention(MAP_CHANNELS, ATTENTION_HEADS)
        self.concept = nn.Sequential(nn.LayerNorm(MAP_CHANNELS), nn.Linear(MAP_CHANNELS, CONCEPT_HIDDEN), nn.GELU(),
                                     nn.Linear(CONCEPT_HIDDEN, VECTOR))

    def forward(self, grid: Tensor, context: Tensor) -> dict[str, Tensor]:
        features, whole = self.norm(grid), self.context_norm(context)
        scene = self.scene(torch.cat((mean_and_peak(features), whole), dim=1))  # [B, 256]
        queries = self.queries + self.tint(whole)[:, None]  # [B, 4, 256]
        found = queries + self.attention(queries, map_to_tokens(features) + self.places)
        return {"scene_vector": unit(scene), "concept_vectors": unit(self.concept(found))}


def unit(vectors: Tensor) -> Tensor:
    """[..., N] divided by its length, in 32 bits (squares of half precision overflow); zeros stay zeros."""
    return F.normalize(vectors.float(), dim=-1, eps=SMALLEST_NORM)
