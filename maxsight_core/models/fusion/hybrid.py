"""The picture as one vector and one 14 x 14 map: from the pyramid alone, or from pyramid and transformer together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.fusion.cross_attention import CrossAttentionFusion
from maxsight_core.models.fusion.weighted import WeightedFusion
from maxsight_core.models.layers.bounded_scale import BoundedScale
from maxsight_core.models.layers.tokens import learned_tokens, map_to_tokens, tokens_to_map
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS, MAP_SIDE

ALL_LEVELS = 4 * MAP_CHANNELS
"""Channels of the four levels side by side, and of their means: the description's 1024."""
LOCATIONS = MAP_SIDE * MAP_SIDE


def level_means(*levels: Tensor) -> Tensor:
    """The mean of every channel of every level: p2..p5 -> [B, 1024]."""
    return torch.cat([level.mean(dim=(2, 3)) for level in levels], dim=1)


def on_grid(p2: Tensor, p3: Tensor, p4: Tensor, p5: Tensor) -> Tensor:
    """The four levels side by side at P4's size, [B, 1024, 14, 14]: finer ones averaged, the coarser one repeated."""
    coarse = F.interpolate(p5, scale_factor=2.0, mode="nearest")
    return torch.cat((F.avg_pool2d(p2, 4), F.avg_pool2d(p3, 2), p4, coarse), dim=1)


class SceneFromMeans(nn.Sequential):
    """Level means [B, 1024] -> [B, 768], zero mean and unit variance over the 768 before training."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(ALL_LEVELS, CONTEXT_SIZE), nn.LayerNorm(CONTEXT_SIZE))


class CnnContext(nn.Module):
    """Context of the tier without a transformer.

    Input: p2..p5 [B, 256, 56 | 28 | 14 | 7, same]. Output: ``scene`` [B, 768]; ``grid`` [B, 256, 14, 14], P4 with
    something of the other levels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = SceneFromMeans()
        self.mix = nn.Conv2d(ALL_LEVELS, MAP_CHANNELS, kernel_size=1)
        self.scale = BoundedScale()

    def forward(self, p2: Tensor, p3: Tensor, p4: Tensor, p5: Tensor) -> dict[str, Tensor]:
        return {"scene": self.scene(level_means(p2, p3, p4, p5)),
                "grid": p4 + self.scale(self.mix(on_grid(p2, p3, p4, p5)))}


class HybridFusion(nn.Module):
    """Pyramid and transformer brought together, both of the system description's ways.

    The grid's places and the patches read one another (:class:`CrossAttentionFusion`); the context is the weighted sum
    (:class:`WeightedFusion`) of the levels' means and of the class token after that reading.

    Input: p2..p5 [B, 256, 56 | 28 | 14 | 7, same], tokens [B, 197, 768], class token first.
    Output: ``scene`` [B, 768]; ``grid`` [B, 256, 14, 14], P4 with what its places and the patches learned.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(ALL_LEVELS, CONTEXT_SIZE)
        self.positions = learned_tokens(1, LOCATIONS, CONTEXT_SIZE)
        self.read = CrossAttentionFusion()
        self.leave = nn.Conv2d(CONTEXT_SIZE, MAP_CHANNELS, kernel_size=1)
        self.grid_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.scale = BoundedScale()
        self.cnn_scene = SceneFromMeans()
        self.vit_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.weigh = WeightedFusion()

    def forward(self, p2: Tensor, p3: Tensor, p4: Tensor, p5: Tensor, tokens: Tensor) -> dict[str, Tensor]:
        places = self.enter(map_to_tokens(on_grid(p2, p3, p4, p5))) + self.positions  # [B, 196, 768]
        places, patches = self.read(places, tokens)
        learned = self.grid_norm(places + patches[:, 1:])
        scene = self.weigh(self.cnn_scene(level_means(p2, p3, p4, p5)), self.vit_norm(patches[:, 0]))
        return {"scene": scene, "grid": p4 + self.scale(self.leave(tokens_to_map(learned, MAP_SIDE)))}
