"""How far one picture can be trusted: exposure, sharpness, noise, lighting, from a reduced grey picture.

Runs on every frame, so everything is a handful of OpenCV calls on at most 320 columns.

* Sharpness is the share of the picture's gradient energy that a second blur destroys (the idea of Crete et
  al., "The blur effect", SPIE 6492, 2007, on squared gradients). A ratio has no unit: it does not change with
  contrast or exposure. The energy that sensor noise alone would give is taken off first.
* Noise is Immerkaer's Laplacian difference ("Fast noise variance estimation", CVIU 64, 1996) per block,
  of which a low percentile is taken, so that texture is not counted as noise.
"""

from __future__ import annotations

import cv2
import numpy as np

from maxsight_core.contracts import FrameQuality, Value

WIDTH_PX = 320
"""Everything is measured at this width: JPEG blocks average out, and 640 and 1280 give the same figures."""

CLIPPED_HIGH = 250
CLIPPED_LOW = 8
"""8-bit luma from (up to) which a JPEG pixel counts as clipped: 255 and 0 with the coder's ringing."""

DARK_LUMA, DIM_LUMA, BRIGHT_LUMA = 0.12, 0.28, 0.72
"""Mean sRGB luma between the lighting levels. Cameras expose towards about 0.45, so these say what was left
for the picture after automatic exposure, not lux."""

NOISE_BLOCK_PX = 10
NOISE_PERCENTILE = 20
NOISE_PERCENTILE_GAIN = 1.11
"""The 20th percentile of 100-pixel blocks lies 10 % below the mean for pure Gaussian noise (measured)."""

_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_IMMERKAER_GAIN = float(np.sqrt(np.pi / 2.0) / 6.0)

_REBLUR_TAPS = 9
SHARP_LOSS, BLURRED_LOSS = 0.85, 0.15
"""Share of gradient energy lost to the second blur. Photographs in focus lose more than the first; blurred by
a Gaussian of 4 columns of 320 (a detail of 1/80 of the picture's width) they lose less than the second."""

# Ramps of distrust: (where it starts, where it is complete). docs/perception.md holds the figures behind them.
_DARK_RAMP = (0.25, 0.09)        # 95th percentile of luma: nothing in the picture is brighter than this
_BLOWN_RAMP = (0.35, 0.85)       # share of clipped highlights
_CRUSHED_RAMP = (0.70, 0.97)     # share of clipped shadows
_BLUR_RAMP = (0.35, 0.05)        # sharpness
_FLAT_RAMP = (0.006, 0.0025)     # RMS gradient per pixel, 0..1: photographs 0.04 and more, a finger on the lens 0.001
_NOISE_RAMP = (1.0, 0.4)         # RMS gradient over noise

_NOISE_RESIDUE = 0.5
"""Share of the estimated noise energy that may be left after the correction, so is no evidence of detail."""

ENTROPY_WEIGHT = 0.6
"""Unsure detections alone never exceed the decision point's 0.7: the picture must be poor as well."""


