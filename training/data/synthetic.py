"""Labels that nobody drew, guessed by machines: signs by what is written on them, and what a given detector finds.

    python -m training.data.synthetic DIR --out instances_synthetic.json

writes a copy of ``DIR/instances.json`` with the guesses added, marked ``synthetic``: training takes each as an example
of its class, but never takes the class as labelled, so that what was not guessed is no background. Only classes that
people did not label in a picture are guessed there. Doubtful guesses become ignored regions (``iscrowd``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core import taxonomy
from maxsight_core.perception import ocr
from maxsight_core.perception.geometry import iou
from training.data.coco_file import LabelledClasses, annotation_file, read_annotations, taxonomy_ids
from training.data.coco_folder import read_image
from training.data.folders import images_folder
from training.data.sample import SampleError

Box = tuple[float, float, float, float]
SURE, DOUBTFUL = 0.8, 0.5
"""Confidence from which a guess is an example, and from which it is an ignored region."""
SAME_THING_IOU = 0.5
PLATE_MARGIN = 0.5
"""A plate is larger than its writing by half a line's height on every side."""
STOP_ASPECT = 1.25
"""Side of the octagon over the width of STOP (Vienna Convention, sign B2a: letters a third of the height)."""
SIGN_WORDS: tuple[tuple[str, str], ...] = (
    (r"stop", "stop sign"), (r"(fire|emergency) exit", "emergency exit sign"), (r"exit|way out", "exit sign"),
    (r"(accessible|disabled) (toilet|wc|restroom)", "accessible toilet sign"),
    (r"toilets?|wc|restrooms?", "toilet sign"), (r"lifts?|elevators?", "lift sign"), (r"stairs?", "stairs sign"),
    (r"no entry|do not enter", "no entry sign"), (r"one way", "one way sign"), (r"no smoking", "no smoking sign"),
    (r"first aid", "first aid sign"), (r"fire extinguisher", "fire extinguisher sign"),
    (r"(caution:? )?wet floor", "wet floor sign"), (r"bus stop", "bus stop sign"),
    (r"platform \d+", "platform number sign"), (r"information", "information sign"),
    (r"road works?( ahead)?", "road works sign"),
)
"""The whole line, and the sign that says it. Numbers alone are left out: a house has them as well as a speed limit."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One guessed object.

    Args:
        class_id: of the taxonomy. box: ``cxcywh``, fractions of the picture. confidence: 0..1.
    """

    class_id: int
    box: Box
    confidence: float


Detector = Callable[[np.ndarray], Iterable[Guess]]
"""From a picture [H, W, 3] uint8 RGB to guesses: :func:`signs_by_text`, or a trained checkpoint's detections."""


def signs_by_text(image: np.ndarray) -> list[Guess]:
    """Signs whose whole line is one of :data:`SIGN_WORDS`; RuntimeError when the reader is not installed."""
    found = []
    for line in ocr.read(image, DOUBTFUL):
        text = re.sub(r"\s+", " ", line["text"].strip(" .!").lower())
        name = next((name for pattern, name in SIGN_WORDS if re.fullmatch(pattern, text)), None)
        if name is not None:
            found.append(Guess(taxonomy.by_name(name).id, _plate(line["box"], image.shape, name), line["confidence"]))
    return found


