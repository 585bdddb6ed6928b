"""Means over what is known. What nobody knows has no loss and, above all, no gradient."""

from __future__ import annotations

import torch
from torch import Tensor


def settled(wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Truth without NaN, and where it is known.

    Unknown numbers must be replaced before anything is computed with them: 0 times NaN is NaN, on the way back too.

    Args:
        wanted: [...] float, NaN unknown.

    Returns:
        the same with 0 in place of NaN, and [...] bool.
    """
    known = ~wanted.isnan()
    return torch.where(known, wanted, torch.zeros_like(wanted)), known


def mean_known(losses: Tensor, known: Tensor) -> Tensor:
    """Mean of ``losses`` [...] where ``known`` [...] holds; 0, still with a gradient of 0, where nothing is known."""
    kept = torch.where(known, losses, torch.zeros_like(losses))
    return kept.sum() / known.sum().clamp(min=1)
