"""A webcam for Chromium made of real photographs: a person cut from one comes closer in a street of another.

The motion is exact (constant closing speed, pinhole camera), so what should be said, and when, is known.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 30
HFOV_DEG = 66.0
FOCAL_PX = WIDTH_PX / 2 / math.tan(math.radians(HFOV_DEG) / 2)
PERSON_ANNOTATION = 1043  # a man who stands upright, whole, seen from the front; CC BY-SA 2.0
PERSON_HEIGHT_M = 1.75
CAMERA_HEIGHT_M = 1.4


def person_cutout(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The person as RGB and mask, both cropped to the box."""
    coco = json.loads((data / "coco_cc" / "instances.json").read_text(encoding="utf-8"))
    annotation = next(a for a in coco["annotations"] if a["id"] == PERSON_ANNOTATION)
    image = next(i for i in coco["images"] if i["id"] == annotation["image_id"])
    picture = cv2.imread(str(data / "coco_cc" / "images" / image["file_name"]))
    mask = np.zeros(picture.shape[:2], np.uint8)
    for polygon in annotation["segmentation"]:
        cv2.fillPoly(mask, [np.asarray(polygon).reshape(-1, 2).round().astype(int)], 255)
    x, y, w, h = (round(v) for v in annotation["bbox"])
    return picture[y : y + h, x : x + w], mask[y : y + h, x : x + w]


def street(data: Path) -> np.ndarray:
    """A real street corner, 640x480."""
    path = sorted((data / "crosswatch_pan").rglob("*.jpg"))[0]
    return cv2.resize(cv2.imread(str(path)), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)


def frame_at(background: np.ndarray, cutout: tuple[np.ndarray, np.ndarray], distance_m: float, bearing_deg: float):
    """The street with the person at a distance (m) and bearing, feet on the ground, as BGR."""
    picture, mask = cutout
    height = PERSON_HEIGHT_M / distance_m * FOCAL_PX
    scale = height / picture.shape[0]
    centre = WIDTH_PX / 2 + FOCAL_PX * math.tan(math.radians(bearing_deg))
    feet = HEIGHT_PX / 2 + CAMERA_HEIGHT_M / distance_m * FOCAL_PX
    move = np.float32([[scale, 0, centre - scale * picture.shape[1] / 2], [0, scale, feet - height]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    person = cv2.warpAffine(picture, move, (WIDTH_PX, HEIGHT_PX), flags=flags)
    alpha = cv2.warpAffine(mask, move, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR)[..., None] / 255.0
    return (background * (1 - alpha) + person * alpha).astype(np.uint8)


def approach(data: Path, *, start_m=9.0, stop_m=1.3, speed_mps=1.7, bearing_deg=-6.0, hold_s=1.5, fps=FPS):
    """Frames (BGR) of one approach: still, closing at constant speed, still; with the distance of each."""
    background, cutout = street(data), person_cutout(data)
    steps = int((start_m - stop_m) / speed_mps * fps)
    distances = [start_m] * int(hold_s * fps) + [start_m - speed_mps * i / fps for i in range(steps)]
    distances += [distances[-1]] * int(hold_s * fps)
    last, frame = None, None
    for distance in distances:
        if distance != last:
            frame, last = frame_at(background, cutout, distance, bearing_deg), distance
        yield frame, distance


def write_mjpeg(path: Path, data: Path) -> Path:
    """The approach as the MJPEG file that Chromium plays, in a loop, as its fake webcam."""
    with path.open("wb") as out:
        for frame, _ in approach(data):
            out.write(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return path
