"""Stage B's heads against the contract: shapes, ranges whatever comes in, gradients, OpenVINO, absent boxes, sizes."""

import numpy as np
import pytest
import torch
from support.network_parts import OPENVINO_TOLERANCE, entries_are_apart, openvino_difference, without_gradient

from maxsight_core.models.heads.colour import ColourHead
from maxsight_core.models.heads.contrast import ContrastHead
from maxsight_core.models.heads.depth import DepthHead
from maxsight_core.models.heads.edges import EdgeHead
from maxsight_core.models.heads.findability import FindabilityHead
from maxsight_core.models.heads.glare import GlareHead
from maxsight_core.models.heads.motion import NEIGHBOURS, STEP, MotionHead, convex_upsample
from maxsight_core.models.heads.navigation import NavigationDifficultyHead
from maxsight_core.models.heads.personalization import PersonalizationHead
from maxsight_core.models.heads.precise_distance import PreciseDistanceHead
from maxsight_core.models.heads.predictive_alerts import PredictiveAlertHead
from maxsight_core.models.heads.retrieval import RetrievalHead, unit
from maxsight_core.models.heads.roi_priority import RoiPriorityHead
from maxsight_core.models.heads.sound_events import SoundEventHead
from maxsight_core.models.heads.temporal_consistency import TemporalConsistencyHead
from maxsight_core.models.heads.therapy_state import TherapyStateHead
from maxsight_core.models.layers.head_parts import MapReadout, Readout, SeparableUnit
from maxsight_core.models.stage_b_contract import BOXES, HEADS_BY_NAME, PROFILE_SIZE, shape_of

HEADS = {  # name in the contract: class, what it reads, parameters in millions where it has a budget of its own
    "depth": (DepthHead, ("dense", "context"), None),
    "contrast": (ContrastHead, ("dense", "context"), None),
    "edges": (EdgeHead, ("dense",), None),
    "glare": (GlareHead, ("dense", "context"), None),
    "precise_distance": (PreciseDistanceHead, ("box_features", "boxes", "context"), None),
    "findability": (FindabilityHead, ("grid", "box_features", "context"), None),
    "roi_priority": (RoiPriorityHead, ("box_features", "boxes", "context"), None),
    "navigation_difficulty": (NavigationDifficultyHead, ("grid", "context"), None),
    "colour": (ColourHead, ("box_features", "context"), None),
    "motion": (MotionHead, ("motion_features", "dense"), 2.0),
    "therapy_state": (TherapyStateHead, ("grid", "context"), 1.5),
    "sound_events": (SoundEventHead, ("audio_context", "context"), 1.2),
    "personalization": (PersonalizationHead, ("profile", "box_features", "context"), 1.2),
    "retrieval": (RetrievalHead, ("grid", "context"), 1.5),
    "predictive_alerts": (PredictiveAlertHead, ("temporal_context", "box_features", "context"), 2.5),
    "temporal_consistency": (TemporalConsistencyHead, ("motion_features", "context"), 0.6),
}
T1_MILLIONS = 5.0
BUDGET_TOLERANCE = 0.05
SHAPES = {
    "dense": (128, 56, 56), "grid": (256, 14, 14), "motion_features": (256, 14, 14), "context": (768,),
    "audio_context": (768,), "temporal_context": (768,), "box_features": (BOXES, 256), "boxes": (BOXES, 4),
    "profile": (PROFILE_SIZE,),
}
PRESENT = 5
"""Boxes that hold a detection in these tests; the others' features are 0."""
PER_BOX = ("precise_distances", "precise_distance_uncertainty", "box_findability", "roi_priority", "box_colours",
           "personal_priority")
SUMS_TO_ONE = ("glare_risk", "box_colours", "dominant_colours", "sound_urgency", "personal_verbosity",
               "recommended_action")
