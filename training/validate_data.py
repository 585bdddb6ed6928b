"""Check data sets before training: pictures, boxes, classes, and that no picture is in two sets.

    python -m training.validate_data datasets/train/coco_nc datasets/road_signs
    python -m training.validate_data --config training/configs/t0_pyramid.yaml data.root=DIR
    python -m training.validate_data maxsight_train.json maxsight_val.json --images datasets/coco_raw --apart

Prints a table and every kind of problem with examples. Exit code 0: nothing wrong (warnings may be shown); 1: errors;
2: the command cannot be carried out. Every picture is opened; ``--read N`` opens so many of each set.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2

from training.data.check import Report, check_apart, check_folder
from training.loop.config import ConfigError, load_config

ERRORS_CODE, CANNOT_CODE = 1, 2
FEW_BOXES = 20
"""Classes with fewer examples over all sets are pointed out."""
SHOWN_PAIRS = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code; see the module."""
    options = _parser().parse_args(argv)
    try:
        sets, classes = _sets(options)
    except ConfigError as error:
        print(f"validate_data: {error}", file=sys.stderr)
        return CANNOT_CODE
    if not sets:
        print("validate_data: name folders in COCO's format, annotation files, or --config", file=sys.stderr)
        return CANNOT_CODE
    cv2.setNumThreads(1)
    reports = [check_folder(path, images, read=options.read, threads=options.threads, progress=_shown)
               for path, images in sets]
    print("\n".join(_table(reports)))
    for report in reports:
        for line in report.lines():
            print(f"{report.file}: {line}")
    wrong = sum(bool(report.errors) for report in reports)
    shared = check_apart(reports)
    if shared:
        print(f"{'error' if options.apart else 'warning'}: pictures in two sets ({len(shared)}): "
              f"{'; '.join(shared[:SHOWN_PAIRS])}")
    print("\n".join(_rare(reports, classes)))
    if wrong or (shared and options.apart):
        print(f"validate_data: {wrong} of {len(reports)} sets have errors", file=sys.stderr)
        return ERRORS_CODE
    return 0


def _sets(options: argparse.Namespace) -> tuple[list[tuple[Path, Path | None]], tuple[str, ...]]:
    """Sets to check and their images, and the classes that a configuration trains."""
    overrides = [value for value in options.paths if "=" in value and options.config is not None]
    paths = [value for value in options.paths if value not in overrides]
    sets = [(Path(path), None if Path(path).is_dir() else options.images) for path in paths]
    if options.config is None:
        return sets, ()
    config = load_config(options.config, overrides)
    root = config.data.root
    sets += [(root / source.path, None if source.images is None else root / source.images)
             for source in config.data.coco]
    return sets, config.classes


def _table(reports: Sequence[Report]) -> list[str]:
    names = [report.file.parent.name if report.file.name == "instances.json" else report.file.name
             for report in reports]
    width = max(len(name) for name in [*names, "total"])
    lines = [f"{'set':{width}} {'pictures':>9} {'boxes':>9} {'ignored':>8} {'classes':>8} {'errors':>7} "
             f"{'warnings':>9}"]
    for name, report in zip(names, reports, strict=True):
        lines.append(f"{name:{width}} {report.pictures:9d} {report.boxes.total():9d} {report.ignored:8d} "
                     f"{len(report.boxes):8d} {_count(report.errors):7d} {_count(report.warnings):9d}")
    return lines


def _count(kinds: dict[str, list[str]]) -> int:
    return sum(len(examples) for examples in kinds.values())


def _rare(reports: Sequence[Report], classes: Sequence[str]) -> list[str]:
    total: Counter[str] = sum((report.boxes for report in reports), Counter())
    none = [name for name in classes if not total[name]]
    few = [f"{name} {count}" for name, count in total.most_common() if count < FEW_BOXES]
    lines = [f"warning: classes to train without a single box: {', '.join(none)}"] if none else []
    return lines + ([f"classes with fewer than {FEW_BOXES} boxes: {', '.join(few)}"] if few else [])


def _shown(rows: Iterable[Any], count: int, title: str) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(rows, total=count, desc=title, disable=not sys.stderr.isatty(), leave=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.validate_data", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help="COCO folders, annotation files; with --config also section.key=value")
    parser.add_argument("--images", type=Path, help="folder of the images of annotation files")
    parser.add_argument("--config", type=Path, help="YAML; its data.coco sources are checked")
    parser.add_argument("--read", type=int, help="open so many pictures of each set (default: all)")
    parser.add_argument("--threads", type=int, default=min(8, os.cpu_count() or 1))
    parser.add_argument("--apart", action="store_true", help="a picture in two sets is an error (train, val, test)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
