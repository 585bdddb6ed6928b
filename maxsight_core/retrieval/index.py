"""The index of scenes: exact when small, IVF-PQ when large, always ranked by the 16-bit vectors in the end.

    index = SceneIndex.build(vectors, entries)
    for match in index.search(vector, k=10):
        match.entry.title, match.similarity

Stage one finds candidates (all of them exactly up to ``FLAT_LIMIT`` vectors, through coded residuals above); stage two
ranks the candidates by their cosine similarity, computed from the 16-bit vectors.

Reading is lock-free: every change makes a new snapshot and swaps it in, so a search never waits for a writer and sees
one state throughout. Writers wait for one another.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from maxsight_core.retrieval import ivf
from maxsight_core.retrieval.entries import EntryTable, SceneEntry
from maxsight_core.retrieval.errors import RetrievalError
from maxsight_core.retrieval.vectors import VectorTable, as_unit_vectors

FLAT, IVF_PQ = "flat", "ivf_pq"
KINDS: tuple[str, ...] = (FLAT, IVF_PQ)
FLAT_LIMIT = 20_000
"""Up to here exact search takes about 2 ms and 20 MB on one core: nothing to gain from an approximate one."""
DEFAULT_CANDIDATES = 200
"""Stage one's answer to stage two, for up to 40 wanted matches (docs/retrieval.md: recall against candidates)."""
CANDIDATES_PER_MATCH = 5
REBUILD_GROWTH = 2.0
"""The lists were learned from half of what is there now: time to learn them anew."""
REBUILD_REMOVED_SHARE = 0.2
"""Every fifth vector that is looked at is no longer there."""


@dataclass(frozen=True, slots=True)
class SceneMatch:
    """``similarity``: cosine, -1..1, of the query and the stored 16-bit vector."""

    entry: SceneEntry
    similarity: float


