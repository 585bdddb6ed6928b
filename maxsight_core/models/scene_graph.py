"""The scene graph's network: things as nodes, every ordered pair of things as an edge, relations read from the edges.

Geometry of box pairs as in "Relation networks for object detection" (Hu et al. 2018); rounds of edge and node updates
as in "Relational inductive biases, deep learning, and graph networks" (Battaglia et al. 2018), the node update being
attention over the edges (Velickovic et al., "Graph attention networks", 2018). All graphs of a batch are one dense
masked K x K tensor: there are 16 boxes at most, and sums over a dense axis need no ``index_add``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from maxsight_core.models import relations
from maxsight_core.models.layers.masked_attention import FeedForward, absence_bias
from maxsight_core.models.stage_b_contract import BOXES, SEMANTIC_RELATIONS, SPATIAL_RELATIONS

NODE_SIZE, EDGE_SIZE = 256, 64
ROUNDS = 3
"""After three rounds a thing knows of what its neighbours' neighbours stand on."""
HEADS = 8
EDGE_HIDDEN = 256
RELATION_HIDDEN = 128
PAIR_FEATURES = 14
MIN_SIDE = 1e-3
"""Of a box, as a fraction of the picture: a quarter of a pixel at 224."""
FEATURE_LIMIT = 8.0
"""Of one pair feature: eight box sides away is "far away", and one odd box must not swamp the rest."""
SPATIAL_PRIOR, SEMANTIC_PRIOR = 0.1, 0.02
"""Share of pairs for which a relation holds: measured geometry gives one or two of nine per pair; the semantic ones
are rarer still (Krishna et al., "Visual Genome", 2017: most pairs of a picture are not annotated at all)."""


def pair_geometry(boxes: Tensor) -> Tensor:
    """How box j lies as seen from box i.

    Args:
        boxes: [B, K, 4] cxcywh, fractions of the picture.

    Returns:
        [B, K, K, 14], row i and column j: offset of the centres in mean sides and in the picture, logarithms of the
        ratio of the sides, gaps (negative: overlap), differences of top and bottom, shares of each box's area that
        they share, intersection over union, areas. Each within +-8.
    """
    x, y = boxes[..., 0], boxes[..., 1]
    w, h = boxes[..., 2].clamp(min=MIN_SIDE), boxes[..., 3].clamp(min=MIN_SIDE)
    dx, dy = _difference(x), _difference(y)
    mean_w, mean_h = _mean(w), _mean(h)
    overlap_x = _overlap(x - w / 2, x + w / 2)
    overlap_y = _overlap(y - h / 2, y + h / 2)
    area = w * h
    shared = overlap_x.clamp(min=0) * overlap_y.clamp(min=0)
    subject_area, object_area = area[:, :, None].expand_as(shared), area[:, None, :].expand_as(shared)
    features = (
        dx / mean_w, dy / mean_h, dx, dy, _difference(w.log()), _difference(h.log()),
        -overlap_x / mean_w, -overlap_y / mean_h, _difference(y - h / 2), _difference(y + h / 2),
        shared / subject_area, shared / object_area, shared / (subject_area + object_area - shared),
        subject_area - object_area,
    )
    return torch.stack(features, dim=-1).clamp(-FEATURE_LIMIT, FEATURE_LIMIT)  # [B, K, K, 14]


def _difference(values: Tensor) -> Tensor:
    return values[:, None, :] - values[:, :, None]  # [B, K] -> [B, K, K], object minus subject


def _mean(values: Tensor) -> Tensor:
    return (values[:, None, :] + values[:, :, None]) / 2


def _overlap(low: Tensor, high: Tensor) -> Tensor:
    """Length that two intervals share; negative: the gap between them."""
    return torch.minimum(high[:, None, :], high[:, :, None]) - torch.maximum(low[:, None, :], low[:, :, None])


