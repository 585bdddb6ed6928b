"""Pinhole projection: camera pose, homographies of textured planes, near-plane clipping.

World axes: x right, y up, z along the walk, metres; the floor is y = 0. Camera axes: x right, y down,
z along the optical axis. Picture coordinates are continuous: pixel ``i`` covers ``[i, i + 1)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

NEAR_M = 0.12
"""Nothing nearer than this is drawn: the lens would touch it."""

_VIEW_MARGIN = 1.1  # gait rolls and pitches the view a little
_SMALLEST_PX = 1.6

UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera is and looks. yaw: right positive; pitch: down positive; roll: clockwise; degrees."""

    x: float
    y: float
    z: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


class View:
    """One pose of one camera, with everything that projection needs worked out once.

    Args:
        pose: camera pose. width, height: of the picture, pixels. hfov_deg: horizontal field of view.
        moving: (vx, vz), the smooth velocity of the walker over the ground, world axes, m/s.
    """

    def __init__(self, pose: Pose, width: int, height: int, hfov_deg: float,
                 moving: tuple[float, float] = (0.0, 0.0)) -> None:
        self.pose, self.width, self.height, self.hfov_deg, self.moving = pose, width, height, hfov_deg, moving
        self.focal_px = width / 2.0 / math.tan(math.radians(hfov_deg) / 2.0)
        self.cx, self.cy = width / 2.0, height / 2.0
        self.position = np.array([pose.x, pose.y, pose.z])
        self.rotation = rotation(pose)
        intrinsics = np.array([[self.focal_px, 0, self.cx], [0, self.focal_px, self.cy], [0, 0, 1.0]])
        self.projection = intrinsics @ self.rotation  # world offsets from the camera to homogeneous picture points
        yaw = math.radians(pose.yaw_deg)
        self.half_width_tan = width / 2.0 / self.focal_px
        self.right = (math.cos(yaw), 0.0, -math.sin(yaw))
        self.forward = (math.sin(yaw), 0.0, math.cos(yaw))

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """[N, 3] world metres -> [N, 3] camera metres."""
        return (np.asarray(points, dtype=float) - self.position) @ self.rotation.T

    def project(self, camera_points: np.ndarray) -> np.ndarray:
        """[N, 3] camera metres (z > 0) -> [N, 2] picture coordinates."""
        z = camera_points[:, 2:3]
        return camera_points[:, :2] / z * self.focal_px + (self.cx, self.cy)

    def polygon(self, world_points: np.ndarray) -> np.ndarray | None:
        """Clipped picture outline [M, 2] of a planar world polygon [N, 3]; None when behind or out of view."""
        clipped = clip_near((world_points - self.position) @ self.rotation.T)
        if clipped is None:
            return None
        outline = self.project(clipped)
        xs, ys = outline[:, 0].tolist(), outline[:, 1].tolist()
        if max(xs) <= 0 or max(ys) <= 0 or min(xs) >= self.width or min(ys) >= self.height:
            return None
        return outline

    def may_show(self, right: float, forward: float, radius_m: float) -> bool:
        """False when a ball of that radius at a ground offset is surely out of view, or smaller than a pixel."""
        if forward < -radius_m:
            return False
        reach = max(forward, 0.0) + radius_m
        if abs(right) - radius_m > reach * self.half_width_tan * _VIEW_MARGIN + radius_m:
            return False
        return forward <= radius_m or self.focal_px * radius_m > _SMALLEST_PX * forward

    def ground_offset(self, x: float, z: float) -> tuple[float, float]:
        """(right, forward) metres from the camera to a ground point, in heading axes."""
        dx, dz = x - self.pose.x, z - self.pose.z
        return (dx * self.right[0] + dz * self.right[2], dx * self.forward[0] + dz * self.forward[2])


def rotation(pose: Pose) -> np.ndarray:
    """[3, 3] world to camera. Rows: the camera's right, down and forward in world axes."""
    yaw, pitch, roll = (math.radians(v) for v in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
    level = np.array([math.sin(yaw), 0.0, math.cos(yaw)])
    right = np.array([math.cos(yaw), 0.0, -math.sin(yaw)])
    forward = math.cos(pitch) * level - math.sin(pitch) * UP
    down = -(math.cos(pitch) * UP + math.sin(pitch) * level)
    c, s = math.cos(roll), math.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, forward])


def clip_near(points: np.ndarray, near_m: float = NEAR_M) -> np.ndarray | None:
    """Sutherland-Hodgman (1974) against z = near: camera polygon [N, 3] -> [M, 3], or None when nothing is left."""
    depths = points[:, 2].tolist()
    if min(depths) >= near_m:
        return points
    if max(depths) < near_m:
        return None
    out = []
    for i in range(len(points)):
        a, b = points[i - 1], points[i]
        if (a[2] >= near_m) != (b[2] >= near_m):
            out.append(a + (near_m - a[2]) / (b[2] - a[2]) * (b - a))
        if b[2] >= near_m:
            out.append(b)
    return np.array(out)


def texture_homography(view: View, origin: np.ndarray, along_u: np.ndarray, along_v: np.ndarray,
                       texture_size: tuple[int, int]) -> np.ndarray:
    """[3, 3] from texture pixel indices to picture pixel indices, for a parallelogram in the world.

    Args:
        origin: world corner of the texture's top left. along_u, along_v: world edges of the whole width, height.
        texture_size: (columns, rows).
    """
    columns, rows = texture_size
    basis = np.empty((3, 3))
    basis[:, 0] = along_u / columns
    basis[:, 1] = along_v / rows
    # texture index -> continuous (+0.5); picture continuous -> index (-0.5)
    basis[:, 2] = origin - view.position + 0.5 * (basis[:, 0] + basis[:, 1])
    homography = view.projection @ basis
    homography[:2] -= 0.5 * homography[2]
    return homography


def inverse_depth_plane(view: View, origin: np.ndarray, along_u: np.ndarray, along_v: np.ndarray) -> np.ndarray:
    """(a, b, c) with 1/z = a x + b y + c at the continuous picture point (x, y), for the plane through origin.

    A plane's inverse depth is affine in picture coordinates, so a depth map costs one outer sum.
    """
    normal = cross(view.rotation @ along_u, view.rotation @ along_v)
    offset = normal @ (view.rotation @ (origin - view.position))
    if abs(offset) < 1e-12:  # seen edge-on: it covers no pixel
        return np.zeros(3)
    a, b = normal[0] / view.focal_px / offset, normal[1] / view.focal_px / offset
    return np.array([a, b, normal[2] / offset - a * view.cx - b * view.cy])


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of two vectors; ``numpy.cross`` takes forty times as long for one pair."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