def measure(rgb: np.ndarray) -> FrameQuality:
    """Quality of one frame.

    Args:
        rgb: [H, W, 3] uint8, sRGB.

    Returns:
        FrameQuality; ``noise`` and ``sharpness`` refer to the picture reduced to at most 320 columns.

    Raises:
        ValueError: not a uint8 picture of three channels.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"measure: expected a uint8 array [H, W, 3] in RGB; got {rgb.dtype} {rgb.shape}")
    grey8 = _reduced_grey(rgb)
    luma = grey8.astype(np.float32) * (1.0 / 255.0)
    histogram = np.bincount(grey8.ravel(), minlength=256) / grey8.size
    mean = float(luma.mean())
    clipped_high = float(histogram[CLIPPED_HIGH:].sum())
    clipped_low = float(histogram[: CLIPPED_LOW + 1].sum())
    noise = _noise(luma, grey8)
    sharpness, detail = _sharpness_and_detail(luma, noise)
    bright_end = float(np.searchsorted(np.cumsum(histogram), 0.95)) / 255.0
    doubts = (
        _ramp(bright_end, *_DARK_RAMP),
        _ramp(clipped_high, *_BLOWN_RAMP),
        _ramp(clipped_low, *_CRUSHED_RAMP),
        _ramp(sharpness, *_BLUR_RAMP),
        _ramp(detail, *_FLAT_RAMP),
        _ramp(detail / max(noise, 1e-4), *_NOISE_RAMP),
    )
    trust = 1.0
    for doubt in doubts:  # independent reasons to distrust add up
        trust *= 1.0 - doubt
    return FrameQuality(
        mean_luma=mean, clipped_high=clipped_high, clipped_low=clipped_low, sharpness=sharpness, noise=noise,
        uncertainty=1.0 - trust, lighting=_lighting(mean),
    )


def lighting_value(quality: FrameQuality) -> Value:
    """Output ``lighting``: the level and the figures it stands on."""
    return Value.measured(
        "lighting",
        {"level": quality.lighting, "mean_luma": quality.mean_luma, "clipped_high": quality.clipped_high,
         "clipped_low": quality.clipped_low, "sharpness": quality.sharpness},
        "mean luma, clipped shares and re-blur sharpness of the frame at 320 px (after the camera's own exposure)",
        confidence=1.0 - quality.uncertainty,
    )


def uncertainty_value(quality: FrameQuality, detections_entropy: float | None) -> Value:
    """Output ``uncertainty``, 0..1: of the picture, and of the detections when there are any.

    Args:
        quality: of this frame.
        detections_entropy: normalised entropy of the detections' scores, 0..1; None without detections.

    Raises:
        ValueError: an entropy outside 0..1.
    """
    if detections_entropy is None:
        return Value.measured("uncertainty", quality.uncertainty, "exposure, sharpness and noise of the frame")
    if not 0.0 <= detections_entropy <= 1.0:
        raise ValueError(f"detections_entropy: expected 0..1 or None; got {detections_entropy!r}")
    combined = 1.0 - (1.0 - quality.uncertainty) * (1.0 - ENTROPY_WEIGHT * detections_entropy)
    return Value.measured(
        "uncertainty", combined, "exposure, sharpness and noise of the frame; normalised entropy of detections")


def _reduced_grey(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if width > WIDTH_PX:
        grey = cv2.resize(grey, (WIDTH_PX, max(8, round(height * WIDTH_PX / width))), interpolation=cv2.INTER_AREA)
    return grey


def _noise(luma: np.ndarray, grey8: np.ndarray) -> float:
    """Standard deviation of noise, 0..1; 0 when every block is clipped."""
    response = np.abs(cv2.filter2D(luma, cv2.CV_32F, _IMMERKAER))
    shape = (max(1, luma.shape[1] // NOISE_BLOCK_PX), max(1, luma.shape[0] // NOISE_BLOCK_PX))
    blocks = cv2.resize(response, shape, interpolation=cv2.INTER_AREA)
    level = cv2.resize(grey8, shape, interpolation=cv2.INTER_AREA)
    open_blocks = blocks[(level > CLIPPED_LOW) & (level < CLIPPED_HIGH)]  # a clipped block hides its noise
    if open_blocks.size == 0:
        return 0.0
    return float(np.percentile(open_blocks, NOISE_PERCENTILE)) * _IMMERKAER_GAIN * NOISE_PERCENTILE_GAIN


def _sharpness_and_detail(luma: np.ndarray, noise: float) -> tuple[float, float]:
    """Sharpness 0 (blurred) .. 1 (crisp), and the RMS gradient per pixel; both without the noise's share.

    The worse direction counts: motion blur leaves the other one crisp.
    """
    losses, total = [], 0.0
    for size in ((_REBLUR_TAPS, 1), (1, _REBLUR_TAPS)):
        before, after = _gradient_energy(luma, size[0] > 1), _gradient_energy(cv2.blur(luma, size), size[0] > 1)
        # White noise of variance s^2 has differences of variance 2 s^2, and 2 s^2 / n^2 after an n-tap mean.
        noise_energy = 2.0 * noise * noise * luma.size
        before, after = before - noise_energy, after - noise_energy / _REBLUR_TAPS**2
        if before <= _NOISE_RESIDUE * noise_energy:
            continue
        total += before
        losses.append(min(1.0, max(0.0, 1.0 - after / before)))
    if not losses:
        return 0.0, 0.0
    return 1.0 - _ramp(min(losses), SHARP_LOSS, BLURRED_LOSS), float(np.sqrt(total / (2.0 * luma.size)))


def _gradient_energy(luma: np.ndarray, horizontal: bool) -> float:
    step = cv2.subtract(luma[:, 1:], luma[:, :-1]) if horizontal else cv2.subtract(luma[1:], luma[:-1])
    return float(cv2.norm(step, cv2.NORM_L2SQR))


def _ramp(value: float, none: float, full: float) -> float:
    """0 at ``none``, 1 at ``full``, linear between; works in either direction."""
    return min(1.0, max(0.0, (value - none) / (full - none)))


def _lighting(mean_luma: float) -> str:
    if mean_luma < DARK_LUMA:
        return "dark"
    if mean_luma < DIM_LUMA:
        return "dim"
    return "bright" if mean_luma > BRIGHT_LUMA else "normal"
