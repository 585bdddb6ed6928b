"""What moved between two frames: the correlation volume finds shifts, and nothing is made up without a frame before."""

import pytest
import torch
from support.lively_parts import changed_entry, enliven, millions
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.temporal.pair_motion import RADIUS, LocalCorrelation, PairMotionEncoder

WINDOW = 2 * RADIUS + 1


def maps(batch: int = 2, frames: int = 2, seed: int = 110):
    return torch.randn(batch, frames, 768, 14, 14, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(111)
    return enliven(PairMotionEncoder())


@pytest.mark.parametrize(("side", "radius"), [(5, 1), (6, 3), (3, 3)])
@torch.no_grad()
def test_correlation_equals_a_slow_reference(side, radius):
    torch.manual_seed(side)
    now, before = torch.randn(2, 4, side, side), torch.randn(2, 4, side, side)
    found = LocalCorrelation(side, radius)(now, before)
    window = 2 * radius + 1
    assert found.shape == (2, window * window, side, side)
    for entry in range(2):
        for y in range(side):
            for x in range(side):
                for dy in range(-radius, radius + 1):
                    for dx in range(-radius, radius + 1):
                        expected = 0.0
                        if 0 <= y + dy < side and 0 <= x + dx < side:
                            a, b = now[entry, :, y, x], before[entry, :, y + dy, x + dx]
                            expected = float(a @ b / (a.norm() * b.norm()))
                        channel = (dy + radius) * window + dx + radius
                        assert found[entry, channel, y, x].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("dy", "dx"), [(0, 0), (2, 0), (0, -3), (-1, 2)])
@torch.no_grad()
def test_a_shift_is_found_where_it_came_from(dy, dx):
    torch.manual_seed(112)
    before = torch.randn(1, 32, 14, 14)
    now = torch.roll(before, (-dy, -dx), dims=(2, 3))  # now at (y, x) is before at (y + dy, x + dx)
    best = LocalCorrelation()(now, before)[0].argmax(dim=0)[4:10, 4:10]
    assert (best == (dy + RADIUS) * WINDOW + dx + RADIUS).all()


@torch.no_grad()
def test_correlation_stays_within_one_for_any_size_of_numbers():
    now = torch.randn(1, 8, 14, 14)
    for size in (0.0, 1e-30, 1e4):
        found = LocalCorrelation()(now * size, now * size)
        assert found.isfinite().all() and found.abs().max() <= 1.0 + 1e-5


@pytest.mark.parametrize("valid", [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]], ids=["no frame before", "no frame", "neither"])
@torch.no_grad()
def test_without_both_frames_nothing_is_said_of_motion(encoder, valid):
    mixed = torch.tensor([valid, [1.0, 1.0]])
    found = encoder(maps(), mixed)["motion_features"]
    assert found.shape == (2, 256, 14, 14)
    assert not found[0].any() and found[1].abs().max() > 0.1
    broken = maps()
    broken[0] = float("nan")
    assert torch.equal(found, encoder(broken, mixed)["motion_features"])


@torch.no_grad()
def test_only_the_last_two_maps_are_read(encoder):
    longer = maps(frames=4)
    valid = torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2)
    found = encoder(longer, valid)["motion_features"]
    assert torch.equal(found, encoder(longer[:, -2:], torch.ones(2, 2))["motion_features"])
    assert torch.equal(found, encoder(changed_entry(longer, slice(None), slice(0, 2)), valid)["motion_features"])


@torch.no_grad()
def test_both_frames_and_their_order_count(encoder):
    valid = torch.ones(2, 2)
    found = encoder(maps(), valid)["motion_features"]
    for other in (maps().flip(1), changed_entry(maps(), slice(None), 0), changed_entry(maps(), slice(None), 1)):
        assert (encoder(other, valid)["motion_features"] - found).abs().max() > 1e-2


@torch.no_grad()
def test_correlation_difference_and_what_is_there_now_are_read(encoder):
    seen = []
    hook = encoder.enter.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    encoder(maps(), torch.ones(2, 2))
    hook.remove()
    before, now = (encoder.match(maps()[:, frame]) for frame in range(2))
    assert torch.allclose(seen[0], torch.cat((LocalCorrelation()(now, before), now - before, now), dim=1), atol=1e-6)


def test_one_map_alone_is_refused(encoder):
    with pytest.raises(ValueError, match="at least two maps, newest last; got 1"):
        encoder(maps(frames=1), torch.ones(2, 1))


def test_gradients_reach_every_parameter():
    assert not without_gradient(PairMotionEncoder(), (maps(), torch.ones(2, 2)))


def test_entries_of_a_batch_do_not_influence_one_another(encoder):
    assert entries_are_apart(encoder, (maps(), torch.ones(2, 2)))


def test_half_precision_stays_close(encoder):
    assert half_precision_error(lambda: encoder(maps(), torch.ones(2, 2))) < 0.05


def test_openvino_gives_the_same_numbers(encoder):
    mixed = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert openvino_difference(encoder, (maps(), mixed), (maps(1, seed=113), torch.ones(1, 2))) < OPENVINO_TOLERANCE


def test_it_has_the_size_that_was_planned(encoder):
    assert millions(encoder) == pytest.approx(2.5, rel=0.05)
