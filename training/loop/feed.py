"""Training batches in an order that depends on the seed and the epoch alone: a resumed run sees what it would have.

An epoch draws from a mixture of data sets: each gets its share of the epoch by weight and size, walks through its own
pictures in a new order every time round, and the shares are shuffled together.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from training.data.augment.compose import Augmenter
from training.data.batch import Batch, collate
from training.data.sample import Sample
from training.data.stored import Samples
from training.loop.distributed import World

_ORDER, _CHANGES = 1, 2
"""Streams of random numbers that must not be each other's."""


@dataclass(frozen=True, slots=True)
class Source:
    """One data set of the mixture and how often its pictures are drawn, relative to the others'."""

    samples: Samples
    weight: float


class MixtureFeed:
    """The batches of a run.

    Args:
        sources: the mixture. augmenter: of every sample. samples_per_epoch: None: as many as there are.
        batch_size: of one process. sizes: side of the square input of every epoch. fit: as the manifest's.
        close_epochs: so many of the last epochs see no combined pictures. workers: processes that load; 0: none.
    """

    def __init__(
        self, sources: Sequence[Source], augmenter: Augmenter, *, seed: int, samples_per_epoch: int | None,
        batch_size: int, sizes: Sequence[int], fit: str, close_epochs: int, workers: int, world: World,
    ) -> None:
        self.sources, self.augmenter, self.seed = list(sources), augmenter, seed
        total = samples_per_epoch or sum(len(source.samples) for source in sources)
        self.batch_size, self.world, self.workers = batch_size, world, workers
        self.batches_per_epoch = max(1, total // (batch_size * world.size))
        self.sizes, self.fit, self.close_epochs = list(sizes), fit, close_epochs

    def epoch(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        """The batches of ``epoch`` from number ``first_batch`` on, of this process."""
        order = self.order(epoch)
        step = self.batch_size * self.world.size
        batches = []
        for number in range(first_batch, self.batches_per_epoch):
            rows = order[number * step + self.world.rank: (number + 1) * step: self.world.size]
            batches.append([(number * step + place, *row) for place, row in enumerate(rows)])
        size_px = self.sizes[min(epoch, len(self.sizes) - 1)]
        closing = epoch >= len(self.sizes) - self.close_epochs
        data = _Changed(self.sources, self.augmenter, (self.seed, _CHANGES, epoch), size_px, self.fit, closing)
        loader = DataLoader(data, batch_sampler=batches, num_workers=self.workers, collate_fn=data.collate,
                            worker_init_fn=_begin_worker, prefetch_factor=3 if self.workers else None)
        yield from loader

    def order(self, epoch: int) -> list[tuple[int, int]]:
        """(source, index) of every sample of an epoch, over all processes."""
        count = self.batches_per_epoch * self.batch_size * self.world.size
        sizes = np.array([len(source.samples) * source.weight for source in self.sources], np.float64)
        ends = np.round(np.cumsum(sizes) / sizes.sum() * count).astype(int)
        chosen: list[tuple[int, int]] = []
        for number, (source, end) in enumerate(zip(self.sources, ends, strict=True)):
            share = int(end) - len(chosen)
            chosen += [(number, index) for index in self._walk(number, len(source.samples), epoch * share, share)]
        mixed = np.random.default_rng((self.seed, _ORDER, epoch, len(self.sources))).permutation(len(chosen))
        return [chosen[place] for place in mixed]

    def _walk(self, number: int, size: int, start: int, count: int) -> Iterator[int]:
        """``count`` indices of one source from place ``start`` of its endless walk: every picture once a round."""
        for place in range(start, start + count):
            turn, within = divmod(place, size)
            if place == start or within == 0:
                order = np.random.default_rng((self.seed, _ORDER, number, turn)).permutation(size)
            yield int(order[within])


class _Changed(Dataset):
    """Samples by (place in the epoch, source, index), varied."""

    def __init__(self, sources: Sequence[Source], augmenter: Augmenter, stream: tuple[int, ...], size_px: int, fit: str,
                 closing: bool) -> None:
        self.sources, self.augmenter, self.stream = sources, augmenter, stream
        self.size_px, self.fit, self.closing = size_px, fit, closing
        weights = np.array([len(source.samples) * source.weight for source in sources], np.float64)
        self._shares = weights / weights.sum()

    def __getitem__(self, key: tuple[int, int, int]) -> Sample:
        place, source, index = key
        rng = np.random.default_rng((*self.stream, place))
        return self.augmenter(self.sources[source].samples[index], self._draw, rng, self.closing)

    def _draw(self, rng: np.random.Generator) -> Sample:
        samples = self.sources[int(rng.choice(len(self.sources), p=self._shares))].samples
        return samples[int(rng.integers(len(samples)))]

    def collate(self, samples: list[Sample]) -> Batch:
        return collate(samples, self.size_px, self.fit)


def _begin_worker(_worker: int) -> None:
    """One thread each. Ctrl-C and SIGTERM reach the whole group, but the trainer ends its loading processes itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
