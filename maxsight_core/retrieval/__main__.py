"""Build, look into and ask an index of scenes.

    python -m maxsight_core.retrieval build --images DIR [--labels COCO.json] --out INDEX
    python -m maxsight_core.retrieval build --source 'scene:street?seed=1' --source walk.mp4 --out INDEX
    python -m maxsight_core.retrieval info INDEX
    python -m maxsight_core.retrieval query PICTURE --index INDEX [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from maxsight_core.retrieval import pictures
from maxsight_core.retrieval.embed import Embedder
from maxsight_core.retrieval.errors import RetrievalError, RetrievalUnavailableError
from maxsight_core.retrieval.index import SceneIndex
from maxsight_core.retrieval.lookup import Found, SceneLookup
from maxsight_core.retrieval.store import load, read_manifest, require_index_folder, save
from maxsight_core.retrieval.vectors import DIMENSION

DEFAULT_EVERY_S = 1.0
"""A walker has moved on by a metre or more: neighbouring frames would be the same scene again."""


def _pictures(options: argparse.Namespace) -> Iterator[pictures.Picture]:
    labels = None if options.labels is None else pictures.read_labels(options.labels)

    def report(reason: str) -> None:
        print(f"left out: {reason}", file=sys.stderr)

    return itertools.chain(
        *(pictures.of_folder(folder, labels, report) for folder in options.images),
        *(pictures.of_source(spec, options.every) for spec in options.source),
    )


def _require_readable(options: argparse.Namespace) -> None:
    """A spelling mistake in the last source must not come out after an hour of embedding the others."""
    if not options.images and not options.source:
        raise RetrievalError("build: expected at least one --images DIR or --source SPEC; got none")
    for folder in options.images:
        pictures.in_folder(folder)
    for spec in options.source:
        pictures.require_source(spec, options.every)
    require_index_folder(options.out)


def _build(options: argparse.Namespace) -> int:
    _require_readable(options)
    embedder = Embedder.load(options.checkpoint, untrained_ok=options.untrained_ok)
    vectors, entries = [], []
    try:
        for vector, entry in tqdm(embedder.remember(_pictures(options)), desc="embedding", unit="picture",
                                  disable=options.quiet):
            vectors.append(vector)
            entries.append(entry)
    finally:
        embedder.close()
    if not vectors:
        raise RetrievalError("build: expected at least one readable picture; got none. See what was left out above")
    started = time.monotonic()
    index = SceneIndex.build(np.asarray(vectors, np.float32).reshape(-1, DIMENSION), entries, seed=options.seed)
    manifest = save(options.out, index, embedder.key)
    print(f"{options.out}: {manifest.count} scenes, {manifest.kind}, {manifest.size_bytes / 1e6:.1f} MB, built in "
          f"{time.monotonic() - started:.1f} s")
    if not embedder.key.trained:
        print("made by an untrained network: for timing only, it will not be loaded for use")
    return 0


def _info(options: argparse.Namespace) -> int:
    manifest = read_manifest(options.index)
    stored = load(options.index, None, untrained_ok=True)
    names = ", ".join(f"{name} ({count})" for name, count in
                      zip(stored.concepts.names, stored.concepts.counts.tolist(), strict=True))
    key = manifest.embedding
    print(f"{options.index}: {manifest.count} scenes, {manifest.kind}, {manifest.size_bytes / 1e6:.1f} MB, undamaged")
    print(f"vectors: {manifest.dimension} numbers, {key.output}, weights {key.weights}"
          f"{'' if key.trained else ' (untrained: for timing only)'}")
    print(f"concepts: {names or 'none'}")
    return 0


def _query(options: argparse.Namespace) -> int:
    picture = next(pictures.of_picture(options.picture))
    embedder = Embedder.load(options.checkpoint, untrained_ok=options.untrained_ok)
    try:
        stored = load(options.index, embedder.key, untrained_ok=options.untrained_ok)
        vector, _ = embedder.embed(picture.rgb)
    finally:
        embedder.close()
    found = SceneLookup(stored.index, stored.concepts)(vector)
    print(json.dumps(found.to_json(), indent=2, ensure_ascii=False) if options.json else _table(found))
    return 0


def _table(found: Found) -> str:
    scenes = [f"  {match.similarity:6.3f}  {match.entry.title}  ({match.entry.source or match.entry.id})"
              for match in found.scenes]
    concepts = [f"  {match.similarity:6.3f}  {match.name}  ({match.scenes} scenes)" for match in found.concepts]
    return "\n".join(["similar scenes (advice only):", *(scenes or ["  none above chance"]),
                      "concepts:", *(concepts or ["  none"])])


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.retrieval", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = command.add_subparsers(required=True, metavar="build|info|query")
    network = argparse.ArgumentParser(add_help=False)
    network.add_argument("--checkpoint", type=Path, help="weights to use (default: the order of docs/weights.md)")
    network.add_argument("--untrained-ok", action="store_true",
                         help="go on without trained weights; for timing only, the answers mean nothing")
    build = commands.add_parser("build", parents=[network], help="embed pictures and write an index of them")
    build.add_argument("--images", type=Path, action="append", default=[], metavar="DIR",
                       help="a folder of pictures; may be given again")
    build.add_argument("--labels", type=Path, metavar="FILE", help="COCO annotations: what is in the pictures of DIR")
    build.add_argument("--source", action="append", default=[], metavar="SPEC",
                       help="a video or scene:NAME?seed=N; may be given again")
    build.add_argument("--every", type=float, default=DEFAULT_EVERY_S, metavar="SECONDS",
                       help="between two frames of a source (default: %(default)s)")
    build.add_argument("--out", type=Path, required=True, metavar="INDEX", help="folder of the index")
    build.add_argument("--seed", type=int, default=0, help="of what is learned (default: %(default)s)")
    build.add_argument("--quiet", action="store_true", help="no progress bar")
    build.set_defaults(run=_build)
    info = commands.add_parser("info", help="what an index holds; checks every file")
    info.add_argument("index", type=Path, metavar="INDEX")
    info.set_defaults(run=_info)
    query = commands.add_parser("query", parents=[network], help="what a picture resembles")
    query.add_argument("picture", type=Path, metavar="PICTURE")
    query.add_argument("--index", type=Path, required=True, metavar="INDEX")
    query.add_argument("--json", action="store_true", help="as JSON")
    query.set_defaults(run=_query)
    return command


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when it did what it says, 1 with a message on standard error otherwise."""
    options = parser().parse_args(arguments)
    from maxsight_core.engine.config import ConfigError
    from maxsight_core.engine.manifest import CheckpointError
    from maxsight_core.scenes import SceneError
    from maxsight_core.sources import SourceError

    try:
        return options.run(options)
    except (RetrievalError, RetrievalUnavailableError, CheckpointError, ConfigError, SceneError, SourceError,
            OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
