"""Scene graph: what is in view, how it lies to one another, and what it offers.

Spatial relations come from boxes with margins (the relations of Visual Genome that geometry can decide:
Krishna et al., IJCV 123, 2017), semantic ones from the affordances of the classes in the taxonomy. Everything
is in picture coordinates: ``left_of`` is as the camera sees it. ``in_front_of`` needs both distances, or two
feet on the same floor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from maxsight_core import taxonomy
from maxsight_core.contracts import SceneView, Value
from maxsight_core.perception.geometry import Box, corners, intersection, iou

OUTPUTS = ("scene_graph",)

SPATIAL = ("left_of", "right_of", "above", "below", "in_front_of", "behind", "near", "overlaps", "inside")
SEMANTIC = ("rides", "sits_on", "carries", "wears", "written_on")

MAX_NODES = 16
"""Relations grow with the square of this; more than sixteen things are a list, not a scene."""
MARGIN = 0.15
"""Share of the smaller side by which two boxes may overlap and still lie beside each other."""
INSIDE_SHARE = 0.9
INSIDE_SIZE_RATIO = 0.6
OVERLAP_IOU = 0.1
NEAR_GAP = 0.75
"""Gap between two boxes, in mean heights, up to which they are near each other in the picture."""
NEAR_SIZE_RATIO = 0.4
NEAR_M = 1.5
"""Within reach of two steps; distances this uncertain allow no finer word."""
DEPTH_MARGIN_M = 0.5
FEET_MARGIN = 0.06
"""Difference of the feet's rows that decides who stands in front when no distance is known."""
SAME_PERSON_IOU = 0.4
RIDEABLE_HEIGHT_M = 1.3
"""Vehicles one sits on rather than in (bicycle 1.05 m, motorcycle 1.15 m; a car is 1.5 m)."""
HELD_SHARE = 0.5
HELD_HEIGHT_RATIO = 0.6
SEATED_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Node:
    """One thing of the graph; ``distance_m`` and ``depth_sd_m`` may be None."""

    node_id: str
    kind: str
    name: str
    box: Box
    score: float
    bearing_deg: float
    distance_m: float | None
    depth_sd_m: float | None
    affordances: tuple[str, ...]
    height_m: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.node_id, "kind": self.kind, "name": self.name, "box": [round(part, 4) for part in self.box],
            "score": round(self.score, 3), "bearing_deg": round(self.bearing_deg, 1),
            "distance_m": None if self.distance_m is None else round(self.distance_m, 2),
            "affordances": list(self.affordances),
        }


def nodes_of(view: SceneView) -> list[Node]:
    """Detections, steady pedestrians that are no detection yet, and text; at most :data:`MAX_NODES`."""
    result = []
    for thing in view.detections:
        info = _class_info(thing.class_id)
        result.append(Node(
            f"d{thing.track_id}", "detection", thing.class_name, thing.box_cxcywh, thing.score, thing.bearing_deg,
            thing.distance_m, thing.distance_sd_m, info.affordances if info else (),
            info.height_m[0] if info and info.height_m else None))
    persons = [node.box for node in result if node.name == "person"]
    for number, person in enumerate(_items(view, "pedestrians")):
        box = tuple(person["box"])
        if person.get("steady") and all(iou(box, other) < SAME_PERSON_IOU for other in persons):
            info = taxonomy.by_name("person")
            result.append(Node(f"p{number}", "pedestrian", "person", box, person["score"], person["bearing_deg"],
                               None, None, info.affordances, info.height_m[0] if info.height_m else None))
    for number, line in enumerate(_items(view, "ocr")):
        box = tuple(line["box"])
        result.append(Node(f"t{number}", "text", line["text"], box, line["confidence"],
                           view.camera.bearing_deg(box[0]), None, None, ("read",), None))
    return sorted(result, key=lambda node: -node.score)[:MAX_NODES]


def _class_info(class_id: int) -> taxonomy.ClassInfo | None:
    try:
        return taxonomy.by_id(class_id)
    except KeyError:
        return None


def _items(view: SceneView, name: str) -> list[dict]:
    value = view.so_far.get(name)
    return value.value if value is not None and value.source != "unavailable" else []


