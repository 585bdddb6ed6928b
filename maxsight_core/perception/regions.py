"""A growing part of the picture under observation, and the box geometry that following it needs (working pixels)."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from maxsight_core.perception import expansion
from maxsight_core.perception.ego_motion import EgoFit
from maxsight_core.perception.expansion import Growth
from maxsight_core.perception.flow import FlowField
from maxsight_core.perception.order_statistics import quantile_of_sorted
from maxsight_core.perception.time_to_contact import Contact, ScaleSample

MIN_INLIER_SHARE = 0.4  # of the points in its box: fewer, and the box holds something else


@dataclass
class Region:
    """A growing part of the picture under observation; lengths in working pixels."""

    number: int
    box: np.ndarray  # x0 y0 x1 y1
    born_s: float
    measured_s: float
    rate: float = 0.0  # 1 / s, smoothed: drives the box
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # px / s in the picture
    own_velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # px / s beyond the camera's motion there
    background_rate: float = 0.0  # 1 / s, growth of the background at its place
    drift: float = 0.0  # px / s sideways beyond the camera's turning
    samples: list[ScaleSample] = field(default_factory=list)
    excess: list[tuple[float, float]] = field(default_factory=list)  # rate beyond the background, its standard error
    strain: list[tuple[float, float]] = field(default_factory=list)  # anisotropic growth rates, 1 / s
    points: int = 0
    contact: Contact | None = None
    confirmed: bool = False
    setbacks: int = 0

    @property
    def centre(self) -> np.ndarray:
        return 0.5 * (self.box[:2] + self.box[2:])

    @property
    def size(self) -> np.ndarray:
        return self.box[2:] - self.box[:2]


def window(one: expansion.Candidate) -> np.ndarray:
    half = 0.5 * one.side_px
    return np.array([one.x_px - half, one.y_px - half, one.x_px + half, one.y_px + half])


def enlarged(box: np.ndarray, by: float) -> np.ndarray:
    centre, half = middle(box), 0.5 * by * (box[2:] - box[:2])
    return np.concatenate([centre - half, centre + half])


def credible(growth: Growth, points: np.ndarray, box: np.ndarray) -> bool:
    within = inside(points, box, 1.0)
    count = int(within.sum())
    return count >= expansion.MIN_FIT_POINTS and int((growth.inliers & within).sum()) >= max(
        expansion.MIN_FIT_POINTS, MIN_INLIER_SHARE * count)


def predicted_box(region: Region, step_s: float) -> np.ndarray:
    centre = region.centre + region.velocity * step_s
    grow = 1.0 / max(0.4, 1.0 - region.rate * step_s)
    half = 0.5 * region.size * grow
    return np.concatenate([centre - half, centre + half])


def moved_box(region: Region, ego: EgoFit, step_s: float, dt_s: float) -> np.ndarray:
    """Where the region should be now: moved with the camera's measured turning and its own last velocity."""
    camera = ego.shift_at(region.centre) * (step_s / dt_s)
    centre = region.centre + camera + region.own_velocity * step_s
    half = 0.5 * region.size / max(0.4, 1.0 - region.rate * step_s)
    return np.concatenate([centre - half, centre + half])


def inside(points: np.ndarray, box: np.ndarray, enlarge: float) -> np.ndarray:
    left, top, right, bottom = box.tolist()
    half_width, half_height = 0.5 * (right - left) * enlarge, 0.5 * (bottom - top) * enlarge
    x, y = points[:, 0], points[:, 1]  # axis by axis: a reduction over pairs costs three times as much
    return (np.abs(x - 0.5 * (left + right)) <= half_width) & (np.abs(y - 0.5 * (top + bottom)) <= half_height)


def middle(box: np.ndarray) -> np.ndarray:
    return 0.5 * (box[:2] + box[2:])


def extent(points: np.ndarray, box: np.ndarray | None, margin_px: float = 0.0) -> np.ndarray:
    """Box around points, without the outermost twentieth on each side when there are many."""
    if len(points) < expansion.MIN_FIT_POINTS:
        return box if box is not None else np.zeros(4)
    ordered = np.sort(points, axis=0)
    low, high = (quantile_of_sorted(ordered, share) for share in (0.03, 0.97))
    return np.concatenate([low - margin_px, high + margin_px])


def connected(flow: FlowField, chosen: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
    """Of the chosen points those in the lattice component nearest to ``centre``, gaps of one cell bridged."""
    if len(chosen) == 0:
        return chosen
    rows, columns = flow.lattice
    mask = np.zeros(rows * columns, np.uint8)
    mask[flow.cells[chosen]] = 1
    bridged = cv2.dilate(mask.reshape(rows, columns), np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(bridged, connectivity=4)
    distance = np.abs(flow.points[chosen] - np.array(centre)).max(axis=1)
    nearest = labels.reshape(-1)[flow.cells[chosen[int(distance.argmin())]]]
    return chosen[labels.reshape(-1)[flow.cells[chosen]] == nearest]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over the smaller box."""
    (a_left, a_top, a_right, a_bottom), (b_left, b_top, b_right, b_bottom) = a.tolist(), b.tolist()
    width = max(0.0, min(a_right, b_right) - max(a_left, b_left))
    height = max(0.0, min(a_bottom, b_bottom) - max(a_top, b_top))
    least = min((a_right - a_left) * (a_bottom - a_top), (b_right - b_left) * (b_bottom - b_top))
    return width * height / least if least > 0 else 0.0