class EdgeUpdate(nn.Module):
    """New edges from the old ones and from both ends; residual. [B, K, K, 64]."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(EDGE_SIZE)
        self.edge = nn.Linear(EDGE_SIZE, EDGE_HIDDEN)
        self.subject = nn.Linear(NODE_SIZE, EDGE_HIDDEN, bias=False)
        self.object = nn.Linear(NODE_SIZE, EDGE_HIDDEN, bias=False)
        self.out = nn.Linear(EDGE_HIDDEN, EDGE_SIZE)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        ends = self.subject(nodes)[:, :, None] + self.object(nodes)[:, None, :]  # [B, K, K, 256]
        return edges + self.out(torch.nn.functional.gelu(self.edge(self.norm(edges)) + ends))


class NodeUpdate(nn.Module):
    """New nodes: attention over the other things, whose logits and values the edges shift; then a feed-forward part.

    Input: nodes [B, K, 256], edges [B, K, K, 64], bias [B, 1, 1, K] that shuts absent things out. Output: [B, K, 256].
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(NODE_SIZE)
        self.query_key_value = nn.Linear(NODE_SIZE, 3 * NODE_SIZE)
        self.edge_logit = nn.Linear(EDGE_SIZE, HEADS)
        self.edge_value = nn.Linear(EDGE_SIZE, NODE_SIZE)
        self.out = nn.Linear(NODE_SIZE, NODE_SIZE)
        self.feed_norm = nn.LayerNorm(NODE_SIZE)
        self.feed = FeedForward(NODE_SIZE)

    def forward(self, nodes: Tensor, edges: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # [B, K, 256] -> [B, heads, K, 32]
                   for part in self.query_key_value(self.norm(nodes)).chunk(3, dim=-1))
        logits = q @ k.transpose(-1, -2) / math.sqrt(NODE_SIZE // HEADS)  # [B, heads, K, K]
        weights = (logits + self.edge_logit(edges).permute(0, 3, 1, 2) + bias).softmax(dim=-1)
        told = self.edge_value(edges).unflatten(-1, (HEADS, -1)).permute(0, 3, 1, 2, 4)  # [B, heads, K, K, 32]
        messages = weights.to(v.dtype) @ v + (weights[..., None].to(told.dtype) * told).sum(dim=3)
        nodes = nodes + self.out(messages.transpose(1, 2).flatten(2))  # [B, heads, K, 32] -> [B, K, 256]
        return nodes + self.feed(self.feed_norm(nodes))


class RelationHead(nn.Module):
    """Logits of the relations of every ordered pair, from its edge and both ends: [B, K, K, count]."""

    def __init__(self, count: int, prior: float) -> None:
        super().__init__()
        self.edge = nn.Linear(EDGE_SIZE, RELATION_HIDDEN)
        self.subject = nn.Linear(NODE_SIZE, RELATION_HIDDEN, bias=False)
        self.object = nn.Linear(NODE_SIZE, RELATION_HIDDEN, bias=False)
        self.out = nn.Linear(RELATION_HIDDEN, count)
        nn.init.constant_(self.out.bias, math.log(prior / (1 - prior)))

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        ends = self.subject(nodes)[:, :, None] + self.object(nodes)[:, None, :]
        return self.out(torch.nn.functional.gelu(self.edge(edges) + ends))


class SceneGraphEncoder(nn.Module):
    """Things and how they stand to one another.

    Args:
        mps_stable: the message passing reads edges without gradients (system description, MPS-stable mode): what
            encodes and updates edges for other rounds is not learned then; the relations' own layers still are.

    Input: box_features [B, 16, 256], boxes [B, 16, 4] cxcywh in fractions, box_valid [B, 16] of 0 and 1.

    Output:
        node_embeddings [B, 16, 256]; edge_embeddings [B, 16, 16, 64]; spatial_relations [B, 16, 16, 9] and
        semantic_relations [B, 16, 16, 7], probabilities that row i stands so to column j. Invalid boxes and the
        diagonal are 0. ``a left_of b`` and ``b right_of a`` have one probability, by form; likewise the other
        inverse and symmetric relations.
    """

    def __init__(self, mps_stable: bool = False) -> None:
        super().__init__()
        self.mps_stable = mps_stable
        self.feature = nn.Linear(NODE_SIZE, NODE_SIZE)
        self.place = nn.Linear(4, NODE_SIZE)
        self.geometry = nn.Sequential(nn.Linear(PAIR_FEATURES, 2 * EDGE_SIZE), nn.GELU(),
                                      nn.Linear(2 * EDGE_SIZE, EDGE_SIZE))
        self.edge_updates = nn.ModuleList(EdgeUpdate() for _ in range(ROUNDS))
        self.node_updates = nn.ModuleList(NodeUpdate() for _ in range(ROUNDS))
        self.node_norm = nn.LayerNorm(NODE_SIZE)
        self.edge_norm = nn.LayerNorm(EDGE_SIZE)
        self.spatial = RelationHead(len(SPATIAL_RELATIONS), SPATIAL_PRIOR)
        self.semantic = RelationHead(len(SEMANTIC_RELATIONS), SEMANTIC_PRIOR)
        own, mirrored = _mirroring()
        self.register_buffer("own", own, persistent=False)
        self.register_buffer("mirrored", mirrored, persistent=False)
        self.register_buffer("others", 1.0 - torch.eye(BOXES)[None], persistent=False)  # [1, K, K]

    def forward(self, box_features: Tensor, boxes: Tensor, box_valid: Tensor) -> dict[str, Tensor]:
        valid = box_valid[..., None]  # [B, K, 1]
        pairs = (valid * box_valid[:, None, :] * self.others)[..., None]  # [B, K, K, 1]
        bias = absence_bias(box_valid)  # [B, 1, 1, K]
        nodes = (self.feature(box_features) + self.place(boxes)) * valid
        edges = self.geometry(pair_geometry(boxes)) * pairs
        for edge_update, node_update in zip(self.edge_updates, self.node_updates, strict=True):
            edges = edge_update(nodes, self._passed(edges)) * pairs
            nodes = node_update(nodes, self._passed(edges), bias) * valid
        nodes, edges = self.node_norm(nodes) * valid, self.edge_norm(edges) * pairs
        spatial = self.spatial(nodes, edges)
        spatial = spatial @ self.own + spatial.transpose(1, 2) @ self.mirrored  # [B, K, K, 9]
        return {
            "node_embeddings": nodes, "edge_embeddings": edges,
            "spatial_relations": spatial.float().sigmoid() * pairs,
            "semantic_relations": self.semantic(nodes, edges).float().sigmoid() * pairs,
        }

    def _passed(self, edges: Tensor) -> Tensor:
        return edges.detach() if self.mps_stable else edges

    @staticmethod
    def extract_relations(
        found: Mapping[str, Tensor], box_valid: Tensor, threshold: float = relations.DEFAULT_THRESHOLD,
    ) -> list[list[dict[str, Any]]]:
        """Per picture, what :func:`maxsight_core.models.relations.extract_relations` says of this encoder's output.

        Args:
            found: the dict of :meth:`forward`. box_valid: [B, 16], as given to it. threshold: 0..1.
        """
        spatial, semantic, valid = (
            tensor.detach().float().cpu().numpy()
            for tensor in (found["spatial_relations"], found["semantic_relations"], box_valid))
        return [relations.extract_relations(*picture, threshold) for picture in zip(spatial, semantic, valid,
                                                                                    strict=True)]


def _mirroring() -> tuple[Tensor, Tensor]:
    """[9, 9] each: what a pair's own logits and those of the swapped pair contribute to its relations."""
    place = {name: index for index, name in enumerate(SPATIAL_RELATIONS)}
    own, mirrored = torch.eye(len(place)), torch.zeros(len(place), len(place))
    same = (*relations.SPATIAL_INVERSES, *((b, a) for a, b in relations.SPATIAL_INVERSES),
            *((name, name) for name in relations.SYMMETRIC))
    for name, other in same:
        own[place[name], place[name]] = 0.5
        mirrored[place[other], place[name]] = 0.5
    return own, mirrored
