"""Training, validation and test annotations from a data set's own: no picture in two, only what can be learned from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.archives import Part
from training.data.check import wrong_box
from training.data.coco_file import read_annotations, taxonomy_ids
from training.data.sample import SampleError
from training.data.splits import SPLITS, split_of

PREFIX = "maxsight_"
KEPT_KEYS = ("bbox", "iscrowd", "segmentation", "area")
_MANY = 3


@dataclass(frozen=True, slots=True)
class Written:
    """One annotation file: how many pictures and boxes, and how many boxes were left out as wrong."""

    file: Path
    pictures: int
    boxes: int
    left_out: int


def write_splits(parts: Sequence[Part], root: Path, out: Path, *, val_share: float, leave_out: Sequence[str] = (),
                 say: Callable[[str], None] = print) -> list[Written]:
    """``maxsight_train.json``, ``maxsight_val.json``, ``maxsight_test.json`` in ``out``, the same on every machine.

    Pictures of parts to learn from go to train and val by their names, those of test parts to test; where there are
    only test parts, theirs are divided into all three. File names are relative to ``root``. Boxes outside their
    pictures or without a size are left out.

    Args:
        parts: annotation file and image folder under ``root`` each. val_share: of the pictures that are divided; test's
            too, where it has no part of its own.
        leave_out: parts of licence names whose pictures are not used.

    Raises:
        SampleError: an annotation file cannot be used, pictures are missing, or one is both to learn from and to test.
    """
    splits: dict[str, dict[str, Any]] = {name: {"images": [], "annotations": []} for name in SPLITS}
    common: dict[str, Any] = {}
    left_out = dict.fromkeys(SPLITS, 0)
    seen: dict[str, str] = {}
    learn = any(part.use == "learn" for part in parts)
    for part in parts:
        file = root / part.annotations
        say(f"reading {file}")
        body = read_annotations(file)
        taxonomy_ids(body, file)
        common = common or {"licenses": body.get("licenses", []), "categories": body["categories"]}
        if body["categories"] != common["categories"]:
            raise SampleError(f"{file}: lists other categories than {root / parts[0].annotations}")
        of_picture = {}
        for row in _pictures(body, part, root, tuple(leave_out)):
            name = row["file_name"]
            if seen.setdefault(name, part.use) != part.use:
                raise SampleError(f"{file}: {name} is also in a part for another use ({seen[name]})")
            split = "test" if learn and part.use == "test" else split_of(name, val_share, 0.0 if learn else val_share)
            pictures = splits[split]["images"]
            pictures.append({**row, "id": len(pictures) + 1, "file_name": f"{part.images}/{name}"})
            of_picture[row["id"]] = (split, pictures[-1])
        _sort_annotations(body["annotations"], of_picture, splits, left_out)
    out.mkdir(parents=True, exist_ok=True)
    return [_write(out / f"{PREFIX}{name}.json", {**common, **splits[name]}, left_out[name]) for name in SPLITS]


def _pictures(body: dict[str, Any], part: Part, root: Path, leave_out: tuple[str, ...]) -> list[dict[str, Any]]:
    licences = {row["id"]: str(row.get("name", "")) for row in body.get("licenses", ())}
    chosen = [row for row in body["images"] if not any(
        text in str(licences.get(row.get("license"), row.get("license", ""))) for text in leave_out)]
    folder = root / part.images
    present = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    missing = [row["file_name"] for row in chosen if row["file_name"] not in present]
    if missing:
        raise SampleError(f"{folder}: {len(missing)} of {len(chosen)} pictures are missing, such as "
                          f"{', '.join(missing[:_MANY])}. Run the same command without --skip-extract")
    return chosen


def _sort_annotations(rows: list[dict[str, Any]], of_picture: dict[Any, tuple[str, dict[str, Any]]],
                      splits: dict[str, dict[str, Any]], left_out: dict[str, int]) -> None:
    for row in rows:
        split, picture = of_picture.get(row["image_id"], ("", {}))
        if not split:
            continue
        if wrong_box(row.get("bbox"), picture)[1]:
            left_out[split] += 1
            continue
        kept = splits[split]["annotations"]
        kept.append({"id": len(kept) + 1, "image_id": picture["id"], "category_id": row["category_id"],
                     **{key: row[key] for key in KEPT_KEYS if key in row}})


def _write(file: Path, body: dict[str, Any], left_out: int) -> Written:
    """In one step: a file with that name is whole."""
    beside = file.with_name(file.name + ".part")
    beside.write_text(json.dumps(body), encoding="utf-8")
    beside.replace(file)
    return Written(file, len(body["images"]), len(body["annotations"]), left_out)
