"""Light, contrast, colour, noise, blur and compression of a picture. Arithmetic in 32 bits, cut to 0..255."""

from __future__ import annotations

import cv2
import numpy as np

from training.data.sample import Sample

BRIGHTNESS, CONTRAST, SATURATION, HUE_DEG = 0.2, 0.2, 0.3, 10.0
NOISE_SD = 0.01
BLUR_SHARE, JPEG_SHARE, GREY_SHARE = 0.1, 0.2, 0.05
JPEG_QUALITY = (40, 90)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def photometric(sample: Sample, rng: np.random.Generator, strength: float = 1.0) -> None:
    """The description's ranges (brightness and contrast +-20 %, saturation +-30 %, hue +-10 degrees, noise 1 %), and
    what cameras do besides: a little blur, JPEG, grey. In place; one matrix does brightness, contrast, saturation, hue.
    """
    gain = 1.0 + rng.uniform(-BRIGHTNESS, BRIGHTNESS) * strength
    contrast = 1.0 + rng.uniform(-CONTRAST, CONTRAST) * strength
    saturation = 0.0 if rng.random() < GREY_SHARE else 1.0 + rng.uniform(-SATURATION, SATURATION) * strength
    colour = _hue(rng.uniform(-HUE_DEG, HUE_DEG) * strength) @ _saturation(saturation)
    mean = float(cv2.mean(sample.image)[0]) * gain
    matrix = np.concatenate((colour * gain * contrast, np.full((3, 1), mean * (1.0 - contrast))), axis=1)
    image = cv2.transform(sample.image, matrix.astype(np.float32))  # saturates at 0 and 255: no pixel wraps around
    if rng.random() < BLUR_SHARE:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    noise = rng.uniform(0.0, NOISE_SD) * strength * 255.0
    if noise > 0.5:
        image = cv2.add(image, _noise(rng, image.shape, noise), dtype=cv2.CV_8U)
    if rng.random() < JPEG_SHARE:
        quality = int(rng.integers(*JPEG_QUALITY))
        image = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
    sample.image = image


def _saturation(share: float) -> np.ndarray:
    return share * np.eye(3) + (1.0 - share) * np.tile(_LUMA, (3, 1))


def _hue(degrees: float) -> np.ndarray:
    """Turn about the grey axis (Haeberli, "Matrix Operations for Image Processing", 1993; luminance not corrected)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    third, root = 1.0 / 3.0, np.sqrt(1.0 / 3.0)
    same, after, before = c + third * (1 - c), third * (1 - c) - root * s, third * (1 - c) + root * s
    return np.array([[same, after, before], [before, same, after], [after, before, same]])


def _noise(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> np.ndarray:
    """[H, W, 3] int16 of a random 256 x 256 tile: a draw per pixel would cost more than all the rest."""
    tile = (rng.standard_normal((256, 256, 3), np.float32) * sd).astype(np.int16)
    repeats = (-(-shape[0] // 256), -(-shape[1] // 256), 1)
    return np.tile(tile, repeats)[: shape[0], : shape[1]]
