"""Masked autoencoders: what is hidden has no way in, and the loss is of hidden pixels alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from maxsight_core.models.backbones.vit import VitBlocks
from maxsight_core.models.stage_a import StageA
from training.ssl.mae import VitMae, sine_positions
from training.ssl.masked_resnet import PATCH_PX, MaskedResNet, Visible
from training.ssl.masks import hidden_patches, hidden_pixel_loss, patches_of


def mask(*rows):
    return torch.tensor([rows], dtype=torch.bool)


HALF = mask([0, 1], [1, 0])


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(1)
    return MaskedResNet(StageA("pyramid").backbone)


def test_every_picture_hides_the_same_number_of_patches_and_others():
    hidden = hidden_patches(50, 7, 0.6, torch.Generator().manual_seed(1))
    assert (hidden.flatten(1).sum(dim=1) == 29).all()
    assert len({tuple(row.flatten().tolist()) for row in hidden}) > 40
    assert hidden_patches(2, 2, 0.999, torch.Generator()).flatten(1).sum(dim=1).tolist() == [3, 3]


def test_patches_are_read_row_by_row():
    images = torch.arange(4 * 4).reshape(1, 1, 4, 4).repeat(1, 3, 1, 1)
    found = patches_of(images, 2)  # [1, 4, 12]
    assert found[0, 1, ::3].tolist() == [2, 3, 6, 7]
    assert found[0, 2, ::3].tolist() == [8, 9, 12, 13]


def test_the_loss_is_of_hidden_patches_with_their_own_mean_and_deviation():
    torch.manual_seed(4)
    images, hidden = torch.randn(1, 3, 64, 64) * 7 + 3, HALF
    predicted = torch.randn(1, 4, 32 * 32 * 3)
    total = 0.0
    for place in (1, 2):
        patch = images[0, :, 32 * (place // 2):, 32 * (place % 2):][:, :32, :32].permute(1, 2, 0).flatten()
        total += float((predicted[0, place] - (patch - patch.mean()) / (patch.var() + 1e-6).sqrt()).square().mean())
    assert float(hidden_pixel_loss(predicted, images, hidden)) == pytest.approx(total / 2, rel=1e-4)
    changed = predicted.clone()
    changed[0, 0] += 100.0
    assert hidden_pixel_loss(changed, images, hidden) == hidden_pixel_loss(predicted, images, hidden)


def test_a_norm_sees_visible_places_only_there_and_back():
    torch.manual_seed(5)
    norm, x = nn.BatchNorm2d(3), torch.randn(1, 3, 4, 4, requires_grad=True)
    nn.init.normal_(norm.weight)
    seen = ~HALF.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, None]
    found = Visible(HALF).norm(norm, x)
    rows = torch.stack([x[0, :, row, column] for row in range(4) for column in range(4) if seen[0, 0, row, column]])
    wanted = torch.zeros(1, 3, 4, 4)
    normed = (rows - rows.mean(0)) / (rows.var(0, unbiased=False) + norm.eps).sqrt() * norm.weight + norm.bias
    wanted = wanted.masked_scatter(seen.expand(1, 3, 4, 4), normed.T.contiguous())
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(norm.running_mean, 0.1 * rows.mean(0).detach())
    way = torch.randn(1, 3, 4, 4)
    (one,) = torch.autograd.grad((found * way).sum(), x, retain_graph=True)
    (other,) = torch.autograd.grad((wanted * way).sum(), x)
    torch.testing.assert_close(one, other)


def test_a_hidden_patch_of_a_picture_has_no_way_into_the_backbone(resnet):
    torch.manual_seed(6)
    images = torch.randn(2, 3, 64, 64)
    changed = images.clone()
    changed[:, :, :PATCH_PX, PATCH_PX:] += 50.0
    hidden = HALF.expand(2, -1, -1)
    one, other = (resnet.encode(pictures, Visible(hidden)) for pictures in (images, changed))
    for before, after in zip(one, other, strict=True):
        torch.testing.assert_close(before, after, rtol=0, atol=0)
        side = before.shape[-1] // 2
        assert not before[:, :, :side, side:].any() and before[:, :, :side, :side].any()


def test_with_nothing_hidden_it_is_the_backbone(resnet):
    torch.manual_seed(7)
    images = torch.randn(2, 3, 64, 64)
    resnet.eval()  # two pictures' statistics of 2 x 2 places would enlarge every rounding
    found = resnet.encode(images, Visible(torch.zeros(2, 2, 2, dtype=torch.bool)))
    for level, plain in zip(found, resnet.backbone.body(images).values(), strict=True):
        torch.testing.assert_close(level, plain, rtol=1e-4, atol=1e-5)
    resnet.train()


@pytest.mark.parametrize("grid", ["pyramid", "fused"])
def test_body_and_pyramid_learn_from_hidden_pixels(grid):
    torch.manual_seed(8)
    model = MaskedResNet(StageA(grid).backbone)
    model(torch.randn(1, 2, 3, 64, 64), torch.Generator().manual_seed(1))["pixels"].backward()
    without = {name for name, one in model.named_parameters() if one.grad is None or not one.grad.any()}
    assert all("fpn.extra_blocks." in name for name in without), without


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(2)
    return VitMae(parts=[VitBlocks(3)])


def test_the_transformer_sees_visible_patches_in_their_places(vit):
    torch.manual_seed(9)
    images = torch.randn(2, 3, 224, 224)
    hidden = hidden_patches(2, 14, 0.75, torch.Generator().manual_seed(3))
    tokens, shown = vit.encode(images, hidden)
    assert tokens.shape == (2, 50, 768) and shown.shape == (2, 49)
    assert not hidden.flatten(1).gather(1, shown).any()
    cover = F.interpolate(hidden[:, None].float(), size=(224, 224))
    again, _ = vit.encode(images + 9.0 * cover, hidden)
    torch.testing.assert_close(tokens, again)
    everything, _ = vit.encode(images, torch.zeros_like(hidden))
    plain = vit.parts[0].norm(vit.parts[0].blocks(vit.embedding(images)["tokens_0"]))
    torch.testing.assert_close(everything, plain)


def test_painted_patches_depend_on_where_they_are(vit):
    hidden = hidden_patches(1, 14, 0.75, torch.Generator().manual_seed(3))
    tokens, shown = vit.encode(torch.randn(1, 3, 224, 224), hidden)
    painted = vit.decode(tokens, shown)
    assert painted.shape == (1, 196, 768)
    first, second = hidden.flatten().nonzero()[:2, 0].tolist()
    assert not torch.allclose(painted[0, first], painted[0, second], atol=1e-3)


def test_no_two_places_share_a_position():
    places = sine_positions(14, 64)
    assert (torch.cdist(places, places) + torch.eye(196) > 1e-3).all()
