"""Which pictures a command judges on: the options, and all the samples they name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from maxsight_core.scenes import SCENE_NAMES
from training.data.coco_folder import CocoFolder, image_names
from training.data.rendered import RenderedFrames
from training.data.sample import ClassTable, Sample
from training.data.splits import names_of_split

RENDERED_FIRST_SEED = 900_000
"""Worlds that no configuration trains on."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--data``, ``--annotations`` with ``--images``, ``--held-out``, ``--rendered``, ``--rules``."""
    parser.add_argument("--data", type=Path, action="append", help="a folder in COCO format; repeatable")
    parser.add_argument("--annotations", type=Path, help="COCO JSON")
    parser.add_argument("--images", type=Path, help="folder of its images")
    parser.add_argument("--held-out", type=float, metavar="SHARE", help="of every --data folder only the photographs "
                        "that training with data.validation_share SHARE kept apart; default: all of them")
    parser.add_argument("--rendered", type=int, default=0, metavar="N", help="also N rendered frames of unseen worlds")
    parser.add_argument("--rules", action="store_true", help="also judge zones and urgency, by the rules of thumb")


def named(options: argparse.Namespace) -> bool:
    """True when the options name any pictures."""
    return bool(options.data or options.annotations is not None or options.rendered)


class NamedPictures:
    """All pictures that were named, one after the other, as often as they are asked for.

    Raises:
        ValueError: none were named. SampleError: a data set cannot be read.
    """

    def __init__(self, options: argparse.Namespace, classes: ClassTable) -> None:
        if not named(options):
            raise ValueError("name pictures: --data DIR, or --annotations FILE with --images DIR, or --rendered N")
        self.sets: list[CocoFolder | RenderedFrames] = [
            CocoFolder(folder, classes, heuristic_labels=options.rules, keep=self._kept(folder, options.held_out))
            for folder in options.data or ()]
        if options.annotations is not None:
            self.sets.append(
                CocoFolder(options.annotations, classes, images=options.images, heuristic_labels=options.rules))
        if options.rendered:
            self.sets.append(RenderedFrames(SCENE_NAMES, options.rendered, classes, depth=True, flow=True,
                                            first_seed=RENDERED_FIRST_SEED))

    @staticmethod
    def _kept(folder: Path, share: float | None) -> frozenset[str] | None:
        return None if share is None else names_of_split(image_names(folder), "val", share)

    def __iter__(self) -> Iterator[Sample]:
        with tqdm(total=sum(len(one) for one in self.sets), unit="picture", leave=False) as bar:
            for one in self.sets:
                for index in range(len(one)):
                    bar.update()
                    yield one[index]
