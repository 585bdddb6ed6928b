"""True optical flow, from depth, camera motion and the motion of each thing."""

from __future__ import annotations

import numpy as np

from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.geometry import NEAR_M, View


def flow_between(canvas: Canvas, depth_m: np.ndarray, time_s: float, later: View, later_s: float) -> np.ndarray:
    """[2, H, W] float32: where each pixel's point goes until the later view, pixels, u right, v down.

    Things move as rigid bodies: swinging legs and turning wheels are left out. NaN where there is no depth
    (sky) or where the point falls behind the camera.
    """
    view = canvas.view
    height, width = depth_m.shape
    u = (np.arange(width) + 0.5)[None].repeat(height, axis=0)
    v = (np.arange(height) + 0.5)[:, None].repeat(width, axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        points = np.stack([(u - view.cx) / view.focal_px, (v - view.cy) / view.focal_px, np.ones_like(u)],
                          axis=-1) * depth_m[..., None]
        world = points @ view.rotation + view.position
        for number, thing in enumerate(canvas.things, start=1):
            (x0, z0), (x1, z1) = thing.place(time_s), thing.place(later_s)
            if (x0, z0) != (x1, z1):
                rise = 0.0 if thing.ground is None else thing.ground(later_s) - thing.ground(time_s)
                world[canvas.owners == number] += (x1 - x0, rise, z1 - z0)
        moved = (world - later.position) @ later.rotation.T
        z = moved[..., 2]
        flow = np.stack([moved[..., 0] / z * later.focal_px + later.cx - u,
                         moved[..., 1] / z * later.focal_px + later.cy - v])
        flow[:, ~(np.isfinite(depth_m) & (z > NEAR_M))] = np.nan
    return flow.astype(np.float32)
