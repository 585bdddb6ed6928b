"""From named tensors and the truth to named losses, unweighted; what the batch does not know has no loss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from training.data.batch import Batch
from training.losses.assign import Assignment, assign, centerness
from training.losses.boxes import centerness_loss, giou_boxes, smooth_l1_boxes
from training.losses.classification import fused_classification, pyramid_classification
from training.losses.distance_zones import distance_zones
from training.losses.objectness import objectness
from training.losses.urgency import urgency

BOX_LOSSES: tuple[str, ...] = ("smooth_l1", "giou")
LOSS_WEIGHTS: dict[str, float] = {"boxes": 3.0, "scene_description": 0.3, "scene_graph": 0.3}
"""The description's rebalanced weights; others count once. Boxes by overlap are on the scale of the other losses."""
GIOU_WEIGHT = 1.0


class StageAObjective:
    """The losses of the safety heads.

    Args:
        grid: of the network. heads: outputs to train, of ``maxsight_core.models.contract.CONTRACT``. box_loss:
            ``smooth_l1`` (the description's) or ``giou``. mean_count: mean over processes of a count
            (:meth:`training.loop.distributed.World.mean_count`).
    """

    def __init__(
        self, grid: str, heads: Collection[str], box_loss: str = "smooth_l1",
        mean_count: Callable[[Tensor], Tensor] = lambda count: count,
    ) -> None:
        if box_loss not in BOX_LOSSES:
            raise ValueError(f"box_loss: expected {' or '.join(BOX_LOSSES)}; got {box_loss!r}")
        self.grid, self.heads, self.box_loss, self.mean_count = grid, frozenset(heads), box_loss, mean_count

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
            losses["distance_zones"] = distance_zones(found["distance_zone_logits"][positive], zones[positive])
        if "urgency" in self.heads:
            losses["urgency"] = urgency(found["urgency_logits"], targets.urgency)
        return losses

    def _pyramid(
        self, found: Mapping[str, Tensor], batch: Batch, matches: Assignment, columns: Tensor,
    ) -> dict[str, Tensor]:
        positive = matches.positive
        wanted = matches.sides[positive]
        return {
            "classification": pyramid_classification(
                found["cls_logits"], columns, batch.targets.labelled, matches.counted),
            "boxes": self._boxes(found, "bbox_regression", matches),
            "centerness": centerness_loss(found["bbox_ctrness"].squeeze(2)[positive], centerness(wanted)),
        }

    def _fused(
        self, found: Mapping[str, Tensor], batch: Batch, matches: Assignment, columns: Tensor,
    ) -> dict[str, Tensor]:
        complete = batch.targets.labelled[:, 1:].float().mean(dim=1)
        return {
            "objectness": objectness(found["objectness_logits"], matches.positive, matches.counted, complete),
            "classification": fused_classification(found["classification_logits"], columns, matches.positive),
            "boxes": self._boxes(found, "sides", matches),
        }

    def _boxes(self, found: Mapping[str, Tensor], sides: str, matches: Assignment) -> Tensor:
        positive = matches.positive
        if self.box_loss == "giou":
            return giou_boxes(found[sides][positive], matches.sides[positive])
        return smooth_l1_boxes(found["boxes"][positive], matches.boxes[positive])


def default_weights(box_loss: str) -> dict[str, float]:
    """Weights of the losses that do not count once."""
    return {**LOSS_WEIGHTS, "boxes": GIOU_WEIGHT} if box_loss == "giou" else dict(LOSS_WEIGHTS)


def _at_matches(values: list[Tensor], matches: Assignment) -> Tensor:
    """[B, HW] int64: each location's value of its box; 0 (background) for columns and zones where nothing matched."""
    rows = []
    for own, matched in zip(values, matches.matched, strict=True):
        padded = torch.cat((own, own.new_zeros(1)))  # index -1 reads the zero
        rows.append(padded[matched])
    return torch.stack(rows)