def _plate(text_box: Sequence[float], shape: tuple[int, ...], name: str) -> Box:
    height, width = shape[:2]
    cx, cy, w, h = text_box[0] * width, text_box[1] * height, text_box[2] * width, text_box[3] * height
    grown = (w * STOP_ASPECT,) * 2 if name == "stop sign" else (w + 2 * PLATE_MARGIN * h, h + 2 * PLATE_MARGIN * h)
    left, right = max(0.0, cx - grown[0] / 2), min(float(width), cx + grown[0] / 2)
    top, bottom = max(0.0, cy - grown[1] / 2), min(float(height), cy + grown[1] / 2)
    return ((left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height)


def missing_objects(image: np.ndarray, known: Sequence[tuple[int, Box]], labelled: Iterable[int],
                    detectors: Sequence[Detector] = (signs_by_text,)) -> list[Guess]:
    """Guesses that add to what is known of a picture, the surest first.

    Args:
        known: taxonomy id and box of every annotation. labelled: taxonomy ids that people labelled in the picture;
            nothing is guessed of those.
    """
    people_know = frozenset(labelled)
    taken = list(known)
    added = []
    guesses = [guess for detector in detectors for guess in detector(image)]
    for guess in sorted(guesses, key=lambda one: -one.confidence):
        same = any(class_id == guess.class_id and iou(box, guess.box) >= SAME_THING_IOU for class_id, box in taken)
        if guess.confidence >= DOUBTFUL and guess.class_id not in people_know and not same:
            added.append(guess)
            taken.append((guess.class_id, guess.box))
    return added


def annotate(path: Path, out: Path, detectors: Sequence[Detector] = (signs_by_text,), *, images: Path | None = None,
             progress: Callable[[Iterable[Any]], Iterable[Any]] = iter) -> int:
    """Write a COCO folder's annotations with guesses added to ``out``; their number.

    Raises:
        SampleError: the annotations or a picture cannot be read, or ``out`` is the original.
    """
    source = annotation_file(path)
    if out.resolve() == source.resolve():
        raise SampleError(f"{out}: is the original annotation file; choose another name for the guesses")
    body = read_annotations(source)
    folder = images or images_folder(source.parent)
    ids = taxonomy_ids(body, source)
    labelled = LabelledClasses(body, ids, source)
    next_id = max((int(row["id"]) for row in body["annotations"]), default=0) + 1
    of_image: dict[int, list[dict[str, Any]]] = {}
    for row in body["annotations"]:
        of_image.setdefault(row["image_id"], []).append(row)
    categories = {taxonomy_id: number for number, taxonomy_id in ids.items()}
    count = 0
    for row in progress(body["images"]):
        image = read_image(folder / row["file_name"])
        known = [(ids[one["category_id"]], _cxcywh(one["bbox"], image.shape)) for one in of_image.get(row["id"], ())]
        for guess in missing_objects(image, known, labelled.of(row), detectors):
            category = categories.get(guess.class_id)
            if category is None:
                category = categories[guess.class_id] = _add_category(body, guess.class_id)
            body["annotations"].append(_row(next_id + count, row["id"], category, guess, image.shape))
            count += 1
    if "exhaustive_classes" not in body.setdefault("info", {}):  # the new categories are not labelled throughout
        body["info"]["exhaustive_classes"] = [taxonomy.by_id(number).name for number in dict.fromkeys(ids.values())]
    out.write_text(json.dumps(body), encoding="utf-8")
    return count


def _add_category(body: dict[str, Any], class_id: int) -> int:
    """A category for a class that the file did not list; its id there."""
    number = class_id
    while any(row["id"] == number for row in body["categories"]):
        number += 1_000_000
    body["categories"].append({"id": number, "name": taxonomy.by_id(class_id).name})
    return number


def _row(number: int, image_id: int, category: int, guess: Guess, shape: tuple[int, ...]) -> dict[str, Any]:
    cx, cy, w, h = guess.box[0] * shape[1], guess.box[1] * shape[0], guess.box[2] * shape[1], guess.box[3] * shape[0]
    return {"id": number, "image_id": image_id, "category_id": category, "synthetic": True,
            "bbox": [round(cx - w / 2, 2), round(cy - h / 2, 2), round(w, 2), round(h, 2)], "area": round(w * h, 2),
            "score": round(guess.confidence, 3), "iscrowd": 0 if guess.confidence >= SURE else 1}


def _cxcywh(bbox: Sequence[float], shape: tuple[int, ...]) -> Box:
    x, y, w, h = bbox
    return ((x + w / 2) / shape[1], (y + h / 2) / shape[0], w / shape[1], h / shape[0])


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 when something cannot be read."""
    from tqdm import tqdm

    parser = argparse.ArgumentParser(prog="python -m training.data.synthetic", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="COCO folder, or an annotation file")
    parser.add_argument("--images", type=Path, help="folder of the images, when it is not beside the file")
    parser.add_argument("--out", type=Path, required=True, help="annotation file to write")
    options = parser.parse_args(argv)
    try:
        count = annotate(options.path, options.out, images=options.images, progress=tqdm)
    except (SampleError, RuntimeError, OSError) as error:
        print(f"synthetic: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {count} guesses added")
    return 0


if __name__ == "__main__":
    sys.exit(main())
