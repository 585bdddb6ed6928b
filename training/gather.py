"""Fetch COCO 2017, unpack it, and divide it into training, validation and test pictures.

    python -m training.gather --data-dir datasets
    python -m training.gather --data-dir datasets --part val2017 --leave-out NonCommercial

Run once, and again after anything broke: what is there and whole is not fetched or unpacked again, a broken transfer
goes on where it stopped. About 40 GiB for everything, 2 GiB for val2017 alone; ``--delete-archives`` gives half of it
back. The last lines name the files to train with. COCO's own validation pictures become the test pictures; where they
are all there is (``--part val2017``), they are divided into training, validation and test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from maxsight_core.engine.download import DownloadError, Progress
from training.data.archives import COCO_2017, Collection, Part, check_room, get, read_collection, unpack
from training.data.cleaned import Written, write_splits
from training.data.sample import SampleError

CANNOT_CODE = 2
VAL_SHARE = 0.05
"""Of 118,287 pictures to learn from: about as many as COCO's own validation set has."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 when something could not be done (then the same command goes on where it stopped)."""
    options = _parser().parse_args(argv)
    try:
        collection = read_collection(options.collection)
        parts = _parts(collection, options.part)
        raw = options.data_dir / "coco_raw"
        written = _gather(options, collection, parts, raw)
    except (SampleError, DownloadError) as error:
        print(f"gather: {error}", file=sys.stderr)
        return CANNOT_CODE
    except OSError as error:
        print(f"gather: {error}. What is whole was kept; run the same command again", file=sys.stderr)
        return CANNOT_CODE
    _tell(written, raw)
    return 0


def _gather(options: argparse.Namespace, collection: Collection, parts: Sequence[Part], raw: Path) -> list[Written]:
    names = list(dict.fromkeys(name for part in parts for name in part.archives))
    archives = [collection.archives[name] for name in names]
    folder = options.data_dir / "downloads"
    if not options.skip_download:
        missing = [one for one in archives if not (folder / one.name).exists()]
        check_room(options.data_dir, sum(one.bytes for one in missing), "downloading")
        for archive in archives:
            get(archive, (*options.mirror, *collection.mirrors), folder, progress=_bar(archive.name, unit="B"))
    if not options.skip_extract:
        for archive in archives:
            if not (folder / archive.name).exists():
                raise SampleError(f"{folder / archive.name}: is not there. Run without --skip-download, or put it "
                                  "there")
            count = unpack(folder / archive.name, raw, progress=_bar(f"unpacking {archive.name}"))
            print(f"{folder / archive.name}: {count} files unpacked" if count else f"{archive.name}: is unpacked")
            if options.delete_archives:
                (folder / archive.name).unlink()
    return write_splits(parts, raw, options.data_dir / "cleaned_splits", val_share=options.val_share,
                        leave_out=options.leave_out)


def _parts(collection: Collection, names: Sequence[str]) -> list[Part]:
    known = [part.images for part in collection.parts]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SampleError(f"--part {', '.join(unknown)}: expected {', '.join(known)}")
    return [part for part in collection.parts if not names or part.images in names]


def _tell(written: Sequence[Written], raw: Path) -> None:
    for one in written:
        wrong = f", {one.left_out} wrong boxes left out" if one.left_out else ""
        print(f"{one.file}: {one.pictures} pictures, {one.boxes} boxes{wrong}")
    print(f"Images: {raw}\nTo train on them, in the configuration:\n  data:\n    validation_share: 0\n    coco:\n"
          f"      - {{path: {written[0].file.resolve()}, images: {raw.resolve()}}}\n"
          f"To check them: python -m training.validate_data {' '.join(str(one.file) for one in written)} --images "
          f"{raw} --apart")


def _bar(title: str, unit: str = "file") -> Progress:
    """Shows a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    from tqdm import tqdm

    bar = tqdm(desc=title, unit=unit, unit_scale=unit == "B")

    def show(done: int, total: int | None) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.gather", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("datasets"), help="where everything is put")
    parser.add_argument("--collection", type=Path, default=COCO_2017, help="YAML of archives, mirrors and parts")
    parser.add_argument("--part", action="append", default=[], help="train2017 or val2017; repeatable; default: all")
    parser.add_argument("--mirror", action="append", default=[], help="URL to try first; repeatable")
    parser.add_argument("--skip-download", action="store_true", help="use the archives that are there")
    parser.add_argument("--skip-extract", action="store_true", help="use the pictures that are there")
    parser.add_argument("--delete-archives", action="store_true", help="delete an archive once it is unpacked")
    parser.add_argument("--val-share", type=float, default=VAL_SHARE, help="of the pictures to learn from, 0..1")
    parser.add_argument("--leave-out", action="append", default=[], help="part of a licence's name, such as "
                        "NonCommercial; repeatable")
    return parser


if __name__ == "__main__":
    sys.exit(main())
