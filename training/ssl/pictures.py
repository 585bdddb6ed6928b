"""Pictures without labels, and their batches in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.data.folders import SUFFIXES
from training.data.rendered import RenderedFrames
from training.data.sample import ClassTable, SampleError
from training.data.stored import StoredSamples
from training.loop.build import STORE_DEFAULT, STORE_VARIABLE
from training.ssl.config import PretrainConfig
from training.ssl.views import view

VIEWS: dict[str, int] = {"simclr": 2, "mae": 1}
_ORDER, _CHANGES = 11, 12
"""Streams of random numbers that must not be each other's."""


class Pictures(Protocol):
    """A map-style set of pictures."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray:
        """[H, W, 3] uint8, sRGB."""

    def name(self, index: int) -> str: ...


class FolderPictures:
    """Every image under a folder, by path.

    Raises:
        SampleError: no such folder, no image in it, or files with an image's name that hold none (all are named).
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SampleError(f"--images {folder}: expected a folder; there is none")
        self.files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not self.files:
            raise SampleError(f"--images {folder}: no images under it (looked for {', '.join(sorted(SUFFIXES))})")
        broken = [str(file) for file in self.files if not cv2.haveImageReader(str(file))]
        if broken:
            raise SampleError(f"--images {folder}: {len(broken)} files hold no image: {', '.join(broken[:5])}. "
                              "Remove them or fetch them again")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        image = cv2.imread(str(self.files[index]), cv2.IMREAD_COLOR)
        if image is None:
            raise SampleError(f"{self.files[index]}: cannot be decoded. Remove it or fetch it again")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    def name(self, index: int) -> str:
        return str(self.files[index])


class RenderedPictures:
    """Frames of rendered walks, kept on the disk once made."""

    def __init__(self, scenes: tuple[str, ...], frames: int, folder: Path) -> None:
        self.samples = StoredSamples(RenderedFrames(scenes, frames, ClassTable.of_names(["person"])), folder)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.samples[index].image

    def name(self, index: int) -> str:
        return self.samples.source(index)


def pictures_of(config: PretrainConfig) -> list[Pictures]:
    """All that a run learns from; SampleError when there are fewer pictures than a batch holds."""
    found: list[Pictures] = [FolderPictures(folder) for folder in config.images]
    if config.scenes and config.frames:
        store = Path(os.environ.get(STORE_VARIABLE, STORE_DEFAULT))
        found.append(RenderedPictures(config.scenes, config.frames, store))
    count = sum(len(one) for one in found)
    if count < config.batch_size:
        raise SampleError(f"expected at least a batch of {config.batch_size} pictures; found {count}. Name more "
                          "folders or lower --batch-size")
    return found


class PictureFeed:
    """Batches of views.

    Args:
        sets: of pictures; an epoch shows each picture once, less an incomplete last batch. workers: processes that
            load; 0: none.
    """

    def __init__(self, sets: Sequence[Pictures], config: PretrainConfig, workers: int) -> None:
        self.sets, self.config, self.workers = list(sets), config, workers
        self.batches_per_epoch = sum(len(one) for one in sets) // config.batch_size

    def epoch(self, epoch: int, first_batch: int) -> Iterator[tuple[Tensor, tuple[str, ...]]]:
        """From batch ``first_batch`` on: ([V, B, S, S, 3] uint8, names); V views of every picture."""
        places = [(number, index) for number, one in enumerate(self.sets) for index in range(len(one))]
        order = np.random.default_rng((self.config.seed, _ORDER, epoch)).permutation(len(places))
        size = self.config.batch_size
        batches = [[places[place] for place in order[batch * size:(batch + 1) * size]]
                   for batch in range(first_batch, self.batches_per_epoch)]
        data = _Views(self.sets, self.config, epoch)
        yield from DataLoader(data, batch_sampler=batches, num_workers=self.workers, collate_fn=_side_by_side,
                              worker_init_fn=_begin_worker, prefetch_factor=3 if self.workers else None)


class _Views(Dataset):
    """Views by (set, index); the random numbers of a picture are its own."""

    def __init__(self, sets: Sequence[Pictures], config: PretrainConfig, epoch: int) -> None:
        self.sets, self.config, self.epoch = sets, config, epoch

    def __getitem__(self, key: tuple[int, int]) -> tuple[np.ndarray, str]:
        number, index = key
        config = self.config
        rng = np.random.default_rng((config.seed, _CHANGES, self.epoch, number, index))
        image = self.sets[number][index]
        made = [view(image, rng, config.method, config.input_size_px) for _ in range(VIEWS[config.method])]
        return np.stack(made), self.sets[number].name(index)


def _side_by_side(found: list[tuple[np.ndarray, str]]) -> tuple[Tensor, tuple[str, ...]]:
    return torch.from_numpy(np.stack([views for views, _ in found], axis=1)), tuple(name for _, name in found)


def _begin_worker(_worker: int) -> None:
    """One thread each; Ctrl-C reaches the whole group, but the run ends its loading processes itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
