"""When each loss begins to count: detection first, then what builds on it (system description, T2 to T5).

=======  ============================================================================================================
epochs   begins to count
=======  ============================================================================================================
0..9     detection, classification, boxes, distance zones, urgency
10..24   motion, navigation difficulty, priorities; depth and distances, and what Stage A knows about itself
25..39   the state of therapy; contrast, edges, glare, colours, findability
40 on    everything: relations, text, descriptions, sound, the person, alerts of what may come
=======  ============================================================================================================

The description names the losses before the semicolons; those behind them are ours, beside what they build on.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from training.balance.groups import GROUP_OF

UNLOCKED_FROM_EPOCH: Mapping[str, int] = MappingProxyType({
    **dict.fromkeys(("objectness", "classification", "boxes", "centerness", "distance_zones", "urgency"), 0),
    **dict.fromkeys(("motion", "navigation_difficulty", "roi_priority", "depth", "precise_distance", "uncertainty",
                     "scene_embedding"), 10),
    **dict.fromkeys(("therapy_state", "contrast", "edges", "glare", "colour", "findability"), 25),
    **dict.fromkeys(("scene_graph", "ocr", "scene_description", "sound_events", "personalization", "retrieval",
                     "predictive_alerts", "temporal_consistency"), 40),
})
"""First epoch, counted from 0, in which each loss counts."""
TRANSFER_WEIGHTS: Mapping[str, float] = MappingProxyType({
    "objectness": 1.0, "classification": 1.2, "boxes": 3.0, "distance_zones": 0.7, "urgency": 1.5, "motion": 0.6,
    "navigation_difficulty": 0.5, "roi_priority": 0.4, "therapy_state": 0.8, "scene_graph": 0.3, "ocr": 0.4,
    "scene_description": 0.3, "sound_events": 0.4, "personalization": 0.3, "predictive_alerts": 0.6,
})
"""Weights of the schedule once everything is unlocked (system description)."""


def unlocked(epoch: int) -> frozenset[str]:
    """Names of the losses that count in ``epoch``, counted from 0.

    Raises:
        ValueError: a negative epoch.
    """
    if epoch < 0:
        raise ValueError(f"epoch: expected 0 or more; got {epoch}")
    return frozenset(name for name, first in UNLOCKED_FROM_EPOCH.items() if epoch >= first)


def weights_at(epoch: int, weights: Mapping[str, float] = TRANSFER_WEIGHTS) -> dict[str, float]:
    """Weight of every loss in ``epoch``: 0 before its time, then that of ``weights`` (1 where it has none).

    Raises:
        ValueError: a negative epoch. KeyError: weights of losses that do not exist.
    """
    unknown = sorted(set(weights) - set(GROUP_OF))
    if unknown:
        raise KeyError(f"loss weights: {', '.join(unknown)} are no losses; expected names of training.balance.groups")
    now = unlocked(epoch)
    return {name: weights.get(name, 1.0) if name in now else 0.0 for name in UNLOCKED_FROM_EPOCH}
