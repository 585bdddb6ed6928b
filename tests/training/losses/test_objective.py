"""From both stages' tensors and a batch to named losses: every head has one, the unknown has none."""

import numpy as np
import pytest
import torch
from support.training_samples import painted

from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.stage_b_contract import HEADS, shape_of
from training.balance.groups import GROUP_OF
from training.data.batch import box_slots, collate
from training.losses.assign import assign
from training.losses.depth import laplace
from training.losses.objective import LOSS_WEIGHTS, Objective, StageAObjective, default_weights
from training.losses.stage_b_objective import HEAD_LOSSES, StageBObjective
from training.losses.urgency import urgency

SIDE = 64
WITHOUT_TRUTH = {"node_embeddings", "edge_embeddings"}
"""Activations that only the relations speak for."""


def one_hot(size, place):
    return np.eye(size, dtype=np.float32)[place]


def whole_truth(seed=0):
    """A sample with two things that knows everything."""
    rng = np.random.default_rng(seed)
    size = (48, 64)
    extra = {
        "box_findability": rng.random(2), "roi_priority": rng.random(2), "personal_priority": rng.random(2),
        "box_colours": np.stack([one_hot(12, 3), one_hot(12, 7)]), "dominant_colours": one_hot(12, 1),
        "spatial_relations": rng.integers(0, 2, (2, 2, 9)), "semantic_relations": rng.integers(0, 2, (2, 2, 7)),
        "contrast_map": rng.random((56, 56)) * 3, "edge_map": rng.random((56, 56)), "findability": rng.random((14, 14)),
        "contrast_sensitivity": np.float32(0.4), "glare_risk": one_hot(4, 2), "navigation_difficulty": [0.3],
        "therapy_fatigue": [0.1], "therapy_depth_focus": [0.9], "therapy_contrast": [0.4],
        "text_boxes": np.array([[0.5, 0.4, 0.5, 0.3]]), "text_logits": np.array([[4, 5, 6]]),
        "word_logits": np.array([7, 8, 9, 9]), "sound_events": rng.integers(0, 2, 16), "sound_direction": [30.0],
        "sound_urgency": one_hot(4, 3), "personal_thresholds": [0.1, 0.0, -0.3, 0.0], "personal_verbosity":
        one_hot(3, 0), "place": np.int64(5), "hazards": rng.integers(0, 2, 6), "time_to_hazard": [4.0],
        "recommended_action": one_hot(5, 2), "temporal_consistency": [0.7],
    }
    return painted(
        [(1, 0.3, 0.4, 0.3, 0.4), (3, 0.75, 0.6, 0.4, 0.5)], size, distances_m=np.array([2.0, 5.0], np.float32),
        depth_m=rng.uniform(1, 9, size).astype(np.float32), flow_px=rng.normal(0, 2, (2, *size)).astype(np.float32),
        urgency=2, audio=rng.random(128).astype(np.float32),
        extra={name: np.asarray(value) for name, value in extra.items()})


def answers(batch_size, tier="T5", seed=0):
    """Stage B's tensors by name, each in its range, as leaves."""
    draw, found = torch.Generator().manual_seed(seed), {}
    for head in HEADS:
        for tensor in head.gives:
            value = torch.rand(batch_size, *shape_of(tensor, tier), generator=draw)
            if tensor.name in ("glare_risk", "box_colours", "dominant_colours", "sound_urgency", "personal_verbosity",
                               "recommended_action"):
                value = value / value.sum(dim=-1, keepdim=True)
            elif tensor.low is None or tensor.high not in (1, None):
                value = value * 8 + 0.1
            found[tensor.name] = value.requires_grad_()
    found["text_boxes"] = torch.tensor([[0.5, 0.3, 0.5, 0.25]]).repeat(batch_size, 8, 1).requires_grad_()
    return found


