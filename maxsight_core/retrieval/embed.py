"""Embeddings of pictures by Stage A's network: the only part of retrieval that needs the engine.

The engine is imported when an embedder is made; everything else here works on vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.retrieval.entries import SceneEntry
from maxsight_core.retrieval.errors import RetrievalError
from maxsight_core.retrieval.pictures import Picture
from maxsight_core.retrieval.store import EmbeddingKey

if TYPE_CHECKING:
    from maxsight_core.engine.manifest import CheckpointManifest
    from maxsight_core.engine.runtimes import LoadedStageA

OUTPUT = "scene_embedding"
_UNTRAINED = "untrained"


def embedding_key(manifest: CheckpointManifest) -> EmbeddingKey:
    """What tells this checkpoint's scene embeddings from all others."""
    return EmbeddingKey(OUTPUT, manifest.sha256 or _UNTRAINED, manifest.is_learned(OUTPUT))


class Embedder:
    """Pictures to vectors.

    Args:
        stage_a: a loaded network. untrained_ok: accept one that has not learned the scene embedding; its vectors are
            fit for timing only, and what is stored of them says so.

    Raises:
        RetrievalError: it has not learned the scene embedding.
    """

    def __init__(self, stage_a: LoadedStageA, *, untrained_ok: bool = False) -> None:
        self._stage_a = stage_a
        self.key = embedding_key(stage_a.manifest)
        if not self.key.trained and not untrained_ok:
            raise RetrievalError(
                f"expected a checkpoint that has learned {OUTPUT}; got one that has not ({stage_a.source_note}). "
                "Fetch weights with `python -m maxsight_core.engine.weights fetch`, name a checkpoint with "
                "--checkpoint, or add --untrained-ok to measure times only"
            )

    @classmethod
    def load(cls, checkpoint: Path | None = None, *, untrained_ok: bool = False) -> Embedder:
        """With the weights and settings that the engine would use here.

        Raises:
            RetrievalError: as above. CheckpointError: unusable weights.
        """
        from maxsight_core.engine.config import EngineConfig
        from maxsight_core.engine.runtimes import load_stage_a

        config = EngineConfig.from_environment()
        return cls(load_stage_a(
            checkpoint=checkpoint or config.checkpoint, grid=config.grid, runtime=config.runtime,
            precision=config.precision, threads=config.threads, cache_dir=config.cache_dir,
        ), untrained_ok=untrained_ok)

    def embed(self, rgb: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """One picture.

        Args:
            rgb: [H, W, 3] uint8.

        Returns:
            [256] float32, not normalised; and the names of what the network detects (none when it has not learned to).
        """
        from maxsight_core.engine import detect

        runtime, manifest = self._stage_a.runtime, self._stage_a.manifest
        raw = runtime.infer(detect.prepare(rgb, runtime.input_size, manifest.fit))
        names: set[str] = set()
        if detect.can_detect(manifest.trained_heads):
            rule = manifest.score_rule
            found = detect.decode(raw, runtime.grid, runtime.input_size, rgb.shape[:2], fit=manifest.fit,
                                  classes=manifest.classes, settings=rule.settings(runtime.grid))
            names = {taxonomy.by_id(thing.class_id).name for thing in rule.apply(found)}
        return raw[OUTPUT][0], tuple(sorted(names))

    def remember(self, pictures: Iterable[Picture]) -> Iterator[tuple[np.ndarray, SceneEntry]]:
        """Vector and entry of each picture; concepts are those it came with, else what the network detects."""
        for picture in pictures:
            vector, detected = self.embed(picture.rgb)
            concepts = detected if picture.concepts is None else picture.concepts
            yield vector, SceneEntry(picture.id, picture.title, concepts, picture.source)

    def close(self) -> None:
        self._stage_a.runtime.close()
