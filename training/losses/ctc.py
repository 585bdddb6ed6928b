"""Letters and words without an alignment: connectionist temporal classification (Graves et al., ICML 2006)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from maxsight_core.models.reading import BLANK
from training.losses.known import mean_known

UNREAD = -1
"""First number of a sequence that nobody knows."""


def ctc(logits: Tensor, numbers: Tensor) -> Tensor:
    """``-log p(numbers)`` over all alignments, divided by the length, mean over known sequences.

    Args:
        logits: [N, T, C], blank first. numbers: [N, L] int64 from 1, filled up with 0; -1 first: unknown. Only zeros:
            nothing is to be said, which is known too.
    """
    known = numbers[:, :1].ne(UNREAD).all(dim=1) if numbers.shape[1] else numbers.new_ones(len(numbers)).bool()
    wanted = numbers.clamp(min=BLANK)
    lengths = (wanted != BLANK).sum(dim=1)
    if len(logits) == 0 or numbers.shape[1] == 0:
        wanted = F.pad(wanted, (0, 1))  # the library wants at least one column
    if len(logits) == 0:
        return logits.sum() * 0.0
    steps = torch.full_like(lengths, logits.shape[1])
    losses = F.ctc_loss(F.log_softmax(logits, dim=-1).transpose(0, 1), wanted, steps, lengths, blank=BLANK,
                        reduction="none", zero_infinity=True)  # [T, N, C] -> [N]
    return mean_known(losses / lengths.clamp(min=1), known)