class _FlatSearcher:
    """FAISS's exact search, with the interface of :class:`ivf.IvfPqSearcher`."""

    def __init__(self, vectors: VectorTable) -> None:
        self._faiss = ivf.import_faiss()
        self._index = self._faiss.IndexFlatIP(vectors.dimension)
        for _, block in vectors.blocks():
            self._index.add(block)

    def candidates(self, queries: np.ndarray, count: int, selector: Any = None) -> np.ndarray:
        settings = None if selector is None else self._faiss.SearchParameters(sel=selector)
        return self._index.search(np.ascontiguousarray(queries), count, params=settings)[1]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One state of an index. ``learned`` is None for a flat one; ``kept`` [n] bool is None when nothing was removed."""

    vectors: VectorTable
    entries: EntryTable
    learned: ivf.IvfPq | None
    searcher: Any
    kept: np.ndarray | None
    selector: Any

    @property
    def removed(self) -> int:
        return 0 if self.kept is None else int(len(self.kept) - self.kept.sum())


def _snapshot(
    vectors: VectorTable, entries: EntryTable, learned: ivf.IvfPq | None, kept: np.ndarray | None = None,
    searcher: Any = None,
) -> _Snapshot:
    made = searcher or (_FlatSearcher(vectors) if learned is None else ivf.IvfPqSearcher(learned))
    selector = None
    if kept is not None:
        selector = ivf.import_faiss().IDSelectorBitmap(np.packbits(kept, bitorder="little"))
    return _Snapshot(vectors, entries, learned, made, kept, selector)


class SceneIndex:
    """Scenes by similarity. Made by :meth:`build`, or by ``maxsight_core.retrieval.store.load``.

    Args:
        vectors, entries: row by row. learned: the trained part of a large index, None for a flat one.
        seed: of everything learned here.

    Raises:
        RetrievalError: as many vectors as entries are expected. RetrievalUnavailableError: FAISS is not installed.
    """

    def __init__(
        self, vectors: VectorTable, entries: EntryTable, learned: ivf.IvfPq | None = None, seed: int = 0,
    ) -> None:
        _require_pairs(len(vectors), len(entries))
        if learned is not None and len(learned.lists) != len(vectors):
            raise RetrievalError(f"index: expected codes for {len(vectors)} vectors; got {len(learned.lists)}. "
                                 "Build it again")
        self.seed = seed
        self._writing = threading.Lock()
        self._rows: dict[str, int] | None = None  # id -> row; made when something is first added or removed
        self._now = _snapshot(vectors, entries, learned)

    @classmethod
    def build(
        cls, vectors: np.ndarray, entries: Sequence[SceneEntry], *, kind: str = "auto", seed: int = 0,
    ) -> SceneIndex:
        """Make an index.

        Args:
            vectors: [n, 256] float of any length but zero; they are normalised and rounded to 16 bits.
            entries: n of them, each id once. kind: ``auto`` (by ``FLAT_LIMIT``) | ``flat`` | ``ivf_pq``.
            seed: equal vectors and seed give an equal index, on one machine and number of threads.

        Raises:
            RetrievalError: wrong shapes or numbers, an id twice, an unknown kind, or too few vectors for ``ivf_pq``.
        """
        if kind not in ("auto", *KINDS):
            raise RetrievalError(f"kind: expected auto, {' or '.join(KINDS)}; got {kind!r}")
        table = VectorTable.of(vectors)
        _require_pairs(len(table), len(entries))
        _rows_by_id(entry.id for entry in entries)
        large = kind == IVF_PQ or (kind == "auto" and len(table) > FLAT_LIMIT)
        return cls(table, EntryTable.of(entries), ivf.train(table, seed) if large else None, seed)

    # ---- reading -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        now = self._now
        return len(now.vectors) - now.removed

    @property
    def kind(self) -> str:
        """``flat`` or ``ivf_pq``."""
        return FLAT if self._now.learned is None else IVF_PQ

    @property
    def rebuild_due(self) -> str | None:
        """Why :meth:`rebuild` would help, or None."""
        now = self._now
        count = len(now.vectors) - now.removed
        if now.learned is None and count > FLAT_LIMIT:
            return f"{count} vectors are searched one by one; above {FLAT_LIMIT} lists are faster"
        if now.learned is not None and count > REBUILD_GROWTH * now.learned.trained_on:
            return f"the lists were learned from {now.learned.trained_on} vectors and now hold {count}"
        if now.removed > REBUILD_REMOVED_SHARE * len(now.vectors):
            return f"{now.removed} of {len(now.vectors)} vectors were removed and are still looked at"
        return None

    def search(
        self, vector: np.ndarray, k: int = 10, *, candidates: int | None = None, rerank: bool = True,
    ) -> tuple[SceneMatch, ...]:
        """The ``k`` most similar scenes, best first; fewer when the index holds fewer. See :meth:`search_rows`."""
        now = self._now
        rows, similarities = _search(now, as_unit_vectors(vector, name="query"), k, candidates, rerank)
        return tuple(SceneMatch(now.entries[int(row)], float(similarity))
                     for row, similarity in zip(rows[0], similarities[0], strict=True) if row >= 0)

    def search_rows(
        self, vectors: np.ndarray, k: int = 10, *, candidates: int | None = None, rerank: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest rows of each query.

        Args:
            vectors: [Q, 256] float, any length but zero. k: from 1.
            candidates: what stage one hands to stage two; None: five per match, at least 200.
            rerank: False leaves stage one's order, with similarities computed from the vectors all the same.

        Returns:
            rows [Q, k] int64, -1 where there are no more; cosine similarities [Q, k] float32, NaN there. Equal
            similarities are in the order of the rows.
        """
        return _search(self._now, as_unit_vectors(vectors, name="query"), k, candidates, rerank)

    def entry(self, row: int) -> SceneEntry:
        return self._now.entries[row]

    def contents(self) -> tuple[VectorTable, EntryTable, ivf.IvfPq | None]:
        """Vectors, entries and what was learned, without what was removed; for storing and for prototypes."""
        return _compacted(self._now)

    # ---- writing -----------------------------------------------------------------------------------------------

    def add(self, vectors: np.ndarray, entries: Sequence[SceneEntry]) -> None:
        """Add scenes. The lists stay as they were learned; see :attr:`rebuild_due`. Cheapest in large batches.

        Raises:
            RetrievalError: wrong shapes or numbers, or an id that is given twice or already there. Nothing is added.
        """
        more = VectorTable.of(np.atleast_2d(vectors))
        _require_pairs(len(more), len(entries))
        new = _rows_by_id(entry.id for entry in entries)
        with self._writing:
            now = self._now
            rows = self._known_rows()
            known = next((id for id in new if id in rows), None)
            if known is not None:
                raise RetrievalError(f"add: expected ids that are not in the index; {known!r} is. Remove it first, or "
                                     "give the new scene another id")
            kept = None if now.kept is None else np.concatenate((now.kept, np.ones(len(more), bool)))
            learned = None if now.learned is None else now.learned.extended(more)
            self._now = _snapshot(now.vectors.extended(more), now.entries.extended(EntryTable.of(entries)), learned,
                                  kept)
            rows.update({id: len(now.vectors) + row for id, row in new.items()})

    def remove(self, ids: Collection[str]) -> int:
        """Take scenes out by id; unknown ids are passed over. Returns how many were there."""
        with self._writing:
            now = self._now
            known = self._known_rows()
            gone = [known.pop(id) for id in dict.fromkeys(ids) if id in known]
            if gone:
                kept = np.ones(len(now.vectors), bool) if now.kept is None else now.kept.copy()
                kept[gone] = False
                self._now = _snapshot(now.vectors, now.entries, now.learned, kept, now.searcher)
            return len(gone)

    def rebuild(self, kind: str = "auto") -> None:
        """Learn lists and quantizer anew from what is there now, and let go of what was removed.

        Searches go on with the old state until the new one is ready. Additions and removals wait.

        Raises:
            RetrievalError: an unknown kind, or too few vectors for ``ivf_pq``. The index stays as it was.
        """
        if kind not in ("auto", *KINDS):
            raise RetrievalError(f"kind: expected auto, {' or '.join(KINDS)}; got {kind!r}")
        with self._writing:
            vectors, entries, _ = _compacted(self._now)
            large = kind == IVF_PQ or (kind == "auto" and len(vectors) > FLAT_LIMIT)
            self._now = _snapshot(vectors, entries, ivf.train(vectors, self.seed) if large else None)
            self._rows = None

    def _known_rows(self) -> dict[str, int]:
        if self._rows is None:
            now = self._now
            self._rows = {entry.id: row for row, entry in enumerate(now.entries)
                          if now.kept is None or now.kept[row]}
        return self._rows


