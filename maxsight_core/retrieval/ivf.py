"""The large index: inverted lists of product-quantized residuals (IVF-PQ, Jegou et al. 2011), searched by FAISS.

Learning happens here and in ``quantizer``: spherical k-means gives the lists, and the quantizer is fitted to what the
list's centre leaves over, its rotation included. FAISS (Douze et al., "The Faiss library", 2024) only searches: the
learned arrays are put into its structure, so the stored index is plain arrays and depends on no version of FAISS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from maxsight_core.retrieval import quantizer
from maxsight_core.retrieval.errors import RetrievalError, RetrievalUnavailableError
from maxsight_core.retrieval.vectors import BLOCK_ROWS, VectorTable

LISTS_PER_ROOT = 4
"""About 4 * sqrt(n) lists: scanning and choosing lists then cost about the same (FAISS's own guideline is 4 to 16)."""
MIN_LISTS, MAX_LISTS = 16, 65536
ROWS_PER_LIST = 64
"""Training vectors for each list's centre; below 39 FAISS itself warns, above 256 it would leave the rest out."""
PART_WIDTH = 8
"""Numbers that one byte stands for: 32 bytes for 256 numbers, a sixteenth of the 16-bit vector."""
LISTS_SEARCHED = 128
"""Lists looked through for one query. At a million vectors 99.1 % of the ten nearest are then found; half as many find
98.3 %, twice as many 99.4 % (docs/retrieval.md)."""
KMEANS_ROUNDS = 10
"""The centres only have to share the vectors out; the rounds after the tenth change recall by less than its noise."""
MAX_QUANTIZER_ROWS = 16384
"""64 vectors for each of a codebook's 256 entries."""


def import_faiss() -> ModuleType:
    """FAISS, when it is installed.

    Raises:
        RetrievalUnavailableError: it is not.
    """
    try:
        import faiss
    except ImportError as error:
        raise RetrievalUnavailableError(
            f"retrieval needs FAISS, which cannot be imported ({error}); install it with `pip install faiss-cpu`"
        ) from None
    return faiss


def list_count(count: int) -> int:
    """How many lists ``count`` vectors get: the power of two nearest to ``4 * sqrt(count)``, 16..65536."""
    nearest = 2 ** round(math.log2(LISTS_PER_ROOT * math.sqrt(max(count, 1))))
    return min(max(nearest, MIN_LISTS), MAX_LISTS)


@dataclass(frozen=True, slots=True)
class IvfPq:
    """What was learned, and where each vector went.

    Args:
        centres: [L, D] float32, unit vectors. quantizer: fitted to ``vector - centre``, on the data's own axes.
        lists: [n] int32, the list of each row. codes: [n, M] uint8, its coded residual.
        trained_on: how many vectors the index held when it was trained.

    Raises:
        RetrievalError: arrays that do not belong together.
    """

    centres: np.ndarray
    quantizer: quantizer.ProductQuantizer
    lists: np.ndarray
    codes: np.ndarray
    trained_on: int

    def __post_init__(self) -> None:
        dimension, parts = self.quantizer.dimension, self.quantizer.parts
        if self.centres.ndim != 2 or self.centres.shape[1] != dimension or not np.isfinite(self.centres).all():
            raise RetrievalError(f"centres: expected finite numbers of shape [L, {dimension}]; got "
                                 f"{list(self.centres.shape)}. Build the index again")
        if self.codes.shape != (len(self.lists), parts) or self.codes.dtype != np.uint8:
            raise RetrievalError(f"codes: expected uint8 of shape [{len(self.lists)}, {parts}]; got "
                                 f"{self.codes.dtype} {list(self.codes.shape)}. Build the index again")
        low, high = int(self.lists.min(initial=0)), int(self.lists.max(initial=0))
        if low < 0 or high >= len(self.centres):
            raise RetrievalError(f"lists: expected numbers from 0 to {len(self.centres) - 1}; got {low} to {high}. "
                                 "Build the index again")

    def extended(self, vectors: VectorTable) -> IvfPq:
        """With more vectors after the present ones; nothing is learned anew."""
        lists, codes = _code(self.centres, self.quantizer, vectors)
        return IvfPq(self.centres, self.quantizer, np.concatenate((self.lists, lists)),
                     np.concatenate((self.codes, codes)), self.trained_on)

    def selected(self, rows: np.ndarray) -> IvfPq:
        """Only these rows, renumbered from 0."""
        return IvfPq(self.centres, self.quantizer, self.lists[rows], self.codes[rows], self.trained_on)


def train(vectors: VectorTable, seed: int) -> IvfPq:
    """Learn lists and quantizer from the vectors themselves and code all of them.

    Raises:
        RetrievalError: fewer vectors than the quantizer needs. RetrievalUnavailableError: FAISS is not installed.
    """
    if len(vectors) < quantizer.MIN_TRAINING_ROWS:
        raise RetrievalError(f"index: expected at least {quantizer.MIN_TRAINING_ROWS} vectors for IVF-PQ; got "
                             f"{len(vectors)}. Build it flat")
    faiss = import_faiss()
    rng = np.random.default_rng(seed)
    lists = list_count(len(vectors))
    sample = vectors.gather(_sample(len(vectors), lists * ROWS_PER_LIST, rng))
    kmeans = faiss.Kmeans(vectors.dimension, lists, niter=KMEANS_ROUNDS, seed=seed, spherical=True,
                          min_points_per_centroid=1, max_points_per_centroid=ROWS_PER_LIST)
    kmeans.train(sample)
    centres = np.ascontiguousarray(kmeans.centroids, np.float32)
    chosen = sample[_sample(len(sample), MAX_QUANTIZER_ROWS, rng)]
    residuals = chosen - centres[_nearest(faiss, centres, chosen)]
    fitted = quantizer.train(residuals, vectors.dimension // PART_WIDTH, seed=seed)
    assigned, codes = _code(centres, fitted, vectors)
    return IvfPq(centres, fitted, assigned, codes, len(vectors))


def _sample(count: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(count) if count <= most else np.sort(rng.choice(count, most, replace=False))


def _nearest(faiss: ModuleType, centres: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """[n] int64: for unit centres the largest inner product is the nearest."""
    flat = faiss.IndexFlatIP(centres.shape[1])
    flat.add(centres)
    return flat.search(np.ascontiguousarray(vectors), 1)[1][:, 0]


def _code(
    centres: np.ndarray, fitted: quantizer.ProductQuantizer, vectors: VectorTable,
) -> tuple[np.ndarray, np.ndarray]:
    faiss = import_faiss()
    coder = _faiss_quantizer(faiss, fitted)
    lists = np.empty(len(vectors), np.int32)
    codes = np.empty((len(vectors), fitted.parts), np.uint8)
    for start, block in vectors.blocks(BLOCK_ROWS):
        rows = slice(start, start + len(block))
        lists[rows] = _nearest(faiss, centres, block)
        codes[rows] = coder.compute_codes(fitted.rotate(block - centres[lists[rows]]))
    return lists, codes


def _faiss_quantizer(faiss: ModuleType, fitted: quantizer.ProductQuantizer) -> Any:
    """FAISS's coder with our codebooks: the same codes as ``fitted.encode``, ten times faster."""
    coder = faiss.ProductQuantizer(fitted.dimension, fitted.parts, 8)
    faiss.copy_array_to_vector(np.ascontiguousarray(fitted.codebooks, np.float32).ravel(), coder.centroids)
    return coder


class IvfPqSearcher:
    """FAISS's search structure over an :class:`IvfPq`. Safe for any number of reading threads."""

    def __init__(self, learned: IvfPq) -> None:
        faiss = import_faiss()
        self._faiss, self._quantizer = faiss, learned.quantizer
        dimension = learned.quantizer.dimension
        coarse = faiss.IndexFlatIP(dimension)
        coarse.add(learned.quantizer.rotate(learned.centres))
        self._index = faiss.IndexIVFPQ(coarse, dimension, len(learned.centres), learned.quantizer.parts, 8,
                                       faiss.METRIC_INNER_PRODUCT)
        self._index.pq = _faiss_quantizer(faiss, learned.quantizer)
        self._index.is_trained = True
        self._fill(learned)

    def _fill(self, learned: IvfPq) -> None:
        order = np.argsort(learned.lists, kind="stable")
        ends = np.cumsum(np.bincount(learned.lists, minlength=len(learned.centres)))
        codes = np.ascontiguousarray(learned.codes[order])
        ids = np.ascontiguousarray(order, np.int64)
        pointer, begin = self._faiss.swig_ptr, 0
        for number, end in enumerate(ends.tolist()):
            if end > begin:
                self._index.invlists.add_entries(number, end - begin, pointer(ids[begin:end]),
                                                 pointer(codes[begin:end]))
            begin = end
        self._index.ntotal = len(order)

    def candidates(self, queries: np.ndarray, count: int, selector: Any = None) -> np.ndarray:
        """[Q, count] int64 rows by falling estimated similarity, -1 where there are no more.

        Args:
            queries: [Q, D] float32. selector: a FAISS ``IDSelector`` of the rows to consider, or None for all.
        """
        settings = self._faiss.SearchParametersIVF(nprobe=min(LISTS_SEARCHED, self._index.nlist))
        if selector is not None:
            settings.sel = selector
        return self._index.search(self._quantizer.rotate(queries), count, params=settings)[1]
