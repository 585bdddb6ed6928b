"""ResNet50 with a feature pyramid: Stage A's backbone, and its only one (architectural guarantee 1).

Parameters are named as in torchvision's detection models (``body.*``, ``fpn.*``), so that published weights load.
He et al., "Deep Residual Learning", 2015; Lin et al., "Feature Pyramid Networks", 2017.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from maxsight_core.models.layers.pooled_convolution import mean_of_convolution

PYRAMID_CHANNELS = 256
"""Channels of every FPN map (Lin et al. 2017)."""
STAGE_CHANNELS: tuple[int, ...] = (256, 512, 1024, 2048)
"""Channels of ResNet50's C2..C5."""


def _norm_layer(frozen_norm: bool) -> type[nn.Module]:
    return FrozenBatchNorm2d if frozen_norm else nn.BatchNorm2d


class ResNet50P2toP5(BackboneWithFPN):
    """C2..C5 and P2..P5, for the ``fused`` grid.

    Args:
        frozen_norm: keep batch statistics and scales fixed (fine-tuning with small batches).

    Input: [B, 3, S, S], normalised. ``forward``: ordered dict of P2..P5 (``"0"``..``"3"``) and ``pool``, each
    [B, 256, S / stride, S / stride].
    """

    def __init__(self, frozen_norm: bool = False) -> None:
        super().__init__(
            resnet50(weights=None, norm_layer=_norm_layer(frozen_norm)),
            return_layers={"layer1": "0", "layer2": "1", "layer3": "2", "layer4": "3"},
            in_channels_list=list(STAGE_CHANNELS), out_channels=PYRAMID_CHANNELS,
        )

    def forward_safety(self, images: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        """P3, P4, P5 and the mean of P2: the same numbers as ``forward``, without the work of P2's last convolution.

        Returns:
            (P3 [B, 256, S/8, S/8], P4 [B, 256, S/16, S/16], P5 [B, 256, S/32, S/32]), mean of P2 [B, 256].
        """
        lateral = [block(c) for block, c in zip(self.fpn.inner_blocks, self.body(images).values(), strict=True)]
        merged = [lateral[-1]]
        for finer in reversed(lateral[:-1]):
            merged.insert(0, finer + F.interpolate(merged[0], size=finer.shape[-2:], mode="nearest"))
        p3, p4, p5 = (smooth(m) for smooth, m in zip(self.fpn.layer_blocks[1:], merged[1:], strict=True))
        return (p3, p4, p5), mean_of_convolution(merged[0], self.fpn.layer_blocks[0][0])


class ResNet50P3toP7(BackboneWithFPN):
    """P3..P7, for the ``pyramid`` grid: torchvision's FCOS backbone, parameter for parameter.

    Args:
        frozen_norm: torchvision's FCOS has ``BatchNorm2d`` when built without weights and ``FrozenBatchNorm2d`` with
            published ones. Both compute the same in evaluation; only the counter ``num_batches_tracked`` differs.

    Input: [B, 3, S, S], normalised. ``forward``: ordered dict of P3..P7, each [B, 256, h, w].
    """

    def __init__(self, frozen_norm: bool = False) -> None:
        super().__init__(
            resnet50(weights=None, norm_layer=_norm_layer(frozen_norm)),
            return_layers={"layer2": "0", "layer3": "1", "layer4": "2"},
            in_channels_list=list(STAGE_CHANNELS[1:]), out_channels=PYRAMID_CHANNELS,
            extra_blocks=LastLevelP6P7(PYRAMID_CHANNELS, PYRAMID_CHANNELS),
        )
