"""What Stage A's network answers, by name. No torch, so that reading a manifest needs no network library."""

from __future__ import annotations

COCO_COLUMNS = 91
"""Columns of the classifier: column 0 is background, columns 1..90 are COCO's ids."""

CONTRACT: tuple[str, ...] = (
    "objectness", "classification", "boxes", "distance_zones", "urgency", "uncertainty", "scene_embedding",
)
"""Names of the output registry that Stage A's network fills."""

DETECTING: frozenset[str] = frozenset({"objectness", "classification", "boxes"})
"""What must be trained before a detection means anything."""

GRAPH_OUTPUTS: dict[str, tuple[str, ...]] = {
    "fused": (
        "objectness", "classification", "sides", "distance_zones", "urgency", "uncertainty", "scene_embedding",
    ),
    "pyramid": (
        "objectness", "classification", "cls_logits", "bbox_regression", "bbox_ctrness", "distance_zones", "urgency",
        "uncertainty", "scene_embedding",
    ),
}
"""Tensors that leave the compiled graph, in this order. Boxes are not among them: they are put together from the sides
outside the graph in 32 bits, because half precision would move a box in a 640 px frame by a pixel."""
SIDES: dict[str, str] = {"fused": "sides", "pyramid": "bbox_regression"}
"""The graph output that holds the distances to a box's four sides, per grid."""
SHARED_MAP = "fused_map"
"""The graph output that Stage B's temporal parts read; asked for only when the tier has a Stage B that reads it."""
STAGE_B_PREFIX = "stage_b."
"""A checkpoint holds both stages: Stage A's tensors by their own names, Stage B's as ``stage_b.<part>.<...>``."""
