"""Colour names: nearest focal colour in CIELAB, twelve names.

Near-neutral colours (chroma under about Munsell /2.5, where the ISCC-NBS names say "grey" or "-ish grey") are
compared with the neutral foci only, all others with the chromatic foci only; hue counts more than chroma and
lightness, since light, shadow and haze change those two and leave the hue (as in CMC and CIE94).

The eleven basic colour terms (Berlin & Kay 1969) and turquoise, for which there is evidence of basic use in
English (Mylonas & MacDonald, Color Res. Appl. 41, 2016). Each name has a Munsell chip in the region where
its foci were found (Berlin & Kay; Sturges & Whitfield, "Locating basic colours in the Munsell space", Color
Res. Appl. 20, 1995; Lab from the Munsell renotation, adapted to D65) and, because screens and lamps go where
no chip does, the CSS basic colours. A camera's white balance is taken as it comes: a coloured light shifts every name.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from maxsight_core.contracts import Detection, SceneView, Value
from maxsight_core.perception.geometry import pixel_slices

OUTPUTS = ("colours",)

NAMES: tuple[str, ...] = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "brown",
)

# name, CIELAB (D65, 2 degrees).
_FOCI: tuple[tuple[str, tuple[float, float, float]], ...] = (
    ("black", (5.0, 0.0, 0.0)), ("black", (20.0, 0.0, 0.0)),       # N 0.5; N 2, the darkest matt chips
    ("white", (95.5, 0.0, 0.0)), ("white", (85.0, 0.0, 0.0)),      # N 9.5; white paper in ordinary light
    ("grey", (51.6, 0.0, 0.0)), ("grey", (35.0, 0.0, 0.0)), ("grey", (68.0, 0.0, 0.0)),  # N 5, its neighbours
    ("red", (40.7, 61.4, 29.8)),         # 5R 4/14
    ("red", (40.6, 54.1, 15.5)),         # 2.5R 4/12, the bluish end of the foci
    ("red", (53.2, 80.1, 67.2)),         # CSS red
    ("orange", (61.1, 34.2, 76.3)),      # 5YR 6/14
    ("orange", (74.9, 23.9, 79.0)),      # CSS orange
    ("yellow", (80.7, -2.5, 100.0)),     # 5Y 8/14
    ("yellow", (97.1, -21.6, 94.5)),     # CSS yellow
    ("green", (51.2, -64.5, 29.1)),      # 2.5G 5/12
    ("green", (46.2, -51.7, 49.9)),      # CSS green
    ("green", (87.7, -86.2, 83.2)),      # CSS lime
    ("turquoise", (61.1, -40.7, -5.8)),  # 5BG 6/8
    ("turquoise", (91.1, -48.1, -14.1)),  # CSS aqua
    ("blue", (50.8, -5.4, -48.1)),       # 2.5PB 5/12
    ("blue", (32.3, 79.2, -107.9)),      # CSS blue
    ("blue", (13.0, 47.5, -64.7)),       # CSS navy
    ("purple", (30.1, 40.4, -28.2)),     # 7.5P 3/10
    ("purple", (29.8, 58.9, -36.5)),     # CSS purple
    ("pink", (70.8, 33.3, 12.4)),        # 2.5R 7/8
    ("pink", (83.6, 24.1, 3.3)),         # CSS pink
    ("pink", (60.3, 98.2, -60.8)),       # CSS fuchsia
    ("brown", (30.4, 19.1, 30.1)),       # 5YR 3/6
)

LIGHTNESS_WEIGHT, CHROMA_WEIGHT, HUE_WEIGHT = 0.6, 0.4, 1.2
"""What a difference counts for: 1 would be plain CIELAB distance."""

NEUTRAL_CHROMA = 14.0
BLACK_LIGHTNESS = 10.0
"""Below this L* no hue is seen, whatever the chroma computed from a few code values says."""

_CUBE_STEPS = 32
_FRAME_WIDTH_PX = 96
_BOX_INNER = 0.7
"""Middle part of a box that is asked: an ellipse-like thing fills it, background mostly does not."""
_BOX_SIDE_PX = 24
_DOMINANT_SHARE = 0.08
_BOX_MIN_SHARE = 0.30


@functools.cache
def _cube() -> np.ndarray:
    """[32, 32, 32] index of the name for quantised sRGB: one look-up a pixel at run time."""
    levels = (np.arange(_CUBE_STEPS) + 0.5) * (256 / _CUBE_STEPS)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    return _nearest(rgb).reshape(_CUBE_STEPS, _CUBE_STEPS, _CUBE_STEPS).astype(np.uint8)


def _nearest(rgb: np.ndarray) -> np.ndarray:
    """Index into NAMES for sRGB 0..255 rows [n, 3]."""
    lab = cv2.cvtColor((rgb / 255.0).astype(np.float32).reshape(1, -1, 3), cv2.COLOR_RGB2Lab)[0][:, None, :]
    foci = np.array([value for _, value in _FOCI], np.float32)[None]
    chroma, focal_chroma = np.hypot(lab[..., 1], lab[..., 2]), np.hypot(foci[..., 1], foci[..., 2])
    along = focal_chroma - chroma
    # Hue difference of CIELAB: what of the distance in the a, b plane is not chroma.
    plane = (lab[..., 1] - foci[..., 1]) ** 2 + (lab[..., 2] - foci[..., 2]) ** 2
    hue = np.maximum(plane - along**2, 0.0)
    distance = ((LIGHTNESS_WEIGHT * (lab[..., 0] - foci[..., 0])) ** 2 + (CHROMA_WEIGHT * along) ** 2
                + HUE_WEIGHT**2 * hue)
    neutral = (chroma < NEUTRAL_CHROMA) | (lab[..., 0] < BLACK_LIGHTNESS)
    distance[neutral != (focal_chroma < NEUTRAL_CHROMA)] = np.inf
    of_focus = np.array([NAMES.index(name) for name, _ in _FOCI])
    return of_focus[distance.argmin(axis=1)]


def name_of(rgb: tuple[int, int, int]) -> str:
    """The colour name of one sRGB triple, each 0..255.

    Raises:
        ValueError: not three numbers 0..255.
    """
    triple = np.asarray(rgb, dtype=np.float64)
    if triple.shape != (3,) or not ((triple >= 0) & (triple <= 255)).all():
        raise ValueError(f"name_of: expected three numbers 0..255 (sRGB); got {rgb!r}")
    return NAMES[int(_nearest(triple[None])[0])]


def shares(rgb: np.ndarray) -> dict[str, float]:
    """Share of each colour name in a picture [h, w, 3] uint8, largest first; absent names are left out."""
    quantised = rgb.reshape(-1, 3) >> 3  # 256 levels to 32
    named = _cube()[quantised[:, 0], quantised[:, 1], quantised[:, 2]]
    counts = np.bincount(named, minlength=len(NAMES)) / named.size
    return {NAMES[i]: float(counts[i]) for i in np.argsort(-counts, kind="stable") if counts[i] > 0}


def of_box(rgb: np.ndarray, box_cxcywh: tuple[float, float, float, float]) -> tuple[str, float] | None:
    """Most frequent name in the middle of a box, and its share there; None when nothing prevails."""
    rows, columns = pixel_slices(box_cxcywh, rgb.shape[0], rgb.shape[1], _BOX_INNER)
    patch = rgb[rows, columns]
    if max(patch.shape[:2]) > _BOX_SIDE_PX:
        side = (min(patch.shape[1], _BOX_SIDE_PX), min(patch.shape[0], _BOX_SIDE_PX))
        patch = cv2.resize(patch, side, interpolation=cv2.INTER_NEAREST)  # an average of two paints is neither
    name, share = next(iter(shares(patch).items()))
    return (name, share) if share >= _BOX_MIN_SHARE else None


def of_detection(rgb: np.ndarray, detection: Detection) -> str | None:
    """Colour name for ``Detection.colour``; None when no colour prevails."""
    found = of_box(rgb, detection.box_cxcywh)
    return None if found is None else found[0]


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``colours``: ``{dominant: [{name, share}], detections: [{id, name, share}]}``."""
    rgb = view.frame.rgb
    height = max(1, round(_FRAME_WIDTH_PX * rgb.shape[0] / rgb.shape[1]))
    overall = shares(cv2.resize(rgb, (_FRAME_WIDTH_PX, height), interpolation=cv2.INTER_AREA))
    per_detection = []
    for detection in view.detections:
        found = of_box(rgb, detection.box_cxcywh)
        per_detection.append({"id": detection.track_id, "name": found[0] if found else None,
                              "share": round(found[1], 3) if found else None})
    value = {
        "dominant": [{"name": name, "share": round(share, 3)} for name, share in overall.items()
                     if share >= _DOMINANT_SHARE],
        "detections": per_detection,
    }
    if view.quality.lighting == "dark":
        return {"colours": Value.unavailable("colours", "too dark for colours")}
    return {"colours": Value.measured(
        "colours", value, "nearest of 12 focal colours in CIELAB; the camera's white balance is trusted",
        confidence=1.0 - view.quality.uncertainty)}
