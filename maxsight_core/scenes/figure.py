"""A small drawing board for upright figures: limbs and bodies with cylinder shading, lines and ellipses.

Coordinates are shares of the figure's height: y runs from 0 (top of the head) to 1 (soles), x is measured
from the middle. Everything is anti-aliased analytically.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

BOARD_ROWS = 400
_LIGHT = np.array([-0.42, -0.38, 0.82])  # from the upper left, in front
_AMBIENT, _DIFFUSE = 0.42, 0.70

Colour = tuple[float, float, float]
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(across -1..1, y) -> [.., 3] RGB."""


class Board:
    """RGBA being painted. width: as a share of the height."""

    def __init__(self, width: float = 0.5, rows: int = BOARD_ROWS) -> None:
        self.rows, self.columns = rows, round(rows * width)
        self.rgb = np.zeros((self.rows, self.columns, 3), np.float32)
        self.alpha = np.zeros((self.rows, self.columns), np.float32)

    def pixels(self) -> np.ndarray:
        """[rows, columns, 4] uint8, straight alpha."""
        return np.dstack([np.clip(self.rgb, 0, 255), self.alpha * 255]).astype(np.uint8)

    def limb(self, a: tuple[float, float], b: tuple[float, float], radius_a: float, radius_b: float,
             paint: Colour | Pattern) -> None:
        """A rounded, tapering limb from a to b."""
        reach = max(radius_a, radius_b)
        window = self._window(min(a[0], b[0]) - reach, min(a[1], b[1]) - reach,
                              max(a[0], b[0]) + reach, max(a[1], b[1]) + reach)
        if window is None:
            return
        x, y = self._grid(window)
        dx, dy = b[0] - a[0], b[1] - a[1]
        length2 = max(dx * dx + dy * dy, 1e-9)
        along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / length2, 0, 1)
        radius = radius_a + (radius_b - radius_a) * along
        off_x, off_y = x - a[0] - along * dx, y - a[1] - along * dy
        distance = np.sqrt(off_x**2 + off_y**2)
        self._lay(window, (radius - distance) * self.rows + 0.5, off_x / radius, off_y / radius, paint, y)

    def body(self, profile: Sequence[tuple[float, float, float]], paint: Colour | Pattern) -> None:
        """A body given by rows: (y, middle x, half width), top to bottom."""
        rows = np.asarray(profile, float)
        window = self._window((rows[:, 1] - rows[:, 2]).min(), rows[0, 0], (rows[:, 1] + rows[:, 2]).max(), rows[-1, 0])
        if window is None:
            return
        x, y = self._grid(window)
        middle, half = np.interp(y, rows[:, 0], rows[:, 1]), np.interp(y, rows[:, 0], rows[:, 2])
        across = (x - middle) / np.maximum(half, 1e-4)
        edge = np.minimum(half - np.abs(x - middle), np.minimum(y - rows[0, 0], rows[-1, 0] - y))
        self._lay(window, edge * self.rows + 0.5, across, np.zeros_like(across), paint, y)

    def ball(self, centre: tuple[float, float], radius_x: float, radius_y: float, paint: Colour | Pattern) -> None:
        """A shaded ellipse."""
        window = self._window(centre[0] - radius_x, centre[1] - radius_y, centre[0] + radius_x, centre[1] + radius_y)
        if window is None:
            return
        x, y = self._grid(window)
        nx, ny = (x - centre[0]) / radius_x, (y - centre[1]) / radius_y
        edge = (1 - np.sqrt(nx**2 + ny**2)) * min(radius_x, radius_y)
        self._lay(window, edge * self.rows + 0.5, nx, ny, paint, y)

    def line(self, points: Sequence[tuple[float, float]], width: float, colour: Colour, closed: bool = False) -> None:
        """A polyline of constant width."""
        mask = np.zeros((self.rows, self.columns), np.uint8)
        cv2.polylines(mask, [self._fixed(points)], closed, 255, max(1, round(width * self.rows)), cv2.LINE_AA, 4)
        self._cover(mask, colour)

    def ring(self, centre: tuple[float, float], radius_x: float, radius_y: float, width: float, colour: Colour) -> None:
        """An elliptical ring, such as a wheel."""
        mask = np.zeros((self.rows, self.columns), np.uint8)
        middle = tuple(int(v) for v in self._fixed([centre])[0])
        axes = (max(1, int(radius_x * self.rows * 16)), max(1, int(radius_y * self.rows * 16)))
        cv2.ellipse(mask, middle, axes, 0, 0, 360, 255, max(1, round(width * self.rows)), cv2.LINE_AA, 4)
        self._cover(mask, colour)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A flat polygon."""
        mask = np.zeros((self.rows, self.columns), np.uint8)
        cv2.fillPoly(mask, [self._fixed(points)], 255, cv2.LINE_AA, 4)
        self._cover(mask, colour)

    def _fixed(self, points: Sequence[tuple[float, float]]) -> np.ndarray:
        continuous = np.asarray(points, float) * self.rows + (self.columns / 2.0, 0.0) - 0.5
        return np.round(continuous * 16).astype(np.int32)

    def _window(self, x0: float, y0: float, x1: float, y1: float) -> tuple[slice, slice] | None:
        left, right = int(x0 * self.rows + self.columns / 2) - 1, int(x1 * self.rows + self.columns / 2) + 2
        top, bottom = int(y0 * self.rows) - 1, int(y1 * self.rows) + 2
        left, right, top, bottom = max(left, 0), min(right, self.columns), max(top, 0), min(bottom, self.rows)
        return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None

    def _grid(self, window: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = window
        y = (np.arange(rows.start, rows.stop) + 0.5) / self.rows
        x = (np.arange(columns.start, columns.stop) + 0.5 - self.columns / 2.0) / self.rows
        return np.meshgrid(x, y)

    def _lay(self, window, coverage, nx, ny, paint: Colour | Pattern, y) -> None:
        alpha = np.clip(coverage, 0, 1).astype(np.float32)
        nx, ny = np.clip(nx, -1, 1), np.clip(ny, -1, 1)
        nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0, 1))
        shade = _AMBIENT + _DIFFUSE * np.clip(nx * _LIGHT[0] + ny * _LIGHT[1] + nz * _LIGHT[2], 0, 1)
        colour = paint(nx, y) if callable(paint) else np.asarray(paint, float)
        self._over(window, alpha, (colour * shade[..., None]).astype(np.float32))

    def _cover(self, mask: np.ndarray, colour: Colour) -> None:
        x, y, width, height = cv2.boundingRect(mask)
        if width:
            window = (slice(y, y + height), slice(x, x + width))
            self._over(window, mask[window].astype(np.float32) / 255.0, np.asarray(colour, np.float32))

    def _over(self, window, alpha: np.ndarray, colour: np.ndarray) -> None:
        below = self.alpha[window]
        total = alpha + below * (1 - alpha)
        share = np.where(total > 0, alpha / np.maximum(total, 1e-6), 0)[..., None]
        self.rgb[window] = colour * share + self.rgb[window] * (1 - share)
        self.alpha[window] = total
