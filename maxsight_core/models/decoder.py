"""From the pyramid to one fine map, which depth, contrast, edges, glare, motion and text are read from.

Top-down refinement with residual units and without norms, as in the decoder of DPT (Ranftl et al., "Vision Transformers
for Dense Prediction", ICCV 2021) and RefineNet (Lin et al., CVPR 2017). Wide convolutions stay on the coarse maps; the
fine ones have separable convolutions, whose cost is a ninth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.residual import ResidualUnit, start_small
from maxsight_core.models.stage_b_contract import DENSE_CHANNELS, MAP_CHANNELS

SEPARABLE_UNITS = 2


class SeparableUnit(nn.Module):
    """``x + pointwise(relu(depthwise(x)))``: [B, C, H, W], same out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels)
        self.pointwise = nn.Conv2d(channels, channels, kernel_size=1)
        start_small(self.pointwise)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pointwise(torch.relu(self.depthwise(x)))


class DenseDecoder(nn.Module):
    """Coarse to fine, every level added on the way.

    Input: p2..p5 [B, 256, 4n, 4n | 2n, 2n | n, n | n/2, n/2], grid [B, 256, n, n]; n even, 14 at 224 px.
    Output: ``dense`` [B, 128, 4n, 4n], stride 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lateral5 = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=1)
        self.refine5 = ResidualUnit(MAP_CHANNELS)
        self.lateral4 = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=1)
        self.lateral_grid = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=1)
        self.refine4 = ResidualUnit(MAP_CHANNELS)
        self.narrow = nn.Conv2d(MAP_CHANNELS, DENSE_CHANNELS, kernel_size=1)
        self.lateral3 = nn.Conv2d(MAP_CHANNELS, DENSE_CHANNELS, kernel_size=1)
        self.refine3 = ResidualUnit(DENSE_CHANNELS)
        self.lateral2 = nn.Conv2d(MAP_CHANNELS, DENSE_CHANNELS, kernel_size=1)
        self.refine2 = nn.Sequential(*(SeparableUnit(DENSE_CHANNELS) for _ in range(SEPARABLE_UNITS)))

    def forward(self, p2: Tensor, p3: Tensor, p4: Tensor, p5: Tensor, grid: Tensor) -> dict[str, Tensor]:
        x = self.refine5(self.lateral5(p5))
        x = self.refine4(self.lateral4(p4) + self.lateral_grid(grid) + _double(x))
        x = self.refine3(self.lateral3(p3) + _double(self.narrow(x)))
        return {"dense": self.refine2(self.lateral2(p2) + _double(x))}


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
