"""From the transformer back to the pyramid (ViT -> CNN): every level learns what the whole picture is about.

The system description's bidirectional cross-layer connections; the coarse levels then pass a dynamic convolution
(Chen et al. 2020), whose kernel follows the picture.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.backbones.vit import LEVEL_SIDES, WIDTH
from maxsight_core.models.layers.bounded_scale import BoundedScale
from maxsight_core.models.layers.dynamic_convolution import DynamicConvolution
from maxsight_core.models.stage_b_contract import MAP_CHANNELS, MAP_SIDE

DYNAMIC_LEVELS = 2
"""How many of the coarsest levels have a dynamic convolution: 4 and 5. Every finer level would cost four times more."""


class LevelReply(nn.Module):
    """Adds the tokens' map to one level: ``level + alpha resize(patches)``.

    Args:
        side: of the level at 224 px.

    Input: patches [B, 256, 14, 14], level [B, 256, side, side]. Output: [B, 256, side, side].
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.scale = BoundedScale()

    def forward(self, patches: Tensor, level: Tensor) -> Tensor:
        if self.side < MAP_SIDE:
            patches = F.avg_pool2d(patches, MAP_SIDE // self.side)
        elif self.side > MAP_SIDE:
            patches = F.interpolate(patches, scale_factor=float(self.side // MAP_SIDE), mode="bilinear",
                                    align_corners=False)
        return level + self.scale(patches)


class DynamicResidual(nn.Module):
    """``x + alpha dynamic(relu(x))``: pre-activation (He et al., "Identity Mappings", 2016), a level keeps its sign.

    Input and output: [B, 256, H, W].
    """

    def __init__(self) -> None:
        super().__init__()
        self.dynamic = DynamicConvolution(MAP_CHANNELS)
        self.scale = BoundedScale()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale(self.dynamic(F.relu(x)))


class VitToCnn(nn.Module):
    """Patch tokens into every level of the pyramid.

    Input: tokens [B, 197, 768], class token first; f2..f5 [B, 256, 56 | 28 | 14 | 7, same].
    Output: ``p2``..``p5`` of the same shapes.
    """

    def __init__(self) -> None:
        super().__init__()
        levels = len(LEVEL_SIDES)
        # one projection for each level, as one convolution
        self.project = nn.Conv2d(WIDTH, levels * MAP_CHANNELS, kernel_size=1)
        self.replies = nn.ModuleList(LevelReply(side) for side in LEVEL_SIDES)
        self.refine = nn.ModuleList(DynamicResidual() for _ in range(DYNAMIC_LEVELS))
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, tokens: Tensor, f2: Tensor, f3: Tensor, f4: Tensor, f5: Tensor) -> dict[str, Tensor]:
        patches = tokens[:, 1:].transpose(1, 2).reshape(-1, WIDTH, MAP_SIDE, MAP_SIDE)  # [B, 768, 14, 14]
        projected = self.project(patches).split(MAP_CHANNELS, dim=1)  # 4 of [B, 256, 14, 14]
        maps = [reply(part, level)
                for reply, part, level in zip(self.replies, projected, (f2, f3, f4, f5), strict=True)]
        plain = len(maps) - DYNAMIC_LEVELS
        maps[plain:] = [refine(level) for refine, level in zip(self.refine, maps[plain:], strict=True)]
        return dict(zip(("p2", "p3", "p4", "p5"), maps, strict=True))
