"""Sound as tokens, and seeing and hearing together; without sound, sight is what it was, bit for bit."""

import pytest
import torch
from support.lively_parts import changed_entry, enliven, grid, millions
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.fusion.audio_encoder import AudioEncoder
from maxsight_core.models.fusion.cross_modal import CrossModalAttention

HEARD, MISSING = torch.ones(2, 1), torch.zeros(2, 1)


def sound(batch: int = 2, seed: int = 60):
    return torch.randn(batch, 128, generator=torch.Generator().manual_seed(seed)) * 20.0


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(61)
    return enliven(AudioEncoder())


@pytest.fixture(scope="module")
def attention():
    torch.manual_seed(62)
    return enliven(CrossModalAttention())


@pytest.fixture(scope="module")
def seen(encoder):
    torch.manual_seed(63)
    with torch.no_grad():
        return torch.randn(2, 768), grid(), encoder(sound(), HEARD)["audio_tokens"]


@torch.no_grad()
def test_every_number_of_the_sound_counts_and_loudness_too(encoder):
    base = encoder(sound(), HEARD)["audio_tokens"]
    assert base.shape == (2, 16, 768)
    for index in (0, 64, 127):
        assert (encoder(changed_entry(sound(), 0, index), HEARD)["audio_tokens"][0] - base[0]).abs().max() > 1e-3
    assert (encoder(sound() * 10, HEARD)["audio_tokens"] - base).abs().max() > 1e-2
    assert base.std(dim=1).mean() > 0.01  # the sixteen tokens differ


@pytest.mark.parametrize("loudness", [0.0, 1e4])
@torch.no_grad()
def test_silence_and_clipping_give_calm_tokens(encoder, loudness):
    tokens = encoder(torch.full((1, 128), loudness), torch.ones(1, 1))["audio_tokens"]
    assert tokens.isfinite().all() and tokens.abs().max() < 10


@torch.no_grad()
def test_a_small_coefficient_is_heard_beside_loudness(encoder):
    loud = torch.zeros(1, 128)
    loud[0, 0] = 500.0
    other = loud.clone()
    other[0, 64] = 2.0
    tokens, moved = (encoder(x, torch.ones(1, 1))["audio_tokens"] for x in (loud, other))
    assert (tokens - moved).std() > 0.05 * tokens.std()


@torch.no_grad()
def test_missing_sound_gives_exactly_nothing_whatever_the_numbers(encoder):
    mixed = torch.tensor([[1.0], [0.0]])
    tokens = encoder(sound(), mixed)["audio_tokens"]
    assert tokens[0].abs().max() > 0.1 and not tokens[1].any()
    assert torch.equal(tokens, encoder(changed_entry(sound(), 1), mixed)["audio_tokens"])
    broken = sound()
    broken[1] = float("nan")
    assert torch.equal(tokens, encoder(broken, mixed)["audio_tokens"])


@torch.no_grad()
def test_without_sound_the_scene_is_bit_identical_and_the_sound_is_nothing(attention, seen):
    scene, places, tokens = seen
    scene = scene.clone()
    scene[0, :4] = torch.tensor([-0.0, 1e-42, 3e38, -1e-30])  # numbers that arithmetic would change
    for loud in (tokens, torch.full_like(tokens, 1e30), torch.zeros_like(tokens)):
        found = attention(scene, places, loud, MISSING)
        assert torch.equal(found["scene_heard"].view(torch.int32), scene.view(torch.int32))
        assert not found["audio_context"].any()


@torch.no_grad()
def test_sound_is_missing_entry_by_entry(attention, seen):
    scene, places, tokens = seen
    found = attention(scene, places, tokens, torch.tensor([[0.0], [1.0]]))
    assert torch.equal(found["scene_heard"][0], scene[0]) and not found["audio_context"][0].any()
    both = attention(scene, places, tokens, HEARD)
    assert torch.equal(found["scene_heard"][1], both["scene_heard"][1])
    assert torch.equal(found["audio_context"][1], both["audio_context"][1])


@torch.no_grad()
def test_each_side_hears_of_the_other(attention, seen):
    scene, places, tokens = seen
    base = attention(scene, places, tokens, HEARD)
    louder = attention(scene, places, changed_entry(tokens, 0, 3), HEARD)
    elsewhere = attention(scene, changed_entry(places, 0, slice(None), 2, 11), tokens, HEARD)
    other_scene = attention(changed_entry(scene, 0), places, tokens, HEARD)
    assert (louder["scene_heard"][0] - base["scene_heard"][0]).abs().max() > 1e-4
    assert (elsewhere["audio_context"][0] - base["audio_context"][0]).abs().max() > 1e-5
    assert (other_scene["audio_context"][0] - base["audio_context"][0]).abs().max() > 1e-5


@torch.no_grad()
def test_the_place_of_what_sounds_matters(attention, seen):
    scene, places, tokens = seen
    mirrored = attention(scene, places.flip(-1), tokens, HEARD)["audio_context"]
    assert (mirrored - attention(scene, places, tokens, HEARD)["audio_context"]).abs().max() > 1e-5


@torch.no_grad()
def test_an_untrained_network_lets_little_of_the_sound_in(seen):
    torch.manual_seed(64)
    scene, places, tokens = seen
    heard = CrossModalAttention().eval()(scene, places, tokens, HEARD)["scene_heard"]
    assert torch.cosine_similarity(heard, scene).min() > 0.99


def test_gradients_reach_every_parameter(seen):
    assert not without_gradient(AudioEncoder(), (sound(), HEARD))
    assert not without_gradient(CrossModalAttention(), (*seen, HEARD))


def test_missing_sound_trains_without_breaking_anything(seen):
    scene, places, tokens = seen
    encoder = AudioEncoder()
    encoder(torch.full((2, 128), float("nan")), MISSING)["audio_tokens"].sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in encoder.parameters())
    module = CrossModalAttention()
    module(scene, places, tokens, MISSING)["scene_heard"].sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())


def test_entries_of_a_batch_do_not_influence_one_another(encoder, attention, seen):
    assert entries_are_apart(encoder, (sound(4), torch.ones(4, 1)))
    assert entries_are_apart(attention, (*seen, HEARD))


def test_half_precision_stays_close(encoder, attention, seen):
    assert half_precision_error(lambda: encoder(sound(), HEARD)) < 0.05
    assert half_precision_error(lambda: attention(*seen, HEARD)) < 0.05


def test_openvino_gives_the_same_numbers(encoder, attention, seen):
    mixed, single = torch.tensor([[1.0], [0.0]]), torch.ones(1, 1)
    assert openvino_difference(encoder, (sound(), mixed), (sound(1, 65), single)) < OPENVINO_TOLERANCE
    example = (torch.randn(1, 768), grid(1, 66), torch.randn(1, 16, 768), single)
    assert openvino_difference(attention, (*seen, mixed), example) < OPENVINO_TOLERANCE


def test_they_have_the_sizes_that_were_planned(encoder, attention):
    assert millions(encoder) == pytest.approx(11.0, rel=0.05)
    assert millions(attention) == pytest.approx(15.0, rel=0.05)
