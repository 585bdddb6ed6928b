"""How good a checkpoint is, on annotated pictures.

    python -m training.evaluate --annotations instances.json --images DIR [--classes person,car] --json OUT
    python -m training.evaluate --data DIR [--data DIR ...] --checkpoint runs/t0/best.safetensors --json OUT

Without ``--checkpoint`` the weights that the app would use are judged, as the app runs them (runtime, precision too).
``--measured`` judges the measured people detector in its place.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from maxsight_core.contracts import RawDetection
from maxsight_core.engine.detect import can_detect
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.engine.runtimes import LoadedStageA, RuntimeUnavailableError, load_stage_a
from maxsight_core.perception.pedestrians import find_people, score_of
from training.data.coco_folder import CocoFolder
from training.data.sample import ClassTable, Sample, SampleError
from training.evaluate import detection
from training.evaluate.stage_a import evaluate, replace_image

PER_CLASS = ("ap50", "ap", "precision", "recall", "recall_at_precision_50", "boxes")
LEAST_HOG_WEIGHT = 0.0
"""SVM distance from which the measured detector's finds are taken into the curve; the app asks for more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when there is nothing to judge or to judge with."""
    options = _parser().parse_args(argv)
    try:
        report = _measured(options) if options.measured else _checkpoint(options)
    except (SampleError, CheckpointError, RuntimeUnavailableError, ValueError, KeyError, ImportError, OSError) as error:
        print(f"evaluate: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2
    text = json.dumps(report, indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _checkpoint(options: argparse.Namespace) -> dict[str, Any]:
    loaded = load_stage_a(checkpoint=options.checkpoint, runtime=options.runtime, precision=options.precision)
    try:
        manifest = loaded.manifest
        if not can_detect(manifest.trained_heads):
            trained = ", ".join(sorted(manifest.trained_heads)) or "nothing"
            raise ValueError(f"{_name(options, loaded)}: its detection heads were never trained (trained: {trained}); "
                             "there is nothing to judge. Name another --checkpoint, or use --measured")
        classes = ClassTable(_asked(manifest.classes, options.classes))
        samples = _samples(options, classes)
        figures = evaluate(
            loaded.runtime.infer, samples, classes, grid=manifest.grid, input_size_px=manifest.input_size_px,
            fit=manifest.fit, heads=manifest.trained_heads, network_classes=manifest.classes)
        return report(figures, {"checkpoint": _name(options, loaded), "runtime": loaded.runtime.name,
                                "precision": loaded.runtime.precision})
    finally:
        loaded.runtime.close()


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    classes = ClassTable.of_names(["person"])
    pictures = []
    for sample in _samples(options, classes):
        found = [RawDetection(classes.ids[1], score_of(weight), tuple(float(np.clip(v, 0, 1)) for v in box))
                 for box, weight in find_people(sample.image, LEAST_HOG_WEIGHT)]
        pictures.append(detection.Picture(found, replace_image(sample)))
    figures = detection.figures(pictures, classes) | {"pictures": float(len(pictures))}
    return report(figures, {"checkpoint": "measured: HOG people detector"})


def report(figures: dict[str, float], about: dict[str, Any]) -> dict[str, Any]:
    """Flat figures as the report's JSON: ``per_class.<name>.<figure>`` nested, the rest beside it."""
    per_class: dict[str, dict[str, float]] = {}
    rest = {}
    for key, value in figures.items():
        name, _, figure = key.rpartition(".")
        if name and figure in PER_CLASS:
            per_class.setdefault(name, {})[figure] = round(value, 5)
        else:
            rest[key] = round(value, 5)
    return {**about, **rest, "per_class": per_class}


def _asked(known: tuple[int, ...], names: str | None) -> tuple[int, ...]:
    if not names:
        return known
    asked = ClassTable.of_names([name.strip() for name in names.split(",")])
    missing = [name for name, number in zip(asked.names, asked.ids, strict=True) if number not in known]
    if missing:
        raise ValueError(f"--classes: this checkpoint does not know {', '.join(missing)}")
    return asked.ids


def _samples(options: argparse.Namespace, classes: ClassTable) -> Iterator[Sample]:
    if not options.data and options.annotations is None:
        raise ValueError("name pictures: --data DIR, or --annotations FILE with --images DIR")
    folders = [CocoFolder(folder, classes, heuristic_labels=options.rules) for folder in options.data or ()]
    if options.annotations is not None:
        folders.append(CocoFolder(options.annotations, classes, images=options.images, heuristic_labels=options.rules))
    total = sum(len(folder) for folder in folders)
    with tqdm(total=total, unit="picture", leave=False) as bar:
        for folder in folders:
            for index in range(len(folder)):
                bar.update()
                yield folder[index]


def _name(options: argparse.Namespace, loaded: LoadedStageA) -> str:
    return str(options.checkpoint) if options.checkpoint is not None else loaded.source_note


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="default: what the app would use")
    parser.add_argument("--data", type=Path, action="append", help="a folder in COCO format; repeatable")
    parser.add_argument("--annotations", type=Path, help="COCO JSON")
    parser.add_argument("--images", type=Path, help="folder of its images")
    parser.add_argument("--classes", help="names, divided by commas; default: all that the checkpoint knows")
    parser.add_argument("--rules", action="store_true", help="also judge zones and urgency, by the rules of thumb")
    parser.add_argument("--measured", action="store_true", help="the measured people detector instead of a checkpoint")
    parser.add_argument("--runtime", default="auto", help="auto, torch or openvino")
    parser.add_argument("--precision", default="auto", help="auto, f32, bf16 or int8")
    parser.add_argument("--json", type=Path, help="write the report here too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
