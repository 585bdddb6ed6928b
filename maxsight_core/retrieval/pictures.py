"""Pictures to remember, each with what is known about it: from folders, videos and rendered scenes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.retrieval.errors import RetrievalError

SCENE_PREFIX = "scene:"


@dataclass(frozen=True, slots=True)
class Picture:
    """``rgb``: [H, W, 3] uint8. ``concepts``: what is in it, None when nobody has said. The rest is SceneEntry's."""

    rgb: np.ndarray
    id: str
    title: str
    source: str
    concepts: tuple[str, ...] | None = None


def in_folder(folder: Path) -> list[Path]:
    """The picture files of a folder and of the folders in it, by path.

    Raises:
        RetrievalError: no such folder, or no picture in it.
    """
    from maxsight_core.sources import PICTURE_SUFFIXES

    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise RetrievalError(f"{folder}: expected a folder with pictures ({', '.join(PICTURE_SUFFIXES)}); "
                             f"{'it holds none' if folder.is_dir() else 'there is no such folder'}. Check the path")
    return paths


def of_folder(
    folder: Path, labels: Mapping[str, tuple[str, ...]] | None = None,
    on_unreadable: Callable[[str], object] = lambda _: None,
) -> Iterator[Picture]:
    """The pictures of :func:`in_folder`. One that cannot be read is reported and left out.

    Args:
        labels: concepts by file name or by path within the folder. on_unreadable: called with the reason.
    """
    from maxsight_core.sources import SourceError, open_source

    for path in in_folder(folder):
        name = path.relative_to(folder).as_posix()
        concepts = None if labels is None else labels.get(name, labels.get(path.name, ()))
        try:
            frame = next(iter(open_source(str(path)).frames()))
        except SourceError as error:
            on_unreadable(str(error))
            continue
        yield Picture(frame.rgb, path.as_posix(), path.stem, path.as_posix(), concepts)


def require_source(spec: str, every_s: float) -> None:
    """Refuse what :func:`of_source` could not read, before anything is read.

    Raises:
        SourceError: no such file, video or scene. RetrievalError: ``every_s`` is not above 0.
    """
    from maxsight_core.sources import open_source

    if not every_s > 0:
        raise RetrievalError(f"every: expected seconds above 0; got {every_s}")
    open_source(spec)


def of_picture(path: Path) -> Iterator[Picture]:
    """One picture file, or the first frame of a video; SourceError when it cannot be read."""
    from maxsight_core.sources import open_source

    yield Picture(next(iter(open_source(str(path)).frames())).rgb, path.name, path.stem, path.name)


def of_source(spec: str, every_s: float) -> Iterator[Picture]:
    """Frames of a video or a rendered scene, one every ``every_s`` seconds of its clock.

    A rendered scene knows what is in each frame; of a video nobody has said. Raises as :func:`require_source` does.
    """
    yield from _of_scene(spec, every_s) if spec.startswith(SCENE_PREFIX) else _of_video(spec, every_s)


def _of_scene(spec: str, every_s: float) -> Iterator[Picture]:
    from maxsight_core.scenes import SceneRenderer, parse_spec

    renderer = SceneRenderer(parse_spec(spec))
    step = max(1, round(every_s * renderer.spec.fps))
    for index in range(0, len(renderer), step):
        frame = renderer.frame(index)
        concepts = tuple({thing.class_name for thing in frame.truth.objects})
        yield Picture(np.ascontiguousarray(frame.rgb), f"{spec}#{index}",
                      f"{renderer.spec.scene}, {frame.time_s:.0f} s", spec, concepts)


def _of_video(spec: str, every_s: float) -> Iterator[Picture]:
    from maxsight_core.sources import open_source

    due_s = 0.0
    for frame in open_source(spec).frames():
        if frame.time_s >= due_s:
            due_s = frame.time_s + every_s
            yield Picture(frame.rgb, f"{spec}#{frame.seq}", f"{Path(spec).stem}, {frame.time_s:.0f} s", spec)


def read_labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Concepts by file name from a COCO annotation file (``images``, ``annotations``, optionally ``categories``).

    Raises:
        RetrievalError: not such a file. OSError: it cannot be read.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        names = {category["id"]: str(category["name"]) for category in body.get("categories", ())}
        files = {image["id"]: str(image["file_name"]) for image in body["images"]}
        found: dict[str, set[str]] = {name: set() for name in files.values()}
        for annotation in body["annotations"]:
            category = annotation["category_id"]
            found[files[annotation["image_id"]]].add(names.get(category) or taxonomy.by_id(category).name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RetrievalError(f"{path}: expected COCO annotations with images, annotations and categories; got "
                             f"something else ({type(error).__name__}: {error}). Give an instances.json") from None
    return {name: tuple(sorted(concepts)) for name, concepts in found.items()}
