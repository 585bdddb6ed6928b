"""torchvision's published networks inside Stage B: the same numbers once the additions are silenced."""

from contextlib import contextmanager

import pytest
import torch
from torchvision.models import resnet50, vit_b_16

from maxsight_core.models.backbones.attentive_resnet import ResNetHigh, ResNetLow, ResNetMid
from maxsight_core.models.backbones.pyramids import PyramidOfFour
from maxsight_core.models.backbones.vit import PatchEmbedding, VitBlocks
from maxsight_core.models.layers.bounded_scale import BoundedScale
from maxsight_core.models.published import load_resnet50, load_vit_b_16
from maxsight_core.models.stage_b import StageB, Step
from maxsight_core.models.state import StateError

OFF = -100.0  # a logit whose scale is as near 0 as it gets
CNN = (Step("cnn_low", None, ("images",), ("c2", "c3"), "a"), Step("cnn_mid", None, ("c3",), ("c4",), "a"))
REST = (
    Step("cnn_high", None, ("c4",), ("c5",), "a"),
    Step("pyramid", None, ("c2", "c3", "c4", "c5"), ("f2", "f3", "f4", "f5"), "a"),
    Step("vit_embedding", None, ("images",), ("tokens_0",), "a"),
    Step("vit_1", None, ("tokens_0", "f2"), ("tokens_1",), "a"),
    Step("vit_2", None, ("tokens_1", "f3"), ("tokens_2",), "a"),
    Step("vit_3", None, ("tokens_2", "f4"), ("tokens_3",), "a"),
    Step("vit_4", None, ("tokens_3", "f5"), ("tokens",), "a"),
)
MAKE = {"cnn_low": ResNetLow, "cnn_mid": ResNetMid, "cnn_high": ResNetHigh, "pyramid": PyramidOfFour,
        "vit_embedding": PatchEmbedding, "vit_1": lambda: VitBlocks(0), "vit_2": lambda: VitBlocks(1),
        "vit_3": lambda: VitBlocks(2), "vit_4": lambda: VitBlocks(3)}


def branches(tier, steps, outputs):
    """A Stage B that ends with its branches' own tensors, in evaluation."""
    return StageB(tier, [step._replace(module=MAKE[step.name]()) for step in steps], outputs).eval()


def answers(stage_b, images):
    """The branches' tensors, without the inputs of parts that are not built here."""
    bus = {"images": images}
    with torch.no_grad():
        for step in stage_b.plan:
            bus.update(stage_b.parts[step.name](*(bus[name] for name in step.needs)))
    return bus


@contextmanager
def silenced(stage_b):
    """Every addition to the published networks as good as off, for a while."""
    scales = [module for module in stage_b.modules() if isinstance(module, BoundedScale)]
    kept = [scale.logit.item() for scale in scales]
    assert scales
    for scale in scales:
        torch.nn.init.constant_(scale.logit, OFF)
    yield stage_b
    for scale, logit in zip(scales, kept, strict=True):
        torch.nn.init.constant_(scale.logit, logit)


@pytest.fixture(scope="module")
def published_resnet():
    """torchvision's network with batch statistics as after training."""
    torch.manual_seed(17)
    network = resnet50(weights=None).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.2, 0.6)
    return network


@pytest.fixture(scope="module")
def published_vit():
    torch.manual_seed(18)
    network = vit_b_16(weights=None).eval()
    for name, parameter in network.named_parameters():
        if name.endswith(("bias", "class_token")):
            torch.nn.init.normal_(parameter, std=0.1)  # zeros would hide a swap
        if ".ln_" in name and name.endswith("weight"):
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def hybrid():
    torch.manual_seed(19)
    return branches("T2", CNN + REST, ("c5", "tokens"))


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(20)
    return torch.randn(2, 3, 224, 224)


def resnet_maps(network, images):
    maps = {}
    with torch.no_grad():
        x = network.maxpool(network.relu(network.bn1(network.conv1(images))))
        for index in (1, 2, 3, 4):
            x = maps[f"c{index + 1}"] = getattr(network, f"layer{index}")(x)
    return maps


def vit_tokens(network, images):
    with torch.no_grad():
        patches = network._process_input(images)
        return network.encoder(torch.cat((network.class_token.expand(len(images), -1, -1), patches), dim=1))


def relative(found, wanted):
    return float((found - wanted).abs().max() / wanted.abs().max())


