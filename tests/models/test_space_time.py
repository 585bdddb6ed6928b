"""Time attention never mixes places, space attention never mixes frames."""

import pytest
import torch
from support.lively_parts import changed_entry, enliven
from support.network_parts import entries_are_apart, without_gradient

from maxsight_core.models.temporal.space_time import DividedSpaceTimeBlock, SpaceAttention, TimeAttention

WIDTH, HEADS, FRAMES, PLACES = 12, 3, 4, 5
ALL = torch.ones(2, FRAMES)


@pytest.fixture
def tokens():
    return torch.randn(2, FRAMES, PLACES, WIDTH, generator=torch.Generator().manual_seed(90))


@pytest.fixture(scope="module")
def time():
    torch.manual_seed(91)
    return TimeAttention(WIDTH, WIDTH, HEADS).eval()


@pytest.fixture(scope="module")
def space():
    torch.manual_seed(92)
    return SpaceAttention(WIDTH, HEADS).eval()


@pytest.fixture(scope="module")
def block():
    torch.manual_seed(93)
    return enliven(DividedSpaceTimeBlock(WIDTH, HEADS))


def slow_attention(layer, query, memory, shown):
    """One query [W] over memory [N, W] in plain loops; ``shown``: which of the memory may be seen."""
    size, width = WIDTH // HEADS, WIDTH
    q = layer.query(query)
    pairs = [layer.key_value(entry) for entry in memory]
    mixed = []
    for head in range(HEADS):
        part = slice(size * head, size * head + size)
        weights = [torch.exp(q[part] @ pair[:width][part] / size ** 0.5) if seen else torch.tensor(0.0)
                   for pair, seen in zip(pairs, shown, strict=True)]
        total = sum(weights)
        mixed.append(sum(weight / total * pair[width:][part] for weight, pair in zip(weights, pairs, strict=True)))
    return layer.out(torch.cat(mixed))


@pytest.mark.parametrize("valid", [[1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1]])
@torch.no_grad()
def test_time_attention_equals_a_slow_reference(time, tokens, valid):
    found = time(tokens, tokens, torch.tensor([valid, valid]).float())
    for entry in range(2):
        for frame in range(FRAMES):
            for place in range(PLACES):
                expected = slow_attention(time, tokens[entry, frame, place], tokens[entry, :, place], valid)
                assert torch.allclose(found[entry, frame, place], expected, atol=1e-6)


@torch.no_grad()
def test_space_attention_equals_a_slow_reference(space, tokens):
    found = space(tokens)
    for entry in range(2):
        for frame in range(FRAMES):
            for place in range(PLACES):
                expected = slow_attention(space, tokens[entry, frame, place], tokens[entry, frame], [1] * PLACES)
                assert torch.allclose(found[entry, frame, place], expected, atol=1e-6)


@torch.no_grad()
def test_time_attention_never_mixes_places(time, tokens):
    moved = changed_entry(tokens, slice(None), slice(None), 2)
    difference = (time(moved, moved, ALL) - time(tokens, tokens, ALL)).abs().amax(dim=(0, 1, 3))  # per place
    assert difference[2] > 1e-3
    assert not difference[[0, 1, 3, 4]].any()


@torch.no_grad()
def test_space_attention_never_mixes_frames(space, tokens):
    moved = changed_entry(tokens, slice(None), 1)
    difference = (space(moved) - space(tokens)).abs().amax(dim=(0, 2, 3))  # per frame
    assert difference[1] > 1e-3
    assert not difference[[0, 2, 3]].any()


@torch.no_grad()
def test_together_they_reach_every_place_of_every_frame(block, tokens):
    moved = changed_entry(tokens, slice(None), 0, 0)
    difference = (block(moved, ALL) - block(tokens, ALL)).abs().amax(dim=(0, 3))
    assert difference.min() > 1e-5


@torch.no_grad()
def test_a_frame_that_is_not_valid_has_exactly_no_influence_on_the_others(block, tokens):
    valid = torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2)
    found = block(tokens, valid)[:, 2:]
    assert torch.equal(found, block(changed_entry(tokens, slice(None), slice(0, 2)), valid)[:, 2:])
    assert torch.allclose(found, block(tokens[:, 2:], torch.ones(2, 2)), atol=1e-6)


@torch.no_grad()
def test_no_valid_frame_at_all_gives_finite_numbers(block, tokens):
    assert block(tokens, torch.zeros(2, FRAMES)).isfinite().all()


@torch.no_grad()
def test_the_order_is_time_then_space_then_feed_forward(block, tokens):
    x = tokens + block.time(block.time_norm(tokens), block.time_norm(tokens), ALL)
    x = x + block.space(block.space_norm(x))
    assert torch.allclose(block(tokens, ALL), x + block.feed(block.feed_norm(x)), atol=1e-6)


@torch.no_grad()
def test_a_block_for_the_newest_frame_reads_all_frames_of_another_width(tokens):
    torch.manual_seed(94)
    block = enliven(DividedSpaceTimeBlock(24, HEADS, memory_width=WIDTH))
    newest = torch.randn(2, 1, PLACES, 24)
    found = block(newest, ALL, tokens)
    assert found.shape == (2, 1, PLACES, 24)
    for frame in range(FRAMES):
        assert (block(newest, ALL, changed_entry(tokens, slice(None), frame)) - found).abs().max() > 1e-4


def test_frames_are_given_exactly_where_they_are_needed(block, tokens):
    with pytest.raises(ValueError, match="memory_width"):
        block(tokens, ALL, tokens)
    with pytest.raises(ValueError, match="memory_width"):
        DividedSpaceTimeBlock(24, HEADS, memory_width=WIDTH)(torch.randn(2, 1, PLACES, 24), ALL)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="heads that divide the width 12; got 5"):
        TimeAttention(12, 12, 5)


def test_a_new_block_leaves_the_tokens_nearly_as_they_are(tokens):
    torch.manual_seed(95)
    with torch.no_grad():
        assert (DividedSpaceTimeBlock(WIDTH, HEADS)(tokens, ALL) - tokens).abs().max() < 0.05


def test_gradients_reach_every_parameter(tokens):
    assert not without_gradient(DividedSpaceTimeBlock(WIDTH, HEADS), (tokens, ALL))


def test_entries_of_a_batch_do_not_influence_one_another(block, tokens):
    assert entries_are_apart(block, (tokens, ALL))
