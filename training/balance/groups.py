"""Which losses are one task, and the last parameters that the tasks of a stage share.

The two stages share no parameter (Stage B's gradients never reach Stage A), so tasks are balanced within their stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """Losses that are balanced as one task.

    Args:
        name: of the group. stage: ``a`` or ``b``. losses: names, as the objective gives them.
    """

    name: str
    stage: str
    losses: tuple[str, ...]


GROUPS: tuple[TaskGroup, ...] = (
    TaskGroup("detection", "a", ("objectness", "classification", "boxes", "centerness")),
    TaskGroup("distance", "a", ("distance_zones",)),
    TaskGroup("urgency", "a", ("urgency",)),
    TaskGroup("trust", "a", ("uncertainty", "scene_embedding")),
    TaskGroup("geometry", "b", ("depth", "precise_distance")),
    TaskGroup("movement", "b", ("motion", "temporal_consistency")),
    TaskGroup("vision", "b", ("contrast", "edges", "glare", "findability", "colour")),
    TaskGroup("navigation", "b", ("roi_priority", "navigation_difficulty", "predictive_alerts")),
    TaskGroup("therapy", "b", ("therapy_state",)),
    TaskGroup("language", "b", ("scene_graph", "ocr", "scene_description")),
    TaskGroup("sound", "b", ("sound_events",)),
    TaskGroup("person", "b", ("personalization", "retrieval")),
)
GROUP_OF: dict[str, TaskGroup] = {loss: group for group in GROUPS for loss in group.losses}

LAST_SHARED: dict[str, tuple[str, ...]] = {
    "a": ("stage_a.backbone.fpn.layer_blocks.",),
    "b": ("stage_b.parts.exchange.refine.", "stage_b.parts.pyramid_t1.fpn.layer_blocks."),
}
"""Per stage: prefixes of the last layers that all of its heads read, of which a tier has one: the pyramid's outputs;
in Stage B after the exchange with the transformer, where there is one."""


def grouped(
    losses: Mapping[str, Tensor], weights: Mapping[str, float], stage: str | None = None,
) -> dict[str, dict[str, Tensor]]:
    """Losses by group, in the groups' order, unweighted; without losses of weight 0 and without empty groups.

    Args:
        losses: by name. weights: a loss without one counts once. stage: only groups of this stage.

    Raises:
        KeyError: a loss that belongs to no group.
    """
    unknown = sorted(set(losses) - set(GROUP_OF))
    if unknown:
        raise KeyError(f"losses {', '.join(unknown)} belong to no task group; add them to training.balance.groups")
    found: dict[str, dict[str, Tensor]] = {}
    for group in GROUPS:
        own = {name: losses[name] for name in group.losses if name in losses and weights.get(name, 1.0) > 0}
        if own and stage in (None, group.stage):
            found[group.name] = own
    return found


def weighted_sum(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """One task's loss: its losses times their weights, 1 where there is none, added."""
    return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()


def last_shared(network: nn.Module, stage: str) -> list[nn.Parameter]:
    """Parameters of the last layer that the tasks of a stage share, those that learn; none while it is frozen.

    Args:
        network: with the stages as ``stage_a`` and ``stage_b``.

    Raises:
        ValueError: the network has no such layer.
    """
    found = [parameter for name, parameter in network.named_parameters() if name.startswith(LAST_SHARED[stage])]
    if not found:
        raise ValueError(f"stage {stage}: expected parameters under {' or '.join(LAST_SHARED[stage])}; the network has "
                         "none: its tasks cannot be balanced there")
    return [parameter for parameter in found if parameter.requires_grad]
