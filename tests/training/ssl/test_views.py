"""Views: of the asked size, repeatable, and with no pixel that wraps around."""

import numpy as np
import pytest

from training.ssl.views import view


@pytest.fixture
def picture():
    ramp = np.linspace(0, 255, 200, dtype=np.uint8)
    return np.repeat(np.tile(ramp, (120, 1))[:, :, None], 3, axis=2)


@pytest.mark.parametrize("method", ["simclr", "mae"])
def test_a_view_depends_on_its_random_numbers_alone(picture, method):
    one, again, other = (view(picture, np.random.default_rng(seed), method, 64) for seed in (1, 1, 2))
    assert one.shape == (64, 64, 3) and one.dtype == np.uint8
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_a_part_shows_some_of_the_picture(picture):
    reach = [np.ptp(view(picture, np.random.default_rng(seed), "mae", 32)[:, :, 0].astype(int)) for seed in range(30)]
    assert min(reach) > 60 and max(reach) > 200


def test_colours_saturate_and_never_wrap(picture):
    """A ramp of grey stays monotone: a pixel that wrapped around would break it by hundreds."""
    for seed in range(40):
        row = view(picture, np.random.default_rng(seed), "simclr", 64)[32, :, 1].astype(int)
        steps = np.diff(row if row[-1] >= row[0] else row[::-1])
        assert steps.min() >= -3, (seed, steps.min())


def test_colours_of_simclr_differ_more_than_those_of_the_autoencoder(picture):
    def spread(method):
        means = [view(picture, np.random.default_rng(seed), method, 32).mean(axis=(0, 1)) for seed in range(40)]
        return np.std([mean[0] - mean[2] for mean in means])

    assert spread("mae") < 1e-6 < spread("simclr")
