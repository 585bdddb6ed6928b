"""Sound becomes the numbers that librosa gives, and varied sound stays what it is told to be."""

import wave

import numpy as np
import pytest
import scipy.fft
from support.training_samples import painted

from training.data import audio
from training.data.augment.audio import (
    delay,
    gain,
    pitch_shift,
    time_stretch,
    vary_coefficients,
    vary_sound,
    vary_waveform,
)
from training.data.augment.synchronised import mirrored, played, synchronised
from training.data.sample import SampleError

RATE = audio.SAMPLE_RATE
TIME_S = np.arange(RATE) / RATE
SWEEP = 0.5 * np.sin(2 * np.pi * 440 * TIME_S) + 0.2 * np.sin(2 * np.pi * 3000 * TIME_S * (1 + TIME_S))
LIBROSA_FILTER_SUMS = [4.82236, 5.80038, 6.98291, 8.31385, 9.97364, 11.93552, 14.28747, 17.11495, 20.48154, 24.52625,
                       29.35997, 35.15075, 42.08237]
"""librosa 0.11.0: filters.mel(sr=16000, n_fft=512, n_mels=13, htk=True, norm=None).sum(axis=1)"""
LIBROSA_MFCC_20 = [-5.10221, -3.41532, 12.15406, -6.07872, 1.11935, -6.85159, -4.5173, -3.61676, -4.33061, 0.99363,
                   -1.59199, 2.50275, -0.12538]
"""librosa 0.11.0: feature.mfcc of the log of those filters' power in window 20 of SWEEP, n_mfcc=13, norm="ortho"."""


def slow_mfcc(second):
    """As the system description writes it, one window at a time."""
    emphasised = np.append(second[0], second[1:] - 0.97 * second[:-1])
    rows = []
    for number in range(40):
        fft = np.fft.rfft(emphasised[number * 400:(number + 1) * 400] * np.hamming(400), 512)
        log_mel = np.log(np.dot(audio.mel_filters(), np.abs(fft) ** 2) + 1e-10)
        rows.append(scipy.fft.dct(log_mel, type=2, norm="ortho")[:13])
    return np.array(rows)


def loudest_hz(waveform):
    middle = waveform[len(waveform) // 8: -len(waveform) // 8]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return spectrum.argmax() * RATE / len(middle)


def test_coefficients_are_librosas_and_the_descriptions():
    np.testing.assert_allclose(audio.mel_filters().sum(axis=1), LIBROSA_FILTER_SUMS, rtol=1e-5)
    found = audio.mfcc(SWEEP)
    assert found.shape == (40, 13) and found.dtype == np.float32
    np.testing.assert_allclose(found[20], LIBROSA_MFCC_20, atol=2e-4)
    np.testing.assert_allclose(found, slow_mfcc(SWEEP), atol=2e-4)


def test_the_summary_averages_each_coefficient_through_time():
    constant = np.tile(np.arange(13.0), (40, 1))
    found = audio.summary(constant)
    assert found.shape == (128,) and found[0] == 0 and found[-1] == 12 and (np.diff(found) >= 0).all()
    one, two = np.random.default_rng(0).normal(size=(2, 40, 13))
    np.testing.assert_allclose(audio.summary(one + two), audio.summary(one) + audio.summary(two), atol=1e-5)
    assert audio.summary(one).mean() == pytest.approx(one.mean(), abs=1e-6)


def test_the_last_second_counts_and_what_is_shorter_follows_silence():
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE)
    np.testing.assert_array_equal(audio.audio_of(noise), audio.audio_of(noise[-RATE:]))
    short = audio.audio_of(noise[:100])
    np.testing.assert_array_equal(short, audio.audio_of(np.concatenate((np.zeros(RATE - 100), noise[:100]))))


def test_channels_and_sample_rates_do_not_change_what_is_heard():
    both = np.stack((SWEEP, SWEEP), axis=1)
    np.testing.assert_allclose(audio.audio_of(both), audio.audio_of(SWEEP), atol=1e-4)
    fast_s = np.arange(3 * RATE) / (3 * RATE)
    tone = audio.resample(np.sin(2 * np.pi * 440 * fast_s), 3 * RATE, RATE)
    assert len(tone) == RATE
    np.testing.assert_allclose(tone, np.sin(2 * np.pi * 440 * TIME_S), atol=1e-6)
    high = audio.resample(np.sin(2 * np.pi * 12_000 * fast_s), 3 * RATE, RATE)
    assert np.abs(high).max() < 1e-6  # above half the rate: nothing, not an alias


@pytest.mark.parametrize("wrong", [np.zeros(0), np.full(5, np.nan), np.zeros((2, 2, 2))])
def test_no_sound_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="waveform"):
        audio.audio_of(wrong)


def test_recordings_are_read_and_others_named(tmp_path):
    file = tmp_path / "a.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((2, 2, 8000, 0, "NONE", ""))
        out.writeframes((np.array([[0.5, -0.5], [0.25, 0.0]]) * 32768).astype("<i2").tobytes())
    waveform, rate = audio.read_wav(file)
    assert rate == 8000
    np.testing.assert_allclose(waveform, [[0.5, -0.5], [0.25, 0.0]])
    for content in (b"", b"no sound at all"):
        file.write_bytes(content)
        with pytest.raises(SampleError, match=r"a\.wav"):
            audio.read_wav(file)
    with pytest.raises(SampleError, match=r"b\.wav"):
        audio.read_wav(tmp_path / "b.wav")