def _search(
    now: _Snapshot, queries: np.ndarray, k: int, candidates: int | None, rerank: bool,
) -> tuple[np.ndarray, np.ndarray]:
    if k < 1 or (candidates is not None and candidates < k):
        raise RetrievalError(f"search: expected k of at least 1 and candidates of at least k; got k={k}, "
                             f"candidates={candidates}")
    wanted = candidates or max(DEFAULT_CANDIDATES, CANDIDATES_PER_MATCH * k)
    found = np.full((len(queries), k), -1, np.int64)
    similarities = np.full((len(queries), k), np.nan, np.float32)
    if not len(now.vectors):
        return found, similarities
    rough = now.searcher.candidates(queries, min(wanted, len(now.vectors)), now.selector)
    for query, ranked in enumerate(rough):
        rows = ranked[ranked >= 0]
        rows = rows if rerank else rows[:k]
        close = np.clip(now.vectors.gather(rows) @ queries[query], -1.0, 1.0)
        order = np.lexsort((rows, -close))[:k] if rerank else np.arange(len(rows))
        found[query, : len(order)], similarities[query, : len(order)] = rows[order], close[order]
    return found, similarities


def _compacted(now: _Snapshot) -> tuple[VectorTable, EntryTable, ivf.IvfPq | None]:
    if now.kept is None:
        return now.vectors, now.entries, now.learned
    rows = np.flatnonzero(now.kept)
    learned = None if now.learned is None else now.learned.selected(rows)
    return now.vectors.selected(rows), now.entries.selected(rows), learned


def _require_pairs(vectors: int, entries: int) -> None:
    if vectors != entries:
        raise RetrievalError(f"index: expected one entry for each vector; got {vectors} vectors and {entries} entries")


def _rows_by_id(ids) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, id in enumerate(ids):
        if rows.setdefault(id, row) != row:
            raise RetrievalError(f"entries: expected every id once; {id!r} is at rows {rows[id]} and {row}. Give the "
                                 "scenes ids of their own")
    return rows
