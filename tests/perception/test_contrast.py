"""Contrast is Peli's, thresholds are the low-vision core's, and the observer is named."""

import numpy as np
import pytest
from scipy.optimize import brentq
from support.scene_views import make_view, textured

from maxsight_core.contracts import Camera, SessionSettings
from maxsight_core.perception import contrast


def _grating(cycles_per_width: float, amplitude: float) -> np.ndarray:
    x = (np.arange(512) + 0.5) / 512
    wave = 0.4 * (1.0 + amplitude * np.cos(2 * np.pi * cycles_per_width * x))
    return np.tile(wave.astype(np.float32), (384, 1))


@pytest.mark.parametrize("frequency", [8.0, 32.0, 128.0])
def test_a_grating_has_its_own_contrast_in_its_own_band_only(frequency):
    for band in contrast.bands(_grating(frequency, 0.3)):
        expected = 0.3 if band.cycles_per_width == frequency else 0.0
        assert np.median(band.amplitude) == pytest.approx(expected, abs=0.01)


def test_contrast_does_not_change_with_illumination():
    grating = _grating(32.0, 0.3)
    bright = contrast.contrast_map(contrast.bands(grating), 0.75)
    dim = contrast.contrast_map(contrast.bands(grating * 0.5), 0.75)
    assert np.median(dim) == pytest.approx(np.median(bright), rel=0.03)
    assert np.median(bright) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("acuity", "cutoff_cpd"), [(1.0, 13.98), (0.1, 1.40)])
def test_csf_cutoff_is_the_low_vision_cores(acuity, cutoff_cpd):
    eyes = contrast.Observer(acuity, 1.0, "test")
    found = brentq(lambda f: contrast.sensitivity(f, eyes) - 1.0, 0.914 * acuity, 60.0)
    assert found == pytest.approx(cutoff_cpd, abs=0.01)


def test_a_grating_disappears_at_the_patients_threshold():
    eyes = contrast.Observer(0.1, 0.1, "test")
    camera = Camera(512, 384)
    threshold = 1.0 / contrast.sensitivity(32.0 / camera.hfov_deg, eyes)
    above = contrast.visible_share(contrast.bands(_grating(32.0, threshold * 1.3)), eyes, camera)
    below = contrast.visible_share(contrast.bands(_grating(32.0, threshold * 0.7)), eyes, camera)
    assert above > 0.9
    assert below < 0.1


def test_worse_acuity_sees_less_and_the_method_names_the_observer():
    shares = []
    for logmar in (None, 0.7, 1.3):
        profile = {} if logmar is None else {"logmar": logmar, "log_cs": 1.0}
        value = contrast.estimate(make_view(textured(), settings=SessionSettings(patient_profile=profile)))
        shares.append(value["contrast_sensitivity"].value)
        named = "normal observer" if logmar is None else f"logMAR {logmar:.2f}"
        assert named in value["contrast_sensitivity"].method
    assert shares[0] > shares[1] > shares[2]


def test_contrast_factor_is_estimated_from_acuity_for_the_conditions_that_have_a_formula():
    eyes = contrast.observer(SessionSettings(condition="glaucoma", patient_profile={"logmar": 0.5}))
    assert eyes.contrast_factor == pytest.approx(10 ** (1.67 - 0.78 * 0.5 - 2.0))
    assert "estimated" in eyes.described


def test_a_nonsense_profile_is_refused():
    with pytest.raises(ValueError, match="logmar"):
        contrast.observer(SessionSettings(patient_profile={"logmar": 20}))


def test_a_blank_picture_has_no_contrast_sensitivity():
    flat = make_view(np.full((480, 640, 3), 128, np.uint8))
    values = contrast.estimate(flat)
    assert values["contrast_sensitivity"].source == "unavailable"
    assert values["contrast_map"].value.max() < 1e-3


def test_therapy_state_gives_its_contrast_part_and_says_what_the_others_need():
    state = contrast.estimate(make_view(textured()))["therapy_state"].value
    assert state["contrast"]["mean_rms"] > 0.01
    assert state["fatigue"] is None
    assert "session" in state["reasons"]["fatigue"]
