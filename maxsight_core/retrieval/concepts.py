"""Concepts as prototypes: the mean of the scenes that hold a thing, seen from the mean of all scenes.

A query is compared with the prototypes as nearest-centroid classification does (prototypes as in Snell, Swersky, Zemel,
"Prototypical Networks for Few-shot Learning", 2017). Embeddings of one network share a large common part, so that any
two of them look alike; both sides are therefore taken relative to the mean scene first (Mu, Viswanath,
"All-but-the-Top", 2018). A concept that every scene holds then says nothing, and scores 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.retrieval.entries import EntryTable, concept_name
from maxsight_core.retrieval.errors import RetrievalError
from maxsight_core.retrieval.index import SceneIndex
from maxsight_core.retrieval.vectors import DIMENSION, VectorTable, as_unit_vectors

_CLASS_IDS = {info.name: info.id for info in taxonomy.CLASSES}
SMALLEST_OFFSET = 1e-4
"""Closer to the mean scene than this (unit vectors, 16-bit rounding) there is no direction to compare."""


@dataclass(frozen=True, slots=True)
class ConceptMatch:
    """One concept near a query.

    Args:
        name: taxonomy name or free label. similarity: -1..1; above 0 means more like the scenes with it than like the
            mean scene. scenes: how many scenes the prototype is the mean of.
    """

    name: str
    similarity: float
    scenes: int

    @property
    def class_id(self) -> int | None:
        """The taxonomy's id, or None for a free label."""
        return _CLASS_IDS.get(self.name)


@dataclass(frozen=True, slots=True)
class ConceptTable:
    """Prototypes of concepts.

    Args:
        names: C of them, sorted. counts: [C] int64, scenes behind each.
        prototypes: [C, 256] float32, each of length 1, or 0 for a concept that lies in the mean scene.
        centre: [256] float32, the mean scene.

    Raises:
        RetrievalError: arrays that do not belong together.
    """

    names: tuple[str, ...]
    counts: np.ndarray
    prototypes: np.ndarray
    centre: np.ndarray

    def __post_init__(self) -> None:
        expected = (len(self.names), DIMENSION)
        if (self.prototypes.shape != expected or self.counts.shape != expected[:1]
                or self.centre.shape != (DIMENSION,)):
            raise RetrievalError(f"concepts: expected {expected[0]} counts, prototypes of shape {list(expected)} and a "
                                 f"centre of {DIMENSION}; got {len(self.counts)}, {list(self.prototypes.shape)} and "
                                 f"{list(self.centre.shape)}. Build the index again")
        if not (np.isfinite(self.prototypes).all() and np.isfinite(self.centre).all()):
            raise RetrievalError("concepts: expected finite prototypes; got NaN or infinity. Build the index again")

    @classmethod
    def of(cls, index: SceneIndex) -> ConceptTable:
        """The prototypes of every concept that an entry of the index names."""
        vectors, entries, _ = index.contents()
        names, rows, concepts = _pairs(entries)
        sums, centre = _sums(vectors, rows, concepts, len(names))
        counts = np.bincount(concepts, minlength=len(names)).astype(np.int64)
        offsets = sums / np.maximum(counts, 1)[:, None] - centre
        return cls(names, counts, _directions(offsets).astype(np.float32), centre.astype(np.float32))

    def __len__(self) -> int:
        return len(self.names)

    def nearest(self, vectors: np.ndarray, k: int = 5) -> tuple[ConceptMatch, ...]:
        """The ``k`` concepts most like the query, best first.

        Args:
            vectors: [256] or [Q, 256] float, any length but zero; of several, each concept's best similarity counts.

        Raises:
            RetrievalError: another shape, numbers that are not finite, or k below 1.
        """
        if k < 1:
            raise RetrievalError(f"concepts: expected k of at least 1; got {k}")
        queries = _directions(as_unit_vectors(vectors, name="query") - self.centre)
        if not len(self):
            return ()
        best = (queries @ self.prototypes.T).max(axis=0)
        order = np.argsort(-best, kind="stable")[:k]
        return tuple(ConceptMatch(self.names[c], float(np.clip(best[c], -1.0, 1.0)), int(self.counts[c]))
                     for c in order)

    def prototype(self, name: str) -> np.ndarray:
        """[256] float32, the direction from the mean scene to the scenes with this concept.

        Raises:
            RetrievalError: no scene of the index holds it.
        """
        wanted = concept_name(name)
        if wanted not in self.names:
            raise RetrievalError(f"concepts: expected one that a scene of the index holds; got {name!r}. There are "
                                 f"{', '.join(self.names[:10]) or 'none'}{' ...' if len(self) > 10 else ''}")
        return self.prototypes[self.names.index(wanted)]


def _directions(offsets: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(offsets, axis=1, keepdims=True)
    return np.where(norms > SMALLEST_OFFSET, offsets / np.maximum(norms, SMALLEST_OFFSET), 0.0)


def _pairs(entries: EntryTable) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Sorted concept names, and two arrays: row and number of the concept for every concept of every entry."""
    numbers: dict[str, int] = {}
    rows: list[int] = []
    found: list[int] = []
    for row, entry in enumerate(entries):
        for name in entry.concepts:
            rows.append(row)
            found.append(numbers.setdefault(name, len(numbers)))
    names = tuple(sorted(numbers))
    place = np.empty(len(names), np.int64)
    place[[numbers[name] for name in names]] = np.arange(len(names))
    return names, np.asarray(rows, np.int64), place[np.asarray(found, np.int64)]


def _sums(
    vectors: VectorTable, rows: np.ndarray, concepts: np.ndarray, count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """[count, 256] float64 sums of the vectors with each concept, and [256] the mean of all vectors."""
    sums = np.zeros((count, vectors.dimension))
    total = np.zeros(vectors.dimension)
    for start, block in vectors.blocks():
        total += block.sum(axis=0, dtype=np.float64)
        begin, end = np.searchsorted(rows, (start, start + len(block)))
        if begin == end:
            continue
        order = np.argsort(concepts[begin:end], kind="stable")
        here = concepts[begin:end][order]
        firsts = np.flatnonzero(np.diff(here, prepend=-1))
        sums[here[firsts]] += np.add.reduceat(block[rows[begin:end][order] - start], firsts, axis=0, dtype=np.float64)
    return sums, total / max(len(vectors), 1)
