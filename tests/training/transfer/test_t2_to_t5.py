"""The transfer map against the description's tables, on the real tiers' names and shapes (no memory: meta device)."""

import pytest
import torch

from maxsight_core.models.tiers import TIERS
from training.loop.network import TrainedNetwork
from training.transfer.freeze import FreezeSchedule
from training.transfer.t2_to_t5 import (
    GROUP_OF_PART,
    RATE_SHARES,
    TransferError,
    group_of,
    in_vit_top,
    learns_from,
    transferred,
)


@pytest.fixture(scope="module")
def tiers():
    with torch.device("meta"):
        return {tier: TrainedNetwork(tier, "pyramid", 3) for tier in ("T2", "T5")}


def learning(network, epoch):
    return {name for name, _ in network.named_parameters() if epoch >= learns_from(name)}


def groups(names):
    return {group_of(name) for name in names}


def test_every_part_of_t5_has_its_place(tiers):
    row = TIERS["T5"]
    assert set(GROUP_OF_PART) == {*row.trunk, *(head.name for head in row.heads)}
    assert groups(name for name, _ in tiers["T5"].named_parameters()) == set(RATE_SHARES)


def test_spatial_weights_move_and_new_parts_begin_anew(tiers):
    source, own = (tiers[tier].state_dict() for tier in ("T2", "T5"))
    taken, anew = transferred(source, own)
    whole = {*taken, *anew}
    assert {name for name in own if name not in whole and not name.endswith("num_batches_tracked")} == set()
    moved = {name.split(".")[2] for name in taken if name.startswith("stage_b.")}
    assert {"cnn_low", "cnn_mid", "cnn_high", "pyramid", "vit_embedding", "vit_1", "vit_4", "depth"} <= moved
    assert not moved & {"temporal", "cross_task", "cross_modal", "predictive_alerts", "motion", "audio"}
    assert {name for name in own if name.startswith("stage_a.")} <= set(taken)
    assert all(taken[name] is source[name] for name in taken)


def test_a_source_of_other_classes_is_refused_before_training(tiers):
    with torch.device("meta"):
        other = TrainedNetwork("T0", "pyramid", 9)
    with pytest.raises(TransferError, match=r"expected \[3.*got \[9.*the same grid and classes|not in the source"):
        transferred(other.state_dict(), tiers["T5"].state_dict())


@pytest.mark.parametrize(("epoch", "awake"), [
    (0, {"temporal", "new_heads"}), (4, {"temporal", "new_heads"}),
    (5, {"temporal", "new_heads", "detection"}), (14, {"temporal", "new_heads", "detection"}),
    (15, {"temporal", "new_heads", "detection", "vit"}), (44, {"temporal", "new_heads", "detection", "vit"}),
    (45, {"temporal", "new_heads", "detection", "vit", "cnn"}),
])
def test_groups_wake_up_in_the_descriptions_epochs(tiers, epoch, awake):
    assert groups(learning(tiers["T5"], epoch)) == awake


def test_the_top_of_the_transformer_is_blocks_7_to_11_of_12(tiers):
    names = [name for name, _ in tiers["T5"].named_parameters()]
    blocks = {3 * (int(name.split(".")[2][-1]) - 1) + int(name.split(".")[4])
              for name in names if ".vit_" in name and ".blocks." in name and in_vit_top(name)}
    assert blocks == {7, 8, 9, 10, 11}
    others = {".".join(name.split(".")[2:4]) for name in names if in_vit_top(name) and ".blocks." not in name}
    assert others == {"vit_4.injection", "vit_4.norm"}
    partly = learning(tiers["T5"], 15)
    assert "stage_b.parts.vit_1.blocks.0.mlp_in.weight" not in partly
    assert "stage_b.parts.vit_1.blocks.0.mlp_in.weight" in learning(tiers["T5"], 30)


def test_what_is_frozen_stays_in_evaluation_mode_and_wakes_up_in_training_mode(tiers):
    network = tiers["T5"]
    schedule = FreezeSchedule(network, learns_from)
    assert schedule.changes == (0, 5, 15, 30, 45)
    assert schedule.apply(0) and not schedule.apply(4) and schedule.apply(5)
    network.train()
    schedule.hold()
    norms = {name: module for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    modes = {group: {module.training for name, module in network.named_modules() if module._parameters
                     and group_of(name + ".weight") == group} for group in RATE_SHARES}
    assert modes == {"cnn": {False}, "vit": {False}, "detection": {True}, "temporal": {True}, "new_heads": {True}}
    assert norms and not any(module.training for name, module in norms.items() if "backbone" in name)
    schedule.apply(45)
    network.train()
    schedule.hold()
    assert all(module.training for module in network.modules())


def test_nothing_to_learn_at_first_is_refused():
    with pytest.raises(ValueError, match="learn from the first epoch"):
        FreezeSchedule(torch.nn.Linear(1, 1), lambda name: 1)


def test_an_unknown_part_is_named():
    with pytest.raises(KeyError, match=r"stage_b\.parts\.smell\.weight: belongs to no group"):
        group_of("stage_b.parts.smell.weight")
