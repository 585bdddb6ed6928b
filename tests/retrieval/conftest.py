"""Vectors in clusters, and one large index of them for the whole folder: training it takes seconds."""

from __future__ import annotations

import numpy as np
import pytest

from maxsight_core.bench.retrieval import ClusteredVectors
from maxsight_core.retrieval import SceneEntry, SceneIndex

LARGE = 50_000


def _entries(count: int, first: int = 0) -> list[SceneEntry]:
    return [SceneEntry(f"s{row}", f"scene {row}", (f"kind {row % 7}",), f"walk {row // 5}")
            for row in range(first, first + count)]


@pytest.fixture(scope="session")
def entries_for():
    """``entries_for(count, first=0)``: entries s<first>, s<first + 1>, ... of five to a walk and seven kinds."""
    return _entries


@pytest.fixture(scope="session")
def clustered():
    """Draws 256 numbers of float16 each, from 250 clusters: the same whatever was drawn elsewhere."""
    def draw(count: int, seed: int = 0) -> np.ndarray:
        source = ClusteredVectors(250, seed=1)
        source._rng = np.random.default_rng((99, seed))
        return source.draw(count)[0].astype(np.float32)

    return draw


@pytest.fixture(scope="session")
def large_vectors(clustered):
    return clustered(LARGE)


@pytest.fixture(scope="session")
def large(large_vectors):
    """An index of 50 000 scenes; tests only read it."""
    return SceneIndex.build(large_vectors, _entries(LARGE), seed=3)


@pytest.fixture(scope="session")
def lists_of_3000(clustered):
    """3000 scenes in lists, seed 1; tests only read it, or work on an index of its contents."""
    return SceneIndex.build(clustered(3000, seed=4), _entries(3000), kind="ivf_pq", seed=1)