def spatial_relations(a: Node, b: Node) -> list[str]:
    """Relations of ``a`` to ``b``, of :data:`SPATIAL`."""
    result = []
    al, at, ar, ab = corners(a.box)
    bl, bt, br, bb = corners(b.box)
    across = MARGIN * min(ar - al, br - bl)
    upright = MARGIN * min(ab - at, bb - bt)
    beside = ar <= bl + across or br <= al + across
    stacked = ab <= bt + upright or bb <= at + upright
    if beside:
        result.append("left_of" if ar <= bl + across else "right_of")
    elif stacked:  # one over the other: only said of things that share columns
        result.append("above" if ab <= bt + upright else "below")
    shared = intersection(a.box, b.box)
    area_a, area_b = (ar - al) * (ab - at), (br - bl) * (bb - bt)
    if area_a > 0 and shared / area_a >= INSIDE_SHARE and area_a <= INSIDE_SIZE_RATIO * area_b:
        result.append("inside")
    elif not beside and iou(a.box, b.box) >= OVERLAP_IOU:
        result.append("overlaps")
    result += _depth_relation(a, b, beside=beside)
    if _near(a, b):
        result.append("near")
    return result


def _depth_relation(a: Node, b: Node, *, beside: bool) -> list[str]:
    if "text" in (a.kind, b.kind):  # text lies on something: no depth of its own
        return []
    if a.distance_m is not None and b.distance_m is not None:
        margin = max(DEPTH_MARGIN_M, math.hypot(a.depth_sd_m or 0.0, b.depth_sd_m or 0.0))
        difference = b.distance_m - a.distance_m
        return [] if abs(difference) < margin else ["in_front_of" if difference > 0 else "behind"]
    if beside:
        return []
    feet = (a.box[1] + a.box[3] / 2) - (b.box[1] + b.box[3] / 2)
    return [] if abs(feet) < FEET_MARGIN else ["in_front_of" if feet > 0 else "behind"]


def _near(a: Node, b: Node) -> bool:
    if a.distance_m is not None and b.distance_m is not None:
        ax, ay = (a.distance_m * f(math.radians(a.bearing_deg)) for f in (math.sin, math.cos))
        bx, by = (b.distance_m * f(math.radians(b.bearing_deg)) for f in (math.sin, math.cos))
        return math.hypot(ax - bx, ay - by) <= NEAR_M
    al, at, ar, ab = corners(a.box)
    bl, bt, br, bb = corners(b.box)
    gap = math.hypot(max(0.0, al - br, bl - ar), max(0.0, at - bb, bt - ab))
    smaller, larger = sorted((a.box[3], b.box[3]))
    alike = "text" in (a.kind, b.kind) or smaller >= NEAR_SIZE_RATIO * larger  # very unlike sizes: another depth
    return alike and gap <= NEAR_GAP * (a.box[3] + b.box[3]) / 2


def semantic_relations(a: Node, b: Node) -> list[str]:
    """Relations of ``a`` to ``b`` that the classes allow and the geometry supports, of :data:`SEMANTIC`."""
    shared = intersection(a.box, b.box)
    area_a, area_b = a.box[2] * a.box[3], b.box[2] * b.box[3]
    if shared <= 0 or area_a <= 0 or area_b <= 0:
        return []
    if a.kind == "text":
        return ["written_on"] if b.kind != "text" and shared / area_a >= INSIDE_SHARE else []
    if a.name != "person" or b.kind == "text":
        return []
    higher = a.box[1] < b.box[1]
    if "ride" in b.affordances and b.height_m is not None and b.height_m <= RIDEABLE_HEIGHT_M:
        return ["rides"] if higher and shared / area_b >= SEATED_SHARE else []
    if "sit" in b.affordances:
        lower_end = a.box[1] + a.box[3] / 2 <= b.box[1] + b.box[3] / 2 + FEET_MARGIN
        return ["sits_on"] if higher and lower_end and shared / area_a >= SEATED_SHARE else []
    held = shared / area_b >= HELD_SHARE and b.box[3] <= HELD_HEIGHT_RATIO * a.box[3]
    if held and "wear" in b.affordances:
        return ["wears"]
    return ["carries"] if held and ("carry" in b.affordances or "hold" in b.affordances) else []


def relations_of(nodes: list[Node]) -> list[dict[str, Any]]:
    """``{subject, relation, object, kind, confidence}`` for every ordered pair that has one."""
    result = []
    for a, b in permutations(nodes, 2):
        confidence = round(math.sqrt(a.score * b.score), 3)
        for kind, found in (("spatial", spatial_relations(a, b)), ("semantic", semantic_relations(a, b))):
            result += [{"subject": a.node_id, "relation": relation, "object": b.node_id, "kind": kind,
                        "confidence": confidence} for relation in found]
    return result


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``scene_graph``: ``{nodes: [...], relations: [...]}``; unavailable when nothing is known."""
    nodes = nodes_of(view)
    if not nodes:
        return {"scene_graph": Value.unavailable("scene_graph", "nothing detected or read to relate")}
    return {"scene_graph": Value.measured(
        "scene_graph", {"nodes": [node.to_json() for node in nodes], "relations": relations_of(nodes)},
        "box geometry with margins and class affordances; no edge embeddings without a trained graph network",
        confidence=min(node.score for node in nodes))}
