"""Text on real signs is read; blurred pictures are not; a missing library says what to install."""

import csv
import sys

import cv2
import numpy as np
import pytest
from support.data import shared_data
from support.scene_views import load_rgb, make_view, textured

from maxsight_core.perception import ocr


def _have_library() -> None:
    pytest.importorskip("rapidocr_onnxruntime", reason="the OCR library is an extra")


def _signs(count: int) -> list[tuple[np.ndarray, str]]:
    _have_library()
    folder = shared_data("ocr_signs")
    with (folder / "sign_crops.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return [(load_rgb(folder / row["file"]), row["text"]) for row in rows[:: len(rows) // count][:count]]


def test_real_signs_are_read():
    signs = _signs(8)
    right = [any(line["text"].upper() == text for line in ocr.read(rgb)) for rgb, text in signs]
    assert np.mean(right) >= 0.85


def test_the_box_is_where_the_text_is():
    rgb, text = _signs(1)[0]
    height, width = rgb.shape[:2]
    page = np.full((3 * height, 3 * width, 3), 120, np.uint8)
    page[2 * height:, :width] = rgb
    line = next(line for line in ocr.read(page) if line["text"].upper() == text)
    assert line["box"][0] < 1 / 3
    assert line["box"][1] > 2 / 3


def test_a_blurred_picture_is_not_read():
    value = ocr.estimate(make_view(cv2.GaussianBlur(textured(), (0, 0), 12)))["ocr"]
    assert value.source == "unavailable"
    assert "not legible" in value.reason


def test_an_unchanged_picture_keeps_its_reading_and_a_changed_one_does_not(monkeypatch):
    calls = []
    monkeypatch.setattr(ocr, "read", lambda rgb: calls.append(1) or [{"text": "EXIT", "box": [0.5] * 4,
                                                                      "confidence": 0.9}])
    picture, memory = textured(), {}
    first = ocr.estimate(make_view(picture, memory=memory, seq=1))["ocr"]
    grain = np.random.default_rng(0).normal(0, 2, picture.shape)
    same = np.clip(picture + grain, 0, 255).astype(np.uint8)
    second = ocr.estimate(make_view(same, memory=memory, seq=2))["ocr"]
    assert len(calls) == 1
    assert second.value == first.value
    assert "frame 1" in second.method
    ocr.estimate(make_view(textured(seed=5), memory=memory, seq=3))
    assert len(calls) == 2


def test_a_missing_library_is_unavailable_and_names_what_to_install(monkeypatch):
    monkeypatch.setattr(ocr, "_reader", None)
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    value = ocr.estimate(make_view(textured()))["ocr"]
    assert value.source == "unavailable"
    assert "pip install" in value.reason


def test_a_picture_without_text_is_an_empty_reading_not_an_error():
    _have_library()
    value = ocr.estimate(make_view(cv2.GaussianBlur(textured(), (0, 0), 2)))["ocr"]
    assert value.source == "measured"
    assert value.value == []
