"""How hard this place is to walk through: clutter, free space and light, in one figure 0..1.

Clutter is edge density (Mack & Oliva 2004) and a reduced feature congestion (Rosenholtz, Li & Nakano,
"Measuring visual clutter", J. Vision 7(2), 2007: local variability of luminance and of colour), both over the
lower two thirds of the picture, where one walks.
"""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.contracts import SceneView, Value
from maxsight_core.perception.edges import gradient

OUTPUTS = ("navigation_difficulty",)

EDGE_GRADIENT = 0.03
"""Luma step per small pixel that counts as an edge: three times the grain of a webcam in ordinary light."""
FULL_EDGE_DENSITY = 0.62
FULL_CONGESTION = 20.0
"""Edge density and congestion (CIELAB units) at which a place counts as fully cluttered: the 95th percentile
of 133 everyday photographs (docs/perception.md)."""
_WALKING_PART = 1.0 / 3.0
_CONGESTION_WIDTH_PX = 128
_WINDOW_PX = 9
LIGHT_DIFFICULTY = {"dark": 1.0, "dim": 0.5, "normal": 0.0, "bright": 0.1}
CLUTTER_WEIGHT, SPACE_WEIGHT, LIGHT_WEIGHT = 0.4, 0.4, 0.2


def edge_density(small: np.ndarray) -> float:
    """Share of edge pixels in the walking part of a grey picture [h, w], 0..1."""
    return float((gradient(_walking_part(small)) > EDGE_GRADIENT).mean())


def congestion(rgb: np.ndarray) -> float:
    """Mean local standard deviation of CIELAB in the walking part, CIELAB units, >= 0."""
    height = max(8, round(_CONGESTION_WIDTH_PX * rgb.shape[0] / rgb.shape[1]))
    reduced = cv2.resize(rgb, (_CONGESTION_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(_walking_part(reduced).astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab)
    mean = cv2.blur(lab, (_WINDOW_PX, _WINDOW_PX))
    variance = np.maximum(cv2.blur(lab * lab, (_WINDOW_PX, _WINDOW_PX)) - mean * mean, 0.0)
    return float(np.sqrt(variance.sum(axis=-1)).mean())


def _walking_part(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[int(len(picture) * _WALKING_PART):])


def blocked_share(path: Value | None) -> float | None:
    """How little of the view is free, 0..1, from ``path_guidance``; None when that is not known."""
    if path is None or path.source == "unavailable":
        return None
    known = [sector["score"] for sector in path.value["sectors"] if sector["free_m"] is not None]
    return 1.0 - sum(known) / len(known) if known else None


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``navigation_difficulty``: 0 (open, even, well lit) .. 1 (cluttered, blocked, dark)."""
    edges, crowded = edge_density(view.small), congestion(view.frame.rgb)
    clutter = 0.5 * min(1.0, edges / FULL_EDGE_DENSITY) + 0.5 * min(1.0, crowded / FULL_CONGESTION)
    light = LIGHT_DIFFICULTY[view.quality.lighting]
    parts = [(CLUTTER_WEIGHT, clutter), (LIGHT_WEIGHT, light)]
    blocked = blocked_share(view.so_far.get("path_guidance"))
    said = "free space unknown"
    if blocked is not None:
        parts.append((SPACE_WEIGHT, blocked))
        said = f"blocked {blocked:.2f}"
    difficulty = sum(weight * part for weight, part in parts) / sum(weight for weight, _ in parts)
    return {"navigation_difficulty": Value.measured(
        "navigation_difficulty", float(difficulty),
        f"clutter {clutter:.2f} (edges {edges:.2f}, congestion {crowded:.1f}), {said}, light {view.quality.lighting}",
        confidence=(1.0 - view.quality.uncertainty) * (1.0 if blocked is not None else 0.6))}
