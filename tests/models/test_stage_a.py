"""Stage A's network: its shapes, its guarantee, and its kinship with torchvision's FCOS."""

import pytest
import torch
from support.networks import calibrate_norms, spread
from torch import nn
from torchvision.models.detection import fcos_resnet50_fpn
from torchvision.models.resnet import Bottleneck
from torchvision.ops import FeaturePyramidNetwork

from maxsight_core import outputs
from maxsight_core.models.assemble import build_stage_a
from maxsight_core.models.contract import CONTRACT, GRAPH_OUTPUTS
from maxsight_core.models.grid import location_count
from maxsight_core.models.stage_a import PARAMETERS, StageA, fuse
from maxsight_core.models.tiers import TIERS

SIZES = {"fused": 224, "pyramid": 320}


@pytest.fixture(scope="module", params=["fused", "pyramid"])
def network(request):
    torch.manual_seed(0)
    model = StageA(request.param)
    calibrate_norms(model.backbone)
    return model.eval()


@pytest.fixture(scope="module")
def answers(network):
    size = SIZES[network.grid]
    with torch.inference_mode():
        return network(torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(3)))


def test_every_contract_output_has_the_described_shape_and_range(network, answers):
    locations = location_count(network.grid, SIZES[network.grid])
    shapes = {
        "objectness": (2, locations), "classification": (2, locations, 91), "boxes": (2, locations, 4),
        "distance_zones": (2, locations, 3), "urgency": (2, 4), "uncertainty": (2, 1), "scene_embedding": (2, 256),
    }
    assert {name: tuple(answers[name].shape) for name in CONTRACT} == shapes
    for name in set(CONTRACT) - {"scene_embedding"}:
        assert 0.0 <= float(answers[name].min()) <= float(answers[name].max()) <= 1.0, name
    for name in ("distance_zones", "urgency"):
        torch.testing.assert_close(answers[name].sum(dim=-1), torch.ones(answers[name].shape[:-1]))


def test_outputs_are_names_of_the_registry_and_of_the_graph(network, answers):
    assert set(CONTRACT) <= set(outputs.NAMES)
    assert set(GRAPH_OUTPUTS[network.grid]) <= set(answers)
    assert set(PARAMETERS[network.grid]) == set(CONTRACT)


def test_pictures_of_a_batch_do_not_influence_each_other(network, answers):
    size = SIZES[network.grid]
    batch = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        alone = network(batch[1:])
    for name in CONTRACT:
        torch.testing.assert_close(alone[name], answers[name][1:], atol=1e-4, rtol=1e-4, msg=name)


def test_every_listed_parameter_moves_its_output(network):
    """PARAMETERS decides what a checkpoint must hold for a head to count as learned, so it must be the truth."""
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    network.backbone.body.requires_grad_(False)  # the FPN stands for the backbone, in a tenth of the time
    found = network(images)
    for output, prefixes in PARAMETERS[network.grid].items():
        network.zero_grad(set_to_none=True)
        found[output].square().sum().backward(retain_graph=True)
        touched = {name for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.any())}
        assert all(name.startswith(prefixes) for name in touched), output
        assert all(any(name.startswith(prefix) for name in touched) for prefix in prefixes), output
    network.zero_grad(set_to_none=True)
    network.backbone.body.requires_grad_(True)


@pytest.mark.parametrize("key", list(TIERS))
@pytest.mark.parametrize("grid", ["fused", "pyramid"])
def test_guarantee_1_stage_a_is_resnet50_and_fpn_in_every_tier(key, grid):
    with torch.device("meta"):
        model = build_stage_a(grid)
    body = model.backbone.body
    assert [len(body[f"layer{i}"]) for i in (1, 2, 3, 4)] == [3, 4, 6, 3]
    assert sum(isinstance(m, Bottleneck) for m in model.modules()) == 16
    assert isinstance(model.backbone.fpn, FeaturePyramidNetwork)
    slow = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.RNNBase, nn.Conv3d)
    assert not any(isinstance(m, slow) for m in model.modules())


def test_fused_features_are_p3_p4_p5_side_by_side_at_14x14():
    torch.manual_seed(0)
    model = StageA("fused").eval()
    with torch.inference_mode():
        maps = model.features(torch.randn(1, 3, 224, 224))
    assert {name: tuple(x.shape[1:]) for name, x in maps.items()} == {
        "P2": (256, 56, 56), "P3": (256, 28, 28), "P4": (256, 14, 14), "P5": (256, 7, 7), "fused": (768, 14, 14),
    }
    torch.testing.assert_close(maps["fused"][:, 256:512], maps["P4"])
    torch.testing.assert_close(maps["fused"][:, :256], nn.functional.avg_pool2d(maps["P3"], 2))


def test_the_fast_way_through_the_pyramid_gives_torchvisions_maps():
    torch.manual_seed(1)
    model = StageA("fused")
    calibrate_norms(model.backbone)
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        maps = model.features(images)
        (p3, p4, p5), p2_mean = model.backbone.forward_safety(images)
        embedding = model.scene([maps[p].mean(dim=(2, 3)) for p in ("P2", "P3", "P4", "P5")])
        found = model(images)["scene_embedding"]
    for ours, name in ((p3, "P3"), (p4, "P4"), (p5, "P5")):
        torch.testing.assert_close(ours, maps[name], msg=name)
    torch.testing.assert_close(p2_mean, maps["P2"].mean(dim=(2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found, embedding, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(fuse(p3, p4, p5), maps["fused"])


def test_pyramid_has_torchvisions_parameters_and_gives_its_logits():
    torch.manual_seed(2)
    theirs = fcos_resnet50_fpn(weights=None, weights_backbone=None).eval()
    calibrate_norms(theirs.backbone)
    spread(theirs.head.classification_head.cls_logits, 0.05)
    spread(theirs.head.regression_head.bbox_reg, 0.05, bias=1.0)
    ours = StageA("pyramid").eval()
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert result.unexpected_keys == []
    assert all(key.startswith(("distance.", "urgency.", "uncertainty.")) for key in result.missing_keys)
    images = torch.randn(1, 3, 320, 320)
    with torch.inference_mode():
        expected = theirs.head(list(theirs.backbone(images).values()))
        found = ours(images)
    assert float(expected["cls_logits"].std()) > 0.1  # a comparison of constants would prove nothing
    for name in ("cls_logits", "bbox_regression", "bbox_ctrness"):
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=1e-4, msg=name)


@pytest.mark.parametrize("images", [torch.zeros(3, 224, 224), torch.zeros(1, 3, 224, 320), torch.zeros(1, 1, 224, 224)])
def test_another_input_than_a_square_picture_is_refused(images):
    with pytest.raises(ValueError, match=r"\[B, 3, S, S\]; got"):
        StageA("fused")(images)


def test_unknown_grids_and_class_counts_are_refused():
    with pytest.raises(ValueError, match="got 'dense'"):
        build_stage_a("dense")
    with pytest.raises(ValueError, match="background and at least one class"):
        StageA("fused", num_classes=1)
