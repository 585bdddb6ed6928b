"""A good picture is trusted; a covered, dark, blown out or blurred one is not."""

import cv2
import numpy as np
import pytest
from support.data import shared_data
from support.scene_views import load_rgb, textured

from maxsight_core.perception import frame_quality


def _sample_photos(count: int = 16) -> list[np.ndarray]:
    files = sorted(shared_data("coco_cc", "images").iterdir())
    photos = []
    for path in files[:: len(files) // count][:count]:
        rgb = load_rgb(path)
        scale = 640 / max(rgb.shape[:2])
        photos.append(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return photos


def _darken(rgb: np.ndarray, factor: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0.0, 4.0, rgb.shape)
    return np.clip(((rgb / 255.0) ** 2.2 * factor) ** (1 / 2.2) * 255.0 + noise, 0, 255).astype(np.uint8)


def test_real_photographs_are_trusted():
    doubts = [frame_quality.measure(photo).uncertainty for photo in _sample_photos()]
    assert np.median(doubts) < 0.1
    assert np.mean(np.array(doubts) < 0.3) >= 0.9


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("blurred", lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 12)),
        ("dark", lambda rgb: _darken(rgb, 0.01)),
        ("finger on the lens", lambda rgb: np.clip(
            cv2.GaussianBlur(rgb, (0, 0), 90) * 0.3 + np.array([120, 50, 40])
            + np.random.default_rng(1).normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)),
        ("black", np.zeros_like),
        ("white", lambda rgb: np.full_like(rgb, 255)),
        ("one grey", lambda rgb: np.full_like(rgb, 128)),
    ],
)
def test_spoiled_photographs_are_not_trusted(name, spoil):
    doubts = [frame_quality.measure(np.ascontiguousarray(spoil(photo))).uncertainty for photo in _sample_photos(8)]
    assert np.median(doubts) > 0.7, name


def test_moderate_blur_and_noise_keep_a_picture_usable():
    photo = textured()
    noisy = np.clip(photo + np.random.default_rng(0).normal(0, 10, photo.shape), 0, 255).astype(np.uint8)
    assert frame_quality.measure(cv2.GaussianBlur(photo, (0, 0), 2)).uncertainty < 0.3
    assert frame_quality.measure(noisy).uncertainty < 0.3


def test_sharpness_does_not_depend_on_contrast_or_size():
    photo = textured()
    faint = np.clip(photo * 0.4 + 76, 0, 255).astype(np.uint8)
    large = cv2.resize(photo, (1280, 960), interpolation=cv2.INTER_CUBIC)
    blurred = cv2.GaussianBlur(photo, (0, 0), 5)
    sharp = frame_quality.measure(photo).sharpness
    assert frame_quality.measure(faint).sharpness == pytest.approx(sharp, abs=0.05)
    assert frame_quality.measure(large).sharpness == pytest.approx(sharp, abs=0.05)
    assert frame_quality.measure(blurred).sharpness < 0.5 * sharp


def test_motion_blur_in_one_direction_lowers_sharpness():
    photo = textured()
    assert frame_quality.measure(cv2.blur(photo, (41, 1))).sharpness < 0.5 * frame_quality.measure(photo).sharpness


def test_noise_is_recovered_on_a_flat_and_on_a_textured_picture():
    rng = np.random.default_rng(3)
    for base in (np.full((240, 320, 3), 128.0), cv2.GaussianBlur(textured(240, 320), (0, 0), 3).astype(float)):
        grain = rng.normal(0, 10, (240, 320, 1))
        noisy = np.clip(base + grain, 0, 255).astype(np.uint8)
        assert frame_quality.measure(noisy).noise * 255 == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize(("level", "lighting"), [(10, "dark"), (50, "dim"), (120, "normal"), (220, "bright")])
def test_lighting_level_follows_the_mean(level, lighting):
    flat = np.full((120, 160, 3), level, np.uint8)
    quality = frame_quality.measure(flat)
    assert quality.lighting == lighting
    assert frame_quality.lighting_value(quality).value["level"] == lighting


def test_uncertain_detections_add_to_the_pictures_doubt_but_never_skip_stage_b_alone():
    good = frame_quality.measure(textured())
    assert frame_quality.uncertainty_value(good, None).value == good.uncertainty
    unsure = frame_quality.uncertainty_value(good, 1.0).value
    assert good.uncertainty < unsure <= 0.7
    with pytest.raises(ValueError, match="detections_entropy"):
        frame_quality.uncertainty_value(good, 1.5)


def test_wrong_picture_type_is_refused():
    with pytest.raises(ValueError, match="uint8"):
        frame_quality.measure(np.zeros((10, 10, 3), np.float32))
