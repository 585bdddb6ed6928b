"""What the picture is like to the eye: contrast, edges, glare, colours, how easily things are noticed."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.known import mean_known, settled
from training.losses.probability import one_of, yes_or_no

CONTRAST_UNIT = 1.0
"""RMS contrast under which differences count as they are, above which by their quotient: most places lie below it."""
GRADIENT_UNIT = 0.03
"""The same of the edge map: the measured estimator's limit between texture and an edge."""


def relative(predicted: Tensor, wanted: Tensor, unit: float) -> Tensor:
    """``|log(1 + x/unit) - log(1 + x_gt/unit)|``, mean over known places (Eigen et al. 2014 compare logarithms).

    Args:
        predicted, wanted: [...] not negative, same shape; wanted NaN unknown. unit: of small values.
    """
    truth, known = settled(wanted)
    return mean_known((torch.log1p(predicted / unit) - torch.log1p(truth / unit)).abs(), known)


def contrast_map(predicted: Tensor, wanted: Tensor) -> Tensor:
    """RMS contrast, [B, h, w] each, 0..50."""
    return relative(predicted, wanted, CONTRAST_UNIT)


def edges(edge_map: Tensor, wanted: Tensor) -> Tensor:
    """Gradients, [B, h, w] each, 0..1."""
    return relative(edge_map, wanted, GRADIENT_UNIT)


def glare(glare_risk: Tensor, glare_confidence: Tensor, wanted: Tensor) -> Tensor:
    """The level's divergence, and the confidence's: it learns whether the likeliest level is the right one.

    Args:
        glare_risk: [B, 4] probabilities of none, low, medium, high. glare_confidence: [B, 1]. wanted: [B, 4], sums to
            1, NaN unknown.
    """
    truth, known = settled(wanted)
    right = (glare_risk.argmax(dim=1) == truth.argmax(dim=1)).to(truth.dtype)  # [B], no gradient by its nature
    right = torch.where(known.all(dim=1), right, torch.full_like(right, torch.nan))
    return one_of(glare_risk, wanted) + yes_or_no(glare_confidence[:, 0], right)
