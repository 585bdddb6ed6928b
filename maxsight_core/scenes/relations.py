"""How the things of a frame lie to one another, by the rules of the scene graph but with the true distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

RELATED_MAX = 16
"""The nearest so many things are related: pairs grow with the square, and Stage B's graph has as many nodes."""

Relation = tuple[int, str, int]
"""(subject id, predicate, object id)."""


class Related(Protocol):
    """What of a thing its relations depend on: see ``scenes.truth.ObjectTruth``."""

    id: int
    class_name: str
    box_cxcywh: tuple[float, float, float, float]
    bearing_deg: float
    distance_m: float


def relations_of(objects: Sequence[Related]) -> tuple[Relation, ...]:
    """Relations between the nearest things, with predicates of ``perception.scene_graph.SPATIAL``.

    Args:
        objects: nearest first, as in ``SceneTruth.objects``.
    """
    from maxsight_core.perception.scene_graph import Node, spatial_relations

    nodes = [(item.id, Node(str(item.id), "detection", item.class_name, item.box_cxcywh, 1.0, item.bearing_deg,
                            item.distance_m, 0.0, (), None)) for item in objects[:RELATED_MAX]]
    return tuple((a, predicate, b) for a, one in nodes for b, other in nodes if a != b
                 for predicate in spatial_relations(one, other))