def test_fresh_additions_leave_published_features_their_meaning(hybrid, published_resnet, published_vit, images):
    load_resnet50(hybrid, published_resnet.state_dict())
    load_vit_b_16(hybrid, published_vit.state_dict())
    found = answers(hybrid, images)
    for name, wanted in {**resnet_maps(published_resnet, images), "tokens": vit_tokens(published_vit, images)}.items():
        assert torch.cosine_similarity(found[name].flatten(1), wanted.flatten(1)).min() > 0.95, name
        assert relative(found[name], wanted) > 1e-3, name  # the additions are there


def test_without_the_additions_both_branches_are_torchvisions(hybrid, published_resnet, published_vit, images):
    load_resnet50(hybrid, published_resnet.state_dict())
    load_vit_b_16(hybrid, published_vit.state_dict())
    with silenced(hybrid):
        found = answers(hybrid, images)
    for name, wanted in resnet_maps(published_resnet, images).items():
        assert relative(found[name], wanted) < 1e-4, name
    assert (found["tokens"] - vit_tokens(published_vit, images)).abs().max() < 1e-4


def test_it_says_what_it_filled(hybrid, published_resnet, published_vit):
    filled = load_resnet50(hybrid, published_resnet.state_dict()) | load_vit_b_16(hybrid, published_vit.state_dict())
    left = set(hybrid.state_dict()) - filled
    own = ("gate", "injection", "parts.pyramid")
    assert left and all(any(word in name for word in own) for name in left)
    state = hybrid.state_dict()
    assert torch.equal(state["parts.cnn_high.layer4.2.bn3.running_var"],
                       published_resnet.state_dict()["layer4.2.bn3.running_var"])


def test_the_smallest_tier_takes_what_it_has_room_for(published_resnet, published_vit, images):
    small = branches("T1", CNN, ("c4",))
    filled = load_resnet50(small, published_resnet.state_dict())
    assert not any("layer4" in name for name in filled)
    with silenced(small):
        assert relative(answers(small, images)["c4"], resnet_maps(published_resnet, images)["c4"]) < 1e-4
    with pytest.raises(StateError, match=r"T1: expected the parts vit_embedding, vit_1.*has cnn_low, cnn_mid"):
        load_vit_b_16(small, published_vit.state_dict())
    with pytest.raises(StateError, match="T0's Stage B is measured"):
        load_resnet50(None, published_resnet.state_dict())


def test_the_published_files_older_names_are_understood(hybrid, published_vit):
    old = {key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): value
           for key, value in published_vit.state_dict().items()}
    assert load_vit_b_16(hybrid, old) == load_vit_b_16(hybrid, published_vit.state_dict())


def test_batch_counters_and_classifiers_may_be_absent(hybrid, published_resnet, published_vit):
    bare = {key: value for key, value in published_resnet.state_dict().items()
            if not key.endswith("num_batches_tracked") and not key.startswith("fc.")}
    load_resnet50(hybrid, bare)
    load_vit_b_16(hybrid, {key: value for key, value in published_vit.state_dict().items() if "heads" not in key})


def test_a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing(hybrid, published_resnet, published_vit):
    before = hybrid.parts["cnn_low"].conv1.weight.clone()
    state = {key: value + 1 for key, value in published_resnet.state_dict().items()}
    short = {key: value for key, value in state.items() if key != "layer3.5.conv2.weight"}
    with pytest.raises(StateError, match=r"resnet50; got one with missing layer3\.5\.conv2\.weight$"):
        load_resnet50(hybrid, short)
    with pytest.raises(StateError, match=r"surplus layer1\.3\.conv1\.weight$"):
        load_resnet50(hybrid, {**state, "layer1.3.conv1.weight": torch.zeros(1)})
    with pytest.raises(StateError, match=r"bn1\.bias expected \[64\], got \[65\]"):
        load_resnet50(hybrid, {**state, "bn1.bias": torch.zeros(65)})
    with pytest.raises(StateError, match=r"NaN or infinite values: bn1\.bias"):
        load_resnet50(hybrid, {**state, "bn1.bias": torch.full((64,), float("nan"))})
    with pytest.raises(StateError, match=r"missing class_token; .* and 145 more, surplus conv1\.weight; .* more$"):
        load_vit_b_16(hybrid, state)
    assert torch.equal(hybrid.parts["cnn_low"].conv1.weight, before)
    larger = {**published_vit.state_dict(), "encoder.pos_embedding": torch.zeros(1, 577, 768)}
    with pytest.raises(StateError, match=r"pos_embedding expected \[1, 197, 768\], got \[1, 577, 768\]"):
        load_vit_b_16(hybrid, larger)
