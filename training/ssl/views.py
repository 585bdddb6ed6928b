"""Views of a picture for learning without labels: part, mirror image, and for SimCLR other colours and sharpness.

The recipe is SimCLR's (Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020,
appendix A), in OpenCV's integer arithmetic. Its change of hue is a gain per channel here, as another light makes it.
"""

from __future__ import annotations

import cv2
import numpy as np

LEAST_AREA: dict[str, float] = {"simclr": 0.2, "mae": 0.35}
"""Of the picture. Street and room pictures hold many things: parts of 8 % would show two different ones as one."""
RATIO = (3 / 4, 4 / 3)
LIGHT, CONTRAST, SATURATION, CAST = 0.4, 0.4, 0.4, 0.15
"""Half of SimCLR's strength 1 each, and the range of a channel's gain."""
COLOUR_SHARE, GREY_SHARE, BLUR_SHARE = 0.8, 0.2, 0.5
BLUR_PX_AT_224 = (0.1, 2.0)
_LUMA = np.array([0.299, 0.587, 0.114])


def view(image: np.ndarray, rng: np.random.Generator, method: str, size_px: int) -> np.ndarray:
    """One view, [size_px, size_px, 3] uint8.

    Args:
        image: [H, W, 3] uint8, sRGB. method: ``simclr`` or ``mae`` (part and mirror image only).
    """
    found = _part(image, rng, LEAST_AREA[method], size_px)
    if rng.random() < 0.5:
        found = cv2.flip(found, 1)
    if method != "simclr":
        return found
    if rng.random() < COLOUR_SHARE:
        found = _other_colours(found, rng)
    if rng.random() < GREY_SHARE:
        found = cv2.cvtColor(cv2.cvtColor(found, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < BLUR_SHARE:
        found = cv2.GaussianBlur(found, (0, 0), rng.uniform(*BLUR_PX_AT_224) * size_px / 224)
    return found


def _part(image: np.ndarray, rng: np.random.Generator, least: float, size_px: int) -> np.ndarray:
    height, width = image.shape[:2]
    area = rng.uniform(least, 1.0) * height * width
    ratio = np.exp(rng.uniform(np.log(RATIO[0]), np.log(RATIO[1])))
    w, h = (min(width, max(1, round(np.sqrt(area * ratio)))), min(height, max(1, round(np.sqrt(area / ratio)))))
    left, top = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    way = cv2.INTER_AREA if min(w, h) > size_px else cv2.INTER_LINEAR
    return cv2.resize(image[top:top + h, left:left + w], (size_px, size_px), interpolation=way)


def _other_colours(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, contrast, saturation and a cast in one matrix; ``transform`` saturates, so no pixel wraps around."""
    light, contrast, saturation = (1.0 + rng.uniform(-reach, reach) for reach in (LIGHT, CONTRAST, SATURATION))
    cast = np.diag(1.0 + rng.uniform(-CAST, CAST, 3))
    matrix = cast @ (saturation * np.eye(3) + (1.0 - saturation) * np.tile(_LUMA, (3, 1))) * light
    middle = float(np.mean(cv2.mean(image)[:3])) * light
    shift = np.full((3, 1), middle * (1.0 - contrast))
    return cv2.transform(image, np.concatenate((matrix * contrast, shift), axis=1).astype(np.float32))
