"""Retrieval at scale: time, recall, memory and disk of an index of synthetic scenes.

    python -m maxsight_core.bench.retrieval [--count 1000000] [--json FILE]

The vectors are drawn as :class:`ClusteredVectors` says. The index is built, saved, closed and loaded again, so that
what is timed reads its vectors from the disk's cache as the product does. One query at a time, in one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.bench.timing import percentiles
from maxsight_core.retrieval import ConceptTable, EmbeddingKey, RetrievalWorker, SceneEntry, SceneIndex, SceneLookup
from maxsight_core.retrieval.store import load, save

SCENES_PER_CLUSTER = 200
SPECTRUM_POWER = 0.7
"""Standard deviation of the i-th principal axis falls as i^-0.7, as eigenvalue spectra of network features do."""
SPREAD = 0.6
"""Spread within a cluster as a share of the spread of the centres: nearest neighbours are about 0.9 alike."""
BLOCK_ROWS = 65536
MATCHES = 10
WARM_UP = 20
WORKER_QUERIES = 50
TIMING_KEY = EmbeddingKey("scene_embedding", "synthetic", trained=False)


class ClusteredVectors:
    """Unit vectors in clusters of unequal size.

    Centres are Gaussian with a power-law spectrum along random orthonormal axes; a vector is its centre plus 0.6 times
    another draw of the same Gaussian, normalised. The probability of the r-th cluster falls as r^-0.5.

    Args:
        clusters: how many. dimension: of the vectors. seed: of centres, axes and draws.
    """

    def __init__(self, clusters: int, dimension: int = 256, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._scale = np.arange(1, dimension + 1, dtype=np.float32) ** -SPECTRUM_POWER
        self._axes = np.linalg.qr(self._rng.standard_normal((dimension, dimension)))[0].astype(np.float32)
        self._centres = self._normal(clusters)
        shares = np.arange(1, clusters + 1) ** -0.5
        self._shares = shares / shares.sum()

    def _normal(self, count: int) -> np.ndarray:
        return self._rng.standard_normal((count, len(self._scale)), np.float32) * self._scale

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """[count, dimension] float16, and [count] int64: the cluster of each."""
        vectors = np.empty((count, len(self._scale)), np.float16)
        clusters = self._rng.choice(len(self._shares), count, p=self._shares)
        for start in range(0, count, BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, count))
            block = (self._centres[clusters[rows]] + SPREAD * self._normal(rows.stop - start)) @ self._axes.T
            vectors[rows] = block / np.linalg.norm(block, axis=1, keepdims=True)
        return vectors, clusters


def exact_rows(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """[Q, k] the rows with the largest inner product, by brute force, best first."""
    found = np.empty((len(queries), 0), np.int64)
    close = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[start: start + BLOCK_ROWS].astype(np.float32)
        rows = np.broadcast_to(np.arange(start, start + len(block)), (len(queries), len(block)))
        close = np.concatenate((close, queries @ block.T), axis=1)
        found = np.concatenate((found, rows), axis=1)
        best = np.argsort(-close, axis=1, kind="stable")[:, :k]
        close, found = np.take_along_axis(close, best, 1), np.take_along_axis(found, best, 1)
    return found


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Share of the exact rows that were found, 0..1, over all queries."""
    return float(np.mean([np.isin(wanted, got).mean() for wanted, got in zip(exact, found, strict=True)]))


def measure(count: int = 1_000_000, dim: int = 256, queries: int = 200, seed: int = 0) -> dict[str, Any]:
    """Build an index of ``count`` vectors and time it.

    Args:
        count: vectors. dim: their length; the index knows 256 only. queries: timed one by one, new draws of the same
            distribution. seed: of everything.

    Returns:
        p50_ms, p95_ms: one search for ten scenes, entries read. recall_at_10: against brute force;
        recall_at_10_stage_one: without the second stage. through_worker: submit to answer, scenes and concepts, ms.
        build_s, save_s, load_s. bytes: on the disk. kind. count. rss_mb: most memory the process ever held.
    """
    source = ClusteredVectors(max(1, count // SCENES_PER_CLUSTER), dim, seed)
    vectors, clusters = source.draw(count)
    asked = source.draw(queries)[0].astype(np.float32)
    entries = [SceneEntry(f"scene-{row}", f"scene {row}", (f"kind {cluster % 100}",), f"walk {row // 60}")
               for row, cluster in enumerate(clusters.tolist())]
    started = time.perf_counter()
    index = SceneIndex.build(vectors, entries, seed=seed)
    built = time.perf_counter()
    exact = exact_rows(vectors, asked, MATCHES)
    del vectors, entries
    with tempfile.TemporaryDirectory(prefix="maxsight-retrieval-") as folder:
        saving = time.perf_counter()
        manifest = save(Path(folder), index, TIMING_KEY, ConceptTable.of(index))
        saved = time.perf_counter()
        del index
        stored = load(Path(folder), TIMING_KEY, untrained_ok=True)
        loaded = time.perf_counter()
        figures = _timed(stored.index, asked, exact)
        figures["through_worker"] = _through_worker(SceneLookup(stored.index, stored.concepts), asked[:WORKER_QUERIES])
    return {
        "count": count, "dim": dim, "kind": manifest.kind, **figures, "build_s": round(built - started, 2),
        "save_s": round(saved - saving, 2), "load_s": round(loaded - saved, 2), "bytes": manifest.size_bytes,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
    }


def _timed(index: SceneIndex, asked: np.ndarray, exact: np.ndarray) -> dict[str, Any]:
    for query in asked[:WARM_UP]:
        index.search(query, MATCHES)
    times_ms = []
    for query in asked:
        started = time.perf_counter()
        index.search(query, MATCHES)
        times_ms.append((time.perf_counter() - started) * 1000.0)
    found = percentiles(times_ms)
    return {
        "p50_ms": found["p50"], "p95_ms": found["p95"],
        "recall_at_10": round(recall(index.search_rows(asked, MATCHES)[0], exact), 4),
        "recall_at_10_stage_one": round(recall(index.search_rows(asked, MATCHES, rerank=False)[0], exact), 4),
    }


def _through_worker(lookup: SceneLookup, asked: np.ndarray) -> dict[str, float]:
    """Submit to answer, one session after another, in the worker's own thread."""
    worker = RetrievalWorker(lookup)
    worker.start()
    times_ms = []
    for number, query in enumerate(asked):
        answered = threading.Event()
        started = time.perf_counter()
        worker.submit(f"session {number}", query, lambda _, answered=answered: answered.set())
        if answered.wait(timeout=10.0):
            times_ms.append((time.perf_counter() - started) * 1000.0)
    worker.stop()
    return percentiles(times_ms)


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.bench.retrieval",
                                      description=__doc__.split("\n\n")[0])
    command.add_argument("--count", type=int, default=1_000_000, help="vectors (default: %(default)s)")
    command.add_argument("--queries", type=int, default=200, help="searches timed (default: %(default)s)")
    command.add_argument("--json", metavar="FILE", type=Path, help="also write the figures as JSON")
    options = command.parse_args(arguments)
    figures = {"cpu_count": os.cpu_count(), **measure(options.count, queries=options.queries)}
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
