"""Local growth in a set of moving points: where something may be expanding, and by how much.

Two steps. :func:`candidates` looks at the whole lattice of points at several window sizes with moment filters and
finds places whose shift, after ego-motion, grows outwards. :func:`fit_growth` then fits one region's points with a
robust similarity (translation, growth, rotation) and says how sure the growth is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.perception.order_statistics import weighted_median

WINDOWS_CELLS: tuple[int, ...] = (3, 6, 12)
"""Window sides in lattice cells: 7, 15 and 30 % of the frame's width."""

MIN_WINDOW_POINTS = 5
POINT_SD_PX = 0.12  # Lucas-Kanade error of a good point under webcam noise and JPEG, one axis
MIN_CANDIDATE_Z = 5.0  # growth in standard errors: over 3 windows x 1200 cells noise alone stays under this
MAX_STRAIN_RATIO = 0.85  # shear and anisotropic stretch over growth; the trailing edge of a passer-by gives 1 or more
MAX_CANDIDATES = 3
ROBUST_ITERATIONS = 4
MIN_FIT_POINTS = 4
MIN_SPREAD_PX = 4.0  # a region whose points lie closer together gives no lever to measure growth


@dataclass(frozen=True, slots=True)
class Candidate:
    """A window that seems to grow: centre and side in working pixels, growth over the interval, significance."""

    x_px: float
    y_px: float
    side_px: float
    growth: float
    z: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Robust similarity of one region over the interval.

    Args:
        growth: relative growth a (size now / size then = 1 / (1 - a)). sd: its standard error.
        shift_px: shift of the centre. centre_px: weighted centre of the points that count.
        strain: the two anisotropic parts: stretch along the axes, along the diagonals.
        inliers: [n] bool, of the points given.
        rms_px: residual of the inliers. spread_px: their mean distance from the centre.
    """

    growth: float
    sd: float
    shift_px: tuple[float, float]
    centre_px: tuple[float, float]
    strain: tuple[float, float]
    inliers: np.ndarray
    rms_px: float
    spread_px: float

    @property
    def log_scale(self) -> float:
        """Natural logarithm of size now over size then."""
        return -math.log(max(0.05, 1.0 - self.growth))


def candidates(
    points: np.ndarray, residual: np.ndarray, cells: np.ndarray, lattice: tuple[int, int],
    weights: np.ndarray, cell_px: float,
) -> list[Candidate]:
    """Places whose residual shift expands, most significant first, without overlaps.

    Args:
        points, residual: [n, 2] working pixels. cells: [n] lattice cell of each. lattice: (rows, columns).
        weights: [n] 0..1. cell_px: side of a lattice cell.
    """
    if len(points) < MIN_WINDOW_POINTS:
        return []
    moments = _moments(points, residual, cells, lattice, weights, cell_px)
    found: list[Candidate] = []
    for side in WINDOWS_CELLS:
        if side > min(lattice):
            break
        found.extend(_scan(moments, side, cell_px))
    found.sort(key=lambda c: (-c.z, c.x_px, c.y_px))
    kept: list[Candidate] = []
    for one in found:
        reach = 0.5 * one.side_px
        if all(max(abs(one.x_px - k.x_px), abs(one.y_px - k.y_px)) > max(reach, 0.5 * k.side_px) for k in kept):
            kept.append(one)
        if len(kept) == MAX_CANDIDATES:
            break
    return kept


def _moments(
    points: np.ndarray, residual: np.ndarray, cells: np.ndarray, lattice: tuple[int, int],
    weights: np.ndarray, cell_px: float,
) -> np.ndarray:
    """[rows, columns, 13] float64: w, wx, wy, wxx, wxy, wyy, wu, wv, wxu, wyu, wxv, wyv, w(uu + vv), in cell units."""
    rows, columns = lattice
    # Centred coordinates keep the subtraction of squares below well conditioned.
    x = points[:, 0] / cell_px - columns / 2.0
    y = points[:, 1] / cell_px - rows / 2.0
    u, v = residual[:, 0], residual[:, 1]
    table = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, u, v, x * u, y * u, x * v, y * v, u * u + v * v], 1)
    moments = np.zeros((rows * columns, table.shape[1]))
    moments[cells] = table * weights[:, None]
    return moments.reshape(rows, columns, -1)


def _scan(moments: np.ndarray, side: int, cell_px: float) -> list[Candidate]:
    """Local maxima of growth significance for one window size: a weighted affine fit in every window at once."""
    sums = cv2.boxFilter(moments, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    step = max(1, side // 4)
    flat = sums[::step, ::step]
    rows, columns = flat.shape[:2]
    flat = flat.reshape(-1, flat.shape[2])
    enough = np.nonzero(flat[:, 0] >= max(MIN_WINDOW_POINTS, 0.3 * side * side))[0]
    if len(enough) == 0:
        return []
    w, wx, wy, wxx, wxy, wyy, wu, wv, wxu, wyu, wxv, wyv, wss = flat[enough].T
    cxx, cxy, cyy = wxx - wx * wx / w, wxy - wx * wy / w, wyy - wy * wy / w
    xu, yu = wxu - wx * wu / w, wyu - wy * wu / w
    xv, yv = wxv - wx * wv / w, wyv - wy * wv / w
    det = np.maximum(cxx * cyy - cxy * cxy, 1e-6)
    ux, uy = (xu * cyy - yu * cxy) / det, (yu * cxx - xu * cxy) / det
    vx, vy = (xv * cyy - yv * cxy) / det, (yv * cxx - xv * cxy) / det
    growth = 0.5 * (ux + vy)
    strain = np.hypot(0.5 * (ux - vy), 0.5 * (uy + vx))
    total = wss - (wu * wu + wv * wv) / w
    left = np.maximum(0.0, total - (ux * xu + uy * yu + vx * xv + vy * yv))
    variance = left / np.maximum(1.0, 2.0 * w - 6.0) + POINT_SD_PX**2
    z = growth / np.sqrt(variance / np.maximum(cxx + cyy, 1e-6))
    z[(strain > MAX_STRAIN_RATIO * growth) | (cxx < 0.05 * w) | (cyy < 0.05 * w)] = 0.0
    return _peaks(z, growth / cell_px, enough, (rows, columns), step, side * cell_px, cell_px)


def _peaks(
    z: np.ndarray, growth: np.ndarray, index: np.ndarray, shape: tuple[int, int], step: int, side_px: float,
    cell_px: float,
) -> list[Candidate]:
    plane = np.zeros(shape[0] * shape[1], np.float32)
    plane[index] = z
    plane = plane.reshape(shape)
    top = cv2.dilate(plane, np.ones((3, 3), np.uint8))
    peaks = np.nonzero(((plane == top) & (plane > MIN_CANDIDATE_Z)).reshape(-1)[index])[0]
    peaks = peaks[np.argsort(-z[peaks], kind="stable")][:MAX_CANDIDATES]
    columns = shape[1]
    return [
        Candidate(((index[i] % columns) * step + 0.5) * cell_px, ((index[i] // columns) * step + 0.5) * cell_px,
                  side_px, float(growth[i]), float(z[i]))
        for i in peaks
    ]


def fit_growth(
    points: np.ndarray, shift: np.ndarray, strength: np.ndarray, start: tuple[float, float, float] | None = None,
    scale_px: float = 1.0, floor_px: float = 0.2,
) -> Growth | None:
    """Robust similarity of points [n, 2] and their shifts [n, 2], working pixels; None when it is not determined.

    Points count by their ``strength`` [n] 0..1.

    Args:
        start: (growth, shift x, shift y at the centre of the points) expected; None: begins with all points.
        scale_px: error at which a point loses most of its weight in the first round; it then tightens to ``floor_px``.
    """
    if len(points) < MIN_FIT_POINTS:
        return None
    # As complex numbers a similarity is one factor: growth its real part, turning its imaginary part.
    place, moved = _complex(points), _complex(shift)
    centre = place.mean()
    local = place - centre
    if start is None:
        weight = strength
    else:
        error = moved - (complex(*start[1:]) + start[0] * local)
        weight = strength / (1.0 + _square(error) / scale_px**2) ** 2
    for turn in range(ROBUST_ITERATIONS):
        total = float(weight.sum())
        middle = weight @ local / total
        mean = weight @ moved / total
        arm, move = local - middle, moved - mean
        square = float(weight @ _square(arm))
        if square <= 0.0 or total < 1e-6:
            return None
        factor = complex(weight @ (arm.conj() * move)) / square
        error = move - factor * arm
        size = np.sqrt(_square(error))
        if turn == ROBUST_ITERATIONS - 1:
            break
        wanted = max(floor_px, 1.5 * weighted_median(size, weight))
        scale_px = max(wanted, 0.5 * scale_px)
        weight = strength / (1.0 + (size / scale_px) ** 2) ** 2
    return _growth(factor.real, arm, error, size, complex(centre + middle), complex(mean), scale_px)


def _complex(pairs: np.ndarray) -> np.ndarray:
    """[n] complex128 x + iy of [n, 2]."""
    return np.ascontiguousarray(pairs, np.float64).view(np.complex128)[:, 0]


def _square(z: np.ndarray) -> np.ndarray:
    """[n] squared length."""
    return z.real**2 + z.imag**2


def _growth(
    a: float, arm: np.ndarray, error: np.ndarray, size: np.ndarray, centre: complex, mean: complex, scale_px: float,
) -> Growth | None:
    inliers = size < 2.0 * scale_px
    arm, error, size = arm[inliers], error[inliers], size[inliers]
    count = len(arm)
    square = float(_square(arm).sum())
    if count < MIN_FIT_POINTS or square < count * MIN_SPREAD_PX**2:
        return None
    rms = math.sqrt(float(size @ size) / count)
    variance = (rms * rms / 2.0) * count / (count - 2.0) + POINT_SD_PX**2 / 4.0
    return Growth(
        growth=a, sd=math.sqrt(variance / square), shift_px=(mean.real, mean.imag),
        centre_px=(centre.real, centre.imag), strain=_strain(arm, error),
        inliers=inliers, rms_px=rms, spread_px=math.sqrt(square / count),
    )


def _strain(arm: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Size of the anisotropic linear part left after the similarity: 0 for a rigid thing facing the camera."""
    x, y = arm.real, arm.imag
    xx, xy, yy = float(x @ x), float(x @ y), float(y @ y)
    det = xx * yy - xy * xy
    if det <= max(1e-9, 0.02 * xx * yy):  # points on one line: the strain is not determined
        return 0.0, 0.0
    xu, yu = float(x @ error.real), float(y @ error.real)
    xv, yv = float(x @ error.imag), float(y @ error.imag)
    ux, uy = (xu * yy - yu * xy) / det, (yu * xx - xu * xy) / det
    vx, vy = (xv * yy - yv * xy) / det, (yv * xx - xv * xy) / det
    return 0.5 * (ux - vy), 0.5 * (uy + vx)
