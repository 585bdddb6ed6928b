"""One advisory question to the index: which remembered scenes, and which concepts, does this picture resemble?

What comes back is context for a person (Tier 3). It never feeds detections, urgency or alerts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maxsight_core.retrieval.concepts import ConceptMatch, ConceptTable
from maxsight_core.retrieval.index import SceneIndex, SceneMatch
from maxsight_core.retrieval.vectors import as_unit_vectors

SCENES_SHOWN, CONCEPTS_SHOWN = 5, 5
"""What a person can take in at a glance."""
CHANCE_PERCENTILE = 95.0
"""A scene must be more like the query than 95 % of random pairs of the index are like each other."""
CHANCE_PAIRS = 2000
"""Random pairs looked at for that: their 95th percentile is then known to about +-1 percentile."""
MATCHES_LOOKED_AT = 64
"""Matches from which the best of each source is taken: a walk's neighbouring frames would fill a shorter list."""


@dataclass(frozen=True, slots=True)
class Found:
    """Answer of one lookup, best first; either part may be empty. Advice only."""

    scenes: tuple[SceneMatch, ...]
    concepts: tuple[ConceptMatch, ...]

    def to_json(self) -> dict[str, object]:
        """For the ``retrieval`` output: ``scenes`` is its list of {scene, similarity}. Ids and sources may be paths of
        this machine and stay here."""
        return {
            "advisory": True,
            "scenes": [{"scene": match.entry.title, "similarity": round(match.similarity, 4),
                        "concepts": list(match.entry.concepts)} for match in self.scenes],
            "concepts": [{"concept": match.name, "similarity": round(match.similarity, 4), "scenes": match.scenes}
                         for match in self.concepts],
        }


class SceneLookup:
    """Similar scenes and concepts of an index. Safe for any number of threads.

    Args:
        index: to search. concepts: its prototypes; None makes them now.
        scenes, concepts_shown: most that one answer holds.
    """

    def __init__(
        self, index: SceneIndex, concepts: ConceptTable | None = None, *, scenes: int = SCENES_SHOWN,
        concepts_shown: int = CONCEPTS_SHOWN,
    ) -> None:
        self.index = index
        self.concepts = ConceptTable.of(index) if concepts is None else concepts
        self._scenes, self._concepts_shown = scenes, concepts_shown
        self.chance_similarity = chance_similarity(index)

    @property
    def size(self) -> int:
        """Scenes in the index."""
        return len(self.index)

    def __call__(self, vectors: np.ndarray) -> Found:
        """Look up one picture.

        Args:
            vectors: [256], or [1 + Q, 256]: the scene's vector first, then vectors of which only concepts are asked
                (the concept vectors of Stage B's retrieval head).

        Raises:
            RetrievalError: another shape, or numbers that are not finite.
        """
        queries = as_unit_vectors(vectors, name="query")
        matches = self.index.search(queries[0], MATCHES_LOOKED_AT)
        concepts = self.concepts.nearest(queries, self._concepts_shown)
        return Found(self._shown(matches), tuple(match for match in concepts if match.similarity > 0.0))

    def _shown(self, matches: tuple[SceneMatch, ...]) -> tuple[SceneMatch, ...]:
        """The best match of each source (or id, without a source), above chance."""
        best: dict[str, SceneMatch] = {}
        for match in matches:
            if match.similarity > self.chance_similarity:
                best.setdefault(match.entry.source or match.entry.id, match)
        return tuple(best.values())[: self._scenes]


def chance_similarity(index: SceneIndex, seed: int = 0) -> float:
    """How alike two random scenes of the index are at most, 19 times of 20; -1 when there are no two."""
    vectors, _, _ = index.contents()
    if len(vectors) < 2:
        return -1.0
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(vectors), CHANCE_PAIRS)
    second = (first + rng.integers(1, len(vectors), CHANCE_PAIRS)) % len(vectors)  # never the same scene
    similarities = np.einsum("nd,nd->n", vectors.gather(first), vectors.gather(second))
    return float(np.percentile(similarities, CHANCE_PERCENTILE))
