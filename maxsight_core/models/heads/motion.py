"""How the picture moves: optical flow from the temporal features, refined along what the picture shows.

A coarse flow is brought to the fine map by learned convex combinations of its neighbours, so that it breaks at the
borders of things, then corrected by the fine map's features (Teed and Deng, "RAFT", ECCV 2020; coarse to fine as in
Sun et al., "PWC-Net", CVPR 2018).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import ChannelNorm, MapReadout
from maxsight_core.models.stage_b_contract import DENSE_CHANNELS, DENSE_SIDE, MAP_CHANNELS, MAP_SIDE

STEP = DENSE_SIDE // MAP_SIDE
"""Fine locations per coarse one, each way."""
NEIGHBOURS = 9
WEIGHT_CHANNELS, FINE_CHANNELS = 320, 96
NO_FLOW = (0.0, 0.0)


class MotionHead(nn.Module):
    """Input: motion_features [B, 256, 14, 14], dense [B, 128, 56, 56].

    Output: scene_motion [B, 2, 56, 56] pixels a frame at 224 px, u to the right, v down; about 0 before training. Not
    bounded: a fast turn moves a picture by half its width.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(MAP_CHANNELS)
        self.first = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=3, padding=1)
        self.second = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=3, padding=1)
        self.coarse = MapReadout(MAP_CHANNELS, NO_FLOW)
        self.weights_hidden = nn.Conv2d(MAP_CHANNELS, WEIGHT_CHANNELS, kernel_size=3, padding=1)
        self.weights = MapReadout(WEIGHT_CHANNELS, (0.0,) * (NEIGHBOURS * STEP * STEP))
        self.dense_norm = ChannelNorm(DENSE_CHANNELS)
        self.fine_in = nn.Conv2d(DENSE_CHANNELS + 2, FINE_CHANNELS, kernel_size=1)
        self.fine_around = nn.Conv2d(FINE_CHANNELS, FINE_CHANNELS, kernel_size=3, padding=1, groups=FINE_CHANNELS)
        self.fine = MapReadout(FINE_CHANNELS, NO_FLOW)

    def forward(self, motion_features: Tensor, dense: Tensor) -> dict[str, Tensor]:
        features = F.gelu(self.second(F.gelu(self.first(self.norm(motion_features)))))
        weights = self.weights(F.gelu(self.weights_hidden(features)))
        flow = convex_upsample(self.coarse(features), weights)  # [B, 2, 56, 56]
        shown = self.dense_norm(dense)
        fine = F.gelu(self.fine_in(torch.cat((shown, flow.to(shown.dtype)), dim=1)))
        return {"scene_motion": flow + self.fine(F.gelu(self.fine_around(fine)))}


def convex_upsample(flow: Tensor, logits: Tensor) -> Tensor:
    """Every fine location a weighted mean of the nine coarse ones about it.

    Args:
        flow: [B, 2, h, w], fine pixels a frame; beyond the border it repeats. logits: [B, 9 * 16, h, w].

    Returns:
        [B, 2, 4h, 4w]
    """
    height, width = flow.shape[2:]
    padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    around = torch.stack([padded[:, :, row:row + height, column:column + width]
                          for row in range(3) for column in range(3)], dim=2)  # [B, 2, 9, h, w]
    weights = logits.unflatten(1, (NEIGHBOURS, -1)).softmax(dim=1)  # [B, 9, 16, h, w]
    mixed = (around[:, :, :, None] * weights[:, None]).sum(dim=2)  # [B, 2, 16, h, w]
    return F.pixel_shuffle(mixed.flatten(1, 2), STEP)