def test_every_head_of_every_tier_has_a_loss():
    assert set(HEAD_LOSSES) == {head.name for head in HEADS}
    batch = collate([whole_truth(0), whole_truth(1)], SIDE, "letterbox")
    for tier in ("T1", "T2", "T3", "T4", "T5"):
        losses = StageBObjective(tier)(answers(2, tier), batch)
        assert set(losses) == {head.name for head in HEADS if head.tier <= tier}
        assert all(loss.ndim == 0 and loss.isfinite() for loss in losses.values())
    assert StageBObjective("T0").heads == ()


@pytest.mark.parametrize("head", HEADS, ids=[head.name for head in HEADS])
def test_a_heads_loss_reads_its_tensors_and_no_others(head):
    batch = collate([whole_truth(0), whole_truth(1), whole_truth(2)], SIDE, "letterbox")
    batch.targets.extra["place"] = torch.tensor([5, 5, 8])
    found = answers(3)
    StageBObjective("T5", [head.name])(found, batch)[head.name].backward()
    own = {tensor.name for tensor in head.gives}
    moved = {name for name, tensor in found.items() if tensor.grad is not None and bool(tensor.grad.any())}
    assert moved == own - WITHOUT_TRUTH
    assert all(found[name].grad.isfinite().all() for name in moved)


def test_a_batch_that_knows_nothing_has_no_losses_of_stage_b():
    batch = collate([painted([(1, 0.5, 0.5, 0.3, 0.3)]), painted([])], SIDE, "letterbox")
    assert StageBObjective("T5")(answers(2), batch) == {}


def test_a_picture_that_knows_nothing_changes_nothing_for_one_that_does():
    knowing, unknowing = whole_truth(), painted([(2, 0.5, 0.5, 0.2, 0.2)], (48, 64))
    found = answers(2)
    alone = StageBObjective("T5")({name: tensor[:1] for name, tensor in found.items()},
                                  collate([knowing], SIDE, "letterbox"))
    both = StageBObjective("T5")(found, collate([knowing, unknowing], SIDE, "letterbox"))
    assert set(both) == set(alone)
    for name in alone:
        if name != "retrieval":  # concepts stay apart in every picture
            torch.testing.assert_close(both[name], alone[name], msg=lambda text, name=name: f"{name}: {text}")
    sum(both.values()).backward()
    for name, tensor in found.items():
        if tensor.grad is not None:
            assert tensor.grad.isfinite().all(), name
            assert name == "concept_vectors" or not tensor.grad[1].any(), name


def test_boxes_are_compared_in_stage_bs_order():
    sample = whole_truth()  # its second box is the larger one, so Stage B gets it first
    batch = collate([sample], SIDE, "letterbox")
    assert box_slots(batch.targets.boxes)[0, :3].tolist() == [1, 0, -1]
    found = answers(1)
    wanted = laplace(found["precise_distances"][0, :2], found["precise_distance_uncertainty"][0, :2],
                     torch.tensor([5.0, 2.0]))
    torch.testing.assert_close(StageBObjective("T5", ["precise_distance"])(found, batch)["precise_distance"], wanted)
    exact = {name: tensor.detach().clone() for name, tensor in found.items()}
    exact["roi_priority"][0, :2] = torch.tensor(sample.extra["roi_priority"][::-1].copy())
    flipped = sample.extra["spatial_relations"][::-1, ::-1]
    exact["spatial_relations"][0, :2, :2] = torch.tensor(flipped.copy()).float()
    exact["semantic_relations"][0, :2, :2] = torch.tensor(sample.extra["semantic_relations"][::-1, ::-1].copy()).float()
    losses = StageBObjective("T5", ["roi_priority", "scene_graph"])(exact, batch)
    assert all(float(loss) == pytest.approx(0.0, abs=1e-4) for loss in losses.values())


def test_sound_is_learned_only_from_pictures_with_sound():
    sample = whole_truth()
    sample.audio = None
    assert "sound_events" not in StageBObjective("T5")(answers(1), collate([sample], SIDE, "letterbox"))


def test_heads_that_a_tier_does_not_have_are_refused():
    with pytest.raises(ValueError, match=r"T1 has depth.*ocr"):
        StageBObjective("T1", ["ocr"])
    with pytest.raises(ValueError, match="boxen"):
        Objective("T2", "fused", ["boxes", "boxen"])


