"""What happened over the last eight frames, from Stage A's maps and nothing else (architectural guarantee 3).

A ConvLSTM follows every place of the 14 x 14 maps; divided space-time attention then relates 7 x 7 places over time and
space. The wide blocks work for the newest frame only, whose context is asked for: a quarter of the arithmetic.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.masked_attention import FeedForward
from maxsight_core.models.layers.residual import start_small
from maxsight_core.models.layers.tokens import learned_tokens, tokens_to_map
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, MAP_CHANNELS, MAP_HISTORY, MAP_SIDE, STAGE_A_CHANNELS
from maxsight_core.models.temporal.conv_lstm import ConvLSTM
from maxsight_core.models.temporal.space_time import DividedSpaceTimeBlock

ENTRY_CHANNELS = 192
"""A quarter of Stage A's map: enough to follow, and the ConvLSTM's cost grows with it."""
LSTM_CHANNELS: tuple[int, ...] = (64, 64)
PLACE_WIDTH, PLACE_HEADS, PLACE_BLOCKS = 256, 8, 2
"""Blocks over all eight frames; 256 is entry and ConvLSTM side by side."""
NEWEST_WIDTH, NEWEST_HEADS, NEWEST_BLOCKS = CONTEXT_SIZE, 12, 3
"""Blocks for the newest frame; ViT-B's size."""
COARSE_SIDE = MAP_SIDE // 2
PLACES = COARSE_SIDE * COARSE_SIDE


class TemporalEncoder(nn.Module):
    """Stage A's last maps to motion and context.

    Args:
        frames: T, how many maps there are.

    Input: stage_a_maps [B, T, 768, 14, 14], newest last; map_valid [B, T], 0 for frames before the session's
    beginning, which have no influence whatever they hold.
    Output: ``motion_features`` [B, 256, 14, 14]; ``temporal_context`` [B, 768].
    """

    def __init__(self, frames: int = MAP_HISTORY["T5"]) -> None:
        super().__init__()
        self.enter = nn.Conv2d(STAGE_A_CHANNELS, ENTRY_CHANNELS, kernel_size=1)
        self.lstm = ConvLSTM(ENTRY_CHANNELS, LSTM_CHANNELS)
        followed = ENTRY_CHANNELS + LSTM_CHANNELS[-1]
        self.merge = nn.Conv2d(followed, PLACE_WIDTH, kernel_size=2, stride=2)
        self.places = learned_tokens(1, 1, PLACES, PLACE_WIDTH)
        self.times = learned_tokens(1, frames, 1, PLACE_WIDTH)
        self.blocks = nn.ModuleList(DividedSpaceTimeBlock(PLACE_WIDTH, PLACE_HEADS) for _ in range(PLACE_BLOCKS))
        self.widen = nn.Linear(PLACE_WIDTH, NEWEST_WIDTH)
        self.newest_blocks = nn.ModuleList(DividedSpaceTimeBlock(NEWEST_WIDTH, NEWEST_HEADS, PLACE_WIDTH)
                                           for _ in range(NEWEST_BLOCKS))
        self.norm = nn.LayerNorm(NEWEST_WIDTH)
        self.context = FeedForward(NEWEST_WIDTH)
        self.context_norm = nn.LayerNorm(NEWEST_WIDTH)
        self.narrow = nn.Linear(NEWEST_WIDTH, MAP_CHANNELS)
        self.motion = nn.Conv2d(followed + MAP_CHANNELS, MAP_CHANNELS, kernel_size=3, padding=1)
        start_small(self.context[-1])

    def forward(self, stage_a_maps: Tensor, map_valid: Tensor) -> dict[str, Tensor]:
        followed = self._follow(stage_a_maps, map_valid)  # [B, T, 256, 14, 14]
        newest = self._relate(followed, map_valid)  # [B, 49, 768]
        mean = newest.mean(dim=1)
        coarse = tokens_to_map(self.narrow(newest), COARSE_SIDE)  # [B, 256, 7, 7]
        fine = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        return {"motion_features": self.motion(torch.cat((followed[:, -1], fine), dim=1)),
                "temporal_context": self.context_norm(mean + self.context(mean))}

    def _follow(self, stage_a_maps: Tensor, map_valid: Tensor) -> Tensor:
        """Every frame's map beside what the ConvLSTM remembers after it."""
        there = (map_valid > 0.5)[:, :, None, None, None]
        maps = torch.where(there, stage_a_maps, torch.zeros_like(stage_a_maps))
        batch, frames = maps.shape[:2]
        entered = F.relu(self.enter(maps.flatten(0, 1))).unflatten(0, (batch, frames))  # [B, T, 192, 14, 14]
        return torch.cat((entered, self.lstm(entered, map_valid)), dim=2)

    def _relate(self, followed: Tensor, map_valid: Tensor) -> Tensor:
        """The newest frame's places, having seen all valid frames and one another."""
        batch, frames = followed.shape[:2]
        merged = self.merge(followed.flatten(0, 1)).flatten(2).transpose(1, 2)  # [B * T, 49, 256]
        tokens = merged.unflatten(0, (batch, frames)) + self.places + self.times
        for block in self.blocks:
            tokens = block(tokens, map_valid)
        newest = self.widen(tokens[:, -1:])  # [B, 1, 49, 768]
        for block in self.newest_blocks:
            newest = block(newest, map_valid, tokens)
        return self.norm(newest[:, 0])
