"""Edge map: Scharr gradient magnitude ("Optimal operators in digital image processing", Scharr 2000)."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.contracts import SceneView, Value

OUTPUTS = ("edge_map",)

_SCHARR_GAIN = 1.0 / 32.0
"""The kernel's weights sum to 16 on either side, two pixels apart: 1/32 gives the change per pixel."""


def gradient(grey: np.ndarray) -> np.ndarray:
    """Gradient magnitude per pixel, [h, w] float32, 0..about 0.7 for a picture of 0..1.

    Args:
        grey: [h, w] float32, 0..1.
    """
    across = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=_SCHARR_GAIN)
    down = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=_SCHARR_GAIN)
    return cv2.magnitude(across, down)


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``edge_map``: [h, w] at the small picture's size, gradient of sRGB luma per small pixel."""
    return {"edge_map": Value.measured(
        "edge_map", gradient(view.small), "Scharr gradient of the picture at 256 px",
        confidence=1.0 - view.quality.uncertainty)}