# ---- Stage A -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["fused", "pyramid"])
def safety(request):
    torch.manual_seed(0)
    return StageA(request.param, 4).eval()


def forward(model, batch):
    return model(Normalise()(batch.images))


def test_all_safety_heads_learn_from_one_batch(safety):
    samples = [whole_truth(0), whole_truth(1)]
    samples[0].zones[:] = 1
    batch = collate(samples, SIDE, "letterbox")
    found = forward(safety, batch)
    losses = Objective("T0", safety.grid)(found, batch)
    wanted = {"classification", "boxes", "distance_zones", "urgency", "uncertainty", "scene_embedding"}
    assert set(losses) == wanted | ({"objectness"} if safety.grid == "fused" else {"centerness"})
    assert set(losses) <= set(GROUP_OF)
    total, count = urgency(found["urgency_logits"], torch.tensor([2, 2]))
    assert losses["urgency"] == total / count
    sum(losses.values()).backward()
    without = {name for name, one in safety.named_parameters() if one.grad is None or not one.grad.isfinite().all()}
    assert not without
    safety.zero_grad()


def test_zones_and_urgency_that_nobody_knows_cost_nothing(safety):
    """They are there all the same: another process may know some, and all must ask for the joint count."""
    batch = collate([painted([(1, 0.5, 0.5, 0.3, 0.3)])], SIDE, "letterbox")
    losses = Objective("T0", safety.grid)(forward(safety, batch), batch)
    assert losses["distance_zones"] == 0 and losses["urgency"] == 0
    assert "scene_embedding" not in losses and "boxes" in losses


def test_uncertainty_does_not_move_the_detector(safety):
    batch = collate([whole_truth(0)], SIDE, "letterbox")
    StageAObjective(safety.grid, {"uncertainty"})(forward(safety, batch), batch)["uncertainty"].backward()
    head = {name for name, one in safety.named_parameters() if one.grad is not None and bool(one.grad.any())}
    assert any(name.startswith("uncertainty.") for name in head)
    assert not any(name.startswith(("head.", "detection.objectness", "detection.classification", "detection.boxes"))
                   for name in head)
    safety.zero_grad()


def test_a_detector_that_sees_nothing_is_wholly_wrong(safety):
    """On the fused grid a class counts only with objectness: it is told what would be there."""
    batch = collate([whole_truth(0)], SIDE, "letterbox")
    found = {name: tensor.detach() for name, tensor in forward(safety, batch).items()}
    blind = "objectness" if safety.grid == "fused" else "classification"
    found[blind] = torch.zeros_like(found[blind])
    found["boxes"] = assign(batch.targets.boxes, batch.targets.ignored, safety.grid, SIDE).boxes
    loss = StageAObjective(safety.grid, {"uncertainty"})(found, batch)["uncertainty"]
    torch.testing.assert_close(loss, -torch.nn.functional.logsigmoid(found["uncertainty_logits"]).mean())


@pytest.mark.parametrize("box_loss", ["smooth_l1", "giou", "ciou"])
def test_right_boxes_cost_nothing_whichever_loss_compares_them(safety, box_loss):
    batch = collate([whole_truth(0)], SIDE, "letterbox")
    found = {name: tensor.detach() for name, tensor in forward(safety, batch).items()}
    matches = assign(batch.targets.boxes, batch.targets.ignored, safety.grid, SIDE)
    right = found | {"boxes": matches.boxes, "sides": matches.sides, "bbox_regression": matches.sides}
    objective = StageAObjective(safety.grid, {"boxes"}, box_loss)
    assert float(objective(right, batch)["boxes"]) == pytest.approx(0.0, abs=1e-5)
    assert float(objective(found, batch)["boxes"]) > 1e-3
    assert default_weights(box_loss)["boxes"] == (3.0 if box_loss == "smooth_l1" else 1.0)


def test_the_defaults_train_every_output_and_all_weights_have_a_loss():
    assert Objective("T5", "fused").stage_a.heads == frozenset(CONTRACT)
    assert set(LOSS_WEIGHTS) <= set(GROUP_OF)
