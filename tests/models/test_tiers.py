"""The tier table and what is assembled from it: sizes, wiring, forward and backward of every tier."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest
import torch

from maxsight_core import outputs
from maxsight_core.models import assemble
from maxsight_core.models import stage_b_contract as contract
from maxsight_core.models.stage_b import StageB, check_inputs
from maxsight_core.models.tiers import TIERS, tier

WITH_STAGE_B = [key for key, row in TIERS.items() if row.trunk]


def random_inputs(key: str, batch: int = 1, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for wanted in contract.inputs_of(key):
        shape = (batch, *contract.shape_of(wanted, key))
        if wanted.name.endswith("_valid"):
            found[wanted.name] = torch.ones(shape)
        elif wanted.name == "boxes":
            centre = torch.rand((*shape[:-1], 2), generator=generator) * 0.6 + 0.2
            found["boxes"] = torch.cat((centre, torch.full_like(centre, 0.3)), dim=-1)
        else:
            found[wanted.name] = torch.randn(shape, generator=generator).clamp(-1, 1)
    return found


@pytest.fixture(scope="module", params=WITH_STAGE_B)
def network(request):
    torch.manual_seed(1)
    model = assemble.build_stage_b(request.param)
    yield model
    del model


@pytest.mark.parametrize("key", TIERS)
def test_every_tier_has_the_described_size_within_a_tenth(key):
    found = assemble.describe(key)
    assert found["parameters"] == pytest.approx(found["wanted_parameters"], rel=0.1)
    assert found["parameters"] == found["stage_a_parameters"] + found["stage_b_parameters"]


def test_tiers_grow_and_keep_what_the_smaller_ones_have():
    for smaller, larger in itertools.pairwise(WITH_STAGE_B):
        assert {h.name for h in tier(smaller).heads} <= {h.name for h in tier(larger).heads}
    sizes = [assemble.describe(key)["parameters"] for key in TIERS]
    assert sizes == sorted(sizes)


def test_every_learned_output_of_the_registry_has_a_head():
    by_head = {output for head in contract.HEADS for output in head.outputs}
    learned = {spec.name for spec in outputs.REGISTRY if spec.learned_by and spec.stage in "BC" and spec.tier > 1}
    assert learned == by_head
    assert by_head <= set(outputs.NAMES)


def test_heads_of_a_larger_tier_take_the_weights_of_a_smaller_one():
    with torch.device("meta"):
        t1, t3, t5 = (assemble.build_stage_b(key) for key in ("T1", "T3", "T5"))
    for smaller, larger in ((t1, t3), (t3, t5)):
        theirs = larger.state_dict()
        for head in contract.heads_of(smaller.tier):
            if head.name == "temporal_consistency":
                continue
            for name, tensor in smaller.parts[head.name].state_dict().items():
                assert theirs[f"parts.{head.name}.{name}"].shape == tensor.shape, name


def test_forward_gives_the_contract_and_backward_reaches_every_part(network):
    """One forward and backward pass of every tier on one picture."""
    network.train()
    found = network(random_inputs(network.tier))
    wanted = [tensor for head in contract.heads_of(network.tier) for tensor in head.gives]
    assert set(found) == {tensor.name for tensor in wanted}
    for tensor in wanted:
        value = found[tensor.name].detach()
        assert tuple(value.shape) == (1, *contract.shape_of(tensor, network.tier)), tensor.name
        assert bool(torch.isfinite(value).all()), tensor.name
        assert tensor.low is None or float(value.min()) >= tensor.low, tensor.name
        assert tensor.high is None or float(value.max()) <= tensor.high, tensor.name
    sum(value.square().mean() for value in found.values()).backward()
    for name, part in network.parts.items():
        grads = [p.grad for p in part.parameters() if p.grad is not None]
        assert grads, name
        assert any(bool(grad.any()) for grad in grads), name
        assert all(bool(torch.isfinite(grad).all()) for grad in grads), name
    network.zero_grad(set_to_none=True)


def test_slices_give_for_one_picture_what_the_whole_network_gives_for_it_among_others(network):
    """Cutting into slices changes nothing, and pictures of a batch do not influence each other."""
    network.eval()
    both = random_inputs(network.tier, batch=2, seed=4)
    with torch.inference_mode():
        together = network(both)
        bus = {name: tensor[1:] for name, tensor in both.items()}
        for part in network.slices():
            bus.update(zip(part.gives, part(*(bus[name] for name in part.needs)), strict=True))
    for name, value in together.items():
        torch.testing.assert_close(bus[name], value[1:], atol=2e-3, rtol=2e-3, msg=name)


def test_gradient_checkpointing_gives_the_same_gradients():
    grads = []
    for flag in (False, True):
        torch.manual_seed(2)
        model = assemble.build_stage_b("T1", gradient_checkpointing=flag).train()
        torch.manual_seed(3)
        sum(v.mean() for v in model(random_inputs("T1")).values()).backward()
        grads.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, atol=1e-5, rtol=1e-4, msg=name)


def test_wrong_inputs_are_refused_with_what_was_expected_and_what_came():
    right = random_inputs("T4")
    wrong = {
        "images": (right["images"][..., :200], r"images of shape \['B', 3, 224, 224\]; got \[1, 3, 224, 200\]"),
        "audio": (torch.zeros(1, 64), r"audio of shape \['B', 128\]; got \[1, 64\]"),
        "boxes": (right["boxes"] * 5, r"boxes within -0.01..1.01"),
        "profile": (torch.zeros(1, 32, dtype=torch.int64), "profile as floating point; got torch.int64"),
        "stage_a_maps": (right["stage_a_maps"] * float("nan"), "stage_a_maps finite"),
        "map_valid": (torch.ones(2, 2), "1 entries of map_valid"),
    }
    for name, (tensor, message) in wrong.items():
        with pytest.raises(ValueError, match=message):
            check_inputs({**right, name: tensor}, "T4")
    with pytest.raises(ValueError, match="expected the input audio"):
        check_inputs({name: tensor for name, tensor in right.items() if name != "audio"}, "T4")


def test_a_plan_that_reads_what_nothing_gives_is_refused():
    from maxsight_core.models.stage_b import Step

    step = Step("depth", torch.nn.Identity(), ("dense",), ("depth_map",), "heads")
    with pytest.raises(ValueError, match="step depth: expected dense from an earlier step"):
        StageB("T1", [step], ["depth_map"])


@pytest.mark.parametrize("name", ["T2", "t2_hybrid_vit", "HYBRID_VIT"])
def test_a_tier_is_found_under_each_of_its_names(name):
    assert tier(name).key == "T2"


def test_an_unknown_tier_is_refused_with_the_tiers_there_are():
    with pytest.raises(ValueError, match=r"expected one of T0_BASELINE_CNN, .*; got 'T9'"):
        tier("T9")


def test_the_command_prints_tiers_modules_heads_and_parameters():
    done = subprocess.run([sys.executable, "-m", "maxsight_core.models", "--json"], capture_output=True, text=True,
                          check=True)
    rows = json.loads(done.stdout)
    assert [row["tier"] for row in rows] == list(TIERS)
    assert all({"modules", "heads", "parameters"} <= set(row) for row in rows)
    shown = subprocess.run([sys.executable, "-m", "maxsight_core.models", "--tier", "T3"], capture_output=True,
                           text=True, check=True).stdout
    assert "T3_CROSS_TASK" in shown
    assert "cross_task" in shown
