"""Whether a probability is what it says: the reliability diagram and the expected calibration error.

Guo et al., "On Calibration of Modern Neural Networks", 2017: 15 bins of equal width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: mean of what was claimed, share that was right, and how many."""

    claimed: float
    right: float
    count: int


def reliability(claimed: np.ndarray, right: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The bins that are not empty, in order.

    Args:
        claimed: [n] probability that the answer is right, 0..1. right: [n] whether it was.

    Raises:
        ValueError: different lengths, or probabilities outside 0..1.
    """
    claimed, right = np.asarray(claimed, np.float64), np.asarray(right, bool)
    if claimed.shape != right.shape or claimed.ndim != 1:
        raise ValueError(f"reliability: expected two lists of one length; got shapes {list(claimed.shape)} and "
                         f"{list(right.shape)}")
    if claimed.size and not (claimed.min() >= 0.0 and claimed.max() <= 1.0):
        raise ValueError(f"reliability: expected probabilities within 0..1; got {claimed.min():g}..{claimed.max():g}")
    number = np.clip(np.ceil(claimed * bins).astype(int) - 1, 0, bins - 1)  # bin k holds (k/bins, (k+1)/bins]
    return [Bin(float(claimed[chosen].mean()), float(right[chosen].mean()), int(chosen.sum()))
            for chosen in (number == place for place in range(bins)) if chosen.any()]


def expected_calibration_error(claimed: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Mean over all answers of |claimed - right| of their bin, 0..1; 0 without answers."""
    found = reliability(claimed, right, bins)
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.claimed - one.right) for one in found) / total if total else 0.0
