"""Local contrast of the scene, and how much of it this person can see.

Band-limited contrast (Peli, "Contrast in complex images", JOSA A 7(10), 1990): the linear luminance is cut
into octave bands with raised-cosine edges on a log frequency axis; the contrast of a band at a place is the
band's amplitude there over the luminance of everything coarser. The bands are cut in the cosine transform,
whose mirrored borders make no false edge where the sky would meet the ground.

Thresholds: the contrast sensitivity function of the low-vision core (DeVAS; Chung & Legge, "Comparing the
shape of contrast sensitivity functions for normal and low vision", IOVS 57, 2016): an asymmetric log parabola
shifted left by acuity and down by the contrast factor.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from scipy import fft

from maxsight_core.contracts import Camera, SceneView, SessionSettings, Value

OUTPUTS = ("contrast_map", "contrast_sensitivity", "therapy_state")

WIDTH_PX = 512
MAP_WIDTH = 128
BANDS_CYCLES_PER_WIDTH = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Octave bands, cycles per picture width; the widest is the last that 512 columns resolve whole."""

BLACK_LEVEL = 0.005
"""Luminance added to every adaptation level (sRGB code 13 of 255): shadows of a camera are noise, not contrast."""

CAMERA_FLOOR = 0.02
"""Contrast of one 8-bit step at mid grey: detail below it cannot be told from quantisation and JPEG."""

PEAK_SENSITIVITY, PEAK_CPD = 199.0, 0.914
CURVE_LEFT, CURVE_RIGHT = 0.68, 1.28
NORMAL_LOG_CS = 2.0
"""Pelli-Robson score at which the chart's own scale is normal (contrast factor 1)."""

CONTRAST_FROM_ACUITY = {"cataracts": (1.72, 0.38), "amd": (1.65, 0.60), "glaucoma": (1.67, 0.78)}
"""log CS = intercept - slope x logMAR where contrast was not measured (Xiong et al., IOVS 61, 2020)."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Whose eyes: ``acuity`` (1 = 20/20, 10^-logMAR), ``contrast_factor`` (1 = normal), and where they are from."""

    acuity: float
    contrast_factor: float
    described: str


NORMAL_OBSERVER = Observer(1.0, 1.0, "normal observer (no acuity or contrast in the profile)")


def observer(settings: SessionSettings) -> Observer:
    """The patient's acuity and contrast factor, or the normal observer's.

    Raises:
        ValueError: a logMAR outside -0.5..3 or a log CS outside 0..2.5 in the profile.
    """
    profile = settings.patient_profile
    logmar = _profile_number(profile, "logmar", -0.5, 3.0)
    log_cs = _profile_number(profile, "log_cs", 0.0, 2.5)
    if logmar is None and log_cs is None:
        return NORMAL_OBSERVER
    sources = []
    if logmar is not None:
        sources.append(f"logMAR {logmar:.2f}")
    if log_cs is not None:
        sources.append(f"log CS {log_cs:.2f}")
    elif settings.condition in CONTRAST_FROM_ACUITY:
        intercept, slope = CONTRAST_FROM_ACUITY[settings.condition]
        log_cs = max(0.0, intercept - slope * logmar)
        sources.append(f"log CS {log_cs:.2f} estimated from acuity")
    factor = 1.0 if log_cs is None else min(1.0, 10.0 ** (log_cs - NORMAL_LOG_CS))
    return Observer(10.0 ** -(logmar or 0.0), factor, f"patient: {', '.join(sources)}")


def _profile_number(profile: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = profile.get(name)
    if value is None:
        return None
    if not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"patient_profile.{name}: expected a number {low}..{high}; got {value!r}")
    return float(value)


def sensitivity(cycles_per_degree: float, eyes: Observer = NORMAL_OBSERVER) -> float:
    """Contrast sensitivity (1 / threshold contrast) for a grating of this frequency, > 0."""
    octaves = math.log10(cycles_per_degree) - math.log10(PEAK_CPD * eyes.acuity)
    curve = CURVE_LEFT if octaves < 0 else CURVE_RIGHT
    return 10.0 ** (math.log10(PEAK_SENSITIVITY * eyes.contrast_factor) - (curve * octaves) ** 2)


def linear_luminance(rgb: np.ndarray, width_px: int) -> np.ndarray:
    """Relative luminance 0..1 (IEC 61966-2-1, BT.709 weights), [h, w] float32, at most ``width_px`` wide."""
    height, width = rgb.shape[:2]
    if width > width_px:
        rgb = cv2.resize(rgb, (width_px, max(1, round(height * width_px / width))), interpolation=cv2.INTER_AREA)
    return cv2.transform(cv2.LUT(rgb, _srgb_to_linear()), np.array([[0.2126, 0.7152, 0.0722]], np.float32))


@functools.cache
def _srgb_to_linear() -> np.ndarray:
    code = np.arange(256) / 255.0
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32).reshape(1, 256)


@dataclass(frozen=True, slots=True)
class Band:
    """One octave: its centre, and the contrast amplitude [h, w] (peak contrast of a grating) at each place."""

    cycles_per_width: float
    amplitude: np.ndarray


