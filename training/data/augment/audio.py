"""Sound, varied: the waveform before its coefficients are taken, or the coefficients (system description's ranges).

Time stretch: phase vocoder, Flanagan & Golden 1966. Masks: Park et al., "SpecAugment", 2019.
"""

from __future__ import annotations

import numpy as np

from training.data.audio import COEFFICIENTS, FRAMES, SAMPLE_RATE, resample, summary
from training.data.sample import Sample

STRETCH, PITCH_SEMITONES, SHIFT_S, GAIN_DB = (0.8, 1.2), 2.0, 0.1, 6.0
NOISE_SD = 0.1
TIME_MASK, FREQUENCY_MASK = (5, 10), (1, 3)
"""Windows of 25 ms and coefficients, first included, last not."""
MASK_SHARE = 0.5
_FFT, _HOP = 512, 128


def vary_waveform(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[m] or [m, channels] of a recording at 16 kHz: slower or faster, higher or lower, later, louder or softer.

    All channels alike, so that where a sound comes from stays. ``m`` is ``n`` divided by the speed.
    """
    stretched = time_stretch(waveform, rng.uniform(*STRETCH))
    pitched = pitch_shift(stretched, rng.uniform(-PITCH_SEMITONES, PITCH_SEMITONES))
    delayed = delay(pitched, int(rng.integers(0, int(SAMPLE_RATE * SHIFT_S))))
    return gain(delayed, rng.uniform(-GAIN_DB, GAIN_DB)).astype(np.float32)


def time_stretch(waveform: np.ndarray, rate: float) -> np.ndarray:
    """[round(n / rate), ...]: ``rate`` times as fast at the same pitch. ValueError unless ``rate`` > 0."""
    if rate <= 0:
        raise ValueError(f"rate: expected more than 0; got {rate}")
    if waveform.ndim == 2:
        return np.stack([time_stretch(channel, rate) for channel in waveform.T], axis=1)
    count = max(1, round(len(waveform) / rate))
    window = np.hanning(_FFT + 1)[:-1]
    padded = np.pad(waveform, (_FFT // 2, _FFT + _HOP))
    starts = np.arange(0, len(padded) - _FFT + 1, _HOP)
    spectra = np.fft.rfft(padded[starts[:, None] + np.arange(_FFT)] * window)  # [frames, 257]
    places = np.arange(0.0, len(starts) - 1, rate)
    before = places.astype(int)
    share = (places - before)[:, None]
    size = (1.0 - share) * np.abs(spectra[before]) + share * np.abs(spectra[before + 1])
    advance = 2.0 * np.pi * _HOP * np.arange(_FFT // 2 + 1) / _FFT  # of a steady tone in a hop
    turn = np.angle(spectra[before + 1]) - np.angle(spectra[before]) - advance
    turn = advance + turn - 2.0 * np.pi * np.round(turn / (2.0 * np.pi))
    phase = np.angle(spectra[:1]) + np.concatenate((np.zeros_like(turn[:1]), np.cumsum(turn[:-1], axis=0)))
    return _overlap_add(np.fft.irfft(size * np.exp(1j * phase), _FFT) * window, window, count)


def _overlap_add(frames: np.ndarray, window: np.ndarray, count: int) -> np.ndarray:
    length = _FFT + _HOP * (len(frames) - 1)
    total, weight = np.zeros(max(length, count + _FFT)), np.zeros(max(length, count + _FFT))
    for number, frame in enumerate(frames):
        total[number * _HOP:number * _HOP + _FFT] += frame
        weight[number * _HOP:number * _HOP + _FFT] += window * window
    return (total / np.maximum(weight, 1e-3))[_FFT // 2:][:count]


def pitch_shift(waveform: np.ndarray, semitones: float) -> np.ndarray:
    """[n, ...]: higher by ``semitones`` at the same speed."""
    factor = 2.0 ** (semitones / 12.0)
    longer = time_stretch(waveform, 1.0 / factor)
    columns = longer[:, None] if longer.ndim == 1 else longer
    pitched = np.stack([resample(column, len(column), len(waveform)) for column in columns.T], axis=1)
    return pitched[:, 0] if waveform.ndim == 1 else pitched


def delay(waveform: np.ndarray, samples: int) -> np.ndarray:
    """[n, ...]: later by ``samples``, preceded by silence; the end is lost, it does not come round to the front."""
    moved = np.zeros_like(waveform)
    moved[samples:] = waveform[:max(0, len(waveform) - samples)]
    return moved


def gain(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """[n, ...]: louder by ``decibels``, cut to -1..1."""
    return np.clip(waveform * 10.0 ** (decibels / 20.0), -1.0, 1.0)


def vary_coefficients(coefficients: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[40, 13] float32: noise of 0.1 on every number; half of the time some windows are 0, and some coefficients."""
    return ((coefficients + _noise(rng)) * _kept(rng)).astype(np.float32)


def vary_sound(sample: Sample, rng: np.random.Generator) -> None:
    """The same on a sample's 128 numbers, in place; silence that nobody recorded stays None.

    The 128 are averages of the 520 coefficients: noise goes through the same averaging, and what a mask hides in part
    is weakened by that part.
    """
    if sample.audio is not None:
        noise, kept = summary(_noise(rng)), summary(_kept(rng))
        sample.audio = ((sample.audio + noise) * kept).astype(np.float32)


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0.0, NOISE_SD, (FRAMES, COEFFICIENTS))


def _kept(rng: np.random.Generator) -> np.ndarray:
    """[40, 13]: 0 in the masks, else 1."""
    kept = np.ones((FRAMES, COEFFICIENTS))
    if rng.random() < MASK_SHARE:
        first = int(rng.integers(0, FRAMES - TIME_MASK[1]))
        kept[first:first + int(rng.integers(*TIME_MASK))] = 0.0
    if rng.random() < MASK_SHARE:
        first = int(rng.integers(0, COEFFICIENTS - FREQUENCY_MASK[1]))
        kept[:, first:first + int(rng.integers(*FREQUENCY_MASK))] = 0.0
    return kept
