"""Picture sequences with known motion, to measure the motion path: things that approach, and all that must not alarm.

A sequence composes a *sprite* (a thing, with its silhouette) over a *backdrop* seen by a camera that pans,
rolls, zooms and shakes by a known amount; every frame goes through sensor noise and JPEG at the browser's quality.
Backdrops and sprites come from photographs with COCO boxes, or from seeded synthetic texture where none are at hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from maxsight_core.contracts import Frame

WIDTH_PX, HEIGHT_PX = 640, 480
JPEG_QUALITY = 70  # what the browser sends (docs/protocol.md: JPEG 0.7)
SENSOR_NOISE_SD = 2.0  # of 255: a webcam in room light
BACKDROP_MARGIN = 1.6  # the backdrop is this much wider than the frame, so that a pan meets real picture
MIN_SPRITE_SIDE_PX = 90
STANDING_CLASSES = frozenset({1, 2, 3, 4, 6, 8, 11, 13, 14, 15, 18, 19, 27, 33, 62, 64, 82})
"""COCO ids of things one meets upright in the way: people, vehicles, street furniture, chairs, luggage."""


@dataclass(frozen=True)
class Sprite:
    """rgb [h, w, 3] uint8 and alpha [h, w] float32 0..1 of one thing, cropped to its silhouette."""

    rgb: np.ndarray
    alpha: np.ndarray
    class_id: int = 0


@dataclass(frozen=True)
class Truth:
    """What is really there: box (x0, y0, x1, y1) in 0..1, unclipped; seconds to contact, None without approach."""

    box: tuple[float, float, float, float] | None = None
    time_to_contact_s: float | None = None


@dataclass(frozen=True)
class CameraPose:
    """How the backdrop is seen: pixels it has shifted, degrees it has rolled (clockwise), scale factor."""

    dx_px: float = 0.0
    dy_px: float = 0.0
    roll_deg: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True)
class Placement:
    """A sprite in one frame: centre and height in pixels, and the truth about its course."""

    x_px: float
    y_px: float
    height_px: float
    time_to_contact_s: float | None = None


def still(_t: float) -> CameraPose:
    return CameraPose()


@dataclass(frozen=True)
class Scenario:
    """A scenario: what is seen at which times, and how.

    Args:
        backdrop: [h, w, 3] uint8. times_s: frame clock of every frame.
        pose: camera pose at a time. sprite, placement: the thing and where it is at a time (None: not in view).
        gain: brightness factor at a time (flicker). seed: of the sensor noise.
    """

    name: str
    backdrop: np.ndarray
    times_s: tuple[float, ...]
    pose: Callable[[float], CameraPose] = still
    sprite: Sprite | None = None
    placement: Callable[[float], Placement | None] | None = None
    gain: Callable[[float], float] | None = None
    seed: int = 0
    tags: dict[str, object] = field(default_factory=dict)

    def frames(self) -> Iterator[tuple[Frame, Truth]]:
        noise = np.random.default_rng(self.seed)
        for seq, time_s in enumerate(self.times_s):
            pose = self.pose(time_s)
            picture = view_backdrop(self.backdrop, pose)
            truth = Truth()
            if self.sprite is not None and self.placement is not None:
                placed = self.placement(time_s)
                if placed is not None:  # a turning camera moves the thing in the picture like its backdrop
                    placed = replace(placed, x_px=placed.x_px + pose.dx_px, y_px=placed.y_px + pose.dy_px)
                    truth = paste(picture, self.sprite, placed)
            if self.gain is not None:
                picture = np.clip(picture.astype(np.float32) * self.gain(time_s), 0, 255).astype(np.uint8)
            yield Frame(rgb=through_camera(picture, noise), time_s=time_s, seq=seq), truth


def frame_times(
    duration_s: float, fps: float = 10.0, jitter: float = 0.0, seed: int = 0, start_s: float = 0.0
) -> tuple[float, ...]:
    """Frame times at ``fps``; ``jitter`` 0..1 spreads each interval evenly by that share, at least 30 ms apart."""
    rng = np.random.default_rng(seed)
    times, now = [], start_s
    while now < start_s + duration_s:
        times.append(round(now, 4))
        now += max(0.03, (1.0 + jitter * rng.uniform(-1.0, 1.0)) / fps)
    return tuple(times)


def view_backdrop(backdrop: np.ndarray, pose: CameraPose) -> np.ndarray:
    """The frame [480, 640, 3] that a camera in ``pose`` sees of a backdrop centred on its axis."""
    height, width = backdrop.shape[:2]
    scale = BACKDROP_MARGIN * max(WIDTH_PX / width, HEIGHT_PX / height) * pose.zoom
    matrix = cv2.getRotationMatrix2D((width / 2.0, height / 2.0), -pose.roll_deg, scale)
    matrix[0, 2] += WIDTH_PX / 2.0 - width / 2.0 + pose.dx_px
    matrix[1, 2] += HEIGHT_PX / 2.0 - height / 2.0 + pose.dy_px
    return cv2.warpAffine(
        backdrop, matrix, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def paste(picture: np.ndarray, sprite: Sprite, placed: Placement) -> Truth:
    """Draws the sprite into the picture at sub-pixel position and size, and tells its true box."""
    rgb, alpha = sprite.rgb, sprite.alpha
    scale = placed.height_px / rgb.shape[0]
    shrink = min(1.0, max(scale, 1e-3) * 2.0)
    if shrink < 0.5:  # area-averaged base for strong reduction: a bare bilinear warp would shimmer
        size = (max(2, round(rgb.shape[1] * shrink)), max(2, round(rgb.shape[0] * shrink)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    scale_y = placed.height_px / rgb.shape[0]
    width_px = placed.height_px * sprite.rgb.shape[1] / sprite.rgb.shape[0]
    scale_x = width_px / rgb.shape[1]
    x0, y0 = placed.x_px - width_px / 2.0, placed.y_px - placed.height_px / 2.0
    # Pixel centres: a source sample i covers [i, i + 1), so the shift keeps the edges where the box says.
    matrix = np.array([[scale_x, 0, x0 + 0.5 * scale_x - 0.5], [0, scale_y, y0 + 0.5 * scale_y - 0.5]])
    size = (picture.shape[1], picture.shape[0])
    warped = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[..., None]
    picture[:] = (picture * (1.0 - mask) + warped * mask + 0.5).astype(np.uint8)
    box = (x0 / size[0], y0 / size[1], (x0 + width_px) / size[0], (y0 + placed.height_px) / size[1])
    return Truth(box, placed.time_to_contact_s)


def through_camera(picture: np.ndarray, noise: np.random.Generator) -> np.ndarray:
    """Adds sensor noise and one JPEG pass, as between a webcam and the engine."""
    grain = noise.normal(0.0, SENSOR_NOISE_SD, picture.shape).astype(np.float32)
    noisy = np.clip(picture.astype(np.float32) + grain, 0, 255).astype(np.uint8)
    ok, data = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not ok:
        raise RuntimeError(f"JPEG encoding failed for a picture of shape {picture.shape}")
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


def closing(
    contact_s: float, height_at_1s_px: float, x_px: float = WIDTH_PX / 2, y_px: float = HEIGHT_PX / 2,
    cross_px: float = 0.0, nearest_s: float = 0.4, grow: bool = True,
) -> Callable[[float], Placement | None]:
    """Placement of a thing closing at constant speed, touching the camera at ``contact_s`` on the frame clock.

    Args:
        height_at_1s_px: its height when one second of travel is left (height = this / seconds left).
        x_px, y_px: where it stays in a frame of a camera that does not turn: a collision course keeps its bearing.
        cross_px: pixels a second it moves sideways instead (0: on course).
        nearest_s: out of view (passed) when less time is left. grow: False keeps the size (no approach).
    """

    def place(time_s: float) -> Placement | None:
        left_s = contact_s - time_s
        if left_s < nearest_s:
            return None
        height = height_at_1s_px / (left_s if grow else contact_s)
        return Placement(x_px + cross_px * time_s, y_px, height, left_s if grow else None)

    return place


def shake(seed: int, amplitude_px: float = 3.0, roll_deg: float = 0.4) -> Callable[[float], CameraPose]:
    """Camera shake of a walking wearer: a few incommensurate sinusoids of 0.7..2.5 Hz (gait and its harmonics)."""
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(0.7, 2.5, (3, 2))
    phases = rng.uniform(0, 2 * math.pi, (3, 2))

    def pose(time_s: float) -> CameraPose:
        waves = np.sin(2 * math.pi * frequencies * time_s + phases).sum(axis=1) / 1.5
        return CameraPose(amplitude_px * waves[0], amplitude_px * waves[1], roll_deg * waves[2])

    return pose


def pan(speed_px_s: float, inner: Callable[[float], CameraPose] = still, start_px: float = 0.0):
    """The pose ``inner`` with a constant pan on top (positive: the picture moves to the right)."""

    def pose(time_s: float) -> CameraPose:
        base = inner(time_s)
        return replace(base, dx_px=base.dx_px + start_px + speed_px_s * time_s)

    return pose


# --- material -------------------------------------------------------------------------------------------------------


def synthetic_texture(seed: int, height: int = 600, width: int = 800, contrast: float = 1.0) -> np.ndarray:
    """Seeded colour texture with detail at every scale (1/f octaves) and hard-edged blocks: [h, w, 3] uint8."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for octave in range(2, 9):
        cells = 2**octave
        layer = rng.normal(0, 1, (max(2, cells * height // width), cells, 3)).astype(np.float32)
        picture += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) * (160.0 / cells**0.5)
    for _ in range(25):
        x, y = int(rng.integers(0, width - 40)), int(rng.integers(0, height - 40))
        w, h = int(rng.integers(20, width // 5)), int(rng.integers(20, height // 4))
        picture[y:y + h, x:x + w] = picture[y:y + h, x:x + w] * 0.5 + rng.normal(0, 50, 3)
    return np.clip(120 + contrast * picture * 0.45, 0, 255).astype(np.uint8)


def synthetic_sprite(seed: int, aspect: float = 0.6, ellipse: bool = True) -> Sprite:
    """A textured thing 400 px tall, elliptical or rectangular."""
    height, width = 400, max(40, round(400 * aspect))
    rgb = synthetic_texture(seed + 1000, height, width, contrast=1.3)
    alpha = np.ones((height, width), np.float32)
    if ellipse:
        alpha[:] = 0.0
        axes = (width // 2 - 1, height // 2 - 1)
        cv2.ellipse(alpha, (width // 2, height // 2), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    return Sprite(rgb, alpha)


def load_coco_material(folder: Path, limit: int = 40) -> tuple[list[np.ndarray], list[Sprite]]:
    """Backdrops and sprites out of a folder with ``images/`` and ``instances.json`` (COCO boxes and polygons).

    Raises:
        FileNotFoundError: ``instances.json`` is missing.
    """
    table = json.loads((folder / "instances.json").read_text())
    by_image: dict[int, list[dict]] = {}
    for row in table["annotations"]:
        by_image.setdefault(row["image_id"], []).append(row)
    backdrops: list[np.ndarray] = []
    sprites: list[Sprite] = []
    for entry in sorted(table["images"], key=lambda row: row["file_name"]):
        bgr = cv2.imread(str(folder / "images" / entry["file_name"]))
        if bgr is None:
            continue
        rgb = bgr[..., ::-1]
        if len(backdrops) < limit and rgb.shape[1] >= rgb.shape[0]:
            backdrops.append(rgb.copy())
        for row in by_image.get(entry["id"], ()):
            sprite = _cut_sprite(rgb, row)
            if sprite is not None and len(sprites) < limit:
                sprites.append(sprite)
    return backdrops, sprites


def _cut_sprite(rgb: np.ndarray, row: dict) -> Sprite | None:
    x, y, w, h = row["bbox"]
    x0, y0, x1, y1 = round(x), round(y), round(x + w), round(y + h)
    inside = x0 > 2 and y0 > 2 and x1 < rgb.shape[1] - 2 and y1 < rgb.shape[0] - 2
    polygons: Sequence = row.get("segmentation") or ()
    whole = isinstance(polygons, list) and len(polygons) == 1  # one outline: not cut in two by something in front
    if not (inside and whole and not row.get("iscrowd") and row["category_id"] in STANDING_CLASSES):
        return None
    if min(x1 - x0, y1 - y0) < MIN_SPRITE_SIDE_PX:
        return None
    mask = np.zeros(rgb.shape[:2], np.uint8)
    outline = np.asarray(polygons[0], np.float32).reshape(-1, 2).round().astype(np.int32)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA)
    alpha = mask[y0:y1, x0:x1].astype(np.float32) / 255.0
    return Sprite(rgb[y0:y1, x0:x1].copy(), alpha, row["category_id"])
