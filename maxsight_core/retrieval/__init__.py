"""Remembered scenes and concepts by similarity: advice for a person (Tier 3), never a reason for an alert.

See docs/retrieval.md. Nothing here imports the engine, the models or torch, except the command line and ``embed``,
which turn pictures into vectors.
"""

from maxsight_core.retrieval.concepts import ConceptMatch, ConceptTable
from maxsight_core.retrieval.entries import SceneEntry, concept_name
from maxsight_core.retrieval.errors import IndexStoreError, RetrievalError, RetrievalUnavailableError
from maxsight_core.retrieval.index import FLAT_LIMIT, SceneIndex, SceneMatch
from maxsight_core.retrieval.lookup import Found, SceneLookup
from maxsight_core.retrieval.store import EmbeddingKey, IndexManifest, StoredIndex, load, read_manifest, save
from maxsight_core.retrieval.vectors import DIMENSION
from maxsight_core.retrieval.worker import RetrievalAnswer, RetrievalWorker

__all__ = [
    "DIMENSION", "FLAT_LIMIT", "ConceptMatch", "ConceptTable", "EmbeddingKey", "Found", "IndexManifest",
    "IndexStoreError", "RetrievalAnswer", "RetrievalError", "RetrievalUnavailableError", "RetrievalWorker",
    "SceneEntry", "SceneIndex", "SceneLookup", "SceneMatch", "StoredIndex", "concept_name", "load", "read_manifest",
    "save",
]
