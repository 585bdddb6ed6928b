"""From the transformer back to the pyramid."""

import pytest
import torch
import torch.nn.functional as F
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    inputs_without_gradient,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.backbones.exchange import VitToCnn

SIDES = (56, 28, 14, 7)
OFF = -100.0  # a logit whose scale is as near 0 as it gets
NOTHING = 1e-3  # what is left of a silenced addition


@pytest.fixture(scope="module")
def exchange():
    torch.manual_seed(15)
    made = VitToCnn()
    torch.nn.init.normal_(made.project.bias)
    return made


@pytest.fixture(scope="module")
def inputs():
    torch.manual_seed(16)
    return torch.randn(2, 197, 768), *(torch.randn(2, 256, side, side) for side in SIDES)


@pytest.fixture
def without_refinement(exchange):
    """The exchange with its dynamic convolutions silenced, put back afterwards."""
    kept = [block.scale.logit.detach().clone() for block in exchange.refine]
    with torch.no_grad():
        for block in exchange.refine:
            block.scale.logit.fill_(OFF)
        yield exchange
        for block, logit in zip(exchange.refine, kept, strict=True):
            block.scale.logit.copy_(logit)


@torch.no_grad()
def test_each_level_gets_its_own_projection_of_the_patches(without_refinement, inputs):
    exchange, (tokens, *levels) = without_refinement, inputs
    out = exchange(*inputs)
    assert list(out) == ["p2", "p3", "p4", "p5"]
    for index, (level, made) in enumerate(zip(levels, out.values(), strict=True)):
        rows = slice(256 * index, 256 * (index + 1))
        weight, bias = exchange.project.weight[rows, :, 0, 0], exchange.project.bias[rows]
        patches = torch.stack([torch.stack([tokens[b, 1:] @ weight[o] + bias[o] for o in range(256)])
                               for b in range(2)]).reshape(2, 256, 14, 14)
        side = level.shape[-1]
        resized = (F.adaptive_avg_pool2d(patches, side) if side <= 14
                   else F.interpolate(patches, size=(side, side), mode="bilinear"))
        alpha = exchange.replies[index].scale.alpha
        assert alpha.item() == pytest.approx(0.1, abs=1e-6)
        assert torch.allclose(made, level + alpha * resized, atol=1e-4)


@torch.no_grad()
def test_a_patch_reaches_the_maps_at_its_place(without_refinement, inputs):
    tokens, *levels = inputs
    row, column = 3, 11
    changed = tokens.clone()
    changed[:, 1 + row * 14 + column] += 1.0
    before, after = without_refinement(*inputs), without_refinement(changed, *levels)
    for name, side in zip(("p2", "p3", "p4", "p5"), SIDES, strict=True):
        touched = ((before[name] - after[name]).abs().amax(dim=(0, 1)) > NOTHING).nonzero()
        centre = (touched.float().mean(dim=0) + 0.5) * 14 / side
        assert (centre - torch.tensor([row + 0.5, column + 0.5])).abs().max() <= 0.5
        assert len(touched) <= (2 * max(1, side // 14)) ** 2


@torch.no_grad()
def test_the_class_token_stays_out_of_the_maps(exchange, inputs):
    tokens, *levels = inputs
    changed = tokens.clone()
    changed[:, 0] += 1.0
    before, after = exchange(*inputs), exchange(changed, *levels)
    assert all(torch.equal(before[name], after[name]) for name in before)


@torch.no_grad()
def test_coarse_levels_pass_a_dynamic_convolution_and_fine_ones_do_not(exchange, without_refinement, inputs):
    silent = without_refinement(*inputs)
    for block in exchange.refine:
        block.scale.logit.fill_(0.0)
    loud = exchange(*inputs)
    assert all(torch.equal(silent[name], loud[name]) for name in ("p2", "p3"))
    for block, name in zip(exchange.refine, ("p4", "p5"), strict=True):
        expected = silent[name] + block.scale.alpha * block.dynamic(torch.relu(silent[name]))
        assert torch.allclose(loud[name], expected, atol=1e-4)
        assert (loud[name] - silent[name]).abs().mean() > 0.05


def test_a_new_exchange_is_gentle(inputs):
    _, *levels = inputs
    with torch.no_grad():
        out = VitToCnn()(*inputs)
    for level, made in zip(levels, out.values(), strict=True):
        assert 0.0 < (made - level).norm() / level.norm() < 0.35


def test_size_is_that_of_the_tier_table():
    with torch.device("meta"):
        assert sum(p.numel() for p in VitToCnn().parameters()) / 1e6 == pytest.approx(5.5, rel=0.05)


def test_gradients_reach_every_parameter_and_both_branches(exchange, inputs):
    assert inputs_without_gradient(exchange, inputs) == []
    assert without_gradient(exchange, inputs) == []


def test_entries_of_a_batch_do_not_touch(exchange, inputs):
    assert entries_are_apart(exchange, inputs)


def test_openvino_answers_as_torch(exchange, inputs):
    example = tuple(torch.randn_like(tensor[:1]) for tensor in inputs)
    assert openvino_difference(exchange, inputs, example) < OPENVINO_TOLERANCE


def test_half_precision_stays_close(exchange, inputs):
    assert half_precision_error(lambda: exchange(*inputs)) < 0.03
