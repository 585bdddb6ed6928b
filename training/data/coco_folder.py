"""Annotated photographs in COCO's format: a folder with ``instances.json`` and ``images/``, or a file and its images.

Only what was labelled in a picture counts (:class:`training.data.coco_file.LabelledClasses`). Crowds (``iscrowd``) are
regions that count neither way. An object of a class that the run does not train is background: it is none of those. A
guessed one (``synthetic``) is an example, but its class does not count as labelled. A picture may name a recording of
the second before it (``audio_file``, a WAV file beside the images).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.data import labels
from training.data.audio import audio_of, read_wav
from training.data.coco_file import LabelledClasses, annotation_file, read_annotations, taxonomy_ids
from training.data.folders import images_folder
from training.data.outlines import compact, mask_of
from training.data.sample import UNKNOWN, ClassTable, Sample, SampleError

SMALLEST_SIDE_PX = 1.0
"""A box thinner than this after cutting it at the picture's border is left out, and counted."""


@dataclass(frozen=True, slots=True)
class _Picture:
    file: Path
    size: tuple[int, int]
    boxes: np.ndarray
    columns: np.ndarray
    ignored: np.ndarray
    labelled: np.ndarray
    outlines: tuple[Any, ...]
    audio: Path | None


class CocoFolder:
    """A map-style data set of :class:`Sample`.

    Args:
        path: the folder, or the annotation file. images: folder of the images, when it is not found beside the file.
        classes: columns to train. leave_out: parts of licence names (``NC``) whose pictures are not used.
        heuristic_labels: zones and urgency by :mod:`training.data.labels`; False: unknown.
        keep: which image names to use (a split); None: all.

    Raises:
        SampleError: no annotation file, not COCO's format, no pictures, or a category nobody knows.
    """

    def __init__(
        self, path: Path, classes: ClassTable, *, images: Path | None = None, leave_out: Sequence[str] = (),
        heuristic_labels: bool = True, keep: frozenset[str] | None = None,
    ) -> None:
        self.annotations = annotation_file(path)
        self.name = path.name if path.is_dir() else path.stem
        self.classes, self.heuristic_labels = classes, heuristic_labels
        body = read_annotations(self.annotations)
        folder = images or images_folder(self.annotations.parent)
        self.dropped_boxes = 0
        self._pictures = self._index(body, folder, tuple(leave_out), keep)

    def __len__(self) -> int:
        return len(self._pictures)

    def source(self, index: int) -> str:
        """``folder/file.jpg`` of a picture."""
        return f"{self.name}/{self._pictures[index].file.name}"

    def columns_of(self, index: int) -> np.ndarray:
        """[n] int64 columns of a picture's objects, without reading the picture."""
        return self._pictures[index].columns

    def __getitem__(self, index: int) -> Sample:
        """One picture with what is known about it; SampleError when the file cannot be read."""
        picture = self._pictures[index]
        image = read_image(picture.file)
        height, width = image.shape[:2]
        if (width, height) != picture.size:
            raise SampleError(f"{picture.file}: the picture is {width}x{height}, but {self.annotations} says "
                              f"{picture.size[0]}x{picture.size[1]}: its boxes would be wrong. Correct one of the two")
        boxes = picture.boxes.copy()
        zones = labels.zones_by_area(boxes) if self.heuristic_labels else np.full(len(boxes), UNKNOWN, np.int64)
        urgency = UNKNOWN
        if self.heuristic_labels:
            ids = np.array(self.classes.ids)[picture.columns]
            urgency = labels.urgency_of_picture(ids, bool(picture.labelled[1:].all()))
        masks = None
        if any(outline is not None for outline in picture.outlines):
            masks = [mask_of(outline, height, width) for outline in picture.outlines]
        audio = None if picture.audio is None else audio_of(*read_wav(picture.audio))
        return Sample(image=image, boxes=boxes, columns=picture.columns.copy(), zones=zones,
                      labelled=picture.labelled.copy(), ignored=picture.ignored.copy(), urgency=urgency, masks=masks,
                      audio=audio, source=self.source(index)).check()

    # ---- the index ---------------------------------------------------------------------------------------------

    def _index(self, body: dict[str, Any], folder: Path, leave_out: tuple[str, ...],
               keep: frozenset[str] | None) -> list[_Picture]:
        ids = taxonomy_ids(body, self.annotations)
        columns = {number: self.classes.columns().get(known) for number, known in ids.items()}
        classes = LabelledClasses(body, ids, self.annotations)
        licences = {row["id"]: str(row.get("name", "")) for row in body.get("licenses", ())}
        of_image: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in body["annotations"]:
            of_image[row["image_id"]].append(row)
        found = []
        for row in body["images"]:
            licence = str(licences.get(row.get("license"), row.get("license", "")))
            if any(part in licence for part in leave_out) or (keep is not None and row["file_name"] not in keep):
                continue
            found.append(self._picture(row, of_image.get(row["id"], []), folder, columns, classes.of(row)))
        if not found and keep is None:
            raise SampleError(f"{self.annotations}: no picture is left to learn from ({len(body['images'])} are "
                              "listed). Check leave_out and the file")
        return found

    def _picture(self, row: dict[str, Any], annotations: list[dict[str, Any]], folder: Path,
                 columns: dict[int, int | None], people_labelled: frozenset[int]) -> _Picture:
        size = (int(row["width"]), int(row["height"]))
        boxes, of_box, drawn, ignored, outlines = [], [], [], [], []
        for annotation in annotations:
            box = _box(annotation, size, self.annotations)
            if box is None:
                self.dropped_boxes += 1
                continue
            column = columns[annotation["category_id"]]
            if column is None:
                continue
            if annotation.get("iscrowd"):
                ignored.append(box)
            else:
                boxes.append(box)
                of_box.append(column)
                drawn += [] if annotation.get("synthetic") else [column]
                outlines.append(compact(annotation.get("segmentation") or None))
        labelled = np.array([number in people_labelled for number in self.classes.ids])
        labelled[drawn] = True
        audio = None if row.get("audio_file") is None else folder / row["audio_file"]
        return _Picture(folder / row["file_name"], size, _array(boxes), np.array(of_box, np.int64), _array(ignored),
                        labelled, tuple(outlines), audio)


