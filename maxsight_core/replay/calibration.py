"""Whether a score of 0.8 is right eight times in ten: expected calibration error and its table.

Naeini, Cooper & Hauskrecht 2015, AAAI: the mean distance between score and share of right answers, bin by bin,
weighted by how many answers are in the bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose score is in [low, high): their number, mean score and share that is right."""

    low: float
    high: float
    n: int
    score: float
    right: float


def table(answers: Sequence[tuple[float, bool]], bins: int = BINS) -> list[Bin]:
    """The bins that hold answers. answers: (score 0..1, right)."""
    if not answers:
        return []
    scores, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers], float)
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return [Bin(b / bins, (b + 1) / bins, int((place == b).sum()), float(scores[place == b].mean()),
                float(right[place == b].mean())) for b in range(bins) if (place == b).any()]


def expected_error(answers: Sequence[tuple[float, bool]], bins: int = BINS) -> float | None:
    """0..1, or None without answers."""
    if not answers:
        return None
    return sum(row.n * abs(row.score - row.right) for row in table(answers, bins)) / len(answers)
