"""How the things of a frame lie to one another, by the rules of the scene graph but with the true distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maxsight_core.scenes.truth import ObjectTruth

RELATED_MAX = 16
"""The nearest so many things are related: pairs grow with the square, and Stage B's graph has as many nodes."""

Relation = tuple[int, str, int]
"""(subject id, predicate, object id)."""


def relations_of(objects: Sequence[ObjectTruth]) -> tuple[Relation, ...]:
    """Relations between the nearest things, with predicates of ``perception.scene_graph.SPATIAL``.

    Args:
        objects: nearest first, as in ``SceneTruth.objects``.
    """
    from maxsight_core.perception.scene_graph import Node, spatial_relations

    nodes = [(item.id, Node(str(item.id), "detection", item.class_name, item.box_cxcywh, 1.0, item.bearing_deg,
                            item.distance_m, 0.0, (), None)) for item in objects[:RELATED_MAX]]
    return tuple((a, predicate, b) for a, one in nodes for b, other in nodes if a != b
                 for predicate in spatial_relations(one, other))
