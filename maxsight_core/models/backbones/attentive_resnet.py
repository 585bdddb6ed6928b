"""ResNet50 in three parts, each stage followed by attention: the convolutional branch of Stage B.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, in torchvision's form (the stride is in the 3x3
convolution) and under torchvision's names (``conv1``, ``bn1``, ``layer1``..``layer4``), so that published weights load.
The gates start nearly open, so those weights keep their meaning.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from maxsight_core.models.layers.attention import AttentionGate

STEM_CHANNELS = 64
C2, C3, C4, C5 = 256, 512, 1024, 2048
"""Channels at strides 4, 8, 16 and 32."""
BRANCH_SCALE = 0.2
"""Scale of a new block's residual branch. Goyal et al. 2017 start at 0; a fifth keeps untrained maps as calm and lets
gradients reach every weight from the first step."""


def _stage(channels_in: int, channels_out: int, blocks: int, stride: int) -> nn.Sequential:
    """One stage of ResNet50, parameter for parameter torchvision's."""
    width = channels_out // Bottleneck.expansion
    shortcut = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out))
    stage = [Bottleneck(channels_in, width, stride, shortcut)]
    stage += [Bottleneck(channels_out, width) for _ in range(blocks - 1)]
    return nn.Sequential(*stage)


def _initialise(part: nn.Module) -> None:
    """As torchvision (He et al. 2015), with calm residual branches."""
    for name, child in part.named_children():
        if isinstance(child, AttentionGate):
            continue  # it starts open, by its own rule
        for module in child.modules() if name.startswith("layer") else (child,):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, Bottleneck):
                nn.init.constant_(module.bn3.weight, BRANCH_SCALE)


class ResNetLow(nn.Module):
    """Stem and stages 1 and 2.

    Input: [B, 3, S, S], ImageNet-normalised. Output: ``c2`` [B, 256, S/4, S/4], ``c3`` [B, 512, S/8, S/8].
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM_CHANNELS, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(STEM_CHANNELS, C2, blocks=3, stride=1)
        self.gate2 = AttentionGate(C2)
        self.layer2 = _stage(C2, C3, blocks=4, stride=2)
        self.gate3 = AttentionGate(C3)
        _initialise(self)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        stem = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # [B, 64, S/4, S/4]
        c2 = self.gate2(self.layer1(stem))
        return {"c2": c2, "c3": self.gate3(self.layer2(c2))}


class ResNetMid(nn.Module):
    """Stage 3. Input: ``c3`` [B, 512, h, w]. Output: ``c4`` [B, 1024, h/2, w/2]."""

    def __init__(self) -> None:
        super().__init__()
        self.layer3 = _stage(C3, C4, blocks=6, stride=2)
        self.gate4 = AttentionGate(C4)
        _initialise(self)

    def forward(self, c3: Tensor) -> dict[str, Tensor]:
        return {"c4": self.gate4(self.layer3(c3))}


class ResNetHigh(nn.Module):
    """Stage 4. Input: ``c4`` [B, 1024, h, w]. Output: ``c5`` [B, 2048, h/2, w/2]."""

    def __init__(self) -> None:
        super().__init__()
        self.layer4 = _stage(C4, C5, blocks=3, stride=2)
        self.gate5 = AttentionGate(C5)
        _initialise(self)

    def forward(self, c4: Tensor) -> dict[str, Tensor]:
        return {"c5": self.gate5(self.layer4(c4))}
