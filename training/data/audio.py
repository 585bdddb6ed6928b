"""Sound as Stage B reads it: 128 numbers of one second, from mel-frequency cepstral coefficients.

Davis & Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition", 1980, with the system
description's constants: 16 kHz, pre-emphasis 0.97, 25 ms Hamming windows, 512-point FFT, 13 mel bands, DCT-II.
"""

from __future__ import annotations

import wave
from functools import cache
from pathlib import Path

import numpy as np

from maxsight_core.models.stage_b_contract import AUDIO_SIZE
from training.data.sample import SampleError

SAMPLE_RATE = 16_000
WINDOW = SAMPLE_RATE * 25 // 1000
FRAMES = SAMPLE_RATE // WINDOW
"""40 windows side by side make up the second."""
PRE_EMPHASIS = 0.97
FFT_SIZE = 512
COEFFICIENTS = 13
LEAST_POWER = 1e-10
_BYTES_16_BIT = 2


def audio_of(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """[128] float32 of the last second of a recording; see :func:`summary`.

    Args:
        waveform: [n] or [n, channels] float, -1..1. What is shorter than a second is preceded by silence.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    waveform = np.asarray(waveform, np.float64)
    if waveform.ndim not in (1, 2) or not len(waveform) or not np.isfinite(waveform).all():
        raise ValueError("waveform: expected finite numbers [n] or [n, channels], n > 0; got shape "
                         f"{list(waveform.shape)}{'' if np.isfinite(waveform).all() else ' with NaN or infinity'}")
    mono = waveform.mean(axis=1) if waveform.ndim == 2 else waveform
    second = resample(mono, sample_rate, SAMPLE_RATE)[-SAMPLE_RATE:]
    return summary(mfcc(np.pad(second, (SAMPLE_RATE - len(second), 0))))


def mfcc(second: np.ndarray) -> np.ndarray:
    """[40, 13] float32: one row per window of 25 ms, coefficient 0 (loudness) first.

    Args:
        second: [16000] float, -1..1.
    """
    if second.shape != (SAMPLE_RATE,):
        raise ValueError(f"second: expected [{SAMPLE_RATE}], one second at 16 kHz; got {list(second.shape)}")
    emphasised = np.append(second[:1], second[1:] - PRE_EMPHASIS * second[:-1])
    windows = emphasised.reshape(FRAMES, WINDOW) * np.hamming(WINDOW)  # [16000] -> [40, 400]
    power = np.abs(np.fft.rfft(windows, FFT_SIZE)) ** 2  # [40, 257]
    return (np.log(power @ mel_filters().T + LEAST_POWER) @ _dct().T).astype(np.float32)


def summary(coefficients: np.ndarray) -> np.ndarray:
    """[128] float32 of [40, 13]: laid end to end and averaged down from 520 numbers.

    Coefficient by coefficient, each through time, so that an average is of one coefficient at neighbouring times and
    not of different coefficients at one time. Linear: the summary of a sum is the sum of the summaries.
    """
    flat = coefficients.T.reshape(-1)  # [40, 13] -> [520], coefficient by coefficient
    edges = np.linspace(0, len(flat), AUDIO_SIZE + 1)
    sums = np.interp(edges, np.arange(len(flat) + 1), np.append(0.0, np.cumsum(flat, dtype=np.float64)))
    return (np.diff(sums) * AUDIO_SIZE / len(flat)).astype(np.float32)


@cache
def mel_filters() -> np.ndarray:
    """[13, 257] triangles of height 1, evenly spaced from 0 to 8 kHz on the mel scale 2595 log10(1 + f / 700)."""
    top = 2595.0 * np.log10(1.0 + SAMPLE_RATE / 2 / 700.0)
    edges_hz = 700.0 * (10.0 ** (np.linspace(0.0, top, COEFFICIENTS + 2) / 2595.0) - 1.0)
    hz = np.fft.rfftfreq(FFT_SIZE, 1.0 / SAMPLE_RATE)
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    return np.maximum(0.0, np.minimum((hz - left) / (centre - left), (right - hz) / (right - centre)))


@cache
def _dct() -> np.ndarray:
    """[13, 13] orthonormal DCT-II."""
    row, column = np.arange(COEFFICIENTS)[:, None], np.arange(COEFFICIENTS)[None, :]
    matrix = np.sqrt(2.0 / COEFFICIENTS) * np.cos(np.pi * row * (2 * column + 1) / (2 * COEFFICIENTS))
    matrix[0] /= np.sqrt(2.0)
    return matrix


def resample(waveform: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """[m] of [n] at another sample rate, without aliasing (its spectrum is cut or filled up; the ends wrap around)."""
    if rate == wanted:
        return waveform
    if min(rate, wanted) <= 0:
        raise ValueError(f"sample rate: expected more than 0 Hz; got {rate} and {wanted}")
    count = max(1, round(len(waveform) * wanted / rate))
    spectrum = np.fft.rfft(waveform)
    kept = np.zeros(count // 2 + 1, complex)
    shared = min(len(spectrum), len(kept))
    kept[:shared] = spectrum[:shared]
    return np.fft.irfft(kept, count) * (count / len(waveform))


def read_wav(file: Path) -> tuple[np.ndarray, int]:
    """Waveform [n, channels] float32 -1..1 and its sample rate; SampleError when there is no 16-bit WAV recording."""
    try:
        with wave.open(str(file), "rb") as recording:
            if recording.getsampwidth() != _BYTES_16_BIT or not recording.getnframes():
                raise SampleError(f"{file}: expected 16-bit samples, one at least; got {recording.getnframes()} of "
                                  f"{8 * recording.getsampwidth()} bit. Convert it: ffmpeg -i IN -c:a pcm_s16le OUT")
            content = recording.readframes(recording.getnframes())
            channels, rate = recording.getnchannels(), recording.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise SampleError(f"{file}: no readable WAV recording ({error or type(error).__name__}). Replace it, or remove "
                          "audio_file from the annotation file") from error
    whole = np.frombuffer(content, "<i2", count=len(content) // (_BYTES_16_BIT * channels) * channels)
    return whole.reshape(-1, channels).astype(np.float32) / 32768.0, rate  # interleaved -> [n, channels]
