"""What may be loaded into a Stage B, and what never is; which parameters each of its outputs needs."""

import pytest
import torch
from support.small_stage_b import small_stage_b

from maxsight_core.models.contract import STAGE_B_PREFIX
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.state import (
    StateError,
    checkpoint_state,
    load_into,
    parts_behind,
    reads_stage_a,
    require_backbone,
)

DEPTH = {"depth_map", "depth_uncertainty"}


@pytest.fixture(scope="module")
def model():
    return small_stage_b(seed=1)


@pytest.fixture
def state(model):
    with torch.device("meta"):
        stage_a = StageA("fused")
    whole = checkpoint_state(stage_a, model)
    assert set(stage_a.state_dict()) < set(whole)  # Stage A under its own names, in the same file
    return {name: tensor for name, tensor in whole.items() if name.startswith(STAGE_B_PREFIX)}


def test_a_whole_state_is_loaded_and_every_output_may_be_called_trained(model, state):
    other = small_stage_b(seed=2)
    assert not torch.equal(other.parts["low"].stem.weight, model.parts["low"].stem.weight)
    assert load_into(other, state, DEPTH | {"precise_distances", "precise_distance_uncertainty"}) == frozenset()
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_names_in_the_file_are_the_parts_of_the_plan(state):
    assert "stage_b.low.stem.weight" in state
    assert {name.split(".")[1] for name in state} == {"low", "mix", "depth", "precise_distance"}


def test_a_part_that_nothing_trained_needs_may_be_absent(model, state):
    without = {name: tensor for name, tensor in state.items() if not name.startswith("stage_b.precise_distance.")}
    other = small_stage_b(seed=2)
    missing = load_into(other, without, DEPTH)
    assert missing == {"stage_b.precise_distance.out.weight", "stage_b.precise_distance.out.bias"}
    assert torch.equal(other.parts["depth"].out.weight, model.parts["depth"].out.weight)


@pytest.mark.parametrize("part", ["depth", "low", "mix"])
def test_a_trained_output_needs_its_head_and_every_part_it_is_computed_with(state, part):
    without = {name: tensor for name, tensor in state.items() if not name.startswith(f"stage_b.{part}.")}
    with pytest.raises(StateError, match=rf"depth_map was trained, but its parameters are missing: stage_b\.{part}\."):
        load_into(small_stage_b(), without, {"depth_map"})
    load_into(small_stage_b(), without, set())  # nobody claims to have learned anything


def test_half_a_part_is_refused_whatever_was_trained(state):
    del state["stage_b.depth.out.bias"]
    with pytest.raises(StateError, match=r"only some tensors of the part depth; missing are stage_b\.depth\.out\.bias"):
        load_into(small_stage_b(), state, set())


def test_surplus_misshapen_and_broken_tensors_are_refused_by_name(state):
    with pytest.raises(StateError, match=r"the Stage B of T1 does not have: stage_b\.ocr\.weight"):
        load_into(small_stage_b(), {**state, "stage_b.ocr.weight": torch.zeros(2)}, set())
    with pytest.raises(StateError, match=r"stage_b\.depth\.out\.bias expected \[2\], got \[3\]"):
        load_into(small_stage_b(), {**state, "stage_b.depth.out.bias": torch.zeros(3)}, set())
    with pytest.raises(StateError, match=r"NaN or infinite values: stage_b\.depth\.out\.bias"):
        load_into(small_stage_b(), {**state, "stage_b.depth.out.bias": torch.full((2,), torch.nan)}, set())


def test_nothing_is_changed_by_a_state_that_is_refused(model, state):
    target = small_stage_b(seed=2)
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    with pytest.raises(StateError):
        load_into(target, {**state, "stage_b.ocr.weight": torch.zeros(2)}, set())
    assert all(torch.equal(tensor, before[name]) for name, tensor in target.state_dict().items())


def test_heads_of_stage_b_do_not_concern_stage_a():
    model = StageA("fused")
    assert load_into(model, model.state_dict(), {"objectness", "depth_map"}) == frozenset()


# ---- the plans of the tiers -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hybrid():
    assemble = pytest.importorskip("maxsight_core.models.assemble")
    with torch.device("meta"):
        return assemble.build_stage_b("T3")


def test_the_plan_tells_what_each_output_depends_on(hybrid):
    depth, edges = parts_behind(hybrid, "depth_map"), parts_behind(hybrid, "edge_map")
    assert depth[-1] == "depth"
    assert {"cnn_low", "vit_4", "exchange", "fusion", "decoder", "cross_task"} <= set(depth)
    assert set(edges) < set(depth) | {"edges"}
    assert "cross_task" not in edges  # edges read no context
    assert not {"ocr", "pair_motion", "box_features"} & set(depth)
    assert "scene_graph" in parts_behind(hybrid, "scene_description")  # the description reads the graph's nodes


def test_only_what_moves_reads_stage_a_and_then_stage_as_backbone_must_be_in_the_file(hybrid):
    assert reads_stage_a(hybrid, "scene_motion")
    assert not reads_stage_a(hybrid, "depth_map")
    with torch.device("meta"):
        stage_a = StageA("fused")
    whole = set(stage_a.state_dict())
    require_backbone(hybrid, stage_a, whole - {"urgency.levels.bias"}, {"scene_motion", "depth_map"})
    cut = {name for name in whole if not name.startswith("backbone.body.conv1")}
    assert cut < whole
    require_backbone(hybrid, stage_a, cut, {"depth_map", "objectness"})
    with pytest.raises(StateError, match="scene_motion was trained, but its parameters are missing: backbone"):
        require_backbone(hybrid, stage_a, cut, {"scene_motion"})
