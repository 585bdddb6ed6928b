"""Where the images of a data set lie: the layouts in use, tried in order (system description, data pipeline)."""

from __future__ import annotations

from pathlib import Path

from training.data.sample import SampleError

LAYOUTS: tuple[str, ...] = ("images", "images/train2017", "images/val2017", "train2017", "val2017", "train", "val",
                            "test", "train_images", "val_images", ".")
SUFFIXES: frozenset[str] = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def images_folder(root: Path) -> Path:
    """The first of the known folders under ``root`` that holds images; SampleError lists what was tried."""
    for layout in LAYOUTS:
        folder = root / layout
        if folder.is_dir() and any(file.suffix.lower() in SUFFIXES for file in folder.iterdir()):
            return folder
    raise SampleError(f"{root}: no folder with images; looked in {', '.join(LAYOUTS)}. Name it with images=")
