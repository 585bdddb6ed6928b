"""Medians and quantiles of short arrays, without the general cases that make NumPy's cost 60 microseconds a call.

Motion asks for dozens of them a frame; the numbers are NumPy's own.
"""

from __future__ import annotations

import numpy as np


def median(values: np.ndarray) -> float:
    """``np.median`` of [n] finite numbers, n >= 1."""
    middle = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, middle)[middle])
    pair = np.partition(values, (middle - 1, middle))[middle - 1: middle + 1]
    return float(pair[0] + pair[1]) * 0.5


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value [n] at which half of the weight [n] is reached, the values in ascending order."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(cumulative, 0.5 * cumulative[-1])]])


def quantile_of_sorted(ordered: np.ndarray, share: float) -> np.ndarray:
    """Row at ``share`` 0..1 of rows [n, ...] that are sorted along the first axis, linear between neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
