"""Glare risk: clipped highlights, how compact they are, and the veil of light around them.

A camera clips long before a lamp or the sun, so glare luminance itself cannot be measured (a true disability
glare figure, CIE 146, needs it). What remains visible is the *effect*: a source far beyond the clipping level
scatters light in the lens and makes its surround fall off gradually, while a white wall just inside the range
ends in a sharp border. The score joins the area that is clipped, that veil, and how dark the rest is.
"""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.contracts import SceneView, Value
from maxsight_core.perception.contrast import linear_luminance

OUTPUTS = ("glare_risk", "glare_confidence")

LEVELS: tuple[str, ...] = ("none", "low", "medium", "high")

WIDTH_PX = 160
CLIPPED_LUMINANCE = 0.93
"""Linear luminance (sRGB code 247) from which a reduced pixel counts as clipped."""
MIN_BLOB_PX = 6
"""Smaller blobs at 160 columns are glints on metal or water, a quarter of a degree wide."""
FULL_AREA = 0.20
"""Share of clipped picture at which area alone makes the score complete."""
_NEAR_RING_PX, _FAR_RING_PX = 4, 14
_LEVEL_SCORES = (0.02, 0.15, 0.35, 0.65)
"""Score at the middle of each level; between two of them the probability passes linearly from one to the next."""


def measure(luminance: np.ndarray) -> dict[str, float]:
    """Area, compactness, veil and score of the clipped highlights.

    Args:
        luminance: [h, w] float32, linear, 0..1.

    Returns:
        ``area`` share of the picture; ``compactness`` 0..1 (1: one disc holds it all); ``veil`` 0..1 (how much
        of the step from source to surround is a gradual fall-off); ``contrast`` 0..1; ``score`` 0..1.
    """
    clipped = (luminance >= CLIPPED_LUMINANCE).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clipped, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA] if count > 1 else np.zeros(0)
    kept = np.flatnonzero(areas >= MIN_BLOB_PX) + 1
    if kept.size == 0:
        return {"area": 0.0, "compactness": 0.0, "veil": 0.0, "contrast": 0.0, "score": 0.0}
    source = np.isin(labels, kept).astype(np.uint8)
    area = float(source.mean())
    compactness = _compactness(stats, int(kept[np.argmax(areas[kept - 1])]), float(source.sum()))
    rest = luminance[source == 0]
    background = float(np.median(rest)) if rest.size else 1.0
    veil = _veil(luminance, source, background)
    contrast = 1.0 - background
    # The smaller the area, the more it takes a veil to call it glare; half a picture blown out is glare anyway.
    extent = min(1.0, area / FULL_AREA) ** 0.5
    score = extent * contrast * (0.35 + 0.45 * veil + 0.20 * compactness)
    return {"area": area, "compactness": compactness, "veil": veil, "contrast": contrast, "score": float(score)}


def _compactness(stats: np.ndarray, largest: int, total_px: float) -> float:
    width, height = stats[largest, cv2.CC_STAT_WIDTH], stats[largest, cv2.CC_STAT_HEIGHT]
    blob = float(stats[largest, cv2.CC_STAT_AREA])
    disc = np.pi / 4.0 * max(width, height) ** 2  # the disc its longer side would make
    return min(1.0, blob / disc) * blob / total_px


def _veil(luminance: np.ndarray, source: np.ndarray, background: float) -> float:
    """0 (sharp border) .. 1 (the surround is as bright as the source)."""
    core = cv2.dilate(source, np.ones((3, 3), np.uint8))  # the border pixels themselves are mixtures
    near = cv2.dilate(core, _disc(_NEAR_RING_PX)) - core
    far = cv2.dilate(core, _disc(_FAR_RING_PX)) - core - near
    if not near.any() or not far.any():
        return 0.0
    far_level = max(background, float(np.median(luminance[far > 0])))
    rise = float(np.median(luminance[near > 0])) - far_level
    return float(np.clip(rise / max(CLIPPED_LUMINANCE - far_level, 0.05), 0.0, 1.0))


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def level_probabilities(score: float) -> np.ndarray:
    """[4] float32 over none / low / medium / high, summing to 1, from a score 0..1."""
    position = np.interp(score, _LEVEL_SCORES, range(len(LEVELS)))
    return np.maximum(0.0, 1.0 - np.abs(np.arange(len(LEVELS)) - position)).astype(np.float32)


def estimate(view: SceneView) -> dict[str, Value]:
    """Outputs ``glare_risk`` [4] and ``glare_confidence`` 0..1."""
    figures = measure(linear_luminance(view.frame.rgb, WIDTH_PX))
    risk = level_probabilities(figures["score"])
    # Between two levels the picture does not decide; glare itself lowers a frame's quality, so that is no doubt.
    confidence = float(risk.max())
    method = (f"clipped area {figures['area']:.1%}, veil {figures['veil']:.2f}, "
              f"compactness {figures['compactness']:.2f}; luminance beyond clipping unknown")
    return {
        "glare_risk": Value.measured("glare_risk", risk, method, confidence),
        "glare_confidence": Value.measured("glare_confidence", confidence, "probability of the likeliest level"),
    }
