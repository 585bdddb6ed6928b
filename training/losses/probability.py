"""Losses of probabilities, as heads of Stage B give them: after their sigmoid or softmax.

All are divergences (Kullback & Leibler 1951): cross-entropy less the entropy of the truth. The gradient is that of
cross-entropy; a right answer costs 0 even where the truth itself is between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.losses.known import mean_known, settled

SMALLEST_PROBABILITY = 1e-7
"""Kept away from 0 and 1 by this, so that a logarithm stays finite: the resolution of 32 bits below 1."""


def yes_or_no(probability: Tensor, wanted: Tensor) -> Tensor:
    """Divergence of independent yes-or-no answers, mean over known ones: ``t log(t/p) + (1-t) log((1-t)/(1-p))``.

    Args:
        probability: [...] 0..1. wanted: [...] 0..1 of the same shape, NaN unknown.
    """
    truth, known = settled(wanted)
    p = probability.clamp(SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    cross = -(truth * p.log() + (1.0 - truth) * (1.0 - p).log())
    own = torch.xlogy(truth, truth) + torch.xlogy(1.0 - truth, 1.0 - truth)
    return mean_known(cross + own, known)


def one_of(probability: Tensor, wanted: Tensor, weights: Sequence[float] | None = None) -> Tensor:
    """Divergence of one choice among C, mean over known ones: ``sum t log(t/p)``.

    Args:
        probability: [..., C], sums to 1. wanted: [..., C], sums to 1 (one 1 for a plain label), NaN unknown.
        weights: one per choice; an answer counts as much as its truth's choices do.
    """
    truth, known = settled(wanted)
    each = torch.xlogy(truth, truth) - truth * probability.clamp(min=SMALLEST_PROBABILITY).log()  # [..., C]
    losses = each.sum(dim=-1)
    if weights is not None:
        losses = losses * (truth * truth.new_tensor(weights)).sum(dim=-1)
    return mean_known(losses, known.all(dim=-1))
