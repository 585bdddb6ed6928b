"""Things cut out of annotated pictures, each with its class, and pieces in which nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from training.data.sample import BACKGROUND, Sample
from training.data.stored import Samples

CUT_PX = 96
"""Side of a stored crop; views of it are smaller."""
AROUND = 1.5
"""Side of the cut square in larger sides of the box: some of what is around a thing belongs to how it looks."""
LEAST_BOX_PX = 10
"""Of the larger side in the picture: less shows no thing."""
EMPTY_TRIES = 4
EMPTY_SHARE_LABELLED = 0.8
"""A picture in which fewer of the classes were labelled proves nowhere that nothing is there."""
EMPTY_SIDES = (0.1, 0.5)
"""Of the picture's smaller side."""


@dataclass(frozen=True, slots=True)
class Crops:
    """Args: images: [n, 96, 96, 3] uint8. columns: [n] int64 of the class table; 0 where nothing is."""

    images: np.ndarray
    columns: np.ndarray

    def weights(self) -> np.ndarray:
        """[n] probability of each crop, by the inverse square root of its class's count: rare classes come more often,
        but not so often that the few pictures of them are learned by heart."""
        counts = np.bincount(self.columns)
        found = 1.0 / np.sqrt(counts[self.columns])
        return found / found.sum()


def cut(samples: Samples, seed: int) -> Crops:
    """All crops of a data set.

    Raises:
        ValueError: nothing was labelled in it.
    """
    rng = np.random.default_rng(seed)
    images, columns = [], []
    for index in range(len(samples)):
        for image, column in _of_sample(samples[index], rng):
            images.append(image)
            columns.append(column)
    if not images:
        raise ValueError(f"{samples.name}: nothing to cut out: no box is {LEAST_BOX_PX} px large")
    return Crops(np.stack(images), np.array(columns, np.int64))


def joined(parts: list[Crops]) -> Crops:
    """Several sets as one."""
    return Crops(np.concatenate([part.images for part in parts]), np.concatenate([part.columns for part in parts]))


def _of_sample(sample: Sample, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, int]]:
    height, width = sample.image.shape[:2]
    scale = np.array([width, height, width, height], np.float32)
    boxes = sample.boxes * scale  # [n, 4] cxcywh, pixels
    for (x, y, w, h), column in zip(boxes, sample.columns, strict=True):
        if max(w, h) >= LEAST_BOX_PX:
            yield _square(sample.image, x, y, AROUND * max(w, h)), int(column)
    if sample.labelled[1:].mean() < EMPTY_SHARE_LABELLED:
        return
    taken = np.concatenate((boxes, sample.ignored * scale))
    for _ in range(EMPTY_TRIES):
        side = rng.uniform(*EMPTY_SIDES) * min(width, height)
        x, y = rng.uniform(side / 2, width - side / 2), rng.uniform(side / 2, height - side / 2)
        apart = np.abs(taken[:, :2] - (x, y)) >= (taken[:, 2:] + side) / 2
        if apart.any(axis=1).all():
            yield _square(sample.image, x, y, side), BACKGROUND


def _square(image: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """[96, 96, 3] around (x, y), mirrored beyond the picture's border."""
    if side > 2 * CUT_PX:  # warpAffine does not average: what shrinks is smoothed first
        image = cv2.GaussianBlur(image, (0, 0), 0.4 * side / CUT_PX)
    scale = CUT_PX / side
    matrix = np.array([[scale, 0, CUT_PX / 2 - scale * x], [0, scale, CUT_PX / 2 - scale * y]], np.float32)
    return cv2.warpAffine(image, matrix, (CUT_PX, CUT_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
