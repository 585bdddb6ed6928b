"""Whatever happens to a picture happens to its truth: coloured rectangles are where their boxes say."""

import numpy as np
import pytest
from support.training_samples import painted, seen

from training.data.augment.combine import mixup, mosaic, paste
from training.data.augment.compose import Augmenter, cutout
from training.data.augment.geometric import crop, geometric
from training.data.augment.photometric import photometric
from training.data.augment.warp import warp
from training.data.sample import Sample
from training.loop.config import AugmentConfig

TWO = [(1, 0.3, 0.4, 0.2, 0.3), (2, 0.7, 0.6, 0.25, 0.4)]


def rng(seed=0):
    return np.random.default_rng(seed)


def require_boxes_where_colours_are(sample: Sample, tolerance=0.02):
    for box, column in zip(sample.boxes, sample.columns, strict=True):
        np.testing.assert_allclose(box, seen(sample.image, int(column)), atol=tolerance)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("change", [geometric, crop])
def test_boxes_outlines_and_pictures_move_together(change, seed):
    sample = painted(TWO, depth_m=np.full((120, 160), 3.0, np.float32))
    change(sample, rng(seed))
    sample.check()
    require_boxes_where_colours_are(sample)
    for box, mask in zip(sample.boxes, sample.masks, strict=True):
        columns = np.nonzero(mask)[1]
        assert abs((columns.min() + columns.max() + 1) / 2 / mask.shape[1] - box[0]) < 0.02
    assert set(np.unique(sample.depth_m[np.isfinite(sample.depth_m)])) <= {3.0}


def test_a_mirrored_picture_has_mirrored_boxes_and_flow():
    sample = painted(TWO, flow_px=np.stack([np.full((120, 160), 4.0), np.full((120, 160), -1.0)]).astype(np.float32))
    warp(sample, np.array([[-1.0, 0.0, 159.0], [0.0, 1.0, 0.0]]), (120, 160))
    np.testing.assert_allclose(sample.boxes[:, 0], [0.7, 0.3], atol=0.01)
    assert np.allclose(sample.flow_px[0], -4.0) and np.allclose(sample.flow_px[1], -1.0)
    require_boxes_where_colours_are(sample)


def test_a_thing_that_is_mostly_outside_is_ignored_not_background():
    sample = painted([(1, 0.5, 0.5, 0.4, 0.4)])
    warp(sample, np.array([[1.0, 0.0, -100.0], [0.0, 1.0, 0.0]]), (120, 160))  # 12 of its 64 columns are left
    assert len(sample.boxes) == 0 and len(sample.ignored) == 1
    np.testing.assert_allclose(sample.ignored[0, 2], 12 / 160, atol=0.01)


def test_truth_that_cannot_be_moved_is_dropped():
    for change in (lambda sample: geometric(sample, rng()), lambda sample: paste(sample, painted(TWO), rng())):
        sample = painted(TWO, extra={"glare_risk": np.ones(4, np.float32)})
        change(sample)
        assert not sample.extra


def test_without_outlines_a_turned_box_holds_the_turned_thing():
    sample = painted(TWO, outlines=False)
    geometric(sample, rng(3), strength=1.5)
    for box, column in zip(sample.boxes, sample.columns, strict=True):
        where = seen(sample.image, int(column))
        assert (box[:2] - box[2:] / 2 <= where[:2] - where[2:] / 2 + 0.02).all()
        assert (box[:2] + box[2:] / 2 >= where[:2] + where[2:] / 2 - 0.02).all()


def test_light_and_colour_stay_within_their_range_and_no_pixel_wraps():
    bright = painted([])
    bright.image[:] = 250
    dark = painted([])
    dark.image[:] = 4
    for seed in range(40):
        for start, low, high in ((bright, 150, 255), (dark, 0, 40)):
            sample = painted([])
            sample.image = start.image.copy()
            photometric(sample, rng(seed))
            assert sample.image.dtype == np.uint8 and low <= sample.image.min() and sample.image.max() <= high


@pytest.mark.parametrize("seed", range(8))
def test_a_mosaic_holds_its_parts_where_their_boxes_say(seed):
    parts = [painted([(1, 0.5, 0.5, 0.3, 0.3)]), painted([(2, 0.5, 0.5, 0.3, 0.3)]), painted([]), painted([])]
    joined = mosaic(parts, rng(seed), 160).check()
    assert joined.image.shape == (160, 160, 3)
    require_boxes_where_colours_are(joined, 0.03)
    assert len(joined.boxes) + len(joined.ignored) >= 1


def test_what_one_part_did_not_label_is_not_labelled_in_the_whole():
    parts = [painted([]), painted([], labelled=(True, False, True)), painted([]), painted([])]
    assert mosaic(parts, rng(), 160).labelled.tolist() == [True, True, False, True]


@pytest.mark.parametrize("seed", range(12))
def test_mixed_pictures_have_the_things_that_can_be_seen_and_ignore_the_faint(seed):
    mixed = mixup(painted([TWO[0]]), painted([TWO[1]]), rng(seed)).check()
    assert len(mixed.boxes) + len(mixed.ignored) == 2 and len(mixed.boxes) >= 1
    strong = int(mixed.columns[0])
    centre = (int(mixed.boxes[0, 1] * 120), int(mixed.boxes[0, 0] * 160))
    channel = {1: 0, 2: 1}[strong]
    pixel = mixed.image[centre].astype(int)
    assert pixel[channel] > pixel[2] + 40  # its colour is there


@pytest.mark.parametrize("seed", range(12))
def test_a_pasted_thing_is_where_its_box_says_and_what_it_hides_is_ignored(seed):
    sample, donor = painted([(2, 0.5, 0.5, 0.15, 0.15)]), painted([(1, 0.5, 0.5, 0.5, 0.6)])
    paste(sample, donor, rng(seed))
    sample.check()
    added = sample.columns == 1
    assert added.sum() == 1
    np.testing.assert_allclose(sample.boxes[added][0], seen(sample.image, 1), atol=0.02)
    green = seen(sample.image, 2)
    if green is None:
        assert len(sample.boxes) == 1 and len(sample.ignored) == 1


def test_nothing_is_pasted_from_a_picture_without_outlines():
    sample = painted(TWO)
    paste(sample, painted(TWO, outlines=False), rng())
    assert len(sample.boxes) == 2


def test_holes_are_cut_and_truth_stays():
    sample = painted(TWO)
    cutout(sample, rng(1))
    assert (sample.image == 0).all(axis=2).any() and len(sample.boxes) == 2


def test_the_same_seed_gives_the_same_sample_and_closing_epochs_combine_nothing():
    augmenter = Augmenter(AugmentConfig(mosaic=1.0, mixup=1.0, copy_paste=1.0), 160)
    one, two = (augmenter(painted(TWO), lambda _: painted(TWO), rng(5)) for _ in range(2))
    assert np.array_equal(one.image, two.image) and np.array_equal(one.boxes, two.boxes)
    closing = augmenter(painted(TWO), lambda _: pytest.fail("drew another sample"), rng(5), closing=True)
    assert len(closing.boxes) <= 2


def test_a_picture_with_writing_is_never_mirrored():
    augmenter = Augmenter(AugmentConfig(mosaic=0, mixup=0, copy_paste=0, crop=0, photometric=0, cutout=0), 160,
                          ("background", "speed limit sign", "car", "door"))
    for seed in range(20):
        sample = augmenter(painted([(1, 0.2, 0.5, 0.2, 0.3)]), lambda _: None, rng(seed))
        assert len(sample.boxes) == 0 or sample.boxes[0, 0] < 0.5