def bands(luminance: np.ndarray) -> tuple[Band, ...]:
    """Peli's contrast per octave, averaged over a cycle, each on its own grid of two samples a cycle.

    Args:
        luminance: [h, w] float32, linear, 0..1, at least 16 pixels each way.
    """
    height, width = luminance.shape
    spectrum = fft.dctn(luminance, norm="ortho")
    result = []
    for centre in BANDS_CYCLES_PER_WIDTH:
        columns, rows = min(width, round(4 * centre)), min(height, round(4 * centre * height / width))
        if 4 * centre > width + 1 or rows < 4:
            continue
        band_gain, low_gain = _filters(rows, columns, height / width, centre)
        # An orthonormal transform of fewer samples needs its amplitudes scaled by the root of the share kept.
        corner = spectrum[:rows, :columns] * math.sqrt(rows * columns / (height * width))
        band = fft.idctn(corner * band_gain, norm="ortho")
        low = fft.idctn(corner * low_gain, norm="ortho")
        contrast = band / (np.maximum(low, 0.0) + BLACK_LEVEL)
        mean_square = cv2.blur(contrast * contrast, (5, 5), borderType=cv2.BORDER_REFLECT)
        mean_square = cv2.resize(mean_square, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        result.append(Band(centre, cv2.sqrt(2.0 * mean_square)))
    return tuple(result)


@functools.lru_cache(maxsize=32)
def _filters(rows: int, columns: int, aspect: float, centre: float) -> tuple[np.ndarray, np.ndarray]:
    """Gains of one band and of everything coarser, for cosine coefficients [rows, columns]."""
    across = np.arange(columns) / 2.0                 # coefficient k is k / 2 cycles per width
    down = np.arange(rows)[:, None] / 2.0 / aspect    # the same unit: cycles per *width*
    radius = np.log2(np.maximum(np.hypot(across, down), 1e-6) / centre)
    band = np.where(np.abs(radius) < 1.0, 0.5 * (1.0 + np.cos(np.pi * radius)), 0.0)
    low = np.where(radius <= -1.0, 1.0, np.where(radius < 0.0, 0.5 * (1.0 + np.cos(np.pi * (radius + 1.0))), 0.0))
    return band.astype(np.float32), low.astype(np.float32)


def contrast_map(octaves: tuple[Band, ...], aspect: float) -> np.ndarray:
    """Local RMS contrast over all bands, [h, 128] float32, >= 0."""
    shape = (MAP_WIDTH, max(1, round(MAP_WIDTH * aspect)))
    total = np.zeros(shape[::-1], np.float32)
    for band in octaves:
        shrinking = band.amplitude.shape[1] > MAP_WIDTH
        total += cv2.resize(band.amplitude * band.amplitude, shape,
                            interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return cv2.sqrt(0.5 * np.maximum(total, 0.0))  # a sine of amplitude A has RMS A / sqrt(2)


def visible_share(octaves: tuple[Band, ...], eyes: Observer, camera: Camera) -> float | None:
    """Contrast above this observer's threshold over all contrast the camera resolves; None: nothing there."""
    seen = present = 0.0
    for band in octaves:
        threshold = 1.0 / sensitivity(band.cycles_per_width / camera.hfov_deg, eyes)
        resolved = np.where(band.amplitude >= CAMERA_FLOOR, band.amplitude, 0.0)
        present += float(resolved.mean())
        seen += float(np.where(resolved >= threshold, resolved, 0.0).mean())
    return seen / present if present > 0 else None


def estimate(view: SceneView) -> dict[str, Value]:
    """Outputs ``contrast_map`` [h, 128], ``contrast_sensitivity`` 0..1 and ``therapy_state`` of one frame."""
    height, width = view.grey.shape
    octaves = bands(linear_luminance(view.frame.rgb, WIDTH_PX))
    if not octaves:
        reason = f"the picture is too small for a contrast band ({width}x{height} px; expected 16 columns or more)"
        return {name: Value.unavailable(name, reason) for name in OUTPUTS}
    eyes = observer(view.settings)
    trust = 1.0 - view.quality.uncertainty
    shown = contrast_map(octaves, height / width)
    top_cpd = octaves[-1].cycles_per_width / view.camera.hfov_deg
    share = visible_share(octaves, eyes, view.camera)
    method = f"share of band contrast above the CSF, {eyes.described}, up to {top_cpd:.1f} cycles/degree"
    values = {"contrast_map": Value.measured(
        "contrast_map", shown, f"band-limited RMS contrast (Peli 1990), {len(octaves)} octaves", trust)}
    if share is None:
        values["contrast_sensitivity"] = Value.unavailable("contrast_sensitivity", "no detail in the picture")
    else:
        values["contrast_sensitivity"] = Value.measured("contrast_sensitivity", share, method, trust)
    values["therapy_state"] = Value.measured(
        "therapy_state",
        {"fatigue": None, "depth_focus": None,
         "contrast": {"mean_rms": float(shown.mean()), "visible_share": share},
         "reasons": {"fatigue": "needs response times of a therapy session",
                     "depth_focus": "needs task results of a therapy session"}},
        "contrast part: " + method, trust)
    return values
