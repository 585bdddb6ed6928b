"""How things stand to one another: binary cross-entropy of every relation of every pair."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.probability import yes_or_no


def relations(probability: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """Mean over known relations of different, present things.

    Args:
        probability: [B, K, K, R], that row stands so to column. wanted: the same shape, 0 or 1, NaN unknown.
        valid: [B, K] bool.
    """
    others = ~torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)
    pairs = (valid[:, :, None] & valid[:, None, :] & others)[..., None]  # [B, K, K, 1]
    return yes_or_no(probability, torch.where(pairs, wanted, torch.full_like(wanted, torch.nan)))
