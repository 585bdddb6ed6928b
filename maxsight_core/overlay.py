"""Detections and alerts drawn into a picture, for annotated copies (the browser draws its own from data)."""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.contracts import URGENCIES, FrameResult

COLOURS_RGB = {0: (120, 200, 120), 1: (240, 200, 60), 2: (255, 140, 0), 3: (230, 40, 40)}
FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT_SCALE = 0.5
BAND_PX = 26


def annotate(rgb: np.ndarray, result: FrameResult) -> np.ndarray:
    """A copy of ``rgb`` [H, W, 3] uint8 with boxes, urgency words and what is said in a band below."""
    height, width = rgb.shape[:2]
    picture = np.zeros((height + BAND_PX, width, 3), np.uint8)
    picture[:height] = rgb
    for thing in result.detections:
        cx, cy, w, h = thing.box_cxcywh
        left, top = int((cx - w / 2) * width), int((cy - h / 2) * height)
        right, bottom = int((cx + w / 2) * width), int((cy + h / 2) * height)
        colour = COLOURS_RGB[thing.urgency]
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 2)
        words = f"{thing.class_name} {URGENCIES[thing.urgency]}"
        if thing.time_to_contact_s is not None:
            words += f" {thing.time_to_contact_s:.1f}s"
        cv2.putText(picture, words, (left, max(14, top - 5)), FONT, TEXT_SCALE, colour, 1, cv2.LINE_AA)
    said = " | ".join(f"{a.stage} {a.text}" for a in result.alerts if a.delivered)
    cv2.putText(picture, said or f"{result.time_s:.2f} s", (6, height + 18), FONT, TEXT_SCALE, (255, 255, 255), 1,
                cv2.LINE_AA)
    return picture