def read_image(file: Path) -> np.ndarray:
    """[H, W, 3] uint8 RGB; SampleError when it is missing or damaged."""
    try:
        content = np.fromfile(file, np.uint8)
    except OSError as error:
        raise SampleError(f"{file}: the picture is missing ({error.strerror}), though its annotations are there. Put "
                          "it back, or remove it from the annotation file") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise SampleError(f"{file}: no readable picture ({len(content)} bytes). Replace it; python -m "
                          "training.validate_data lists every such file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def image_names(path: Path) -> list[str]:
    """File names of all pictures that an annotation file (or its folder) lists."""
    return [row["file_name"] for row in read_annotations(annotation_file(path))["images"]]


def _box(annotation: dict[str, Any], size: tuple[int, int], file: Path) -> list[float] | None:
    """``cxcywh`` fractions, cut at the border; None when nothing of it is inside."""
    box = annotation.get("bbox")
    numbers = isinstance(box, list) and all(isinstance(v, (int, float)) and np.isfinite(v) for v in box)
    if not numbers or len(box) != 4:
        raise SampleError(f"{file}: annotation {annotation.get('id')}: bbox must be four numbers x, y, width, height; "
                          f"got {box!r}")
    x, y, w, h = box
    left, top, right, bottom = max(0.0, x), max(0.0, y), min(float(size[0]), x + w), min(float(size[1]), y + h)
    if right - left < SMALLEST_SIDE_PX or bottom - top < SMALLEST_SIDE_PX:
        return None
    return [(left + right) / 2 / size[0], (top + bottom) / 2 / size[1], (right - left) / size[0],
            (bottom - top) / size[1]]


def _array(boxes: list[list[float]]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 4)
