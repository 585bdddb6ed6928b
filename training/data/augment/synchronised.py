"""A picture and its sound changed together: a mirrored scene is heard mirrored, a faster one is heard sooner.

For sources that keep a recording of several channels beside the picture. A sample's own ``audio`` (one channel) and
truth of sound that has no side (``sound_events``, ``sound_urgency``) are the same in a mirrored scene.
"""

from __future__ import annotations

import numpy as np

from training.data.augment.audio import STRETCH, time_stretch
from training.data.augment.warp import warp
from training.data.sample import Sample

FLIP_SHARE = 0.5
SIDELESS_SOUND = ("sound_events", "sound_urgency")
SOUND_DIRECTION = "sound_direction"


def synchronised(sample: Sample, waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror half of the time, and play faster or slower; the sample in place, the waveform as the result.

    Args:
        sample: with flow to the next frame where it is known. waveform: [n] or [n, channels], left channel first.
    """
    if rng.random() < FLIP_SHARE:
        waveform = mirrored(sample, waveform)
    return played(sample, waveform, rng.uniform(*STRETCH))


def mirrored(sample: Sample, waveform: np.ndarray) -> np.ndarray:
    """Mirror a sample in place; its waveform with left and right exchanged."""
    height, width = sample.size
    heard = {name: sample.extra[name] for name in SIDELESS_SOUND if name in sample.extra}
    if SOUND_DIRECTION in sample.extra:  # degrees, right positive
        heard[SOUND_DIRECTION] = -np.asarray(sample.extra[SOUND_DIRECTION])
    warp(sample, np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]]), (height, width))
    sample.extra = heard
    return waveform[:, ::-1].copy() if waveform.ndim == 2 else waveform


def played(sample: Sample, waveform: np.ndarray, rate: float) -> np.ndarray:
    """The moment played ``rate`` times as fast: things move further to the next frame, sound is shorter.

    The pitch stays; truth that is in seconds (``time_to_hazard``) shrinks.
    """
    if sample.flow_px is not None:
        sample.flow_px = (sample.flow_px * rate).astype(np.float32)
    if "time_to_hazard" in sample.extra:
        sample.extra = {**sample.extra, "time_to_hazard": np.asarray(sample.extra["time_to_hazard"]) / rate}
    return time_stretch(waveform, rate).astype(np.float32)
