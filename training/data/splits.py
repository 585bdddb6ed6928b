"""Which pictures are learned from and which are kept apart: by image, the same on every machine, no image in two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

SPLITS: tuple[str, ...] = ("train", "val", "test")


def split_of(name: str, val_share: float, test_share: float = 0.0, salt: str = "maxsight-1") -> str:
    """``train``, ``val`` or ``test`` of an image by its name.

    The name alone decides, so that adding pictures moves none. Two files of one name (in two folders) fall alike, which
    keeps copies of one photograph together.
    """
    if min(val_share, test_share) < 0 or val_share + test_share >= 1:
        raise ValueError(f"split_of: expected shares from 0 that leave some to learn from; got {val_share}, "
                         f"{test_share}")
    digest = hashlib.sha256(f"{salt}\0{name}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if place < test_share else "val" if place < test_share + val_share else "train"


def names_of_split(names: Iterable[str], split: str, val_share: float, test_share: float = 0.0) -> frozenset[str]:
    """Those of ``names`` that belong to ``split``."""
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}; got {split!r}")
    return frozenset(name for name in names if split_of(name, val_share, test_share) == split)
