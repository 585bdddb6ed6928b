"""Rain before the camera: streaks in two depths, a veil of distant drops, and drops on the lens.

Streaks are bright because drops mirror the sky (Garg and Nayar, "Vision and Rain", 2007); their length is the way a
drop falls (about 7 m/s) while the shutter is open.
"""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.scenes.lighting import Light
from maxsight_core.scenes.spec import SceneSpec

_MARGIN_PX = 96
_VEIL_SHARE = 0.22  # of the haze's colour at full rain
_LAYERS = ((0.012, 0.045, 0.5), (0.0022, 0.12, 0.9))  # (drops a pixel, length as a share of the height, brightness)
_SLANT = 0.14  # sideways a downward pixel: a light wind
_LENS_DROPS_MAX, _LENS_KEPT_FRAMES = 14, 12
_LENS_FROM_RAIN = 0.3


class Rain:
    """The rain of one specification; the same frame number gives the same rain."""

    def __init__(self, spec: SceneSpec, light: Light) -> None:
        self._spec, self._strength = spec, spec.rain
        self._haze = np.asarray(light.fog_colour, np.float32)
        rng = np.random.default_rng((spec.seed, 13))
        self._layers = [self._streaks(rng, *layer) for layer in _LAYERS]

    def apply(self, rgb: np.ndarray, index: int) -> np.ndarray:
        """[H, W, 3] uint8 with rain."""
        veil = _VEIL_SHARE * self._strength
        haze = tuple(float(c * veil) for c in self._haze)
        rgb = cv2.add(cv2.convertScaleAbs(rgb, alpha=1.0 - veil), (*haze, 0.0))
        rng = np.random.default_rng((self._spec.seed, index, 17))
        height, width = rgb.shape[:2]
        for layer in self._layers:
            top, left = (int(v) for v in rng.integers(0, _MARGIN_PX, 2))
            rgb = cv2.add(rgb, layer[top:top + height, left:left + width])
        return self._with_lens_drops(rgb, index) if self._strength >= _LENS_FROM_RAIN else rgb

    def _streaks(self, rng: np.random.Generator, density: float, length: float, brightness: float) -> np.ndarray:
        height, width = self._spec.height + _MARGIN_PX, self._spec.width + _MARGIN_PX
        drops = (rng.random((height, width), dtype=np.float32) < density * self._strength).astype(np.float32)
        drops *= rng.uniform(0.3, 1.0, (height, width)).astype(np.float32)
        rows = max(3, int(length * self._spec.height) | 1)
        kernel = np.zeros((rows, rows), np.float32)
        reach = int(_SLANT * rows / 2)
        cv2.line(kernel, (rows // 2 + reach, 0), (rows // 2 - reach, rows - 1), 1.0, 1, cv2.LINE_AA)
        streaks = np.clip(cv2.filter2D(drops, -1, kernel), 0, 1) * brightness * 0.45
        return np.clip(streaks[..., None] * self._haze, 0, 255).astype(np.uint8)

    def _with_lens_drops(self, rgb: np.ndarray, index: int) -> np.ndarray:
        """Drops on the lens stay for a while; through one the picture is a blur, upside down and brighter."""
        rng = np.random.default_rng((self._spec.seed, index // _LENS_KEPT_FRAMES, 19))
        height, width = rgb.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        for _ in range(int(_LENS_DROPS_MAX * self._strength)):
            radius = max(1, int(rng.uniform(0.008, 0.032) * height))
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.ellipse(mask, centre, (radius, int(radius * 1.25)), 0, 0, 360, 200, -1, cv2.LINE_AA)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.6, height / 320))
        small = cv2.resize(rgb, (max(4, width // 12), max(4, height // 12)), interpolation=cv2.INTER_AREA)
        seen = cv2.resize(small[::-1], (width, height), interpolation=cv2.INTER_LINEAR)
        weight = mask.astype(np.float32) / 255.0
        return cv2.blendLinear(np.ascontiguousarray(seen), np.ascontiguousarray(rgb), weight, 1.0 - weight)
