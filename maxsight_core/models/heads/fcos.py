"""Classification, boxes and centre-ness on P3..P7, shaped and named like torchvision's FCOS head.

Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", 2019. The two towers are torchvision's own
modules (so the published state dict fits); losses and decoding are not here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOSClassificationHead, FCOSRegressionHead

LOCATIONS_PER_CELL = 1


class PyramidDetectionHead(nn.Module):
    """Input: the five maps P3..P7, each [B, in_channels, h, w].

    Output, a dict (HW runs over all levels, finest first, row by row):
        cls_logits: [B, HW, num_classes], for a sigmoid per class. bbox_regression: [B, HW, 4] >= 0, left, top, right,
        bottom in units of the level's stride. bbox_ctrness: [B, HW, 1] logits.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.classification_head = FCOSClassificationHead(in_channels, LOCATIONS_PER_CELL, num_classes)
        self.regression_head = FCOSRegressionHead(in_channels, LOCATIONS_PER_CELL)

    def forward(self, maps: list[Tensor]) -> dict[str, Tensor]:
        bbox_regression, bbox_ctrness = self.regression_head(maps)
        return {
            "cls_logits": self.classification_head(maps),
            "bbox_regression": bbox_regression,
            "bbox_ctrness": bbox_ctrness,
        }


def location_scores(cls_logits: Tensor, bbox_ctrness: Tensor) -> Tensor:
    """[B, HW]: FCOS's own score of the best class, sqrt(class probability x centre-ness): this grid's objectness."""
    best = cls_logits.amax(dim=2)  # [B, HW, C] -> [B, HW]
    return torch.sqrt(torch.sigmoid(best) * torch.sigmoid(bbox_ctrness.squeeze(2)))
