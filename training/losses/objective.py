"""From named tensors and the truth to named losses, unweighted; what the batch does not know has no loss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from maxsight_core.models.contract import CONTRACT
from training.data.batch import Batch
from training.data.stage_b_truth import PLACE
from training.losses.assign import Assignment, assign, centerness
from training.losses.boxes import centerness_loss, ciou_boxes, giou_boxes, smooth_l1_boxes
from training.losses.classification import fused_classification, pyramid_classification
from training.losses.contrastive import same_place
from training.losses.distance_zones import distance_zones
from training.losses.objectness import objectness
from training.losses.stage_b_objective import StageBObjective
from training.losses.uncertainty import detection_error, uncertainty
from training.losses.urgency import urgency

BOX_LOSSES: tuple[str, ...] = ("smooth_l1", "giou", "ciou")
LOSS_WEIGHTS: dict[str, float] = {
    "boxes": 3.0,
    "motion": 0.6, "navigation_difficulty": 0.5, "roi_priority": 0.4, "therapy_state": 0.8, "scene_graph": 0.3,
    "ocr": 0.4, "scene_description": 0.3, "sound_events": 0.4, "personalization": 0.3, "predictive_alerts": 0.6,
    "depth": 0.5, "precise_distance": 0.5, "contrast": 0.3, "edges": 0.3, "glare": 0.3, "findability": 0.3,
    "colour": 0.3, "retrieval": 0.3, "temporal_consistency": 0.3, "uncertainty": 0.3, "scene_embedding": 0.3,
}
"""Weights of the losses that do not count once. The first three lines are the description's rebalanced weights and
those of its last phase; the heads it gives none have ours, none below its activation threshold of 0.3."""
OVERLAP_WEIGHT = 1.0
"""Of boxes that are compared by overlap: that loss is on the scale of the others."""


class StageAObjective:
    """The losses of the safety heads.

    Args:
        grid: of the network. heads: outputs to train, of ``maxsight_core.models.contract.CONTRACT``. box_loss:
            ``smooth_l1`` (the description's), ``giou`` or ``ciou``. mean_count: mean over processes of a count
            (:meth:`training.loop.distributed.World.mean_count`). class_weights: [C] of the classifier's losses where
            something is (:func:`training.data.class_weights.class_weights`); None: 1.
    """

    def __init__(
        self, grid: str, heads: Collection[str], box_loss: str = "smooth_l1",
        mean_count: Callable[[Tensor], Tensor] = lambda count: count, class_weights: Tensor | None = None,
    ) -> None:
        if box_loss not in BOX_LOSSES:
            raise ValueError(f"box_loss: expected one of {', '.join(BOX_LOSSES)}; got {box_loss!r}")
        self.grid, self.heads, self.box_loss, self.mean_count = grid, frozenset(heads), box_loss, mean_count
        self.class_weights = class_weights

    def __call__(self, found: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Named losses, each a scalar.

        Args:
            found: what ``StageA.forward`` gives, in 32 bits.
        """
        targets = batch.targets
        matches = assign(targets.boxes, targets.ignored, self.grid, batch.images.shape[1])
        columns, zones = (_at_matches(values, matches) for values in (targets.columns, targets.zones))
        positive = matches.positive
        count = self.mean_count(positive.sum().float()).clamp(min=1.0)
        losses = self._pyramid(found, batch, matches, columns) if self.grid == "pyramid" else self._fused(
            found, batch, matches, columns)
        losses = {name: loss / count for name, loss in losses.items()}
        if "distance_zones" in self.heads:
            losses["distance_zones"] = self._mean(
                *distance_zones(found["distance_zone_logits"][positive], zones[positive]))
        if "urgency" in self.heads:
            losses["urgency"] = self._mean(*urgency(found["urgency_logits"], targets.urgency))
        if "uncertainty" in self.heads:
            losses["uncertainty"] = uncertainty(
                found["uncertainty_logits"], detection_error(
                    self._probability(found), found["boxes"], matches, targets.boxes, columns, targets.labelled))
        if "scene_embedding" in self.heads and PLACE in targets.extra:
            losses["scene_embedding"] = same_place(found["scene_embedding"], targets.extra[PLACE])
        return losses

    def _mean(self, total: Tensor, count: Tensor) -> Tensor:
        """Over what is known in all processes; 0 where nothing is."""
        shared = self.mean_count(count)
        return total / torch.where(shared > 0, shared, torch.ones_like(shared))

    def _pyramid(
        self, found: Mapping[str, Tensor], batch: Batch, matches: Assignment, columns: Tensor,
    ) -> dict[str, Tensor]:
        positive = matches.positive
        wanted = matches.sides[positive]
        return {
            "classification": pyramid_classification(
                found["cls_logits"], columns, batch.targets.labelled, matches.counted, self.class_weights),
            "boxes": self._boxes(found, "bbox_regression", matches),
            "centerness": centerness_loss(found["bbox_ctrness"].squeeze(2)[positive], centerness(wanted)),
        }

    def _fused(
        self, found: Mapping[str, Tensor], batch: Batch, matches: Assignment, columns: Tensor,
    ) -> dict[str, Tensor]:
        complete = batch.targets.labelled[:, 1:].float().mean(dim=1)
        return {
            "objectness": objectness(found["objectness_logits"], matches.positive, matches.counted, complete),
            "classification": fused_classification(
                found["classification_logits"], columns, matches.positive, self.class_weights),
            "boxes": self._boxes(found, "sides", matches),
        }

    def _probability(self, found: Mapping[str, Tensor]) -> Tensor:
        """[B, HW, C] probability that a thing of each class is there."""
        if self.grid == "pyramid":
            return found["classification"]
        return found["classification"] * found["objectness"].unsqueeze(2)

    def _boxes(self, found: Mapping[str, Tensor], sides: str, matches: Assignment) -> Tensor:
        positive = matches.positive
        if self.box_loss != "smooth_l1":
            compare = giou_boxes if self.box_loss == "giou" else ciou_boxes
            return compare(found[sides][positive], matches.sides[positive])
        return smooth_l1_boxes(found["boxes"][positive], matches.boxes[positive])


class Objective:
    """The losses of both stages.

    Args:
        tier, grid: of the network. heads: what to train: outputs of Stage A
            (``maxsight_core.models.contract.CONTRACT``) and heads of Stage B by name; None: all of both.
        box_loss, mean_count, class_weights: as of :class:`StageAObjective`.

    Raises:
        ValueError: a name that is neither.
    """

    def __init__(
        self, tier: str, grid: str, heads: Collection[str] | None = None, box_loss: str = "smooth_l1",
        mean_count: Callable[[Tensor], Tensor] = lambda count: count, class_weights: Tensor | None = None,
    ) -> None:
        safety = frozenset(CONTRACT if heads is None else heads) & frozenset(CONTRACT)
        self.stage_a = StageAObjective(grid, safety, box_loss, mean_count, class_weights)
        self.stage_b = StageBObjective(tier, None if heads is None else frozenset(heads) - safety)

    def __call__(self, found: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Named losses, unweighted scalars; one whose truth no picture of the batch knows is not among them.

        Args:
            found: the network's tensors by name, in 32 bits.
        """
        return self.stage_a(found, batch) | (self.stage_b(found, batch) if self.stage_b.heads else {})


def default_weights(box_loss: str) -> dict[str, float]:
    """Weights of the losses that do not count once."""
    return dict(LOSS_WEIGHTS) if box_loss == "smooth_l1" else {**LOSS_WEIGHTS, "boxes": OVERLAP_WEIGHT}


def _at_matches(values: list[Tensor], matches: Assignment) -> Tensor:
    """[B, HW] int64: each location's value of its box; 0 (background) for columns and zones where nothing matched."""
    rows = []
    for own, matched in zip(values, matches.matched, strict=True):
        padded = torch.cat((own, own.new_zeros(1)))  # index -1 reads the zero
        rows.append(padded[matched])
    return torch.stack(rows)
