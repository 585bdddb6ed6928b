"""How easily this person would find things: contrast to the surround, size and clutter, for their own eyes.

A thing of angular size s is taken to be as hard to see as a grating whose half period it fills, f = 1 / (2 s).
Its contrast over the threshold of the low-vision core at f gives the chance of noticing it; crowding by a busy
surround lowers it. A model, not a measurement of this person: it orders things, it does not predict a trial.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from maxsight_core.contracts import Camera, Detection, SceneView, Value
from maxsight_core.perception.contrast import (
    CAMERA_FLOOR,
    MAP_WIDTH,
    Observer,
    linear_luminance,
    observer,
    sensitivity,
)
from maxsight_core.perception.geometry import pixel_slices

OUTPUTS = ("findability", "roi_priority")

GRID = 14
"""Rows and columns of the map: the fused grid of Stage A."""
WIDTH_PX = 256
SURROUND = 1.6
"""Side of the surround, in sides of the thing."""
DETECTION_FACTOR = 5.0
"""Contrast in thresholds at which half of the things are noticed: using sight needs a reserve of 3 (spotting a
word) to 10 (fluent reading) times the threshold (Whittaker & Lovie-Kitchin, Optom. Vis. Sci. 70, 1993)."""
SLOPE = 2.0
"""Slope of the psychometric function on contrast (Weibull beta of about 2 to 3.5 for seeing; flatter in search)."""
CROWDING_WEIGHT = 0.5
COLOUR_SCALE = 100.0
"""CIELAB chroma difference that counts like full luminance contrast."""
BLACK_LEVEL = 0.005

URGENCY_WEIGHT, CENTRE_WEIGHT, HIDDEN_WEIGHT = 0.5, 0.25, 0.25


def chance_of_noticing(contrast: float, size_deg: float, clutter: float, eyes: Observer) -> float:
    """0..1 for a thing of this contrast (0..1), angular size and surrounding clutter (0..1)."""
    if contrast <= 0.0 or size_deg <= 0.0:
        return 0.0
    threshold = max(1.0 / sensitivity(1.0 / (2.0 * size_deg), eyes), CAMERA_FLOOR / DETECTION_FACTOR)
    thresholds = contrast / threshold / DETECTION_FACTOR
    seen = thresholds**SLOPE / (1.0 + thresholds**SLOPE)
    return seen * (1.0 - CROWDING_WEIGHT * min(1.0, clutter))


def of_box(luminance: np.ndarray, lab: np.ndarray, box: tuple[float, float, float, float], camera: Camera,
           eyes: Observer) -> float:
    """Findability of one box, 0..1, from linear luminance [h, w] and CIELAB [h, w, 3] of the same size."""
    height, width = luminance.shape
    cx, cy, w, h = box
    inside = pixel_slices(box, height, width)
    around = pixel_slices((cx, cy, w * SURROUND, h * SURROUND), height, width)
    ring = np.ones((around[0].stop - around[0].start, around[1].stop - around[1].start), bool)
    ring[inside[0].start - around[0].start:inside[0].stop - around[0].start,
         inside[1].start - around[1].start:inside[1].stop - around[1].start] = False
    if not ring.any():  # the thing fills the picture
        return 1.0
    thing, surround = float(luminance[inside].mean()), float(luminance[around][ring].mean())
    michelson = abs(thing - surround) / (thing + surround + BLACK_LEVEL)
    chroma = np.hypot(*(lab[inside][..., 1:].reshape(-1, 2).mean(0) - lab[around][ring][:, 1:].mean(0)))
    clutter = float(luminance[around][ring].std()) / (surround + BLACK_LEVEL)
    size_deg = math.sqrt(w * h * camera.height_px / camera.width_px) * camera.hfov_deg
    return chance_of_noticing(math.hypot(michelson, float(chroma) / COLOUR_SCALE), size_deg, clutter, eyes)


def findability_map(contrast: np.ndarray, camera: Camera, eyes: Observer) -> np.ndarray:
    """[14, 14] chance that a thing of one cell's size and local contrast would be noticed there, 0..1."""
    cells = cv2.resize(contrast, (GRID, GRID), interpolation=cv2.INTER_AREA)
    size_deg = camera.hfov_deg / GRID
    return np.array([[chance_of_noticing(float(cell), size_deg, 0.0, eyes) for cell in row] for row in cells],
                    np.float32)


def priority(detection: Detection, findable: float, half_field_deg: float) -> float:
    """0..1: dangerous first, then straight ahead, then what this person would miss."""
    centred = 1.0 - min(1.0, abs(detection.bearing_deg) / half_field_deg)
    return (URGENCY_WEIGHT * detection.urgency / 3.0 + CENTRE_WEIGHT * centred + HIDDEN_WEIGHT * (1.0 - findable))


def estimate(view: SceneView) -> dict[str, Value]:
    """Outputs ``findability`` ``{map: [14, 14], detections: [{id, value}]}`` and ``roi_priority`` [N].

    ``roi_priority`` is in the order of ``view.detections``.
    """
    eyes = observer(view.settings)
    luminance = linear_luminance(view.frame.rgb, WIDTH_PX)
    size = (luminance.shape[1], luminance.shape[0])
    reduced = cv2.resize(view.frame.rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    lab = cv2.cvtColor(reduced, cv2.COLOR_RGB2Lab)
    scores = [of_box(luminance, lab, thing.box_cxcywh, view.camera, eyes) for thing in view.detections]
    trust = 1.0 - view.quality.uncertainty
    method = f"contrast to surround x size x clutter against the CSF of the {eyes.described}"
    grid = findability_map(_contrast(view, luminance), view.camera, eyes)
    values = {"findability": Value.measured(
        "findability",
        {"map": grid, "detections": [{"id": thing.track_id, "value": round(score, 3)}
                                     for thing, score in zip(view.detections, scores, strict=True)]},
        method, trust)}
    if not scores:
        values["roi_priority"] = Value.unavailable("roi_priority", "nothing detected to put in order")
        return values
    ordered = [priority(thing, score, view.camera.hfov_deg / 2)
               for thing, score in zip(view.detections, scores, strict=True)]
    values["roi_priority"] = Value.measured(
        "roi_priority", np.array(ordered, np.float32), "urgency, centrality and difficulty of finding", trust)
    return values


def _contrast(view: SceneView, luminance: np.ndarray) -> np.ndarray:
    """The contrast map of this pass, or a plain local RMS contrast when that one is missing."""
    known = view.so_far.get("contrast_map")
    if known is not None and known.source != "unavailable":
        return known.value
    window = (luminance.shape[1] // GRID, luminance.shape[0] // GRID)
    mean = cv2.blur(luminance, window)
    variance = np.maximum(cv2.blur(luminance * luminance, window) - mean * mean, 0.0)
    return cv2.resize(np.sqrt(variance) / (mean + BLACK_LEVEL), (MAP_WIDTH, MAP_WIDTH), interpolation=cv2.INTER_AREA)
