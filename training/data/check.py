"""What is wrong with a data set, found before hours are spent on it: files, boxes, classes, pictures in two sets.

Everything is looked at and everything found is listed; an error would stop or spoil a run, a warning may be meant.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from maxsight_core import taxonomy
from training.data.audio import read_wav
from training.data.coco_file import LabelledClasses, annotation_file, read_annotations, taxonomy_id
from training.data.coco_folder import SMALLEST_SIDE_PX
from training.data.folders import SUFFIXES, images_folder
from training.data.sample import SampleError

BORDER_PX = 1.0
"""Boxes may pass the border by this, as rounding does."""
EXAMPLES = 5
"""Of each kind of problem, as many are listed."""

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""From an iterable, its length and a title to the same iterable, shown."""


@dataclass(slots=True)
class Report:
    """One annotation file and its pictures.

    Args:
        errors, warnings: kind of problem to examples with file names. boxes: per class name; ignored: crowds.
        digests: SHA-256 of every picture that was read, to its file.
    """

    file: Path
    pictures: int = 0
    ignored: int = 0
    boxes: Counter[str] = field(default_factory=Counter)
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    warnings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    digests: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Its problems in words, errors first; of each kind the number and a few examples."""
        found = []
        for word, kinds in (("error", self.errors), ("warning", self.warnings)):
            for kind, examples in kinds.items():
                more = f" and {len(examples) - EXAMPLES} more" if len(examples) > EXAMPLES else ""
                found.append(f"{word}: {kind} ({len(examples)}): {'; '.join(examples[:EXAMPLES])}{more}")
        return found


def check_folder(path: Path, images: Path | None = None, *, read: int | None = None, threads: int = 4,
                 progress: Progress = lambda rows, count, title: rows) -> Report:
    """All that is wrong with a COCO folder or annotation file.

    Args:
        images: folder of the images, when it is not beside the file. read: how many pictures are opened, spread over
            all; None: every one.
    """
    report = Report(annotation_file(path))
    try:
        body = read_annotations(report.file)
        folder = images or images_folder(report.file.parent)
        if not folder.is_dir():
            raise SampleError(f"{folder}: no such folder of images")
    except SampleError as error:
        report.errors["cannot be used"].append(str(error))
        return report
    ids = _check_categories(body, report)
    _check_rows(body, report, ids)
    _check_labelled(body, report, ids)
    _check_pictures(body["images"], folder, report, read, threads, progress)
    return report


def check_apart(reports: Sequence[Report]) -> list[str]:
    """Pictures of the same content in two of the sets, in words."""
    found = []
    for place, first in enumerate(reports):
        for second in reports[place + 1:]:
            for digest in first.digests.keys() & second.digests.keys():
                found.append(f"{first.file}: {first.digests[digest]} is also {second.file}: {second.digests[digest]}")
    return sorted(found)


def _check_categories(body: dict[str, Any], report: Report) -> dict[int, int]:
    ids = {}
    for row in body["categories"]:
        try:
            ids[row["id"]] = taxonomy_id(row, report.file)
        except SampleError as error:
            report.errors["category not in the taxonomy"].append(str(error).removeprefix(f"{report.file}: "))
    listed = {row["id"] for row in body["categories"]}
    for number in sorted({row["category_id"] for row in body["annotations"]} - listed, key=str):
        report.errors["category that the file does not list"].append(f"id {number}")
    return ids


def _check_rows(body: dict[str, Any], report: Report, ids: dict[int, int]) -> None:
    pictures = {row["id"]: row for row in body["images"]}
    report.pictures = len(body["images"])
    for kind, key in (("image id used twice", "id"), ("picture listed twice", "file_name")):
        counts = Counter(row[key] for row in body["images"])
        report.errors[kind] += [str(value) for value, count in counts.items() if count > 1]
    for row in body["annotations"]:
        words = f"annotation {row.get('id')}"
        picture = pictures.get(row["image_id"])
        if picture is None:
            report.errors["annotation of a picture that is not listed"].append(f"{words}: image_id {row['image_id']}")
            continue
        kind, wrong = wrong_box(row.get("bbox"), picture)
        if kind:
            (report.errors if wrong else report.warnings)[kind].append(
                f"{picture['file_name']} {words}: {row.get('bbox')!r:.80}")
        if not wrong and row["category_id"] in ids:
            if row.get("iscrowd"):
                report.ignored += 1
            else:
                report.boxes[taxonomy.by_id(ids[row["category_id"]]).name] += 1
    for kinds in (report.errors, report.warnings):
        for kind in [kind for kind, examples in kinds.items() if not examples]:
            del kinds[kind]
    if not report.boxes:
        report.errors["no boxes"].append("no annotation can be learned from")


def wrong_box(box: Any, picture: dict[str, Any]) -> tuple[str, bool]:
    """What is wrong with a box, "" when nothing is, and whether that is an error."""
    numbers = isinstance(box, list) and len(box) == 4 and all(
        isinstance(value, (int, float)) and np.isfinite(value) for value in box)
    if not numbers:
        return "box that is not four numbers", True
    x, y, w, h = box
    width, height = picture["width"], picture["height"]
    if w <= 0 or h <= 0:
        return "box without a width and height", True
    if x + w <= 0 or y + h <= 0 or x >= width or y >= height:
        return "box outside its picture", True
    if x < -BORDER_PX or y < -BORDER_PX or x + w > width + BORDER_PX or y + h > height + BORDER_PX:
        return "box that passes the border (it is cut there)", False
    if w < SMALLEST_SIDE_PX or h < SMALLEST_SIDE_PX:
        return "box thinner than a pixel (it is left out)", False
    return "", False


def _check_labelled(body: dict[str, Any], report: Report, ids: dict[int, int]) -> None:
    try:
        classes = LabelledClasses(body, ids, report.file)
        for row in body["images"]:
            classes.of(row)
    except SampleError as error:
        report.errors["labelled classes"].append(str(error).removeprefix(f"{report.file}: "))


class _Read(NamedTuple):
    digest: str
    kind: str
    words: str


def _check_pictures(rows: list[dict[str, Any]], folder: Path, report: Report, read: int | None, threads: int,
                    progress: Progress) -> None:
    present = _names_in(folder)
    for row in rows:
        if row["file_name"] not in present and not (folder / row["file_name"]).is_file():
            report.errors["picture missing"].append(str(folder / row["file_name"]))
    unlisted = present - {row["file_name"] for row in rows}
    report.warnings["picture in the folder that the file does not list"] += sorted(unlisted)
    if not unlisted:
        del report.warnings["picture in the folder that the file does not list"]
    count = len(rows) if read is None else min(read, len(rows))
    chosen = [rows[int(place)] for place in np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]
    twice: dict[str, str] = report.digests
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(lambda row: _read_picture(row, folder), chosen)
        for row, result in zip(chosen, progress(results, len(chosen), report.file.parent.name), strict=True):
            if result.kind:
                report.errors[result.kind].append(f"{folder / row['file_name']}{result.words}")
            if result.digest and twice.setdefault(result.digest, row["file_name"]) != row["file_name"]:
                report.warnings["the same picture under two names"].append(
                    f"{twice[result.digest]} and {row['file_name']}")


def _names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES}


def _read_picture(row: dict[str, Any], folder: Path) -> _Read:
    file = folder / row["file_name"]
    try:
        content = file.read_bytes()
    except OSError:
        return _Read("", "", "")  # listed as missing
    digest = hashlib.sha256(content).hexdigest()
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        return _Read("", "picture that cannot be read", f" ({len(content)} bytes)")
    height, width = image.shape[:2]
    if (width, height) != (row["width"], row["height"]):
        return _Read(digest, "picture of another size than listed",
                     f": {width}x{height}, listed {row['width']}x{row['height']}")
    if row.get("audio_file") is not None:
        try:
            read_wav(folder / row["audio_file"])
        except SampleError as error:
            return _Read(digest, "recording that cannot be read", f": {error}")
    return _Read(digest, "", "")
