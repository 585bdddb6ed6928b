"""Is there something at a location? Sigmoid focal loss."""

from __future__ import annotations

from torch import Tensor

from training.losses.focal import sigmoid_focal


def objectness(logits: Tensor, positive: Tensor, counted: Tensor, complete: Tensor) -> Tensor:
    """Summed over locations; divide by the number of positive ones.

    Args:
        logits: [B, HW]. positive, counted: [B, HW] bool. complete: [B] float 0..1, the share of the classes that were
            labelled in a picture: where few were, an empty place says little, and its loss weighs as little.
    """
    negative = counted & ~positive
    weight = positive.float() + negative.float() * complete[:, None]
    return (sigmoid_focal(logits, positive.float()) * weight).sum()
