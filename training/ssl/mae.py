"""A masked autoencoder for the transformer of Stage B: it sees a quarter of the patches and paints the others.

He et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022. The transformer learns alone: what it later
takes in from the pyramid starts near nothing (``LevelInjection``), so its weights keep their meaning.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.backbones.vit import PARTS, PATCH_PX, WIDTH, PatchEmbedding, VitBlocks
from training.ssl.config import HIDDEN_SHARE
from training.ssl.masks import hidden_patches, hidden_pixel_loss

DECODER_WIDTH, DECODER_HEADS, DECODER_DEPTH = 256, 8, 2
"""Narrow and short: for fine-tuning one block is as good as eight (He et al. 2022, table 1a)."""
FREQUENCY_BASE = 10000.0
"""Of sine positions (Vaswani et al. 2017)."""


class VitMae(nn.Module):
    """Encoder and decoder; ``embedding`` and ``parts`` are those of a Stage B.

    Args:
        embedding: the patches' embedding. parts: ``vit_1``..``vit_4``; their injections are not used. share: hidden.

    Input: [1, B, 3, 224, 224], normalised. Output: ``pixels``, the loss.
    """

    def __init__(
        self, embedding: PatchEmbedding | None = None, parts: list[VitBlocks] | None = None,
        share: float = HIDDEN_SHARE["vit"],
    ) -> None:
        super().__init__()
        self.embedding = embedding or PatchEmbedding()
        self.parts = nn.ModuleList(parts or [VitBlocks(number) for number in range(PARTS)])
        self.share = share
        self.side = round((self.embedding.positions.shape[1] - 1) ** 0.5)
        self.narrow = nn.Linear(WIDTH, DECODER_WIDTH)
        self.hidden_token = nn.Parameter(torch.randn(1, 1, DECODER_WIDTH) * 0.02)
        self.register_buffer("places", sine_positions(self.side, DECODER_WIDTH), persistent=False)
        self.decoder = nn.Sequential(*(
            nn.TransformerEncoderLayer(DECODER_WIDTH, DECODER_HEADS, 4 * DECODER_WIDTH, dropout=0.0, activation="gelu",
                                       batch_first=True, norm_first=True) for _ in range(DECODER_DEPTH)))
        self.paint = nn.Sequential(nn.LayerNorm(DECODER_WIDTH), nn.Linear(DECODER_WIDTH, 3 * PATCH_PX**2))

    def forward(self, views: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        images = views[0]
        hidden = hidden_patches(len(images), self.side, self.share, generator).to(images.device)
        tokens, shown = self.encode(images, hidden)
        return {"pixels": hidden_pixel_loss(self.decode(tokens, shown), images, hidden)}

    def encode(self, images: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(class token and visible tokens [B, 1 + n, 768], the visible patches' numbers [B, n])."""
        count = int((~hidden[0]).sum())
        shown = (~hidden).flatten(1).nonzero()[:, 1].reshape(len(images), count)  # [B, n], in reading order
        tokens = self.embedding(images)["tokens_0"]  # [B, 197, 768]
        first, patches = tokens[:, :1], tokens[:, 1:]
        seen = patches.gather(1, shown[:, :, None].expand(-1, -1, WIDTH))
        tokens = torch.cat((first, seen), dim=1)
        for part in self.parts:
            tokens = part.norm(part.blocks(tokens))
        return tokens, shown

    def decode(self, tokens: Tensor, shown: Tensor) -> Tensor:
        """[B, 196, 768] what it says about the pixels of every patch."""
        known = self.narrow(tokens)
        batch, width = len(known), known.shape[2]
        patches = self.hidden_token.to(known.dtype).expand(batch, self.side**2, -1)
        patches = patches.scatter(1, shown[:, :, None].expand(-1, -1, width), known[:, 1:])
        whole = torch.cat((known[:, :1], patches + self.places.to(known.dtype)), dim=1)
        return self.paint(self.decoder(whole)[:, 1:])


def sine_positions(side: int, width: int) -> Tensor:
    """[side * side, width]: sines and cosines of the row in one half, of the column in the other."""
    speeds = FREQUENCY_BASE ** -(torch.arange(width // 4) / (width / 4))
    angles = torch.arange(side)[:, None] * speeds[None, :]  # [side, width / 4]
    waves = torch.cat((angles.sin(), angles.cos()), dim=1)  # [side, width / 2]
    rows = waves[:, None].expand(side, side, -1)
    return torch.cat((rows, rows.transpose(0, 1)), dim=2).reshape(side * side, width)
