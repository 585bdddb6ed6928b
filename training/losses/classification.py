"""Which class is at a location, knowing what was labelled and what was not."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.focal import sigmoid_focal, softmax_focal


def pyramid_classification(logits: Tensor, columns: Tensor, labelled: Tensor, counted: Tensor,
                           class_weights: Tensor | None = None) -> Tensor:
    """Sigmoid focal loss over every location and class, summed; divide by the number of positive locations.

    Args:
        logits: [B, HW, C]. columns: [B, HW] int64 class of each location, 0 background. labelled: [B, C] bool: a class
            that was not labelled in a picture is no negative there. counted: [B, HW] bool. class_weights: [C] of the
            locations that answer for a class (:func:`training.data.class_weights.class_weights`); None: 1.
    """
    targets = torch.zeros_like(logits).scatter_(2, columns.unsqueeze(2), 1.0)
    targets[..., 0] = 0.0  # background is the absence of every class
    known = labelled[:, None, :] | (targets > 0)  # [B, HW, C]
    weight = (known & counted[:, :, None]).float()
    weight[..., 0] = 0.0
    if class_weights is not None:
        weight = weight * torch.where(targets > 0, class_weights.to(targets), 1.0)
    return (sigmoid_focal(logits, targets) * weight).sum()


def fused_classification(logits: Tensor, columns: Tensor, positive: Tensor,
                         class_weights: Tensor | None = None) -> Tensor:
    """Softmax focal loss of the locations that answer for a box, summed; divide by their number.

    Args:
        logits: [B, HW, C]. columns: [B, HW] int64. positive: [B, HW] bool. Background is objectness's question.
        class_weights: as of :func:`pyramid_classification`.
    """
    losses = softmax_focal(logits[positive], columns[positive])
    return (losses if class_weights is None else losses * class_weights.to(losses)[columns[positive]]).sum()
