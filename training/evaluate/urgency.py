"""Urgency of whole pictures: how often it is right, what it is mistaken for, and how often danger is called safe.

A wrong alarm costs attention; a danger that is answered with "safe" can cost a life. So false reassurance is a figure
of its own, beside accuracy (system description, safety metrics: less than 1 %).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SAFE, WARNING, DANGER = 0, 2, 3
"""Levels 0 safe, 1 caution, 2 warning, 3 danger."""
LEVELS = 4


def confusion(truth: Sequence[int], answered: Sequence[int], levels: int = LEVELS) -> np.ndarray:
    """[levels, levels] int64 counts: row the truth, column the answer.

    Raises:
        ValueError: lists of different lengths, or a level outside 0 .. levels - 1.
    """
    pairs = np.array(list(zip(truth, answered, strict=True)), np.int64).reshape(-1, 2)  # [n, 2]
    if pairs.size and (pairs.min() < 0 or pairs.max() >= levels):
        raise ValueError(f"confusion: expected levels 0..{levels - 1}; got {pairs.min()}..{pairs.max()}. "
                         "Leave pictures of unknown level out")
    table = np.zeros((levels, levels), np.int64)
    np.add.at(table, (pairs[:, 0], pairs[:, 1]), 1)
    return table


def figures(truth: Sequence[int], answered: Sequence[int]) -> dict[str, float]:
    """Figures of pictures whose urgency is known; empty without any.

    Returns:
        ``urgency_accuracy``; ``danger_pictures``; ``urgency_too_low`` and ``urgency_too_high``, shares of all pictures;
        where there is danger (3) ``false_reassurance`` and ``danger_recall``, and where there is a warning or danger
        (2, 3) ``false_reassurance_from_warning``: shares of these pictures that were answered with safe (0).
    """
    table = confusion(truth, answered)
    total = table.sum()
    if not total:
        return {}
    danger, urgent = table[DANGER].sum(), table[WARNING:].sum()
    result = {
        "urgency_accuracy": float(np.trace(table) / total), "danger_pictures": float(danger),
        "urgency_too_low": float(np.tril(table, -1).sum() / total),
        "urgency_too_high": float(np.triu(table, 1).sum() / total),
    }
    if danger:
        result["false_reassurance"] = float(table[DANGER, SAFE] / danger)
        result["danger_recall"] = float(table[DANGER, DANGER] / danger)
    if urgent:
        result["false_reassurance_from_warning"] = float(table[WARNING:, SAFE].sum() / urgent)
    return result
