"""What the 13 vision conditions do to a picture, as simple image processing (system description, data pipeline).

Approximations for training, not a clinical simulation: no depth, no eye movements. An effect that hides parts of the
picture says which, so that truth there can be dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from maxsight_core.contracts import CONDITIONS

SPOT_RADIUS = (0.02, 0.08)
"""Of the shorter side."""
SOFT_EDGE = 0.2
"""Share of a radius over which a field loss fades in."""
RP_GAIN, RP_EDGE = 1.5, 0.1
CANNY = (50, 150)
CATARACT_KERNEL, CATARACT_SIGMA, CATARACT_CONTRAST, CATARACT_HAZE = (5, 5), 1.5, 0.8, 0.1
GLAUCOMA_RADIUS, GLAUCOMA_DARKNESS = 0.3, 0.5
AMD_RADIUS, AMD_DARKNESS = 0.2, 0.7
_FULL = 255.0
_DEUTERANOPIA = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]], np.float32)
"""Viénot, Brettel & Mollon 1999, for linear RGB."""


class Effect(NamedTuple):
    """A changed picture [H, W, 3] uint8, and how much of the light of each place is left, [H, W] 0..1 (None: all)."""

    image: np.ndarray
    left: np.ndarray | None = None


def preprocess(image: np.ndarray, condition: str) -> np.ndarray:
    """A picture as a person with ``condition`` may see it, or as it is enhanced for one (retinitis pigmentosa).

    Always the same for the same picture; :mod:`training.data.augment.condition` varies.

    Args:
        image: [H, W, 3] uint8. condition: of ``maxsight_core.contracts.CONDITIONS``.

    Raises:
        ValueError: an unknown condition, or no such picture.
    """
    if condition not in FIXED:
        raise ValueError(f"condition: expected one of {', '.join(CONDITIONS)}; got {condition!r}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image: expected uint8 [H, W, 3]; got {image.dtype} {list(image.shape)}")
    return FIXED[condition](image).image


def blurred(image: np.ndarray, sigma_px: float, kernel: tuple[int, int] = (0, 0)) -> Effect:
    """Out of focus."""
    return Effect(cv2.GaussianBlur(image, kernel, sigma_px))


def smeared(image: np.ndarray, length_px: float, angle_deg: float) -> Effect:
    """Blurred along one axis only (astigmatism)."""
    side = 2 * max(1, int(np.ceil(length_px))) + 1
    across = np.arange(side) - side // 2
    x, y = np.meshgrid(across, across)
    angle = np.radians(angle_deg)
    along, aside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((along / (length_px / 2.0)) ** 2 + (aside / 0.4) ** 2)).astype(np.float32)
    return Effect(cv2.filter2D(image, -1, kernel / kernel.sum()))


def clouded(image: np.ndarray, sigma_px: float, contrast: float = CATARACT_CONTRAST,
            haze: float = CATARACT_HAZE) -> Effect:
    """Blur, less contrast and a veil of ``haze`` (0..1 of white): cataracts."""
    soft = cv2.GaussianBlur(image, CATARACT_KERNEL, sigma_px)
    return Effect(cv2.convertScaleAbs(soft, alpha=contrast, beta=haze * _FULL))


def peripheral_loss(image: np.ndarray, radius: float, darkness: float = 1.0) -> Effect:
    """Dark outside a circle around the centre. ``radius``: of the shorter side; ``darkness``: 0..1."""
    return _dimmed(image, 1.0 - darkness * _ramp(_radii(image), radius))


def central_loss(image: np.ndarray, radius: float, darkness: float = 1.0) -> Effect:
    """Dark inside a circle around the centre (a central scotoma)."""
    return _dimmed(image, 1.0 - darkness * (1.0 - _ramp(_radii(image), radius)))


def spotted(image: np.ndarray, count: int, rng: np.random.Generator) -> Effect:
    """``count`` dark soft spots (diabetic retinopathy)."""
    height, width = image.shape[:2]
    dark = np.zeros((height, width), np.float32)
    for _ in range(count):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(dark, centre, max(1, round(min(height, width) * rng.uniform(*SPOT_RADIUS))), 1.0, -1)
    return _dimmed(image, 1.0 - cv2.GaussianBlur(dark, (0, 0), max(0.5, min(height, width) * SPOT_RADIUS[0] / 3)))


def brightened_edges(image: np.ndarray, gain: float = RP_GAIN, edge: float = RP_EDGE) -> Effect:
    """Brighter, edges drawn lighter by ``edge`` of white: an aid in retinitis pigmentosa (night blindness)."""
    bright = cv2.convertScaleAbs(image, alpha=gain)  # saturates: no pixel wraps around
    edges = cv2.Canny(cv2.cvtColor(bright, cv2.COLOR_RGB2GRAY), *CANNY)  # 0 or 255
    return Effect(cv2.add(bright, cv2.merge([cv2.convertScaleAbs(edges, alpha=edge)] * 3)))


def two_colours(image: np.ndarray, share: float = 1.0) -> Effect:
    """Red and green alike (deuteranopia); ``share`` 0..1 of the way there."""
    matrix = share * _DEUTERANOPIA + (1.0 - share) * np.eye(3, dtype=np.float32)
    linear = cv2.transform(_LINEAR[image], matrix)
    return Effect(np.round(np.clip(linear, 0.0, 1.0) ** (1.0 / 2.2) * _FULL).astype(np.uint8))


def doubled(image: np.ndarray, shift: float, share: float = 0.5) -> Effect:
    """A second picture beside the first (strabismus). ``shift``: of the width; ``share``: how strong it is."""
    height, width = image.shape[:2]
    matrix = np.array([[1.0, 0.0, shift * width], [0.0, 1.0, 0.0]])
    other = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return Effect(cv2.addWeighted(image, 1.0 - share, other, share, 0.0))


def faded(image: np.ndarray, contrast: float, sigma_px: float) -> Effect:
    """Less contrast about the picture's mean, and blur (amblyopia, cerebral visual impairment)."""
    mean = float(image.mean())
    pale = cv2.convertScaleAbs(image, alpha=contrast, beta=mean * (1.0 - contrast))
    return Effect(cv2.GaussianBlur(pale, (0, 0), sigma_px) if sigma_px > 0 else pale)


