"""What worse pictures cost: noise, blur, JPEG, light. The kinds and their steps follow Hendrycks & Dietterich,
"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", 2019, at a middle severity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from maxsight_core.contracts import CONDITIONS
from training.data.conditions import FIXED, preprocess
from training.data.sample import Sample

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""[H, W, 3] uint8 to the same shape and type; boxes stay where they are."""
_NOISE_SD = 0.12 * 255
_BLUR_SHARE = 0.008
"""Deviation of the blur as a share of the longer side: 5 px at 640."""
_SHAKE_SHARE = 0.03
"""Length of a shake, the same way: 19 px at 640."""
_JPEG_QUALITY = 12
_DARK_GAIN, _DARK_GAMMA = 0.35, 1.4
_BRIGHT_GAIN, _BRIGHT_OFFSET = 1.3, 50.0
_LOW_CONTRAST = 0.3
_MIDDLE = 127.5


def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sensor's noise in the dark."""
    return _bytes(image + rng.normal(0.0, _NOISE_SD, image.shape))


def blur(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Out of focus."""
    return cv2.GaussianBlur(image, (0, 0), _BLUR_SHARE * max(image.shape[:2]))


def shake(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A camera that moved on a straight line while the picture was taken."""
    length = max(3, round(_SHAKE_SHARE * max(image.shape[:2])) | 1)
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1.0
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), rng.uniform(0.0, 180.0), 1.0)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def jpeg(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """A narrow line between camera and server."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def dark(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Dusk without a lamp."""
    return _bytes(255.0 * _DARK_GAIN * (image / 255.0) ** _DARK_GAMMA)


def bright(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Against the light."""
    return _bytes(image * _BRIGHT_GAIN + _BRIGHT_OFFSET)


def low_contrast(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Haze, or a greasy lens."""
    return _bytes((image - _MIDDLE) * _LOW_CONTRAST + _MIDDLE)


CHANGES: dict[str, Change] = {
    "noise": noise, "blur": blur, "shake": shake, "jpeg": jpeg, "dark": dark, "bright": bright,
    "low_contrast": low_contrast,
}

CONDITION_CHANGES: dict[str, Change] = {
    name: lambda image, _rng, name=name: preprocess(image, name) for name in CONDITIONS if name in FIXED}
"""The picture as somebody with each of the vision conditions may see it, for networks that are shown such pictures."""


def changed(samples: Iterable[Sample], change: Change, seed: int = 0) -> Iterator[Sample]:
    """The samples with changed pictures; the same pictures for the same seed."""
    for number, sample in enumerate(samples):
        yield replace(sample, image=change(sample.image, np.random.default_rng((seed, number))))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
