"""Every head its own context, and the heads know of one another.

Learned queries that read by cross-attention and then attend to one another are those of DETR (Carion et al., ECCV
2020); one query for each task is the system description's cross-task attention.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.fusion.cross_attention import WIDTH, CrossAttentionLayer
from maxsight_core.models.layers.bounded_scale import BoundedScale
from maxsight_core.models.layers.masked_attention import absence_bias
from maxsight_core.models.layers.tokens import learned_tokens, map_to_tokens
from maxsight_core.models.stage_b_contract import MAP_CHANNELS, MAP_SIDE

LAYERS = 2
LOCATIONS = MAP_SIDE * MAP_SIDE


class CrossTaskAttention(nn.Module):
    """One learned query per reading head reads the sources and the grid, then the queries read one another.

    Args:
        readers: names of the heads that read a context, at least one, each once. sources: number of contexts that are
            read, at least 1.

    Input, positional: ``sources`` tensors [B, 768], the most important first, and grid [B, 256, 14, 14]. A source of
    zeros only is missing and is not read; the first one must be there.

    Output: ``context_<head>`` [B, 768] for every reader: the first source with a little of its own to start with.

    Raises:
        ValueError: no reader, a reader twice, or no source.
    """

    def __init__(self, readers: tuple[str, ...], sources: int) -> None:
        super().__init__()
        if not readers or len(set(readers)) != len(readers):
            raise ValueError(f"CrossTaskAttention: expected names of heads, each once; got {readers!r}")
        if sources < 1:
            raise ValueError(f"CrossTaskAttention: expected at least one source of context; got {sources}")
        self.readers, self.sources = tuple(readers), sources
        self.queries = learned_tokens(1, len(readers), WIDTH)
        self.source_kinds = learned_tokens(1, sources, WIDTH)
        self.enter = nn.Conv2d(MAP_CHANNELS, WIDTH, kernel_size=1)
        self.positions = learned_tokens(1, LOCATIONS, WIDTH)
        self.layers = nn.ModuleList(CrossAttentionLayer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.scale = BoundedScale()

    def forward(self, *tensors: Tensor) -> dict[str, Tensor]:
        if len(tensors) != self.sources + 1:
            raise ValueError(f"CrossTaskAttention: expected {self.sources} contexts and the grid; got {len(tensors)} "
                             "tensors")
        *sources, grid = tensors
        known = torch.stack(sources, dim=1)  # [B, sources, 768]
        places = map_to_tokens(self.enter(grid)) + self.positions  # [B, 196, 768]
        there = (known.abs().amax(dim=2) > 0.0).to(places.dtype)  # [B, sources]
        bias = absence_bias(torch.cat((there, torch.ones_like(places[:, :, 0])), dim=1))  # [B, 1, 1, sources + 196]
        memory = torch.cat((known + self.source_kinds, places), dim=1)
        tasks = self.queries.expand(places.shape[0], -1, -1)  # [B, readers, 768]
        for layer in self.layers:
            tasks = layer(tasks, memory, bias)
        contexts = sources[0][:, None, :] + self.scale(self.norm(tasks))
        return {f"context_{reader}": context
                for reader, context in zip(self.readers, contexts.unbind(dim=1), strict=True)}
