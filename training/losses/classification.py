"""Which class is at a location, knowing what was labelled and what was not."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.focal import sigmoid_focal, softmax_focal


def pyramid_classification(logits: Tensor, columns: Tensor, labelled: Tensor, counted: Tensor) -> Tensor:
    """Sigmoid focal loss over every location and class, summed; divide by the number of positive locations.

    Args:
        logits: [B, HW, C]. columns: [B, HW] int64 class of each location, 0 background. labelled: [B, C] bool: a class
            that was not labelled in a picture is no negative there. counted: [B, HW] bool.
    """
    targets = torch.zeros_like(logits).scatter_(2, columns.unsqueeze(2), 1.0)
    targets[..., 0] = 0.0  # background is the absence of every class
    known = labelled[:, None, :] | (targets > 0)  # [B, HW, C]
    weight = (known & counted[:, :, None]).float()
    weight[..., 0] = 0.0
    return (sigmoid_focal(logits, targets) * weight).sum()


def fused_classification(logits: Tensor, columns: Tensor, positive: Tensor) -> Tensor:
    """Softmax focal loss of the locations that answer for a box, summed; divide by their number.

    Args:
        logits: [B, HW, C]. columns: [B, HW] int64. positive: [B, HW] bool. Background is objectness's question.
    """
    return softmax_focal(logits[positive], columns[positive]).sum()
