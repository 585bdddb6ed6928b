"""A COCO annotation file: read, its categories as taxonomy classes, and which classes were labelled in a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maxsight_core import taxonomy
from training.data.sample import SampleError

INSTANCES = "instances.json"
ALL_OF_COCO = "all COCO classes"
"""As ``labelled_classes``: every annotated class of COCO."""

_ROW_KEYS: dict[str, frozenset[str]] = {
    "images": frozenset({"id", "file_name", "width", "height"}),
    "annotations": frozenset({"image_id", "category_id"}), "categories": frozenset({"id"}),
}
"""What every row of the three lists must have."""


def annotation_file(path: Path) -> Path:
    """``instances.json`` of a folder, or the file itself."""
    return path / INSTANCES if path.is_dir() else path


def read_annotations(file: Path) -> dict[str, Any]:
    """The content of an annotation file; SampleError when it is missing, empty, or not COCO's format."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SampleError(f"{file}: the annotation file cannot be read ({error.strerror}). Expected COCO's format: "
                          f"{INSTANCES} beside a folder images/") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SampleError(f"{file}: is empty or no JSON ({error})") from error
    if not isinstance(body, dict):
        raise SampleError(f"{file}: expected an object with COCO's lists; got {type(body).__name__}")
    missing = [key for key in ("images", "annotations", "categories") if not isinstance(body.get(key), list)]
    if missing or not body["images"]:
        raise SampleError(f"{file}: expected COCO's lists images (not empty), annotations and categories; missing: "
                          f"{', '.join(missing) or 'images'}")
    for name, keys in _ROW_KEYS.items():
        for number, row in enumerate(body[name]):
            if not isinstance(row, dict) or not keys <= row.keys():
                raise SampleError(f"{file}: {name}[{number}]: expected {', '.join(sorted(keys))}; got {row!r:.120}")
    return body


def taxonomy_id(category: dict[str, Any], file: Path) -> int:
    """The taxonomy class of a category: by its name, and by its id where the name is no taxonomy class.

    Raises:
        SampleError: neither is known.
    """
    try:
        return taxonomy.by_name(str(category.get("name", ""))).id
    except KeyError:
        try:
            return taxonomy.by_id(category["id"]).id
        except KeyError as error:
            raise SampleError(f"{file}: category {category.get('name')!r} (id {category.get('id')}) is not in the "
                              f"taxonomy: {error.args[0]}. Rename it, or remove it from the file") from error


def taxonomy_ids(body: dict[str, Any], file: Path) -> dict[int, int]:
    """Category id to taxonomy id; SampleError for an unknown category, or annotations of one that is not listed."""
    ids = {row["id"]: taxonomy_id(row, file) for row in body["categories"]}
    unlisted = {row["category_id"] for row in body["annotations"]} - ids.keys()
    if unlisted:
        raise SampleError(f"{file}: annotations use categories that the file does not list: {sorted(unlisted)}")
    return ids


class LabelledClasses:
    """Which classes people labelled in each picture of a file.

    A picture may name its ``labelled_classes``; one that does not is labelled for ``exhaustive_classes`` of the file's
    ``info``, else for every category that the file lists.

    Raises:
        SampleError: a name that is no taxonomy class, here or later.
    """

    def __init__(self, body: dict[str, Any], ids: dict[int, int], file: Path) -> None:
        self._file = file
        self._known: dict[tuple[str, ...] | str, frozenset[int]] = {}
        names = body.get("info", {}).get("exhaustive_classes")
        self._always = frozenset(ids.values()) if names is None else self._of(names, "info.exhaustive_classes")

    def of(self, picture: dict[str, Any]) -> frozenset[int]:
        """Taxonomy ids of the classes that were labelled in a picture (a row of ``images``)."""
        names = picture.get("labelled_classes")
        return self._always if names is None else self._of(names, picture["file_name"])

    def _of(self, names: str | Sequence[str], where: str) -> frozenset[int]:
        key = names if isinstance(names, str) else tuple(map(str, names))
        if key not in self._known:
            self._known[key] = self._read(key, where)
        return self._known[key]

    def _read(self, names: str | tuple[str, ...], where: str) -> frozenset[int]:
        if names == ALL_OF_COCO:
            return frozenset(taxonomy.COCO_IDS)
        try:
            return frozenset(taxonomy.by_name(name).id for name in ([names] if isinstance(names, str) else names))
        except KeyError as error:
            raise SampleError(f"{self._file}: labelled classes of {where}: {error.args[0]}") from error
