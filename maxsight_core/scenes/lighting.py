"""Light of a scene: what is multiplied into every surface when it is made, and what the camera adds at the end."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from maxsight_core.scenes.spec import SceneSpec

FOG_DENSITY_FULL_PER_M = 0.5
"""Extinction at fog=1: contrast falls to 5 % at 6 m (Koschmieder's law, 3 / density)."""
FOG_SKY_DEPTH_M = 150.0
_STREET_LIGHT = 1.8  # times the light of a corridor without windows
_LAMP_BRIGHT, _LAMP_COLOURED = 200, 80
_NOISE_MARGIN_PX = 64
_LENS_SIGMA_PX = 0.55  # a webcam lens never resolves single pixels; also softens polygon edges
_GLARE_VEIL = 0.16  # share of full scale that a strong source scatters over the whole picture


@dataclass(frozen=True, slots=True)
class Light:
    """Colours that surfaces are multiplied by.

    Args:
        name: of ``spec.LIGHTS``. surface: RGB factors. lamps_on: True when lamps and windows shine.
        fog_colour: RGB, 0..255.
    """

    name: str
    surface: tuple[float, float, float]
    lamps_on: bool
    fog_colour: tuple[int, int, int]

    def bake(self, pixels: np.ndarray) -> np.ndarray:
        """[h, w, 3 or 4] uint8 under this light; alpha is left alone."""
        if self.surface == (1.0, 1.0, 1.0):
            return pixels
        if pixels.shape[2] == 3:
            return cv2.LUT(pixels, _bake_table(self.surface)[..., :3].copy())
        return cv2.LUT(pixels, _bake_table(self.surface))

    def bake_lamps(self, pixels: np.ndarray) -> np.ndarray:
        """As :meth:`bake`, but what is bright in one colour shines by itself: signals."""
        out = self.bake(pixels).copy()
        colour = pixels[..., :3]
        shining = (colour.max(axis=-1) > _LAMP_BRIGHT) & (np.ptp(colour, axis=-1) > _LAMP_COLOURED)
        out[shining] = pixels[shining]
        return out

    def tint(self, colour: tuple[int, int, int]) -> tuple[int, int, int]:
        """One colour under this light."""
        r, g, b = (int(min(255, c * f)) for c, f in zip(colour, self.surface, strict=True))
        return (r, g, b)


@functools.lru_cache(maxsize=64)
def _bake_table(surface: tuple[float, float, float]) -> np.ndarray:
    """[256, 1, 4] uint8: what each value of red, green, blue, alpha becomes: ten times as fast as products."""
    values = np.arange(256, dtype=np.uint8)[:, None]
    lit = np.clip(values * np.asarray(surface, np.float32), 0, 255).astype(np.uint8)
    return np.hstack([lit, values])[:, None]


_INDOOR = {
    "day": Light("day", (1.0, 1.0, 1.0), True, (205, 205, 200)),
    "dim": Light("dim", (0.42, 0.39, 0.34), False, (95, 90, 84)),
    "night": Light("night", (0.15, 0.16, 0.21), False, (30, 32, 40)),
    "glare": Light("glare", (0.80, 0.78, 0.74), True, (225, 222, 214)),
}
_OUTDOOR = {
    "day": Light("day", (1.0, 1.0, 1.0), False, (200, 206, 212)),
    "dim": Light("dim", (0.46, 0.45, 0.50), True, (110, 112, 124)),
    "night": Light("night", (0.19, 0.20, 0.29), True, (34, 37, 50)),
    "glare": Light("glare", (0.86, 0.80, 0.70), False, (238, 228, 210)),
}


def light_for(spec: SceneSpec, indoor: bool) -> Light:
    """The light of a specification, indoors or outdoors."""
    return (_INDOOR if indoor else _OUTDOOR)[spec.light]


def tinted(light: Light, factors: tuple[float, float, float]) -> Light:
    """The light of other lamps or another sky. At night street lamps and windows light more than what is near them."""
    share = _STREET_LIGHT if light.name == "night" else 1.0
    return replace(light, surface=tuple(a * b * share for a, b in zip(light.surface, factors, strict=True)))


class CameraEffects:
    """Fog, glare, lens blur and sensor noise of one specification, applied to finished pictures."""

    def __init__(self, spec: SceneSpec, light: Light, glare_at: tuple[float, float] | None) -> None:
        """Args: glare_at: (bearing_deg, elevation_deg) of the sun or window when ``light=glare``."""
        self._spec, self._light = spec, light
        self._glare_at = glare_at if spec.light == "glare" else None
        self._glare = _glare_picture(spec) if self._glare_at is not None else None
        self._noise = _noise_bank(spec) if spec.noise > 0 else None

    def apply(self, rgb: np.ndarray, depth_m: np.ndarray | None, index: int, yaw_deg: float, pitch_deg: float,
              focal_px: float) -> np.ndarray:
        """The picture as the camera delivers it. depth_m is needed when the specification has fog."""
        if self._spec.fog > 0 and depth_m is not None:
            rgb = self._fogged(rgb, depth_m)
        rgb = cv2.GaussianBlur(rgb, (3, 3), _LENS_SIGMA_PX)
        if self._glare is not None and self._glare_at is not None:
            rgb = self._with_glare(rgb, yaw_deg, pitch_deg, focal_px)
        if self._noise is not None:
            rgb = self._noisy(rgb, index)
        return rgb

    def _fogged(self, rgb: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
        half = cv2.resize(depth_m, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
        density = self._spec.fog * FOG_DENSITY_FULL_PER_M
        keep = np.exp(-density * np.minimum(half, FOG_SKY_DEPTH_M)).astype(np.float32)
        keep = cv2.merge([cv2.resize(keep, (rgb.shape[1], rgb.shape[0]))] * 3)
        colour = np.empty_like(rgb)
        colour[:] = self._light.fog_colour
        return cv2.blendLinear(rgb, colour, keep[..., 0].copy(), 1.0 - keep[..., 0])

    def _with_glare(self, rgb: np.ndarray, yaw_deg: float, pitch_deg: float, focal_px: float) -> np.ndarray:
        bearing, elevation = self._glare_at
        height, width = rgb.shape[:2]
        dx = int(np.tan(np.radians(np.clip(bearing - yaw_deg, -60, 60))) * focal_px)
        dy = int(np.tan(np.radians(np.clip(-elevation - pitch_deg, -60, 60))) * focal_px)
        dx, dy = int(np.clip(dx, -width // 2, width // 2)), int(np.clip(dy, -height // 2, height // 2))
        top, left = height // 2 - dy, width // 2 - dx
        return cv2.add(rgb, self._glare[top:top + height, left:left + width])

    def _noisy(self, rgb: np.ndarray, index: int) -> np.ndarray:
        rng = np.random.default_rng((self._spec.seed, index, 7))
        top, left = rng.integers(0, _NOISE_MARGIN_PX, 2)
        height, width = rgb.shape[:2]
        window = self._noise[top:top + height, left:left + width]
        return cv2.add(rgb, window, dtype=cv2.CV_8U)


def _glare_picture(spec: SceneSpec) -> np.ndarray:
    """[2H, 2W, 3] uint8 of added light, source in the middle: disc, bloom, streak and veil.

    The bloom falls with the square of the angle, as scatter in the eye does (Vos 1984).
    """
    height, width = 2 * spec.height, 2 * spec.width
    y = (np.arange(height, dtype=np.float32) - height / 2)[:, None] / spec.height
    x = (np.arange(width, dtype=np.float32) - width / 2)[None] / spec.height
    radius2 = x * x + y * y
    strength = 1.4 * np.exp(-radius2 / 0.004) + 0.012 / (radius2 + 0.02) + _GLARE_VEIL * np.exp(-radius2 / 0.9)
    strength += 0.30 * np.exp(-(y * y) / 0.0004 - np.abs(x) / 0.35)
    warm = np.array([1.0, 0.96, 0.86], np.float32)
    return np.clip(strength[..., None] * warm * 255, 0, 255).astype(np.uint8)


def _noise_bank(spec: SceneSpec) -> np.ndarray:
    """[H + margin, W + margin, 3] int16 of Gaussian noise; each frame shows another window of it."""
    rng = np.random.default_rng((spec.seed, 11))
    shape = (spec.height + _NOISE_MARGIN_PX, spec.width + _NOISE_MARGIN_PX, 3)
    return np.round(rng.standard_normal(shape, dtype=np.float32) * spec.noise * 255).astype(np.int16)
