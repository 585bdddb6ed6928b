"""All changes of a training picture, in order, as a configuration says; the same for the same seed, epoch and place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.data.augment.audio import vary_sound
from training.data.augment.combine import mixup, mosaic, paste
from training.data.augment.condition import condition
from training.data.augment.geometric import SIDED, crop, geometric
from training.data.augment.photometric import photometric
from training.data.sample import Sample
from training.loop.config import AugmentConfig

CUTOUT_SIDE = (0.05, 0.2)
CUTOUT_MOST = 3
"""Holes of up to a fifth of the shorter side (system description; DeVries & Taylor 2017)."""

Draw = Callable[[np.random.Generator], Sample]
"""Another sample of the data set, drawn with this generator."""


class Augmenter:
    """From a fresh sample to a varied one.

    Args:
        config: probabilities and strength. size_px: side of a mosaic. written: columns of things with writing, whose
            pictures are not mirrored.
    """

    def __init__(self, config: AugmentConfig, size_px: int, names: tuple[str, ...] = ()) -> None:
        self.config, self.size_px = config, size_px
        self._written = np.array([column for column, name in enumerate(names) if name in SIDED], np.int64)

    def __call__(self, sample: Sample, draw: Draw, rng: np.random.Generator, closing: bool = False) -> Sample:
        """A varied sample; ``sample`` may be changed. ``closing``: the last epochs see no combined pictures."""
        config = self.config
        if not closing and rng.random() < config.mosaic:
            sample = mosaic([sample, *(draw(rng) for _ in range(3))], rng, self.size_px)
        else:
            if rng.random() < config.crop:
                crop(sample, rng)
            if rng.random() < config.geometric:
                geometric(sample, rng, config.strength, may_flip=not self._has_writing(sample))
        if not closing and rng.random() < config.copy_paste:
            paste(sample, draw(rng), rng)
        if not closing and rng.random() < config.mixup:
            sample = mixup(sample, draw(rng), rng)
        if rng.random() < config.photometric:
            photometric(sample, rng, config.strength)
        if rng.random() < config.cutout:
            cutout(sample, rng)
        if rng.random() < config.condition:
            condition(sample, rng)
        vary_sound(sample, rng)
        return sample

    def _has_writing(self, sample: Sample) -> bool:
        return bool(np.isin(sample.columns, self._written).any())


def cutout(sample: Sample, rng: np.random.Generator) -> None:
    """Black holes, in place. A thing of which most is gone stays: half a person is still one to walk around."""
    height, width = sample.size
    image = sample.image
    for _ in range(int(rng.integers(1, CUTOUT_MOST + 1))):
        side = int(min(height, width) * rng.uniform(*CUTOUT_SIDE))
        top, left = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        image[top:top + side, left:left + side] = 0
