"""Knowledge distillation: a student learns from what a larger teacher answers, beside the truth.

Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network", 2015 (softened answers); Romero et al.,
"FitNets", ICLR 2015 (features); Chen et al., "Learning Efficient Object Detection Models with Knowledge Distillation",
NeurIPS 2017 (a detector's background must not outweigh its things). After it the student is tuned on the truth alone
(system description: without that it loses 2 to 5 %).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.batch import Batch

TEMPERATURE, TEACHER_SHARE = 4.0, 0.7
"""The description's: 70 % teacher, 30 % truth."""
BACKGROUND_WEIGHT = 0.05
"""Of a location where the teacher sees nothing, beside one where it is sure."""
BOX_BETA = 1.0 / 9.0
"""Smooth L1's, as detectors use it (Girshick 2015; torchvision)."""
SOFTMAX = ("distance_zone_logits", "urgency_logits")
FEATURES = "fused_map"
PREFIX = "distilled_"


def softened_kl(student: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """[...] ``T^2 KL(softmax(teacher / T) || softmax(student / T))`` over the last axis of logits [..., C]."""
    _same("softened_kl", student, teacher)
    wanted = F.log_softmax(teacher.float() / temperature, dim=-1)
    found = F.log_softmax(student.float() / temperature, dim=-1)
    return (wanted.exp() * (wanted - found)).sum(dim=-1) * temperature**2


def softened_binary_kl(student: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """[...] ``T^2`` times the divergence of independent sigmoids, each logit its own; summed over nothing."""
    _same("softened_binary_kl", student, teacher)
    given, asked = teacher.float() / temperature, student.float() / temperature
    yes = given.sigmoid()
    told = yes * (F.logsigmoid(given) - F.logsigmoid(asked)) + (1 - yes) * (F.logsigmoid(-given) - F.logsigmoid(-asked))
    return told * temperature**2


def feature_loss(student: Tensor, teacher: Tensor, adapter: nn.Module | None = None) -> Tensor:
    """Mean squared difference of maps [B, C, h, w], each channel vector brought to length 1: a scalar, 0..4.

    Args:
        adapter: from the student's channels to the teacher's (a 1x1 convolution), when they differ; it learns along.
    """
    found = student if adapter is None else adapter(student)
    _same("feature_loss", found, teacher)
    return (F.normalize(found.float(), dim=1) - F.normalize(teacher.float(), dim=1)).square().sum(dim=1).mean()


def detection_losses(
    student: Mapping[str, Tensor], teacher: Mapping[str, Tensor], grid: str, temperature: float = TEMPERATURE,
) -> dict[str, Tensor]:
    """What the safety heads of Stage A can learn from another Stage A of the same grid and classes, by name.

    Locations count by the teacher's belief that a thing is there.

    Args:
        student, teacher: as ``StageA.forward`` gives them.
    """
    sure = teacher["objectness"].float().detach()  # [B, HW] 0..1
    weight = BACKGROUND_WEIGHT + (1.0 - BACKGROUND_WEIGHT) * sure
    shares = weight / weight.sum()
    seen = sure / sure.sum().clamp(min=torch.finfo(torch.float32).eps)
    losses = {}
    if grid == "pyramid":
        told = softened_binary_kl(student["cls_logits"], teacher["cls_logits"], temperature).sum(dim=2)
        losses["classification"] = (told * shares).sum()
        told = softened_binary_kl(student["bbox_ctrness"], teacher["bbox_ctrness"], temperature).squeeze(2)
        losses["centerness"] = (told * seen).sum()
    else:
        told = softened_binary_kl(student["objectness_logits"], teacher["objectness_logits"], temperature)
        losses["objectness"] = (told * shares).sum()
        told = softened_kl(student["classification_logits"], teacher["classification_logits"], temperature)
        losses["classification"] = (told * seen).sum()
    boxes = F.smooth_l1_loss(student["boxes"].float(), teacher["boxes"].float(), reduction="none", beta=BOX_BETA)
    losses["boxes"] = (boxes.sum(dim=2) * seen).sum()
    told = softened_kl(student["distance_zone_logits"], teacher["distance_zone_logits"], temperature)
    losses["distance_zones"] = (told * seen).sum()
    losses["urgency"] = softened_kl(student["urgency_logits"], teacher["urgency_logits"], temperature).mean()
    return losses


class Distilled:
    """An objective that mixes the truth's losses with a teacher's.

    Args:
        objective: the truth's. teacher: a network whose Stage A has the student's grid and classes; it is frozen here.
        share: of the teacher, 0..1. features: also compare the fused maps.

    Called as the objective is. The truth's losses are multiplied by ``1 - share``; the teacher's come as
    ``distilled_<name>``, multiplied by ``share``. With :attr:`truth_only` set the teacher is silent.
    """

    def __init__(
        self, objective: Callable[[Mapping[str, Tensor], Batch], dict[str, Tensor]], teacher: nn.Module, grid: str,
        temperature: float = TEMPERATURE, share: float = TEACHER_SHARE, features: bool = True,
    ) -> None:
        if not 0.0 <= share <= 1.0 or temperature <= 0:
            raise ValueError(f"distillation: expected a share of 0..1 and a temperature above 0; got {share} and "
                             f"{temperature}")
        self.objective, self.teacher, self.grid = objective, teacher.eval().requires_grad_(False), grid
        self.temperature, self.share, self.features = temperature, share, features
        self.truth_only = False

    def __call__(self, found: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        losses = self.objective(found, batch)
        if self.truth_only:
            return losses
        with torch.no_grad():
            asked = self.teacher(batch)
        taught = detection_losses(found, asked, self.grid, self.temperature)
        if self.features:
            taught["features"] = feature_loss(found[FEATURES], asked[FEATURES])
        return {name: (1.0 - self.share) * loss for name, loss in losses.items()} | {
            PREFIX + name: self.share * loss for name, loss in taught.items()}


def _same(name: str, student: Tensor, teacher: Tensor) -> None:
    if student.shape != teacher.shape:
        raise ValueError(f"{name}: expected tensors of one shape; the student's is {list(student.shape)}, the "
                         f"teacher's {list(teacher.shape)}. Teacher and student need the same grid, input and classes")
