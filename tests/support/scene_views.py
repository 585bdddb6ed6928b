"""Views of one frame for tests of the measured estimators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from maxsight_core.contracts import (
    Camera,
    Detection,
    EgoMotion,
    Frame,
    MotionResult,
    SceneView,
    SessionSettings,
    Value,
)
from maxsight_core.perception import frame_quality


def load_rgb(path: Path) -> np.ndarray:
    """[H, W, 3] uint8 RGB of an image file."""
    bgr = cv2.imread(str(path))
    assert bgr is not None, f"cannot read {path}"
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def make_view(
    rgb: np.ndarray, *, detections: tuple[Detection, ...] = (), settings: SessionSettings | None = None,
    camera: Camera | None = None, motion: MotionResult | None = None, so_far: dict[str, Value] | None = None,
    memory: dict[str, Any] | None = None, seq: int = 0, time_s: float = 0.0,
) -> SceneView:
    """A view as Stage B gets it, from a picture and whatever the test wants to set."""
    height, width = rgb.shape[:2]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, 256 / width)
    small = cv2.resize(grey, (round(width * scale), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    return SceneView(
        frame=Frame(rgb, time_s, seq), grey=grey.astype(np.float32) / 255.0, small=small.astype(np.float32) / 255.0,
        camera=camera or Camera(width, height), detections=detections,
        motion=motion or MotionResult(None, None, EgoMotion()), quality=frame_quality.measure(rgb),
        settings=settings or SessionSettings(), so_far={} if so_far is None else so_far,
        memory={} if memory is None else memory)


def thing(
    name: str = "person", class_id: int = 1, box: tuple[float, float, float, float] = (0.5, 0.5, 0.2, 0.4),
    track_id: int = 1, **more: Any,
) -> Detection:
    """A detection as a trained head would give it."""
    bearing = Camera(640, 480).bearing_deg(box[0])
    values = {"score": 0.9, "source": "learned", "method": "test head", "bearing_deg": bearing, **more}
    return Detection(track_id=track_id, class_id=class_id, class_name=name, box_cxcywh=box, **values)


def textured(height: int = 480, width: int = 640, seed: int = 0) -> np.ndarray:
    """A picture in focus with detail at every scale (spectrum of 1/f, as photographs have)."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for octave in range(7):
        cells = (max(2, width >> (7 - octave)), max(2, height >> (7 - octave)))
        layer = rng.standard_normal((cells[1], cells[0])).astype(np.float32)
        total += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
    grey = np.clip(128 + 28 * total, 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
