"""What may be loaded into the network, and what never is."""

import pytest
import torch
from torchvision.models.detection import fcos_resnet50_fpn

from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.state import StateError, load_into

COCO = ("objectness", "classification", "boxes", "scene_embedding")


@pytest.fixture(scope="module")
def published():
    """The names and shapes of torchvision's published file: frozen norms, so no batch counters."""
    torch.manual_seed(4)
    state = fcos_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


@pytest.fixture(scope="module")
def pyramid():
    return StageA("pyramid")


@pytest.mark.parametrize("frozen_norm", [False, True])
def test_a_published_state_dict_fills_backbone_and_head_and_names_the_rest(published, frozen_norm):
    model = StageA("pyramid", frozen_norm=frozen_norm)
    missing = load_into(model, published, COCO)
    assert missing
    assert all(key.startswith(("distance.", "urgency.", "uncertainty.")) for key in missing)
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in published.items())


def test_batch_counters_may_be_present_even_for_frozen_norms():
    torch.manual_seed(4)
    state = fcos_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    assert any(key.endswith("num_batches_tracked") for key in state)
    load_into(StageA("pyramid", frozen_norm=True), state, COCO)


def test_fpn_names_from_before_torchvision_0_14_are_understood(published, pyramid):
    old = {}
    for key, value in published.items():
        is_block = key.startswith(("backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks"))
        old[key.replace(".0.weight", ".weight").replace(".0.bias", ".bias") if is_block else key] = value
    assert "backbone.fpn.inner_blocks.1.weight" in old
    load_into(pyramid, old, COCO)
    loaded = pyramid.backbone.fpn.inner_blocks[1][0].weight
    assert torch.equal(loaded, published["backbone.fpn.inner_blocks.1.0.weight"])


def test_a_head_cannot_be_called_trained_when_its_parameters_are_missing(published, pyramid):
    with pytest.raises(StateError, match="urgency was trained, but its parameters are missing: urgency"):
        load_into(pyramid, published, (*COCO, "urgency"))


def test_weights_of_another_grid_are_refused(published):
    with torch.device("meta"):  # refused by name, before a number is touched
        fused = StageA("fused")
    with pytest.raises(StateError, match="a fused Stage A does not have"):
        load_into(fused, published, COCO)


def test_another_number_of_classes_is_refused_with_both_shapes(published):
    with pytest.raises(StateError, match=r"expected \[12, 256, 3, 3\], got \[91, 256, 3, 3\]"):
        with torch.device("meta"):
            small = StageA("pyramid", num_classes=12)
        load_into(small, published, COCO)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_weights_with_nan_or_infinity_are_refused(published, pyramid, poison):
    key = "head.regression_head.bbox_reg.bias"
    with pytest.raises(StateError, match=f"NaN or infinite values: {key}"):
        load_into(pyramid, {**published, key: torch.full_like(published[key], poison)}, COCO)


def test_a_whole_state_dict_makes_every_head_loadable():
    model = StageA("fused")
    assert load_into(StageA("fused"), model.state_dict(), CONTRACT) == frozenset()
