"""How urgent a picture is: focal loss with class weights 1, 1.5, 2, 3; missing a danger is the worst mistake."""

from __future__ import annotations

from torch import Tensor

from training.data.sample import UNKNOWN
from training.losses.focal import softmax_focal

URGENCY_WEIGHTS: tuple[float, float, float, float] = (1.0, 1.5, 2.0, 3.0)
"""Of safe, caution, warning, danger (system description)."""


def urgency(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over pictures whose urgency is known, and their number, which it is to be divided by.

    Args:
        logits: [B, 4]. wanted: [B] int64, 0 safe .. 3 danger, -1 unknown.
    """
    known = wanted != UNKNOWN
    weight = logits.new_tensor(URGENCY_WEIGHTS)[wanted[known]]
    total = (softmax_focal(logits[known], wanted[known]) * weight).sum()
    return total + logits.sum() * 0.0, known.sum().float()