_LINEAR = ((np.arange(256) / _FULL) ** 2.2).astype(np.float32)
_SPOTS, _SPOT_SEED = 10, 0
FIXED: dict[str, Callable[[np.ndarray], Effect]] = {
    "myopia": lambda image: blurred(image, 2.0),
    "hyperopia": lambda image: blurred(image, 1.5),
    "astigmatism": lambda image: smeared(image, 4.0, 45.0),
    "presbyopia": lambda image: blurred(image, 1.0),
    "cataracts": lambda image: clouded(image, CATARACT_SIGMA),
    # The description blackens the periphery and then darkens the black by half; a half dark periphery is what it means.
    "glaucoma": lambda image: peripheral_loss(image, GLAUCOMA_RADIUS, GLAUCOMA_DARKNESS),
    "amd": lambda image: central_loss(image, AMD_RADIUS, AMD_DARKNESS),
    "diabetic_retinopathy": lambda image: spotted(image, _SPOTS, np.random.default_rng(_SPOT_SEED)),
    "retinitis_pigmentosa": brightened_edges,
    "colour_blindness": two_colours,
    "cvi": lambda image: faded(image, 0.6, 1.0),
    "amblyopia": lambda image: faded(image, 0.8, 1.5),
    "strabismus": lambda image: doubled(image, 0.03),
}


def _radii(image: np.ndarray) -> np.ndarray:
    """[H, W] float32 distance from the centre in shorter sides."""
    height, width = image.shape[:2]
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2.0)[:, None]
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2.0)[None, :]
    return np.sqrt(x * x + y * y) / np.float32(min(height, width))


def _ramp(radii: np.ndarray, radius: float) -> np.ndarray:
    """0 inside ``radius``, 1 outside, with a soft edge centred on it."""
    width = max(SOFT_EDGE * radius, 1e-6)
    return np.clip((radii - radius) / width + 0.5, 0.0, 1.0).astype(np.float32)


def _dimmed(image: np.ndarray, left: np.ndarray) -> Effect:
    return Effect(np.round(image * left[..., None]).astype(np.uint8), left.astype(np.float32))
