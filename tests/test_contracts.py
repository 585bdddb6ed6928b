from __future__ import annotations

import json
import math

import numpy as np
import pytest

from maxsight_core.contracts import Camera, Detection, Frame, SessionSettings, Value


def test_an_unavailable_output_needs_its_reason_and_carries_no_value():
    with pytest.raises(ValueError, match="needs its reason"):
        Value("ocr", "unavailable")
    with pytest.raises(ValueError, match="no value"):
        Value("ocr", "unavailable", value=3, reason="none")


def test_a_measured_or_learned_output_names_its_method_and_no_reason():
    with pytest.raises(ValueError, match="names its method"):
        Value("ocr", "measured", value=1)
    with pytest.raises(ValueError, match="unavailable outputs only"):
        Value("ocr", "learned", value=1, method="head", reason="why")


def test_a_source_outside_the_three_is_refused():
    with pytest.raises(ValueError, match="learned, measured, unavailable"):
        Value("ocr", "guessed", value=1, method="luck")


@pytest.mark.parametrize("value", [
    float("nan"), np.array([1.0, np.inf]), {"a": [1.0, float("inf")]}, [np.float32("nan")], (1, {"b": float("nan")}),
])
def test_nan_and_infinity_are_found_wherever_they_hide(value):
    assert not Value.measured("depth_map", value, "test").is_finite()


def test_a_map_travels_as_a_summary_and_a_preview_and_a_small_value_whole():
    ramp = np.tile(np.linspace(0.0, 1.0, 64, dtype=np.float32), (48, 1))
    body = Value.measured("edge_map", ramp, "Scharr").to_json(preview=True)
    assert body["summary"]["shape"] == [48, 64]
    assert body["summary"]["max"] == pytest.approx(1.0)
    assert (body["preview"]["rows"], body["preview"]["columns"]) == (24, 32)
    assert "value" not in body
    small = Value.measured("urgency", np.array([0.1, 0.2, 0.3, 0.4]), "rule").to_json()
    assert small["value"] == [0.1, 0.2, 0.3, 0.4]
    json.dumps([body, small])


def test_bearing_is_right_positive_and_reaches_half_the_field_of_view_at_the_edge():
    camera = Camera(640, 480, hfov_deg=66.0)
    assert camera.bearing_deg(0.5) == pytest.approx(0.0)
    assert camera.bearing_deg(1.0) == pytest.approx(33.0)
    assert camera.bearing_deg(0.0) == pytest.approx(-33.0)
    assert camera.focal_px == pytest.approx(320 / math.tan(math.radians(33.0)))


@pytest.mark.parametrize(("field", "value"), [
    ("condition", "colourblind"), ("verbosity", "chatty"), ("speech_wpm", 20), ("units", "furlongs"),
    ("directions", "compass"), ("hfov_deg", 4.0), ("camera_height_m", 9.0),
])
def test_a_setting_outside_its_range_is_refused_with_what_is_expected(field, value):
    with pytest.raises(ValueError, match="expected"):
        SessionSettings(**{field: value})


def test_a_frame_is_uint8_rgb():
    with pytest.raises(ValueError, match=r"\[H, W, 3\]"):
        Frame(np.zeros((4, 4), np.uint8), 0.0, 0)
    with pytest.raises(ValueError, match="uint8"):
        Frame(np.zeros((4, 4, 3), np.float32), 0.0, 0)


def test_a_detection_rejects_pixels_where_fractions_are_meant():
    with pytest.raises(ValueError, match=r"0\.\.1"):
        Detection(1, 1, "person", 0.5, (320.0, 200.0, 50.0, 90.0), "learned", "m", 0.0)
