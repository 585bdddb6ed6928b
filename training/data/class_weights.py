"""Weights of rare classes (system description, data loader): w = N / (classes * n), divided by the largest.

N counts all objects, n those of a class. A class without objects would take the whole range and leave nothing for the
others; it is not counted, and weighs as much as the rarest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from training.data.sample import BACKGROUND


class Countable(Protocol):
    """A data set that knows its objects without reading pictures."""

    def __len__(self) -> int: ...

    def columns_of(self, index: int) -> np.ndarray: ...


def count_objects(data_sets: Iterable[Countable], classes: int) -> np.ndarray:
    """[classes] int64 objects per column of the classifier; 0 for background.

    Args:
        classes: columns, background included.
    """
    counts = np.zeros(classes, np.int64)
    for data in data_sets:
        for index in range(len(data)):
            counts += np.bincount(data.columns_of(index), minlength=classes)
    counts[BACKGROUND] = 0
    return counts


def class_weights(counts: np.ndarray) -> np.ndarray:
    """[classes] float32, 0 < w <= 1; background weighs 1.

    Args:
        counts: [classes] objects per column, 0 for background; see :func:`count_objects`.

    Raises:
        ValueError: negative counts, or no object at all.
    """
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 1 or (counts < 0).any() or not counts.sum():
        raise ValueError(f"counts: expected objects per class, some more than 0; got {counts.tolist()}")
    seen = counts > 0
    weights = np.ones(len(counts))
    inverse = counts.sum() / (seen.sum() * counts[seen])
    weights[seen] = inverse / inverse.max()
    return weights.astype(np.float32)
