"""Renders any frame of a scene, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.flow import flow_between
from maxsight_core.scenes.geometry import View
from maxsight_core.scenes.lighting import CameraEffects
from maxsight_core.scenes.rain import Rain
from maxsight_core.scenes.spec import SceneSpec
from maxsight_core.scenes.truth import SceneTruth, truth_of
from maxsight_core.scenes.world import World
from maxsight_core.scenes.worlds import build_world

_BLUR_SAMPLES = 4  # pictures averaged over the time the shutter is open


@dataclass(frozen=True, slots=True)
class RenderedFrame:
    """One frame.

    Args:
        rgb: [H, W, 3] uint8, sRGB. time_s: on the frame clock. truth: what is there.
        depth: [H, W] float32 metres along the optical axis, inf in the sky; None unless asked for.
        flow: [2, H, W] float32 pixels to the next frame (u right, v down), NaN in the sky; None unless asked for.
    """

    rgb: np.ndarray
    time_s: float
    truth: SceneTruth
    depth: np.ndarray | None = None
    flow: np.ndarray | None = None


class SceneRenderer:
    """Renders one specification. Frames may be asked for in any order; equal requests give equal bytes.

    ``world``: built by the caller from the same specification, in place of the scene's own. One renderer serves one
    thread at a time (see :func:`maxsight_core.scenes.light_jpeg` for a shared one).
    """

    def __init__(self, spec: SceneSpec, world: World | None = None) -> None:
        self.spec = spec
        self.world: World = build_world(spec) if world is None else world
        self._effects = CameraEffects(spec, self.world.light, self.world.glare_at)
        raining = spec.rain > 0 and self.world.open_air
        self._rain = Rain(spec, self.world.light) if raining else None
        self._ambience = (*self.world.ambience, "water") if raining else self.world.ambience

    def __len__(self) -> int:
        return self.spec.frames

    def frame(self, index: int, depth: bool = False, flow: bool = False) -> RenderedFrame:
        """Frame ``index``, 0 .. len - 1.

        Args:
            depth: also give the depth map. flow: also give the true optical flow to the next frame.

        Raises:
            IndexError: outside the scene.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index}: the scene {self.spec} has frames 0..{len(self) - 1}")
        time_s = index / self.spec.fps
        canvas = self._paint(time_s, depth or flow or self.spec.fog > 0)
        truth = truth_of(canvas, self.world.things, time_s, index, self.spec.scene, self.spec.light,
                         self.world.path.speed(time_s), self._ambience)
        depth_m = canvas.depth()
        rgb = canvas.rgb if self.spec.blur == 0 else self._blurred(time_s)
        pose = canvas.view.pose
        if self._rain is not None:
            rgb = self._rain.apply(rgb, index)
        rgb = self._effects.apply(rgb, depth_m, index, pose.yaw_deg, pose.pitch_deg, canvas.view.focal_px)
        moved = None
        if flow:
            later_s = (index + 1) / self.spec.fps
            moved = flow_between(canvas, depth_m, time_s, self._view(later_s), later_s)
        return RenderedFrame(rgb, time_s, truth, depth_m if depth else None, moved)

    def _view(self, time_s: float) -> View:
        path = self.world.path
        return View(path.pose(time_s), self.spec.width, self.spec.height, self.spec.hfov, path.velocity(time_s))

    def _paint(self, time_s: float, want_depth: bool) -> Canvas:
        canvas = Canvas(self._view(time_s), want_depth)
        self.world.paint(canvas, time_s)
        return canvas

    def _blurred(self, time_s: float) -> np.ndarray:
        """The mean of pictures spread over the open shutter, centred on time_s."""
        open_s = self.spec.blur / self.spec.fps
        total = np.zeros((self.spec.height, self.spec.width, 3), np.float32)
        for k in range(_BLUR_SAMPLES):
            cv2.accumulate(self._paint(time_s + open_s * ((k + 0.5) / _BLUR_SAMPLES - 0.5), False).rgb, total)
        return np.round(total / _BLUR_SAMPLES).astype(np.uint8)