@pytest.mark.parametrize("rate", [0.8, 1.0, 1.2])
def test_stretched_sound_has_its_pitch_and_another_length(rate):
    stretched = time_stretch(np.sin(2 * np.pi * 440 * TIME_S), rate)
    assert len(stretched) == round(RATE / rate)
    assert loudest_hz(stretched) == pytest.approx(440, abs=3)
    assert 0.8 < np.abs(stretched[RATE // 4: RATE // 2]).max() < 1.1


@pytest.mark.parametrize("semitones", [-2, 2])
def test_shifted_sound_has_its_length_and_another_pitch(semitones):
    shifted = pitch_shift(np.sin(2 * np.pi * 440 * TIME_S), semitones)
    assert len(shifted) == RATE and loudest_hz(shifted) == pytest.approx(440 * 2 ** (semitones / 12), abs=3)


def test_delay_and_gain():
    assert delay(np.array([1.0, 2.0, 3.0]), 2).tolist() == [0, 0, 1] and delay(np.ones(2), 5).tolist() == [0, 0]
    np.testing.assert_allclose(gain(np.array([0.1, -0.4, 0.9]), 6.0206), [0.2, -0.8, 1.0], atol=1e-4)


def test_varied_waveforms_are_within_range_and_the_same_for_the_same_seed():
    loud = np.stack((SWEEP, -SWEEP), axis=1)
    one, two = (vary_waveform(loud, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, two) and np.abs(one).max() <= 1 and one.shape[1] == 2
    assert RATE / 1.2 - 1 <= len(one) <= RATE / 0.8 + 1
    np.testing.assert_allclose(one[:, 0], -one[:, 1], atol=1e-6)  # channels are treated alike


def test_masks_and_noise_keep_to_their_ranges():
    plain = np.full((40, 13), 5.0)
    times, coefficients = [], []
    for seed in range(60):
        varied = vary_coefficients(plain, np.random.default_rng(seed))
        times.append(int((varied == 0).all(axis=1).sum()))
        coefficients.append(int((varied == 0).all(axis=0).sum()))
        left = varied[varied != 0]
        assert abs(left.std() - 0.1) < 0.02 and abs(left.mean() - 5) < 0.02
    assert set(times) <= {0, *range(5, 10)} and set(coefficients) <= {0, 1, 2}
    assert 0 in times and max(times) >= 5 and max(coefficients) >= 1


def test_a_samples_numbers_are_varied_as_their_coefficients_would_be():
    coefficients = np.random.default_rng(0).normal(0, 3, (40, 13))
    compared = 0
    for seed in range(20):
        sample = painted([], audio=audio.summary(coefficients))
        vary_sound(sample, np.random.default_rng(seed))
        whole = audio.summary(vary_coefficients(coefficients, np.random.default_rng(seed)))
        masked = (vary_coefficients(np.ones((40, 13)) * 9, np.random.default_rng(seed)) == 0)
        clear = audio.summary(masked.astype(float)) == 0
        np.testing.assert_allclose(sample.audio[clear], whole[clear], atol=1e-5)
        compared += int(clear.sum())
    assert compared > 1000
    silent = painted([])
    vary_sound(silent, np.random.default_rng(0))
    assert silent.audio is None


def test_a_mirrored_scene_is_heard_mirrored():
    sample = painted([(1, 0.2, 0.5, 0.2, 0.2)], extra={
        "sound_direction": np.array([30.0]), "sound_events": np.ones(16), "glare_risk": np.ones(4)})
    stereo = np.stack((np.ones(4), np.zeros(4)), axis=1)
    heard = mirrored(sample, stereo)
    assert heard[:, 0].tolist() == [0] * 4 and heard[:, 1].tolist() == [1] * 4
    assert sample.boxes[0, 0] == pytest.approx(0.8, abs=0.01)
    assert sample.extra["sound_direction"] == [-30] and sample.extra["sound_events"].sum() == 16
    assert "glare_risk" not in sample.extra
    assert np.array_equal(mirrored(painted([]), np.arange(3.0)), np.arange(3.0))


def test_a_faster_scene_moves_further_and_sounds_shorter():
    sample = painted([], flow_px=np.full((2, 120, 160), 4.0, np.float32), extra={"time_to_hazard": np.array([3.0])})
    heard = played(sample, np.zeros(RATE), 1.2)
    assert np.allclose(sample.flow_px, 4.8) and len(heard) == round(RATE / 1.2)
    assert sample.extra["time_to_hazard"] == pytest.approx(2.5)
    mirrored_ones = 0
    for seed in range(20):
        sample = painted([(1, 0.2, 0.5, 0.2, 0.2)])
        heard = synchronised(sample, np.stack((SWEEP, 0 * SWEEP), axis=1)[:2000], np.random.default_rng(seed))
        right = bool(np.abs(heard[:, 1]).max() > np.abs(heard[:, 0]).max())
        assert right == (sample.boxes[0, 0] > 0.5)
        mirrored_ones += right
    assert 3 < mirrored_ones < 17
