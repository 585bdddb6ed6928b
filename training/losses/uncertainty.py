"""Stage A's uncertainty learns how wrong Stage A's own detections of a frame are.

The error of a picture is 1 - (1 - missed)(1 - invented), 0..1:

* missed: 1 - the mean over true boxes of ``p * IoU`` at the box's best location, p the probability of its class;
* invented: the highest probability of any labelled class at a location whose box overlaps no true one by half.

The head is taught by cross-entropy with this error as its target (a loss that predicts a loss: Yoo & Kweon, "Learning
loss for active learning", CVPR 2019; a confidence that learns the true class's probability: Corbiere et al. 2019). The
error itself has no gradient: the detector must not learn to be wrong as predicted.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_convert, box_iou

from training.losses.assign import Assignment
from training.losses.known import mean_known

SAME_THING = 0.5
"""Overlap from which a box is about a true thing (PASCAL VOC's)."""


def uncertainty(logits: Tensor, error: Tensor) -> Tensor:
    """Cross-entropy, mean. Args: logits [B, 1]. error: [B] 0..1, NaN: nothing was labelled in the picture."""
    known = ~error.isnan()
    wanted = torch.where(known, error, torch.zeros_like(error))
    return mean_known(F.binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none"), known)


@torch.no_grad()
def detection_error(
    probability: Tensor, predicted: Tensor, matches: Assignment, boxes: Sequence[Tensor], columns: Tensor,
    labelled: Tensor,
) -> Tensor:
    """[B] error of each picture, 0..1; NaN where nothing was labelled.

    Args:
        probability: [B, HW, C] of each class at each location, objectness included. predicted: [B, HW, 4] ``cxcywh``.
        matches: of :func:`training.losses.assign.assign`. boxes: B of [n, 4], the true ones. columns: [B, HW] int64
            class of each location's box. labelled: [B, C] bool.
    """
    missed = _missed(probability, predicted, matches, boxes, columns)
    invented = torch.stack([
        _invented(*row) for row in zip(probability, predicted, matches.counted, boxes, labelled, strict=True)])
    error = 1.0 - (1.0 - missed) * (1.0 - invented)
    return torch.where(labelled[:, 1:].any(dim=1), error, torch.full_like(error, torch.nan))


def _missed(probability: Tensor, predicted: Tensor, matches: Assignment, boxes: Sequence[Tensor],
            columns: Tensor) -> Tensor:
    sure = probability.gather(2, columns.unsqueeze(2))[..., 0]  # [B, HW]
    quality = torch.where(matches.positive, sure * _overlap(predicted, matches.boxes), torch.zeros_like(sure))
    most = max((len(found) for found in boxes), default=0)
    if most == 0:
        return quality.new_zeros(len(quality))
    best = quality.new_zeros(len(quality), most).scatter_reduce(1, matches.matched.clamp(min=0), quality, "amax")
    count = torch.tensor([len(found) for found in boxes], device=quality.device, dtype=quality.dtype)
    # boxes that no location answers for stay 0: they are missed
    return torch.where(count > 0, 1.0 - best.sum(dim=1) / count.clamp(min=1), torch.zeros_like(count))


def _invented(probability: Tensor, predicted: Tensor, counted: Tensor, boxes: Tensor, labelled: Tensor) -> Tensor:
    claims = probability[:, 1:][:, labelled[1:]]  # [HW, labelled classes]
    if claims.shape[1] == 0:
        return probability.new_zeros(())
    strongest = torch.where(counted, claims.amax(dim=1), torch.zeros_like(claims[:, 0]))
    if len(boxes):
        found = box_iou(*(box_convert(one, "cxcywh", "xyxy") for one in (predicted, boxes))).amax(dim=1)  # [HW]
        strongest = torch.where(found < SAME_THING, strongest, torch.zeros_like(strongest))
    return strongest.amax()


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """[...] intersection over union of boxes [..., 4] ``cxcywh``, one by one; 0 for boxes of no size."""
    half = (first[..., 2:] + second[..., 2:]) / 2
    apart = (first[..., :2] - second[..., :2]).abs()
    sides = torch.minimum(half - apart, torch.minimum(first[..., 2:], second[..., 2:])).clamp(min=0.0)
    shared = sides.prod(dim=-1)
    union = first[..., 2:].prod(dim=-1) + second[..., 2:].prod(dim=-1) - shared
    return shared / union.clamp(min=torch.finfo(first.dtype).eps)
