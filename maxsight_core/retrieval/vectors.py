"""Unit vectors in 16 bits: what an index ranks by in the end, in memory or mapped from a file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maxsight_core.retrieval.errors import RetrievalError

DIMENSION = 256
"""Length of Stage A's scene embedding and of Stage B's scene vector."""
BLOCK_ROWS = 16384
"""Rows worked on at once: 16 MB of 32-bit vectors."""
MAX_TAIL_BLOCKS = 16
"""More pieces than this make gathering slow; they are joined, the first (the mapped file) excepted."""
SMALLEST_NORM = 1e-6
"""A shorter vector has no direction that rounding has not made."""


def as_unit_vectors(vectors: np.ndarray, dimension: int = DIMENSION, name: str = "vectors") -> np.ndarray:
    """[n, dimension] float32 of length 1.

    Args:
        vectors: [n, dimension] or [dimension], any floating type, any length but zero.

    Raises:
        RetrievalError: another shape or type, NaN or infinity, or a vector of length zero.
    """
    array = np.asarray(vectors)
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or array.shape[1] != dimension or array.dtype.kind != "f":
        raise RetrievalError(f"{name}: expected floating numbers of shape [n, {dimension}]; got {array.dtype} "
                             f"{list(np.shape(vectors))}. Give embeddings of the network that the index was made with")
    array = array.astype(np.float32)
    norms = np.sqrt(np.einsum("nd,nd->n", array, array))  # NaN and infinity of any element show in the norm
    bad = np.flatnonzero(~(np.isfinite(norms) & (norms > SMALLEST_NORM)))
    if len(bad):
        what = "length zero" if norms[bad[0]] <= SMALLEST_NORM else "NaN, infinity or numbers beyond 32 bits"
        raise RetrievalError(f"{name}: row {bad[0]} has {what} ({len(bad)} such rows of {len(array)}); expected finite "
                             "vectors with a direction. Leave these pictures out")
    array /= norms[:, None]
    return array


class VectorTable:
    """Unit vectors by row, float16 [n, dimension]. Immutable; adding gives another table that shares its blocks."""

    def __init__(self, blocks: tuple[np.ndarray, ...], dimension: int = DIMENSION) -> None:
        self.dimension = dimension
        self._blocks = tuple(block for block in blocks if len(block))
        self._starts = np.cumsum([0, *(len(block) for block in self._blocks)])

    @classmethod
    def of(cls, vectors: np.ndarray, dimension: int = DIMENSION) -> VectorTable:
        """A table of these vectors, normalised and rounded to 16 bits block by block (see :func:`as_unit_vectors`)."""
        if np.ndim(vectors) != 2:
            raise RetrievalError(f"vectors: expected shape [n, {dimension}]; got {list(np.shape(vectors))}")
        kept = np.empty((len(vectors), dimension), np.float16)
        for start in range(0, len(vectors), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            kept[rows] = as_unit_vectors(vectors[rows], dimension)
        return cls((kept,), dimension)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """[len(rows), dimension] float32 of these rows, in this order."""
        if len(self._blocks) == 1:
            return self._blocks[0][rows].astype(np.float32)
        found = np.empty((len(rows), self.dimension), np.float32)
        block_of = np.searchsorted(self._starts, rows, side="right") - 1
        for index, block in enumerate(self._blocks):
            here = block_of == index
            found[here] = block[rows[here] - self._starts[index]]
        return found

    def blocks(self, block_rows: int = BLOCK_ROWS) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, [n, dimension] float32) through the whole table."""
        for start, block in zip(self._starts, self._blocks, strict=False):
            for offset in range(0, len(block), block_rows):
                yield int(start) + offset, block[offset: offset + block_rows].astype(np.float32)

    def extended(self, more: VectorTable) -> VectorTable:
        """This table followed by ``more``."""
        blocks = (*self._blocks, *more._blocks)
        if len(blocks) > MAX_TAIL_BLOCKS:
            blocks = (blocks[0], np.concatenate(blocks[1:]))
        return VectorTable(blocks, self.dimension)

    def selected(self, rows: np.ndarray) -> VectorTable:
        """The vectors of ``rows``, in one block."""
        kept = np.empty((len(rows), self.dimension), np.float16)
        for start in range(0, len(rows), BLOCK_ROWS):
            kept[start: start + BLOCK_ROWS] = self.gather(rows[start: start + BLOCK_ROWS])
        return VectorTable((kept,), self.dimension)

    def array(self) -> np.ndarray:
        """[n, dimension] float16 of the whole table."""
        if len(self._blocks) == 1:
            return self._blocks[0]
        return np.concatenate([np.empty((0, self.dimension), np.float16), *self._blocks])
