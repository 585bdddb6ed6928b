"""How far predicted boxes are from true ones, and how central a location is in its box."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import complete_box_iou_loss, generalized_box_iou_loss

BETA = 1.0
"""Where smooth L1 turns from square to linear (system description)."""


def smooth_l1_boxes(predicted: Tensor, wanted: Tensor, beta: float = BETA) -> Tensor:
    """Smooth L1 (Girshick, "Fast R-CNN", 2015) of boxes [n, 4] ``cxcywh``, fractions; summed."""
    return F.smooth_l1_loss(predicted, wanted, beta=beta, reduction="sum")


def giou_boxes(predicted_sides: Tensor, wanted_sides: Tensor) -> Tensor:
    """1 - generalised IoU (Rezatofighi et al. 2019) of boxes around one point each, summed.

    Args:
        predicted_sides, wanted_sides: [n, 4] distances to left, top, right, bottom, any unit, not negative.
    """
    return generalized_box_iou_loss(_around(predicted_sides), _around(wanted_sides), reduction="sum")


def ciou_boxes(predicted_sides: Tensor, wanted_sides: Tensor) -> Tensor:
    """1 - complete IoU (Zheng et al. 2020: overlap, centres and the ratio of the sides), summed. Args: as above."""
    return complete_box_iou_loss(_around(predicted_sides), _around(wanted_sides), reduction="sum")


def centerness_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Binary cross-entropy of centre-ness (FCOS), summed. Args: logits [n]; wanted [n] 0..1."""
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")


def _around(sides: Tensor) -> Tensor:
    """Corners [n, 4] of boxes whose point is the origin."""
    return sides * sides.new_tensor([-1.0, -1.0, 1.0, 1.0])
