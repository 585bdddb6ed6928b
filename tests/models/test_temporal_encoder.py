"""What happened over eight of Stage A's maps; frames before the beginning do not count."""

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

from maxsight_core.models.temporal.encoder import TemporalEncoder

STARTING = torch.tensor([[0.0] * 5 + [1.0] * 3, [1.0] * 8])
"""One session three frames old, one in full."""


def maps(batch: int = 2, seed: int = 100):
    return torch.randn(batch, 8, 768, 14, 14, generator=torch.Generator().manual_seed(seed)).relu()


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(101)
    return enliven(TemporalEncoder())


@pytest.fixture(scope="module")
def found(encoder):
    with torch.no_grad():
        return encoder(maps(), STARTING)


def test_it_gives_a_map_of_motion_and_a_calm_context(found):
    assert list(found) == ["motion_features", "temporal_context"]
    assert found["motion_features"].shape == (2, 256, 14, 14)
    assert found["temporal_context"].shape == (2, 768)
    assert found["temporal_context"].std().item() == pytest.approx(1.0, abs=0.1)


@torch.no_grad()
def test_frames_before_the_beginning_have_exactly_no_influence(encoder, found):
    for garbage in (changed_entry(maps(), 0, slice(0, 5)), maps().index_fill(1, torch.arange(5), float("nan"))):
        garbage[1] = maps()[1]
        after = encoder(garbage, STARTING)
        assert all(torch.equal(after[name], found[name]) for name in found)


@torch.no_grad()
def test_every_valid_frame_counts(encoder, found):
    for first, second in ((5, 0), (6, 3), (7, 7)):  # one frame of either session
        after = encoder(changed_entry(changed_entry(maps(), 0, first), 1, second), STARTING)
        for name in found:
            assert (after[name] - found[name]).abs().flatten(1).amax(dim=1).min() > 1e-4


@torch.no_grad()
def test_the_order_of_the_frames_counts(encoder, found):
    backwards = encoder(maps().flip(1), torch.ones(2, 8))
    for name in found:
        assert (backwards[name][1] - found[name][1]).abs().max() > 1e-3


@torch.no_grad()
def test_a_young_session_is_what_it_would_be_without_room_for_more_frames(encoder, found):
    shorter = TemporalEncoder(frames=3).eval()
    shorter.load_state_dict({**encoder.state_dict(), "times": encoder.times[:, 5:]})
    after = shorter(maps()[:1, 5:], torch.ones(1, 3))
    for name in found:
        assert torch.allclose(after[name], found[name][:1], atol=1e-4)


@torch.no_grad()
def test_what_changed_at_one_place_shows_there_first(encoder, found):
    moved = changed_entry(maps(), 1, 7, slice(None), 3, 10)
    difference = (encoder(moved, STARTING)["motion_features"] - found["motion_features"])[1].abs().sum(dim=0)
    y, x = divmod(int(difference.argmax()), 14)
    assert abs(y - 3) <= 1 and abs(x - 10) <= 1


@torch.no_grad()
def test_the_fine_half_of_motion_is_the_newest_frames_and_local(encoder):
    kept = encoder.narrow.weight.clone()
    encoder.narrow.weight.zero_()  # silences what attention found on 7 x 7 places
    moved = changed_entry(maps(), 1, 7, slice(None), 3, 10)
    before, after = (encoder(x, STARTING)["motion_features"][1] for x in (maps(), moved))
    encoder.narrow.weight.copy_(kept)
    touched = (before - after).abs().amax(dim=0) > 0
    reach = torch.zeros(14, 14, dtype=torch.bool)
    reach[0:7, 7:14] = True  # three convolutions of 3 x 3 around (3, 10)
    assert touched[2:5, 9:12].all() and not touched[~reach].any()


@torch.no_grad()
def test_nothing_valid_gives_finite_numbers_that_do_not_depend_on_the_maps(encoder):
    nothing = torch.zeros(2, 8)
    first, second = encoder(maps(), nothing), encoder(maps(seed=102), nothing)
    assert all(torch.equal(first[name], second[name]) and first[name].isfinite().all() for name in first)


def test_gradients_reach_every_parameter():
    assert not without_gradient(TemporalEncoder(), (maps(1), torch.ones(1, 8)))


def test_entries_of_a_batch_do_not_influence_one_another(encoder):
    assert entries_are_apart(encoder, (maps(), STARTING))


def test_half_precision_stays_close(encoder):
    assert half_precision_error(lambda: encoder(maps(), STARTING)) < 0.05


def test_openvino_gives_the_same_numbers(encoder):
    assert openvino_difference(encoder, (maps(), STARTING), (maps(1, 103), torch.ones(1, 8))) < OPENVINO_TOLERANCE


def test_it_has_the_size_that_was_planned(encoder):
    assert millions(encoder) == pytest.approx(35.0, rel=0.05)
