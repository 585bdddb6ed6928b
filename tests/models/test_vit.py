"""The transformer's parts and what they take in from the pyramid; equality with torchvision is in
``test_published_weights``."""

import pytest
import torch
from support.network_parts import (
    OPENVINO_TOLERANCE,
    entries_are_apart,
    half_precision_error,
    inputs_without_gradient,
    openvino_difference,
    without_gradient,
)

from maxsight_core.models.backbones.vit import LEVEL_SIDES, LevelInjection, PatchEmbedding, VitBlocks


@pytest.fixture(scope="module")
def last():
    """The last part: three blocks and the final norm."""
    torch.manual_seed(11)
    return VitBlocks(3)


@pytest.fixture(scope="module")
def inputs():
    torch.manual_seed(12)
    return torch.randn(2, 197, 768), torch.randn(2, 256, 7, 7)


@torch.no_grad()
def test_patches_follow_the_class_token_row_by_row():
    torch.manual_seed(13)
    embedding = PatchEmbedding()
    picture = torch.zeros(1, 3, 224, 224)
    lit = picture.clone()
    lit[0, :, 2 * 16:3 * 16, 5 * 16:6 * 16] = 1.0  # patch row 2, column 5
    difference = embedding(lit)["tokens_0"] - embedding(picture)["tokens_0"]
    assert difference.abs().amax(dim=2).nonzero().tolist() == [[0, 1 + 2 * 14 + 5]]
    assert torch.equal(embedding(picture)["tokens_0"][0, 0], embedding.class_token[0, 0] + embedding.positions[0, 0])


@torch.no_grad()
@pytest.mark.parametrize("side", LEVEL_SIDES)
def test_a_spot_of_the_level_reaches_the_patch_at_its_place(side):
    torch.manual_seed(side)
    injection, tokens = LevelInjection(side), torch.randn(1, 197, 768)
    level = torch.zeros(1, 256, side, side)
    spot = level.clone()
    row, column = side // 7, side - 1
    spot[0, :, row, column] = 1.0
    difference = (injection(tokens, spot) - injection(tokens, level)).abs().amax(dim=2)[0]
    touched = {1 + 14 * r + c for r in range(14) for c in range(14)
               if (r * side // 14 == row or row * 14 // side == r) and (c * side // 14 == column or
                                                                       column * 14 // side == c)}
    assert set(difference.nonzero().flatten().tolist()) == touched


@torch.no_grad()
def test_the_injection_is_the_mean_of_the_projected_level():
    torch.manual_seed(14)
    injection, tokens, level = LevelInjection(56), torch.randn(2, 197, 768), torch.randn(2, 256, 56, 56)
    projected = torch.einsum("bchw,oc->bohw", level, injection.project.weight[:, :, 0, 0])
    projected = projected + injection.project.bias[:, None, None]
    pooled = torch.nn.functional.adaptive_avg_pool2d(projected, 14)
    expected = tokens.clone()
    expected[:, 1:] += injection.scale.alpha * pooled.flatten(2).transpose(1, 2)
    assert torch.allclose(injection(tokens, level), expected, atol=1e-5)


@torch.no_grad()
def test_the_level_changes_every_token_gently(last, inputs):
    tokens, level = inputs
    change = (last(tokens, level)["tokens"] - last(tokens, -level)["tokens"]).abs().amax(dim=2)
    assert (change > 1e-4).all()  # the class token too, by attention
    assert change.mean() < 1.0


def test_each_part_names_its_tokens_and_another_part_is_refused():
    with torch.device("meta"):
        assert [VitBlocks(part).gives for part in range(4)] == ["tokens_1", "tokens_2", "tokens_3", "tokens"]
        with pytest.raises(ValueError, match=r"a part of 0\.\.3; got 4"):
            VitBlocks(4)


def test_the_size_is_that_of_vit_b_16_and_four_injections():
    with torch.device("meta"):
        parts = [PatchEmbedding(), *(VitBlocks(part) for part in range(4))]
    assert sum(p.numel() for part in parts for p in part.parameters()) / 1e6 == pytest.approx(87, rel=0.05)


def test_gradients_reach_every_parameter_and_both_branches(last, inputs):
    assert inputs_without_gradient(last, inputs) == []
    assert without_gradient(last, inputs) == []
    assert without_gradient(PatchEmbedding(), (torch.randn(1, 3, 224, 224),)) == []


def test_entries_of_a_batch_do_not_touch(last, inputs):
    assert entries_are_apart(last, inputs)


def test_openvino_answers_as_torch(last, inputs):
    example = tuple(torch.randn_like(tensor[:1]) for tensor in inputs)
    assert openvino_difference(last, inputs, example) < OPENVINO_TOLERANCE


class Beginnings(torch.nn.Module):
    """The embedding and every injection in one graph: one conversion instead of five."""

    def __init__(self):
        super().__init__()
        self.embedding = PatchEmbedding()
        self.injections = torch.nn.ModuleList(LevelInjection(side) for side in LEVEL_SIDES)

    def forward(self, images, *levels):
        tokens = self.embedding(images)["tokens_0"]
        injected = [add(tokens, level) for add, level in zip(self.injections, levels, strict=True)]
        return {"tokens_0": tokens, **{str(level.shape[-1]): out for level, out in zip(levels, injected, strict=True)}}


def test_openvino_embeds_and_injects_as_torch():
    inputs = (torch.randn(2, 3, 224, 224), *(torch.randn(2, 256, side, side) for side in LEVEL_SIDES))
    example = tuple(torch.randn_like(tensor[:1]) for tensor in inputs)
    assert openvino_difference(Beginnings(), inputs, example) < OPENVINO_TOLERANCE


def test_half_precision_stays_close(last, inputs):
    assert half_precision_error(lambda: last(*inputs)) < 0.05
