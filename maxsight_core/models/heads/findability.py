"""How easily a normal observer would notice what lies at each place, and each detected thing.

A learned form of visual clutter and saliency (Rosenholtz et al., "Measuring visual clutter", Journal of Vision 2007;
Itti et al. 1998). Whose eyes look is not among its inputs: for a person with a vision profile the measured
estimator answers instead.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import (
    BoxReader,
    ChannelNorm,
    MapReadout,
    Modulation,
    Readout,
    logit,
    presence,
    where_present,
)
from maxsight_core.models.stage_b_contract import MAP_CHANNELS

BOX_HIDDEN = 256
FIRST_CHANCE = 0.5


class FindabilityHead(nn.Module):
    """Input: grid [B, 256, 14, 14], box_features [B, 16, 256], context [B, 768].

    Output: findability [B, 196], 0..1, row by row; box_findability [B, 16], 0..1, 0 for absent boxes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = ChannelNorm(MAP_CHANNELS)
        self.around = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=3, padding=1)
        self.modulation = Modulation(MAP_CHANNELS)
        self.place = MapReadout(MAP_CHANNELS, (logit(FIRST_CHANCE),))
        self.reader = BoxReader(BOX_HIDDEN, geometry=False)
        self.box = Readout(BOX_HIDDEN, (logit(FIRST_CHANCE),))

    def forward(self, grid: Tensor, box_features: Tensor, context: Tensor) -> dict[str, Tensor]:
        features = F.gelu(self.modulation(self.around(self.norm(grid)), context))
        places = self.place(features).sigmoid().flatten(1)  # [B, 1, 14, 14] -> [B, 196]
        boxes = self.box(self.reader(box_features, context)).sigmoid()  # [B, 16, 1]
        return {"findability": places, "box_findability": where_present(boxes, presence(box_features))[..., 0]}
