"""Pyramid and transformer brought together: weighted, by cross-attention, and both."""

import pytest
import torch
from support.lively_parts import changed_entry, enliven, millions, pyramid
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.fusion.cross_attention import CrossAttentionFusion, CrossAttentionLayer
from maxsight_core.models.fusion.hybrid import CnnContext, HybridFusion, level_means, on_grid
from maxsight_core.models.fusion.weighted import WeightedFusion


def tokens(batch: int = 2, seed: int = 50):
    return torch.randn(batch, 197, 768, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def context():
    torch.manual_seed(51)
    return CnnContext().eval()


@pytest.fixture(scope="module")
def fusion():
    torch.manual_seed(52)
    return enliven(HybridFusion())


@pytest.fixture(scope="module")
def inputs():
    return *pyramid(), tokens()


@pytest.fixture(scope="module")
def found(fusion, inputs):
    with torch.no_grad():
        return fusion(*inputs)


@torch.no_grad()
def test_the_weighted_sum_starts_half_and_half():
    cnn, vit = torch.randn(3, 768), torch.randn(3, 768)
    assert torch.allclose(WeightedFusion()(cnn, vit), 0.5 * cnn + 0.5 * vit, atol=1e-6)


@pytest.mark.parametrize("logit", [-1e4, -3.0, 0.7, 1e4])
def test_beta_stays_inside_its_bounds_whatever_is_learned_and_can_be_learned(logit):
    module = WeightedFusion()
    cnn, vit = torch.randn(3, 8), torch.randn(3, 8)
    with torch.no_grad():
        module.share.logit.fill_(logit)
    beta = module.beta.item()
    assert 0.0 < beta < 1.0
    assert torch.allclose(module(cnn, vit), beta * cnn + (1 - beta) * vit, atol=1e-5)
    if abs(logit) < 10:
        assert not without_gradient(module, (cnn, vit))


@torch.no_grad()
def test_a_layer_is_cross_attention_then_self_attention_then_feed_forward():
    torch.manual_seed(53)
    layer = enliven(CrossAttentionLayer(24, 3))
    queries, memory = torch.randn(2, 5, 24), torch.randn(2, 7, 24)

    def attend(attention, q, kv, hidden=()):
        q = attention.query(q)
        k, v = attention.key_value(kv).chunk(2, dim=-1)
        parts = []
        for head in range(3):
            part = slice(8 * head, 8 * head + 8)
            logits = q[..., part] @ k[..., part].transpose(1, 2) / 8 ** 0.5
            logits[:, :, list(hidden)] = -torch.inf
            parts.append(logits.softmax(dim=-1) @ v[..., part])
        return attention.out(torch.cat(parts, dim=-1))

    for hidden in ((), (2, 6)):
        bias = torch.zeros(1, 1, 1, 7)
        bias[..., list(hidden)] = -1e4
        x = queries + attend(layer.cross, layer.cross_norm(queries), layer.memory_norm(memory), hidden)
        x = x + attend(layer.own, layer.own_norm(x), layer.own_norm(x))
        expected = x + layer.feed[2](torch.nn.functional.gelu(layer.feed[0](layer.feed_norm(x))))
        assert torch.allclose(layer(queries, memory, bias), expected, atol=1e-5)


@torch.no_grad()
def test_both_sides_learn_from_the_other_and_pass_untouched_at_first():
    torch.manual_seed(54)
    module = CrossAttentionFusion().eval()
    cnn, vit = torch.randn(1, 196, 768), torch.randn(1, 197, 768)
    new_cnn, new_vit = module(cnn, vit)
    assert (new_cnn - cnn).abs().max() < 1.0 and (new_vit - vit).abs().max() < 1.0  # of values up to 4
    enliven(module)
    base_cnn, base_vit = module(cnn, vit)
    from_vit, _ = module(cnn, changed_entry(vit, 0, slice(1, 20)))
    _, from_cnn = module(changed_entry(cnn, 0, slice(0, 20)), vit)
    assert (from_vit - base_cnn).abs().amax(dim=2).min() > 1e-4  # every place of the grid hears of some patches
    assert (from_cnn - base_vit)[:, 0].abs().max() > 1e-4  # and the class token of some places
    assert base_cnn.shape == (1, 196, 768) and base_vit.shape == (1, 197, 768)
    assert millions(module) == pytest.approx(38.0, rel=0.02)


@pytest.mark.parametrize("silent", ["coarse", "fine"])
@torch.no_grad()
def test_each_of_the_two_rounds_carries_in_both_directions(silent):
    torch.manual_seed(56)
    module = enliven(CrossAttentionFusion())
    for layer in (getattr(module, f"{silent}_cnn"), getattr(module, f"{silent}_vit")):
        for end in (layer.cross.out, layer.own.out, layer.feed[-1]):
            end.weight.zero_()
            end.bias.zero_()
    cnn, vit = torch.randn(1, 196, 768), torch.randn(1, 197, 768)
    base_cnn, base_vit = module(cnn, vit)
    from_vit = module(cnn, changed_entry(vit, 0, slice(1, 20)))[0] - base_cnn
    from_cnn = module(changed_entry(cnn, 0, slice(0, 20)), vit)[1] - base_vit
    assert from_vit.abs().amax(dim=2).min() > 1e-4 and from_cnn.abs().amax(dim=2).min() > 1e-4
    blocks = from_vit[0].reshape(7, 2, 7, 2, 768)
    alike = torch.allclose(blocks[:, 0, :, 0], blocks[:, 1, :, 1], atol=1e-5)
    assert alike == (silent == "fine")  # the coarse round teaches four neighbours the same


@torch.no_grad()
def test_levels_lie_on_the_grid_by_mean_and_by_repetition():
    levels = pyramid(1)
    laid = on_grid(*levels)
    assert laid.shape == (1, 1024, 14, 14)
    p2, p3, p4, p5 = levels
    assert torch.allclose(laid[0, :256, 3, 9], p2[0, :, 12:16, 36:40].mean(dim=(1, 2)), atol=1e-6)
    assert torch.allclose(laid[0, 256:512, 3, 9], p3[0, :, 6:8, 18:20].mean(dim=(1, 2)), atol=1e-6)
    assert torch.equal(laid[0, 512:768, 3, 9], p4[0, :, 3, 9])
    assert torch.equal(laid[0, 768:, 3, 9], p5[0, :, 1, 4])
    assert torch.allclose(level_means(*levels)[0, 256:512], p3[0].flatten(1).mean(dim=1), atol=1e-6)


@torch.no_grad()
def test_the_context_of_the_pyramid_alone_reads_every_level(context):
    levels = pyramid()
    base = context(*levels)
    assert list(base) == ["scene", "grid"]
    assert base["scene"].shape == (2, 768) and base["grid"].shape == (2, 256, 14, 14)
    assert base["scene"].std().item() == pytest.approx(1.0, abs=0.05)  # calm whatever the pyramid's size
    assert torch.corrcoef(torch.stack((base["grid"].flatten(), levels[2].flatten())))[0, 1] > 0.99  # P4, a little moved
    for index in range(4):
        moved = list(levels)
        moved[index] = changed_entry(levels[index], 0)
        after = context(*moved)
        assert not torch.allclose(after["scene"][0], base["scene"][0], atol=1e-3)
        assert not torch.allclose(after["grid"][0], base["grid"][0], atol=1e-3)


@torch.no_grad()
def test_the_hybrid_context_reads_both_branches(fusion, inputs, found):
    assert list(found) == ["scene", "grid"]
    assert found["scene"].shape == (2, 768) and found["grid"].shape == (2, 256, 14, 14)
    for index, part in ((0, (0,)), (3, (0,)), (4, (0, 0)), (4, (0, slice(1, 40)))):
        moved = list(inputs)
        moved[index] = changed_entry(inputs[index], *part)
        after = fusion(*moved)
        assert (after["scene"][0] - found["scene"][0]).abs().max() > 1e-3
        assert (after["grid"][0] - found["grid"][0]).abs().max() > 1e-4


@torch.no_grad()
def test_an_untrained_hybrid_keeps_p4_and_the_class_token(inputs):
    torch.manual_seed(55)
    module = HybridFusion().eval()
    out = module(*inputs)
    assert torch.corrcoef(torch.stack((out["grid"].flatten(), inputs[2].flatten())))[0, 1] > 0.99
    half = module.weigh(module.cnn_scene(level_means(*inputs[:4])), inputs[4][:, 0])
    assert torch.corrcoef(torch.stack((out["scene"].flatten(), half.flatten())))[0, 1] > 0.99


def test_gradients_reach_every_parameter(inputs):
    assert not without_gradient(CnnContext(), inputs[:4])
    assert not without_gradient(HybridFusion(), inputs)


def test_entries_of_a_batch_do_not_influence_one_another(context, fusion, inputs):
    assert entries_are_apart(context, inputs[:4])
    assert entries_are_apart(fusion, inputs)


def test_half_precision_stays_close(fusion, inputs):
    assert half_precision_error(lambda: fusion(*inputs)) < 0.03


def test_openvino_gives_the_same_numbers(context, fusion, inputs):
    assert openvino_difference(context, inputs[:4], pyramid(1, 9)) < OPENVINO_TOLERANCE
    assert openvino_difference(fusion, inputs, (*pyramid(1, 9), tokens(1, 9))) < OPENVINO_TOLERANCE


def test_they_have_the_sizes_that_were_planned(context, fusion):
    assert millions(context) == pytest.approx(1.1, rel=0.05)
    assert millions(fusion) == pytest.approx(39.5, rel=0.05)
