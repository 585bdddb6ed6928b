"""An index on disk: one folder of plain arrays and a manifest that says what they are.

    save(folder, index, embedding, concepts)
    stored = load(folder, expected=embedding)      # stored.index, stored.concepts, stored.manifest

``manifest.json`` names every other file with its size and SHA-256. Files are named after their content and the
manifest is replaced last, so a save that breaks off leaves the old index as it was. Nothing is read with pickle. One
process writes a folder at a time; any number may read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.retrieval import files
from maxsight_core.retrieval.concepts import ConceptTable
from maxsight_core.retrieval.entries import EntryTable
from maxsight_core.retrieval.errors import IndexStoreError, RetrievalError
from maxsight_core.retrieval.files import BUILD_AGAIN, StoredFile
from maxsight_core.retrieval.index import FLAT, IVF_PQ, KINDS, SceneIndex
from maxsight_core.retrieval.ivf import IvfPq
from maxsight_core.retrieval.quantizer import CODES, ProductQuantizer
from maxsight_core.retrieval.vectors import DIMENSION, VectorTable

FORMAT = 1
MANIFEST_NAME = "manifest.json"
_PARTS: dict[str, tuple[str, ...]] = {
    FLAT: ("vectors", "entries", "entry_offsets", "concepts", "prototypes", "centre"),
    IVF_PQ: ("vectors", "entries", "entry_offsets", "concepts", "prototypes", "centre", "list_centres", "rotation",
             "codebooks", "lists", "codes"),
}


@dataclass(frozen=True, slots=True)
class EmbeddingKey:
    """What made the vectors; only vectors of one key can be compared.

    Args:
        output: of the registry, ``scene_embedding`` (Stage A) or ``retrieval`` (Stage B's scene vector).
        weights: SHA-256 of the weights, or a name for untrained ones.
        trained: whether the weights have learned that output. Similarities of untrained ones mean nothing.
    """

    output: str
    weights: str
    trained: bool

    def __post_init__(self) -> None:
        if not (isinstance(self.output, str) and self.output and isinstance(self.weights, str) and self.weights
                and isinstance(self.trained, bool)):
            raise IndexStoreError("embedding: expected the name of an output, the SHA-256 of its weights and whether "
                                  f"it is trained; got {self.output!r}, {self.weights!r}, {self.trained!r}")

    def to_json(self) -> dict[str, Any]:
        return {"output": self.output, "weights": self.weights, "trained": self.trained}


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """What a stored index is.

    Args:
        kind: ``flat`` | ``ivf_pq``. count: scenes. embedding: what made the vectors. seed: of what was learned.
        trained_on: vectors the lists were learned from, 0 for a flat index. parts: name -> file. dimension: always 256.
    """

    kind: str
    count: int
    embedding: EmbeddingKey
    seed: int
    trained_on: int
    parts: Mapping[str, StoredFile]
    dimension: int = DIMENSION

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "kind": self.kind, "dimension": self.dimension, "count": self.count,
                "embedding": self.embedding.to_json(), "seed": self.seed, "trained_on": self.trained_on,
                "files": {part: stored.to_json() for part, stored in self.parts.items()}}

    @classmethod
    def from_json(cls, body: Any) -> IndexManifest:
        """The manifest that ``to_json`` gave.

        Raises:
            IndexStoreError: a field is missing or wrong; the message names it.
        """
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            got = body.get("format") if isinstance(body, dict) else type(body).__name__
            raise IndexStoreError(f"manifest: expected an object of format {FORMAT}; got {got!r}. It was written by "
                                  "another version: build the index again with this one")
        _expect("kind", body.get("kind") in KINDS, " or ".join(KINDS), body.get("kind"))
        _expect("dimension", body.get("dimension") == DIMENSION, str(DIMENSION), body.get("dimension"))
        for name in ("count", "seed", "trained_on"):
            value = body.get(name)
            _expect(name, isinstance(value, int) and not isinstance(value, bool) and value >= 0, "a whole number",
                    value)
        embedding, parts = body.get("embedding"), body.get("files")
        _expect("embedding", isinstance(embedding, dict), "an object", embedding)
        wanted = _PARTS[body["kind"]]
        _expect("files", isinstance(parts, dict) and set(parts) == set(wanted), f"exactly {', '.join(wanted)}",
                sorted(parts) if isinstance(parts, dict) else parts)
        key = EmbeddingKey(embedding.get("output"), embedding.get("weights"), embedding.get("trained"))
        return cls(body["kind"], body["count"], key, body["seed"], body["trained_on"],
                   {part: StoredFile.from_json(part, parts[part]) for part in wanted})

    @property
    def size_bytes(self) -> int:
        """Bytes on the disk, the manifest excepted."""
        return sum(stored.size_bytes for stored in self.parts.values())


@dataclass(frozen=True, slots=True)
class StoredIndex:
    index: SceneIndex
    concepts: ConceptTable
    manifest: IndexManifest


def _expect(name: str, ok: bool, expected: str, got: object) -> None:
    if not ok:
        raise IndexStoreError(f"manifest: {name} must be {expected}; got {got!r}. {BUILD_AGAIN}")


def save(
    folder: Path, index: SceneIndex, embedding: EmbeddingKey, concepts: ConceptTable | None = None,
) -> IndexManifest:
    """Write an index into ``folder``, in place of the one there. What was removed from it is left out.

    Args:
        concepts: its prototypes; None makes them now.

    Raises:
        IndexStoreError: ``folder`` holds other things than an index, or is no folder. OSError: the disk refuses; the
            old index is then still the one that is loaded.
    """
    require_index_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    concepts = ConceptTable.of(index) if concepts is None else concepts
    vectors, entries, learned = index.contents()
    lines, offsets = entries.arrays()
    names = json.dumps({"names": concepts.names, "scenes": concepts.counts.tolist()}, ensure_ascii=False)
    arrays = {"vectors": vectors.array(), "entry_offsets": offsets, "prototypes": concepts.prototypes,
              "centre": concepts.centre}
    if learned is not None:
        arrays |= {"list_centres": learned.centres, "rotation": learned.quantizer.rotation,
                   "codebooks": learned.quantizer.codebooks, "lists": learned.lists, "codes": learned.codes}
    parts = {part: files.write_array(folder, part, array) for part, array in arrays.items()}
    parts["entries"] = files.write_bytes(folder, "entries", "jsonl", lines)
    parts["concepts"] = files.write_bytes(folder, "concepts", "json", names.encode())
    manifest = IndexManifest(FLAT if learned is None else IVF_PQ, len(vectors), embedding, index.seed,
                             0 if learned is None else learned.trained_on, parts)
    files.commit(folder, MANIFEST_NAME, json.dumps(manifest.to_json(), indent=2) + "\n")
    files.remove_others(folder, {stored.name for stored in parts.values()})
    return manifest


def require_index_folder(folder: Path) -> None:
    """Refuse a folder that holds other things: a typing error must not scatter files over somebody's pictures.

    Raises:
        IndexStoreError: a file, or a folder with other files and no index.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise IndexStoreError(f"{folder}: expected a folder for the index; that is a file. Give another path")
    if not (folder / MANIFEST_NAME).exists() and any(not files.is_ours(path.name) for path in folder.iterdir()):
        raise IndexStoreError(f"{folder}: expected an empty folder or one with an index; it holds other files. Give "
                              "another path")


def read_manifest(folder: Path) -> IndexManifest:
    """The manifest of a stored index.

    Raises:
        IndexStoreError: no index there, or not one this version reads.
    """
    path = folder / MANIFEST_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise IndexStoreError(f"{folder}: expected a folder with {MANIFEST_NAME}; there is none. Build an index with "
                              "`python -m maxsight_core.retrieval build`, or check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexStoreError(f"{path}: it cannot be read ({error}). {BUILD_AGAIN}") from None
    try:
        return IndexManifest.from_json(json.loads(text))
    except json.JSONDecodeError as error:
        raise IndexStoreError(f"{path}: expected JSON; got something else ({error}). {BUILD_AGAIN}") from None
    except IndexStoreError as error:
        raise IndexStoreError(f"{path}: {error}") from None


def load(
    folder: Path, expected: EmbeddingKey | None, *, untrained_ok: bool = False, verify: bool = True,
) -> StoredIndex:
    """Read an index. Its vectors stay on the disk, mapped, and are read as searches need them.

    Args:
        expected: what makes the query vectors; None only where nothing is asked of the index (``info``).
        untrained_ok: accept vectors of an untrained network. For timing only: its similarities mean nothing.
        verify: compare every file's SHA-256 (1 s for 600 MB), which also brings the files into the disk's cache, so
            that the first searches are as fast as later ones. Sizes and shapes are compared always.

    Raises:
        IndexStoreError: damaged, cut short, another format, dimension or weights. RetrievalUnavailableError: FAISS is
            not installed.
    """
    manifest = read_manifest(folder)
    try:
        return _load(folder, manifest, expected, untrained_ok, verify)
    except IndexStoreError:
        newer = read_manifest(folder)
        if newer == manifest:
            raise
        return _load(folder, newer, expected, untrained_ok, verify)  # another process saved while this one read


def _load(
    folder: Path, manifest: IndexManifest, expected: EmbeddingKey | None, untrained_ok: bool, verify: bool,
) -> StoredIndex:
    _require_same_embedding(folder, manifest.embedding, expected)
    if not manifest.embedding.trained and not untrained_ok:
        raise IndexStoreError(f"{folder}: expected vectors of a trained {manifest.embedding.output}; these were made "
                              "by an untrained network, for timing only. Fetch weights with `python -m "
                              "maxsight_core.engine.weights fetch` and build the index again")
    paths = {part: files.check(folder, part, stored, digest=verify) for part, stored in manifest.parts.items()}
    try:
        return StoredIndex(_read_index(manifest, paths), _read_concepts(paths), manifest)
    except IndexStoreError:
        raise
    except RetrievalError as error:
        raise IndexStoreError(f"{folder}: {error}") from None


def _require_same_embedding(folder: Path, found: EmbeddingKey, expected: EmbeddingKey | None) -> None:
    if expected is not None and (found.output, found.weights) != (expected.output, expected.weights):
        raise IndexStoreError(
            f"{folder}: expected vectors of {expected.output} with weights {expected.weights}; got {found.output} with "
            f"weights {found.weights}. Vectors of different weights cannot be compared: build the index again with "
            "the weights in use, or use the weights it was built with"
        )


def _read_index(manifest: IndexManifest, paths: Mapping[str, Path]) -> SceneIndex:
    count = manifest.count
    vectors = files.read_array(paths["vectors"], (count, DIMENSION), np.float16, mapped=True)
    offsets = files.read_array(paths["entry_offsets"], (count + 1,), np.uint64)
    entries = EntryTable.from_arrays(files.map_bytes(paths["entries"]), offsets)
    learned = None
    if manifest.kind == IVF_PQ:
        rotation = files.read_array(paths["rotation"], (DIMENSION, DIMENSION), np.float32)
        codebooks = files.read_array(paths["codebooks"], (None, CODES, None), np.float32)
        learned = IvfPq(
            files.read_array(paths["list_centres"], (None, DIMENSION), np.float32),
            ProductQuantizer(rotation, codebooks), files.read_array(paths["lists"], (count,), np.int32),
            files.read_array(paths["codes"], (count, None), np.uint8, mapped=True), manifest.trained_on,
        )
    return SceneIndex(VectorTable((vectors,)), entries, learned, manifest.seed)


def _read_concepts(paths: Mapping[str, Path]) -> ConceptTable:
    try:
        body = json.loads(paths["concepts"].read_text(encoding="utf-8"))
        names, scenes = tuple(map(str, body["names"])), np.asarray(body["scenes"], np.int64)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise IndexStoreError(f"{paths['concepts']}: expected names and scenes; got something else ({error}). "
                              f"{BUILD_AGAIN}") from None
    return ConceptTable(names, scenes, files.read_array(paths["prototypes"], (len(names), DIMENSION), np.float32),
                        files.read_array(paths["centre"], (DIMENSION,), np.float32))
