"""The scene in words, all positions at once, so that the time is bounded whatever is said.

A transformer decoder without causal mask over learned position queries, trained with CTC: repeated and blank words are
removed (Libovicky and Helcl, "End-to-end non-autoregressive neural machine translation with connectionist temporal
classification", 2018; CTC: Graves et al. 2006; learned queries: Carion et al., DETR, 2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.blank_first import BlankFirstClassifier
from maxsight_core.models.layers.masked_attention import DecoderLayer, absence_bias
from maxsight_core.models.scene_graph import NODE_SIZE
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS, MAP_SIDE, WORD_STEPS
from maxsight_core.models.words import WORDS

WIDTH, HEADS, LAYERS = 512, 8, 5
QUERY_STD, POSITION_STD = 1.0, 0.02
"""Queries differ from one another from the start, or all positions would say the same word; places only tint."""


class SceneDescriptionHead(nn.Module):
    """What there is to say of a picture.

    Input: grid [B, 256, 14, 14]; node_embeddings [B, 16, 256]; box_valid [B, 16] of 0 and 1; context [B, 768].

    Output: word_logits [B, 24, words + 1], blank first, for :func:`maxsight_core.models.reading.read_words`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(1, WORD_STEPS, WIDTH) * QUERY_STD)
        self.places = nn.Parameter(torch.randn(1, MAP_SIDE * MAP_SIDE, WIDTH) * POSITION_STD)
        self.grid = nn.Linear(MAP_CHANNELS, WIDTH)
        self.nodes = nn.Linear(NODE_SIZE, WIDTH)
        self.context = nn.Linear(CONTEXT_SIZE, WIDTH)
        self.memory_norm = nn.LayerNorm(WIDTH)
        self.layers = nn.ModuleList(DecoderLayer(WIDTH, HEADS) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.words = BlankFirstClassifier(WIDTH, len(WORDS) + 1)

    def forward(self, grid: Tensor, node_embeddings: Tensor, box_valid: Tensor, context: Tensor) -> dict[str, Tensor]:
        seen = self.grid(grid.flatten(2).transpose(1, 2)) + self.places  # [B, 256, 14, 14] -> [B, 196, 512]
        nodes = self.nodes(node_embeddings * box_valid[..., None])  # [B, 16, 512]
        memory = self.memory_norm(torch.cat((seen, self.context(context)[:, None], nodes), dim=1))  # [B, 213, 512]
        always = torch.ones_like(seen[..., 0], dtype=box_valid.dtype)  # [B, 196]
        bias = absence_bias(torch.cat((always, always[:, :1], box_valid), dim=1))  # [B, 1, 1, 213]
        queries = self.queries.expand(grid.shape[0], -1, -1)
        for layer in self.layers:
            queries = layer(queries, memory, bias)
        return {"word_logits": self.words(self.norm(queries))}
