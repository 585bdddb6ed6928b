"""Each vision condition changes a picture as the description says, and no pixel wraps around."""

import cv2
import numpy as np
import pytest
from support.training_samples import painted

from maxsight_core.contracts import CONDITIONS
from training.data.augment.compose import Augmenter
from training.data.augment.condition import condition
from training.data.conditions import peripheral_loss, preprocess
from training.loop.config import AugmentConfig


def picture():
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_changes_a_picture_and_always_alike(name):
    image = picture()
    before = image.copy()
    changed = preprocess(image, name)
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert np.abs(changed.astype(int) - image).mean() > 0.5
    assert np.array_equal(changed, preprocess(image, name)) and np.array_equal(image, before)


@pytest.mark.parametrize("name", CONDITIONS)
def test_no_pixel_wraps_around(name):
    white, black = np.full((60, 80, 3), 255, np.uint8), np.zeros((60, 80, 3), np.uint8)
    assert preprocess(white, name)[30, 5].min() >= (120 if name == "glaucoma" else 200)
    assert preprocess(black, name).max() <= 26  # a tenth of white, cataracts' veil
    for seed in range(5):
        sample = painted([])
        sample.image = black.copy()
        condition(sample, np.random.default_rng(seed), name)
        assert sample.image.max() <= 26


def test_cataracts_take_a_fifth_of_the_contrast_and_add_a_veil():
    flat = np.full((40, 40, 3), 100, np.uint8)
    assert preprocess(flat, "cataracts")[20, 20].tolist() == [round(100 * 0.8 + 25.5)] * 3


def test_glaucoma_darkens_the_periphery_and_amd_the_centre():
    flat = np.full((100, 140, 3), 200, np.uint8)
    glaucoma, amd = preprocess(flat, "glaucoma"), preprocess(flat, "amd")
    assert glaucoma[50, 70, 0] == 200 and glaucoma[2, 2, 0] == 100
    assert amd[50, 70, 0] == 60 and amd[2, 2, 0] == 200
    assert glaucoma[50, 70 + 20, 0] == 200 and glaucoma[50, 70 + 40, 0] == 100  # the radius is 30


def test_night_blindness_is_answered_with_light_and_drawn_edges():
    image = np.full((60, 60, 3), 60, np.uint8)
    image[:, 30:] = 140
    helped = preprocess(image, "retinitis_pigmentosa")
    assert helped[30, 5, 0] == 90 and helped[30, 55, 0] == 210
    assert 90 + 26 in helped[30, 26:34, 0]  # a tenth of white on the dark side of the edge


def test_red_and_green_are_alike_and_blue_is_not():
    image = np.zeros((3, 10, 3), np.uint8)
    image[0, :, 0], image[1, :, 1], image[2, :, 2] = 200, 200, 200
    seen = preprocess(image, "colour_blindness").astype(int)
    assert abs(seen[0, 0, 0] - seen[0, 0, 1]) <= 1 and abs(seen[1, 0, 0] - seen[1, 0, 1]) <= 1
    assert seen[2, 0, 2] > 190


def test_unknown_conditions_and_pictures_are_refused():
    with pytest.raises(ValueError, match="expected one of myopia"):
        preprocess(picture(), "migraine")
    with pytest.raises(ValueError, match="uint8"):
        preprocess(picture().astype(np.float32), "amd")
    with pytest.raises(ValueError, match="migraine"):
        condition(painted([]), np.random.default_rng(0), "migraine")


def test_conditions_progress():
    dark = []
    for seed in range(30):
        sample = painted([])
        sample.image[:] = 200
        condition(sample, np.random.default_rng(seed), "glaucoma")
        dark.append(float((sample.image < 100).mean()))
    assert min(dark) < 0.55 and max(dark) > 0.7


def test_what_a_field_loss_hides_is_ignored_and_the_rest_stays():
    boxes = [(1, 0.5, 0.5, 0.1, 0.1), (2, 0.05, 0.5, 0.08, 0.2)]
    sample = painted(boxes, urgency=2, extra={"roi_priority": np.array([1.0, 0.5])})
    condition(sample, np.random.default_rng(0), "retinitis_pigmentosa")
    sample.check()
    assert sample.columns.tolist() == [1] and len(sample.masks) == 1
    np.testing.assert_allclose(sample.ignored[0], painted(boxes).boxes[1], atol=1e-6)
    assert sample.urgency == -1 and not sample.extra
    sample = painted(boxes)
    condition(sample, np.random.default_rng(0), "amd")
    assert sample.columns.tolist() == [2]


def test_how_much_is_left_is_what_the_picture_shows():
    flat = np.full((50, 70, 3), 200, np.uint8)
    effect = peripheral_loss(flat, 0.3, 0.8)
    np.testing.assert_allclose(effect.image[..., 0], effect.left * 200, atol=0.51)


def test_an_augmenter_simulates_conditions_only_when_told():
    nothing = {"mosaic": 0, "mixup": 0, "copy_paste": 0, "crop": 0, "photometric": 0, "cutout": 0, "geometric": 0}
    rng = np.random.default_rng
    plain = Augmenter(AugmentConfig(**nothing), 160)(painted([]), None, rng(1))
    assert np.array_equal(plain.image, painted([]).image)
    changed = [Augmenter(AugmentConfig(**nothing, condition=1.0), 160)(
        painted([(1, 0.5, 0.5, 0.3, 0.3)]), None, rng(seed)).image for seed in range(12)]
    assert sum(not np.array_equal(image, painted([(1, 0.5, 0.5, 0.3, 0.3)]).image) for image in changed) >= 10
