"""A training picture as someone with a vision condition sees it, milder or stronger every time.

Ranges of the system description; the eight conditions for which it gives none vary around ``conditions.preprocess``. A
thing that the simulated loss hides is ignored: it is no longer an example, and no background either.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maxsight_core.contracts import CONDITIONS
from training.data.conditions import (
    CATARACT_CONTRAST,
    CATARACT_HAZE,
    Effect,
    blurred,
    central_loss,
    clouded,
    doubled,
    faded,
    peripheral_loss,
    smeared,
    spotted,
    two_colours,
)
from training.data.sample import UNKNOWN, Sample

LEAST_SEEN = 0.35
"""Share of a thing's light below which it is hidden."""
LONGEST_RADIUS = 0.5
"""Of the shorter side, where a field is whole; a lost share is cut from it."""

_PROGRESSIVE: dict[str, Callable[[np.ndarray, np.random.Generator], Effect]] = {
    "myopia": lambda image, rng: blurred(image, rng.uniform(0.5, 3.0)),
    "hyperopia": lambda image, rng: blurred(image, rng.uniform(0.5, 2.5)),
    "astigmatism": lambda image, rng: smeared(image, rng.uniform(2.0, 6.0), rng.uniform(0.0, 180.0)),
    "presbyopia": lambda image, rng: blurred(image, rng.uniform(0.5, 1.5)),
    "cataracts": lambda image, rng: _cataracts(image, rng.uniform(0.5, 2.0)),
    "glaucoma": lambda image, rng: peripheral_loss(image, LONGEST_RADIUS * (1.0 - rng.uniform(0.1, 0.5))),
    "amd": lambda image, rng: central_loss(image, rng.uniform(0.1, 0.3) / 2.0),  # the size is across
    "diabetic_retinopathy": lambda image, rng: spotted(image, int(rng.integers(5, 20)), rng),
    "retinitis_pigmentosa": lambda image, rng: peripheral_loss(image, LONGEST_RADIUS * rng.uniform(0.3, 0.7)),
    "colour_blindness": lambda image, rng: two_colours(image, rng.uniform(0.3, 1.0)),
    "cvi": lambda image, rng: faded(image, rng.uniform(0.4, 0.8), rng.uniform(0.0, 1.5)),
    "amblyopia": lambda image, rng: faded(image, rng.uniform(0.6, 0.95), rng.uniform(0.5, 2.0)),
    "strabismus": lambda image, rng: doubled(image, rng.uniform(-0.05, 0.05), rng.uniform(0.2, 0.5)),
}


def condition(sample: Sample, rng: np.random.Generator, name: str | None = None) -> None:
    """Change a sample in place.

    Args:
        name: of ``maxsight_core.contracts.CONDITIONS``; None: one of them, drawn.

    Raises:
        ValueError: an unknown condition.
    """
    name = CONDITIONS[int(rng.integers(len(CONDITIONS)))] if name is None else name
    if name not in _PROGRESSIVE:
        raise ValueError(f"condition: expected one of {', '.join(CONDITIONS)}; got {name!r}")
    effect = _PROGRESSIVE[name](sample.image, rng)
    sample.image = effect.image
    if effect.left is not None:
        _ignore_hidden(sample, effect.left)


def _cataracts(image: np.ndarray, sigma_px: float) -> Effect:
    """Blur as the description varies it; the veil grows with it, up to that of its fixed simulation."""
    grown = sigma_px / 2.0
    return clouded(image, sigma_px, 1.0 - grown * (1.0 - CATARACT_CONTRAST), grown * CATARACT_HAZE)


def _ignore_hidden(sample: Sample, left: np.ndarray) -> None:
    height, width = left.shape
    sums = np.zeros((height + 1, width + 1))
    sums[1:, 1:] = left.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    low = np.clip(sample.boxes[:, :2] - sample.boxes[:, 2:] / 2, 0.0, 1.0) * (width, height)
    high = np.clip(sample.boxes[:, :2] + sample.boxes[:, 2:] / 2, 0.0, 1.0) * (width, height)
    x0, y0 = np.minimum(np.floor(low).astype(int), (width - 1, height - 1)).T
    x1, y1 = np.maximum(np.ceil(high).astype(int).T, (x0 + 1, y0 + 1))
    mean = (sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]) / ((x1 - x0) * (y1 - y0))
    hidden = sample.boxes[mean < LEAST_SEEN]
    if len(hidden):
        sample.keep(mean >= LEAST_SEEN)
        sample.ignored = np.concatenate((sample.ignored, hidden)).astype(np.float32)
        sample.extra, sample.urgency = {}, UNKNOWN  # they may speak of what is hidden
