"""Feature pyramids: every level with 256 channels, coarse meaning carried down to the fine maps.

Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, by torchvision's module, so that an FPN's
published weights fit (``fpn.inner_blocks.*``, ``fpn.layer_blocks.*``).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork

from maxsight_core.models.backbones.attentive_resnet import C2, C3, C4, C5
from maxsight_core.models.stage_b_contract import MAP_CHANNELS


def _named(names: Sequence[str], maps: Sequence[Tensor]) -> dict[str, Tensor]:
    return dict(zip(names, maps, strict=True))


class PyramidOfFour(nn.Module):
    """C2..C5 to a pyramid before the exchange with the transformer: torchvision's FPN.

    Input: [B, 256, 4n, 4n], [B, 512, 2n, 2n], [B, 1024, n, n], [B, 2048, n/2, n/2], n even.
    Output: ``f2``..``f5``, each [B, 256, side of its input].
    """

    def __init__(self) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork([C2, C3, C4, C5], MAP_CHANNELS)

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor, c5: Tensor) -> dict[str, Tensor]:
        return self.fpn(_named(("f2", "f3", "f4", "f5"), (c2, c3, c4, c5)))


class PyramidOfThree(nn.Module):
    """C2..C4 to four levels, for the tier without ResNet's last stage; P5 is P4 at stride 2 (as RetinaNet's P6 is made,
    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017).

    Input: [B, 256, 4n, 4n], [B, 512, 2n, 2n], [B, 1024, n, n], n even.
    Output: ``p2``..``p4``, each [B, 256, side of its input], and ``p5`` [B, 256, n/2, n/2].
    """

    def __init__(self) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork([C2, C3, C4], MAP_CHANNELS)
        self.coarser = nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel_size=3, stride=2, padding=1)
        nn.init.kaiming_uniform_(self.coarser.weight, a=1)  # as torchvision's FPN
        nn.init.zeros_(self.coarser.bias)

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor) -> dict[str, Tensor]:
        maps = self.fpn(_named(("p2", "p3", "p4"), (c2, c3, c4)))
        return {**maps, "p5": self.coarser(maps["p4"])}
