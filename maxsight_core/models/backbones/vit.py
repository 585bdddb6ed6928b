"""ViT-B/16 in four parts, each of which first takes in one level of the convolutional pyramid.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, in torchvision's form (``vit_b_16``: pre-norm, learned
positions, class token first, exact GELU), so that published weights load
(``maxsight_core.models.published.load_vit_b_16``) and keep their meaning: the additions start small.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.bounded_scale import BoundedScale
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, INPUT_SIDE_PX, MAP_CHANNELS, MAP_SIDE

PATCH_PX = 16
WIDTH, ATTENTION_HEADS, HIDDEN = CONTEXT_SIZE, 12, 3072
"""Size of ViT-B (Dosovitskiy et al. 2021, table 1)."""
NORM_EPS = 1e-6
"""torchvision's and the original's, not PyTorch's default 1e-5."""
PARTS, BLOCKS_PER_PART = 4, 3
POSITION_STD = 0.02
"""Spread of new position embeddings and of new projections, as torchvision's and the original's."""
LEVEL_SIDES: tuple[int, ...] = (56, 28, 14, 7)
"""Side at 224 px of the pyramid level that each part reads: f2, f3, f4, f5."""


class PatchEmbedding(nn.Module):
    """A picture as a class token and 14 x 14 patch tokens with their positions.

    Input: [B, 3, 224, 224], ImageNet-normalised. Output: ``tokens_0`` [B, 197, 768], class token first, then the
    patches row by row.
    """

    def __init__(self) -> None:
        super().__init__()
        patches = (INPUT_SIDE_PX // PATCH_PX) ** 2
        self.projection = nn.Conv2d(3, WIDTH, kernel_size=PATCH_PX, stride=PATCH_PX)
        self.class_token = nn.Parameter(torch.empty(1, 1, WIDTH).normal_(std=POSITION_STD))
        self.positions = nn.Parameter(torch.empty(1, patches + 1, WIDTH).normal_(std=POSITION_STD))
        nn.init.trunc_normal_(self.projection.weight, std=(3 * PATCH_PX * PATCH_PX) ** -0.5)  # fan in, as torchvision
        nn.init.zeros_(self.projection.bias)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        patches = self.projection(images).flatten(2).transpose(1, 2)  # [B, 768, 14, 14] -> [B, 196, 768]
        first = self.class_token.expand(patches.shape[0], -1, -1)  # [B, 1, 768]
        return {"tokens_0": torch.cat((first, patches), dim=1) + self.positions}


class VitBlock(nn.Module):
    """One pre-norm transformer block: ``x + attention(norm(x))``, then ``x + mlp(norm(x))``.

    Input and output: [B, N, 768].
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        self.attention_out = nn.Linear(WIDTH, WIDTH)
        self.norm_2 = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.mlp_in = nn.Linear(WIDTH, HIDDEN)
        self.mlp_out = nn.Linear(HIDDEN, WIDTH)
        for layer in (self.query_key_value, self.attention_out, self.mlp_in, self.mlp_out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self._attend(self.norm_1(tokens))
        return tokens + self.mlp_out(F.gelu(self.mlp_in(self.norm_2(tokens))))

    def _attend(self, tokens: Tensor) -> Tensor:
        batch, count, _ = tokens.shape
        split = self.query_key_value(tokens).reshape(batch, count, 3, ATTENTION_HEADS, WIDTH // ATTENTION_HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)  # each [B, 12, N, 64]
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.attention_out(mixed.transpose(1, 2).reshape(batch, count, WIDTH))


class LevelInjection(nn.Module):
    """Adds one level of the pyramid to the patch tokens (CNN -> ViT); the class token meets it by attention.

    Averaged to the patches' 14 x 14 first and projected then: the two commute, and this order costs a sixteenth.

    Args:
        side: of the level at 224 px: 56, 28, 14 or 7.

    Input: tokens [B, 197, 768], level [B, 256, side, side]. Output: tokens [B, 197, 768].
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        if side >= MAP_SIDE:
            self.to_patches: nn.Module = nn.AvgPool2d(side // MAP_SIDE) if side > MAP_SIDE else nn.Identity()
        else:
            self.to_patches = nn.Upsample(scale_factor=MAP_SIDE // side, mode="nearest")
        self.project = nn.Conv2d(MAP_CHANNELS, WIDTH, kernel_size=1)
        nn.init.trunc_normal_(self.project.weight, std=POSITION_STD)
        nn.init.zeros_(self.project.bias)
        self.scale = BoundedScale()

    def forward(self, tokens: Tensor, level: Tensor) -> Tensor:
        patches = self.project(self.to_patches(level)).flatten(2).transpose(1, 2)  # [B, 196, 768]
        return torch.cat((tokens[:, :1], tokens[:, 1:] + self.scale(patches)), dim=1)


class VitBlocks(nn.Module):
    """Three of the twelve blocks, after one pyramid level was taken in; the last part ends with the final norm.

    Args:
        part: 0, 1, 2 or 3; it reads f2, f3, f4 or f5.

    Input: tokens [B, 197, 768], level [B, 256, s, s] with s = 56, 28, 14 or 7.
    Output: ``tokens_1``, ``tokens_2``, ``tokens_3`` or, of the last part, ``tokens`` [B, 197, 768].

    Raises:
        ValueError: another part.
    """

    def __init__(self, part: int) -> None:
        super().__init__()
        if part not in range(PARTS):
            raise ValueError(f"VitBlocks: expected a part of 0..{PARTS - 1}; got {part!r}")
        last = part == PARTS - 1
        self.gives = "tokens" if last else f"tokens_{part + 1}"
        self.injection = LevelInjection(LEVEL_SIDES[part])
        self.blocks = nn.Sequential(*(VitBlock() for _ in range(BLOCKS_PER_PART)))
        self.norm = nn.LayerNorm(WIDTH, eps=NORM_EPS) if last else nn.Identity()

    def forward(self, tokens: Tensor, level: Tensor) -> dict[str, Tensor]:
        return {self.gives: self.norm(self.blocks(self.injection(tokens, level)))}
