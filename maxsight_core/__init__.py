"""MaxSight's engine: perception, alerts, conditions and scenes. No Flask, no SQL."""

import os

__version__ = "3.0.0a1"

MAX_DECODED_PIXELS = 50_000_000
"""Largest picture OpenCV may decode. A 140 kB PNG of 144 megapixels otherwise costs 872 MB."""

# OpenCV reads this once, when it loads; this package is imported before any of its modules import cv2.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_DECODED_PIXELS))
