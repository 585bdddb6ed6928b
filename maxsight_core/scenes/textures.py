"""Textures with reduced copies (Williams 1983, "Pyramidal parametrics") and the noise they are made of."""

from __future__ import annotations

import math

import cv2
import numpy as np

MIN_LEVEL_SIDE_PX = 4


class Texture:
    """A picture on a surface, kept at several sizes so that distant surfaces do not flicker.

    Args:
        pixels: [h, w, 3] uint8 opaque, or [h, w, 4] with straight (not premultiplied) alpha.
        additive: True for light that is added to what lies behind (lamps, glows).

    Attributes:
        levels: level 0 at full size, each next half as large; RGBA levels are premultiplied.
        solid: (x0, y0, x1, y1) of the solid part, as shares of the size; the whole for opaque textures.
    """

    def __init__(self, pixels: np.ndarray, additive: bool = False) -> None:
        self.opaque = pixels.shape[2] == 3
        self.additive = additive
        self.solid = (0.0, 0.0, 1.0, 1.0) if self.opaque else solid_extent(pixels[..., 3])
        level = pixels if self.opaque else premultiplied(pixels)
        self.levels = [np.ascontiguousarray(level)]
        while min(level.shape[:2]) >= 2 * MIN_LEVEL_SIDE_PX:
            level = cv2.resize(level, (max(1, level.shape[1] // 2), max(1, level.shape[0] // 2)),
                               interpolation=cv2.INTER_AREA)
            self.levels.append(level)

    @property
    def size(self) -> tuple[int, int]:
        """(columns, rows) of level 0."""
        return self.levels[0].shape[1], self.levels[0].shape[0]

    def level_for(self, homography: np.ndarray, at: tuple[float, float] | None = None,
                  ) -> tuple[np.ndarray, tuple[float, float]]:
        """The level whose texels are about as large as pixels, and its (x, y) scale against level 0.

        Args:
            homography: level-0 texture indices to picture indices. at: texel to judge by; the centre by default.
        """
        x, y = at if at is not None else (self.size[0] / 2.0, self.size[1] / 2.0)
        (a, b, c), (d, e, f), (g, h, i) = homography.tolist()
        w = g * x + h * y + i
        if w <= 1e-6:  # that texel lies behind the camera, so what is visible is close: full detail
            return self._level(0.0)
        determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
        pixels_per_texel = abs(determinant) / w**3  # the Jacobian of a homography
        return self._level(-0.5 * math.log2(max(pixels_per_texel, 1e-9)))

    def level_for_size(self, width_px: float) -> np.ndarray:
        """The level for an upright sprite drawn ``width_px`` wide."""
        return self._level(math.log2(self.size[0] / max(width_px, 1.0)))[0]

    def _level(self, wanted: float) -> tuple[np.ndarray, tuple[float, float]]:
        level = self.levels[min(int(max(wanted + 0.35, 0.0)), len(self.levels) - 1)]  # slightly blurred beats flicker
        columns, rows = self.size
        return level, (columns / level.shape[1], rows / level.shape[0])


def premultiplied(pixels: np.ndarray) -> np.ndarray:
    """RGBA with colour multiplied by alpha."""
    alpha = np.ascontiguousarray(pixels[..., 3])
    weights = cv2.merge([alpha, alpha, alpha, np.full_like(alpha, 255)])
    return cv2.multiply(np.ascontiguousarray(pixels), weights, scale=1 / 255.0)


def solid_extent(alpha: np.ndarray) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) of alpha >= 50 %, as shares of the size; the whole when nothing is solid."""
    solid = alpha >= 128
    if not solid.any():
        return (0.0, 0.0, 1.0, 1.0)
    columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
    height, width = alpha.shape
    return (float(columns[0] / width), float(rows[0] / height),
            float((columns[-1] + 1) / width), float((rows[-1] + 1) / height))


def value_noise(rng: np.random.Generator, height: int, width: int, cells: tuple[int, int], octaves: int = 3,
                ) -> np.ndarray:
    """[height, width] float32 smooth noise, about -1..1, that repeats seamlessly in both directions."""
    total = np.zeros((height, width), np.float32)
    rows, columns = cells
    for octave in range(octaves):
        grid = rng.uniform(-1, 1, (min(rows << octave, height), min(columns << octave, width))).astype(np.float32)
        tiled = np.pad(grid, 2, mode="wrap")
        step_y, step_x = height / grid.shape[0], width / grid.shape[1]
        matrix = np.array([[step_x, 0, -2 * step_x + 0.5 * step_x - 0.5],
                           [0, step_y, -2 * step_y + 0.5 * step_y - 0.5]])
        total += cv2.warpAffine(tiled, matrix, (width, height), flags=cv2.INTER_CUBIC,
                                borderMode=cv2.BORDER_REPLICATE) * 0.5**octave
    return total / 1.5


def grain(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """[height, width] float32 white noise, standard deviation 1."""
    return rng.standard_normal((height, width), dtype=np.float32)


def coloured(shade: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """[h, w] float shade (1: the colour itself) times an sRGB colour -> [h, w, 3] uint8."""
    return np.clip(shade[..., None] * np.asarray(colour, np.float32), 0, 255).astype(np.uint8)


def with_alpha(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """[h, w, 3] and [h, w] (uint8) -> RGBA."""
    return np.dstack([rgb, alpha])


def soft_disc(size_px: int, colour: tuple[int, int, int], strength: float, sharpness: float = 2.0) -> np.ndarray:
    """RGBA disc fading outwards: shadows and glows. strength: alpha at the centre, 0..1."""
    axis = (np.arange(size_px) + 0.5) / size_px * 2 - 1
    radius = np.sqrt(axis[:, None] ** 2 + axis[None] ** 2)
    alpha = np.clip(1 - radius, 0, 1) ** (1 / sharpness if sharpness < 1 else sharpness * 0.5) * strength
    rgb = np.empty((size_px, size_px, 3), np.uint8)
    rgb[:] = colour
    return with_alpha(rgb, (alpha * 255).astype(np.uint8))
