"""Figures with their uncertainty: 95 % intervals of shares, rates and percentiles.

Frames of one run are alike, so the unit that is drawn again is the scenario, never the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.stats import binomtest

T = TypeVar("T")
_DRAWS = 2000
_SEED = 20261127


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure. ``n``: of what it was counted. None: nothing was there to count."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def to_json(self) -> dict[str, float | int | None]:
        def rounded(number: float | None) -> float | None:
            return None if number is None else round(number, 4)

        return {"value": rounded(self.value), "low": rounded(self.low), "high": rounded(self.high), "n": self.n}


NOTHING = Figure(None, None, None, 0)


def wilson(right: int, n: int) -> Figure:
    """A share of independent trials with its score interval (Wilson 1927, JASA 22:209)."""
    if n == 0:
        return NOTHING
    bounds = binomtest(right, n).proportion_ci(method="wilson")
    return Figure(right / n, float(bounds.low), float(bounds.high), n)


def clustered_share(counts: Sequence[tuple[int, int]]) -> Figure:
    """A share of frames out of several runs, (right, n) of each.

    The interval comes from drawing runs again (Efron 1979, Ann. Statist. 7:1). Where every run agrees, drawing them
    again would claim certainty; there it is Wilson's with one trial a run.
    """
    counts = [(right, n) for right, n in counts if n]
    right, n = sum(c[0] for c in counts), sum(c[1] for c in counts)
    if not n:
        return NOTHING
    if right in (0, n):
        bounds = wilson(len(counts) if right else 0, len(counts))
        return Figure(right / n, bounds.low, bounds.high, n)
    low, high = _drawn(counts, lambda some: sum(c[0] for c in some) / sum(c[1] for c in some))
    return Figure(right / n, low, high, n)


def drawn_figure(runs: Sequence[T], figure: Callable[[Sequence[T]], float | None], n: int) -> Figure:
    """Any figure of several runs, with the interval of drawing runs again; ``n`` is what it was counted of."""
    value = figure(runs) if runs else None
    if value is None:
        return NOTHING
    low, high = _drawn(runs, figure)
    return Figure(value, low, high, n)


def _drawn(runs: Sequence[T], figure: Callable[[Sequence[T]], float | None]) -> tuple[float, float]:
    rng = np.random.default_rng(_SEED)
    values = []
    for _ in range(_DRAWS):
        value = figure([runs[index] for index in rng.integers(len(runs), size=len(runs))])
        if value is not None:
            values.append(value)
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