FIRST = {  # where an untrained head stands
    "depth_map": 5.0, "depth_uncertainty": 2.5, "precise_distances": 5.0, "precise_distance_uncertainty": 2.5,
    "contrast_map": 1.0, "contrast_sensitivity": 0.5, "edge_map": 0.03, "glare_confidence": 0.5, "findability": 0.5,
    "box_findability": 0.5, "roi_priority": 0.3, "navigation_difficulty": 0.4, "scene_motion": 0.0,
    "therapy_fatigue": 0.2, "therapy_depth_focus": 0.5, "therapy_contrast": 0.5, "sound_events": 0.05,
    "personal_thresholds": 0.0, "personal_priority": 0.3, "hazards": 0.05, "time_to_hazard": 10.0,
    "temporal_consistency": 0.8,
}


def inputs_of(name: str, batch: int = 2, seed: int = 0, scale: float = 1.0) -> tuple[torch.Tensor, ...]:
    """What a head reads; the last boxes are absent, as Stage B gives them: features of exactly 0."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for needed in HEADS[name][1]:
        shape = (batch, *SHAPES[needed])
        if needed == "boxes":
            boxes = torch.rand(shape, generator=generator)
            made.append(torch.cat((boxes[..., :2], boxes[..., 2:] * 0.5), dim=-1))
        elif needed == "profile":
            made.append(torch.rand(shape, generator=generator) * 2.0 - 1.0)
        else:
            made.append(torch.randn(shape, generator=generator) * scale)
        if needed == "box_features":
            made[-1][:, PRESENT:] = 0.0
    return tuple(made)


def lively(name: str, std: float = 0.5) -> torch.nn.Module:
    """A head whose last layers say more than their bias, as after training."""
    torch.manual_seed(0)
    head = HEADS[name][0]().eval()
    with torch.no_grad():
        for module in head.modules():
            if isinstance(module, (Readout, MapReadout)):
                module.weight.normal_(std=std / module.weight[0].numel() ** 0.5)
            if isinstance(module, SeparableUnit):
                module.narrow.weight.normal_(std=0.05)
    return head


def specs(name: str) -> dict[str, tuple]:
    return {tensor.name: tensor for tensor in HEADS_BY_NAME[name].gives}


def check_range(name: str, found: dict[str, torch.Tensor]) -> None:
    for tensor in HEADS_BY_NAME[name].gives:
        value = found[tensor.name]
        assert value.dtype == torch.float32, tensor.name
        assert bool(value.isfinite().all()), tensor.name
        assert tensor.low is None or float(value.min()) >= tensor.low, tensor.name
        assert tensor.high is None or float(value.max()) <= tensor.high, tensor.name


@pytest.mark.parametrize("name", HEADS)
def test_a_head_gives_the_tensors_of_the_contract_for_any_batch(name):
    head = HEADS[name][0]()
    for batch in (1, 3):
        with torch.inference_mode():
            found = head(*inputs_of(name, batch))
        assert list(found) == [tensor.name for tensor in HEADS_BY_NAME[name].gives]
        for tensor in HEADS_BY_NAME[name].gives:
            assert tuple(found[tensor.name].shape) == (batch, *shape_of(tensor, HEADS_BY_NAME[name].tier))
        check_range(name, found)


@pytest.mark.parametrize("name", HEADS)
def test_an_untrained_head_is_calm(name):
    torch.manual_seed(0)
    with torch.inference_mode():
        found = HEADS[name][0]()(*inputs_of(name))
    for tensor in HEADS_BY_NAME[name].gives:
        value = found[tensor.name][:, :PRESENT] if tensor.name in PER_BOX else found[tensor.name]
        if tensor.name in FIRST:
            first = FIRST[tensor.name]
            assert float((value - first).abs().mean()) < max(0.1 * abs(first), 0.2), tensor.name
            assert float((value - first).abs().max()) < max(0.5 * abs(first), 0.5), tensor.name
        if tensor.name == "sound_direction":
            assert float(value.abs().max()) < 25.0


def _autocast(kind: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16 if kind == torch.float32 else kind, enabled=kind != torch.float32)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16], ids=["f32", "bf16", "f16"])
def test_outputs_stay_in_their_range_whatever_comes_in(name, kind):
    """Saturated last layers and activations of ten thousand: what a network that went wrong would give."""
    head = lively(name, std=200.0)
    with torch.inference_mode(), _autocast(kind):
        check_range(name, head(*inputs_of(name, scale=1e4)))
        check_range(name, head(*(torch.zeros_like(tensor) for tensor in inputs_of(name))))


@pytest.mark.parametrize("name", HEADS)
def test_half_precision_changes_little(name):
    head, inputs = lively(name), inputs_of(name)
    with torch.inference_mode():
        exact = head(*inputs)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = head(*inputs)
    for tensor, value in exact.items():
        assert float((value - rounded[tensor]).abs().max()) < 0.05 * float(value.abs().max()), tensor


@pytest.mark.parametrize("name", HEADS)
def test_learning_reaches_every_parameter(name):
    torch.manual_seed(0)
    assert without_gradient(HEADS[name][0]().train(), inputs_of(name)) == []


@pytest.mark.parametrize("name", HEADS)
def test_openvino_gives_the_same_answer(name):
    head = lively(name)
    assert openvino_difference(head, inputs_of(name), inputs_of(name, batch=1, seed=1)) < OPENVINO_TOLERANCE


@pytest.mark.parametrize("name", HEADS)
def test_pictures_of_a_batch_do_not_touch(name):
    assert entries_are_apart(lively(name), inputs_of(name, batch=3))


def test_sizes_are_within_the_budget():
    millions = {name: sum(p.numel() for p in row[0]().parameters()) / 1e6 for name, row in HEADS.items()}
    first = sum(size for name, size in millions.items() if HEADS_BY_NAME[name].tier == "T1")
    assert first == pytest.approx(T1_MILLIONS, rel=BUDGET_TOLERANCE)
    for name, (_, _, budget) in HEADS.items():
        assert budget is None or millions[name] == pytest.approx(budget, rel=BUDGET_TOLERANCE), name


def _with_other_padding(boxes: torch.Tensor) -> torch.Tensor:
    return torch.cat((boxes[:, :PRESENT], boxes[:, PRESENT:] + 0.3), dim=1)


@pytest.mark.parametrize("name", [name for name in HEADS if set(specs(name)) & set(PER_BOX)])
def test_absent_boxes_get_exactly_nothing_and_change_nothing(name):
    head, inputs = lively(name), inputs_of(name)
    with torch.inference_mode():
        found = head(*inputs)
        again = head(*(_with_other_padding(tensor) if needed == "boxes" else tensor
                       for needed, tensor in zip(HEADS[name][1], inputs, strict=True)))
    for tensor in set(specs(name)) & set(PER_BOX):
        assert not found[tensor][:, PRESENT:].any()
        assert found[tensor][:, :PRESENT].all()
    assert all(torch.equal(found[tensor], again[tensor]) for tensor in found)


@pytest.mark.parametrize("tensor", SUMS_TO_ONE)
def test_probabilities_of_one_choice_sum_to_one(tensor):
    name = next(name for name in HEADS if tensor in specs(name))
    with torch.inference_mode():
        found = lively(name)(*inputs_of(name))[tensor]
    found = found[:, :PRESENT] if tensor in PER_BOX else found
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(found.shape[:-1]))


def test_without_sound_nothing_is_heard_from_anywhere():
    _, context = inputs_of("sound_events")
    head = lively("sound_events")
    with torch.inference_mode():
        silent = head(torch.zeros(2, 768), context)
        faint = head(torch.full((2, 768), 1e-6), context)
    assert not any(value.any() for value in silent.values())
    torch.testing.assert_close(faint["sound_urgency"].sum(dim=1), torch.ones(2))


def test_a_taller_box_is_another_distance_for_the_same_look():
    head = lively("precise_distance", std=5.0)
    features, boxes, context = inputs_of("precise_distance", batch=1)
    with torch.inference_mode():
        first = head(features, boxes, context)["precise_distances"]
        taller = head(features, boxes * torch.tensor([1.0, 1.0, 1.0, 3.0]), context)["precise_distances"]
    assert float((first - taller)[:, :PRESENT].abs().min()) > 1e-3


def test_a_priority_depends_on_what_else_is_there():
    head = lively("roi_priority", std=5.0)
    features, boxes, context = inputs_of("roi_priority", batch=1)
    alone = torch.where(torch.arange(BOXES)[None, :, None] == 0, features, torch.zeros(()))
    with torch.inference_mode():
        among, single = head(features, boxes, context), head(alone, boxes, context)
    assert abs(float(among["roi_priority"][0, 0] - single["roi_priority"][0, 0])) > 1e-3


def test_hazards_are_read_from_the_boxes_and_from_the_movement():
    head = lively("predictive_alerts", std=5.0)
    temporal, features, context = inputs_of("predictive_alerts", batch=1)
    with torch.inference_mode():
        before = head(temporal, features, context)["hazards"]
        empty = head(temporal, torch.zeros_like(features), context)["hazards"]
        still = head(torch.zeros_like(temporal), features, context)["hazards"]
    assert float((before - empty).abs().max()) > 1e-3
    assert float((before - still).abs().max()) > 1e-3


def test_the_profile_changes_what_is_proposed():
    head = lively("personalization", std=5.0)
    profile, features, context = inputs_of("personalization", batch=1)
    with torch.inference_mode():
        one, other = head(profile, features, context), head(-profile, features, context)
    assert all(float((one[name] - other[name]).abs().max()) > 1e-3 for name in one)


def test_vectors_have_length_one_and_a_vector_of_zeros_has_no_direction():
    with torch.inference_mode():
        found = lively("retrieval")(*inputs_of("retrieval"))
    for value in found.values():
        torch.testing.assert_close(value.norm(dim=-1), torch.ones(value.shape[:-1]))
    assert not unit(torch.zeros(1, 4)).any()
    torch.testing.assert_close(unit(torch.full((1, 4), 6e4, dtype=torch.float16)), torch.full((1, 4), 0.5))
    concepts = found["concept_vectors"][0]
    assert float((concepts @ concepts.T - torch.eye(4)).max()) < 0.99  # four concepts, not one four times


def _upsampled_by_hand(flow: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """RAFT's convex upsampling location by location."""
    _, height, width = flow.shape
    result = np.zeros((2, height * STEP, width * STEP))
    for row in range(height * STEP):
        for column in range(width * STEP):
            y, x = row // STEP, column // STEP
            place = (row % STEP) * STEP + column % STEP
            weights = np.exp(logits.reshape(NEIGHBOURS, STEP * STEP, height, width)[:, place, y, x])
            weights /= weights.sum()
            for neighbour in range(NEIGHBOURS):
                ny = min(max(y + neighbour // 3 - 1, 0), height - 1)
                nx = min(max(x + neighbour % 3 - 1, 0), width - 1)
                result[:, row, column] += weights[neighbour] * flow[:, ny, nx]
    return result


def test_convex_upsampling_equals_the_sum_written_out():
    generator = torch.Generator().manual_seed(3)
    flow = torch.randn(1, 2, 3, 4, generator=generator)
    logits = torch.randn(1, NEIGHBOURS * STEP * STEP, 3, 4, generator=generator) * 2.0
    found = convex_upsample(flow, logits)[0].numpy()
    np.testing.assert_allclose(found, _upsampled_by_hand(flow[0].numpy(), logits[0].numpy()), atol=1e-5)


def test_depth_can_follow_the_row_of_a_picture_without_any_other_cue():
    """A floor runs away from the viewer: what looks the same everywhere is further up the picture further away."""
    head = lively("depth")
    with torch.no_grad():
        head.rows.copy_(torch.linspace(-1.0, 1.0, 56)[None, None, :, None] * torch.randn(1, 128, 1, 1))
        depth = head(torch.ones(1, 128, 56, 56), torch.zeros(1, 768))["depth_map"][0]
    inner = depth[2:-2, 2:-2]
    torch.testing.assert_close(inner, inner[:, :1].expand_as(inner))
    assert float(inner[:, 0].std()) > 0.1
