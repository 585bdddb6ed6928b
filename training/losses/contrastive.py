"""Vectors in which pictures of one place are alike and pictures of different places are not.

InfoNCE (van den Oord et al., "Representation learning with contrastive predictive coding", 2018), and its form with
several positives (Khosla et al., "Supervised contrastive learning", 2020, their L_out).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.sample import UNKNOWN

TEMPERATURE = 0.1
"""Khosla et al. 2020."""


def info_nce(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Two views of N pictures: each finds its other view among the other row's, both ways, mean.

    Args:
        first, second: [N, D], any length; row i of both shows the same picture.
    """
    likeness = F.normalize(first, dim=1) @ F.normalize(second, dim=1).T / temperature  # [N, N]
    own = torch.arange(len(first), device=first.device)
    return (F.cross_entropy(likeness, own) + F.cross_entropy(likeness.T, own)) / 2


def same_place(vectors: Tensor, places: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Every picture finds the others of its place among all others; mean over those that have one; 0 without any.

    Args:
        vectors: [N, D], any length. places: [N] int64, -1 unknown: such a picture is neither alike nor different.
    """
    known = places != UNKNOWN
    others = known[:, None] & known[None, :] & ~torch.eye(len(places), dtype=torch.bool, device=places.device)
    positive = others & (places[:, None] == places[None, :])
    unit = F.normalize(vectors, dim=1)
    likeness = (unit @ unit.T / temperature).masked_fill(~others, -torch.inf)
    log_share = likeness - likeness.masked_fill(~others.any(dim=1, keepdim=True), 0.0).logsumexp(dim=1, keepdim=True)
    log_share = torch.where(positive, log_share, torch.zeros_like(log_share))
    count = positive.sum(dim=1)
    anchors = count > 0
    return -(log_share.sum(dim=1) / count.clamp(min=1)).sum() / anchors.sum().clamp(min=1)


def retrieval(scene_vector: Tensor, concept_vectors: Tensor, places: Tensor) -> Tensor:
    """The scene's vectors and each concept's by place; the concepts of one picture stay different from one another.

    Args:
        scene_vector: [B, D]. concept_vectors: [B, K, D] unit vectors. places: [B] int64, -1 unknown.
    """
    concepts = concept_vectors.shape[1]
    told = torch.stack([same_place(concept_vectors[:, k], places) for k in range(concepts)]).mean()
    return same_place(scene_vector, places) + told + likeness_within(concept_vectors)


def likeness_within(vectors: Tensor) -> Tensor:
    """Mean squared cosine between different vectors of a picture; 0 when they are orthogonal. Args: [B, K, D]."""
    unit = F.normalize(vectors, dim=-1)
    cosines = unit @ unit.transpose(1, 2)  # [B, K, K]
    count = vectors.shape[1]
    apart = cosines * (1.0 - torch.eye(count, device=vectors.device, dtype=cosines.dtype))
    return apart.square().sum(dim=(1, 2)).mean() / max(1, count * (count - 1))
