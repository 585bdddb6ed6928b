"""Batches: pictures made square as the engine does, truth that follows them, and the unknown that stays unknown."""

import numpy as np
import pytest
import torch
from support.training_samples import painted, seen

from maxsight_core.engine.detect import prepare
from training.data.batch import box_slots, collate
from training.data.sample import SampleError
from training.data.stage_b_truth import _SHAPES, MAPS, NAMES, PER_BOX, PER_PAIR
from training.loop.network import _padded

SIDE = 64


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
@pytest.mark.parametrize("size", [(120, 160), (150, 90)])
def test_pictures_are_the_engines_and_boxes_follow_them(fit, size):
    sample = painted([(1, 0.3, 0.4, 0.3, 0.4), (2, 0.8, 0.8, 0.2, 0.2)], size)
    batch = collate([sample], SIDE, fit)
    assert np.array_equal(batch.images.numpy(), prepare(sample.image, SIDE, fit))
    for row, column in enumerate((1, 2)):
        np.testing.assert_allclose(batch.targets.boxes[0][row].numpy(), seen(batch.images[0].numpy(), column),
                                   atol=1.6 / SIDE)


def test_depth_and_flow_follow_the_picture_and_the_padding_is_unknown():
    depth = np.fromfunction(lambda y, x: 1.0 + x, (30, 60), dtype=np.float32)
    flow = np.stack((np.full((30, 60), 6.0), np.full((30, 60), -3.0))).astype(np.float32)
    known, unknown = painted([], (30, 60), depth_m=depth, flow_px=flow), painted([], (30, 60))
    batch = collate([known, unknown], SIDE, "letterbox").targets
    assert batch.depth_m.shape == (2, SIDE, SIDE) and batch.flow_px.shape == (2, 2, SIDE, SIDE)
    assert not batch.depth_m[0, :32].isnan().any() and batch.depth_m[0, 32:].isnan().all()
    assert batch.depth_m[1].isnan().all()
    assert batch.flow_px[0, 0, 5, 5] == pytest.approx(6.0 * 64 / 60)
    assert batch.flow_px[0, 1, 5, 5] == pytest.approx(-3.0 * 32 / 30)
    assert collate([unknown], SIDE, "letterbox").targets.depth_m is None


def test_what_only_one_picture_knows_is_unknown_in_the_other():
    knowing = painted([(1, 0.3, 0.4, 0.2, 0.3), (3, 0.7, 0.5, 0.2, 0.2)],
                      extra={"roi_priority": np.array([0.2, 0.9]), "hazards": np.eye(6)[1], "place": np.int64(4),
                             "word_logits": np.array([5, 6, 7])})
    short = painted([(2, 0.5, 0.5, 0.2, 0.2)], extra={"word_logits": np.array([9]), "roi_priority": np.array([0.5])})
    extra = collate([knowing, short, painted([])], SIDE, "letterbox").targets.extra
    assert extra["hazards"][0].tolist() == np.eye(6)[1].tolist() and extra["hazards"][1:].isnan().all()
    assert extra["place"].tolist() == [4, -1, -1]
    assert extra["word_logits"].tolist() == [[5, 6, 7], [9, 0, 0], [-1, -1, -1]]
    assert extra["roi_priority"][:2].tolist() == [pytest.approx([0.2, 0.9]), [0.5, 0.0]]


def test_no_text_differs_from_unknown_text_and_its_boxes_follow_the_picture():
    line = np.array([[0.5, 0.5, 0.4, 0.2]], np.float32)
    read = painted([], (30, 60), extra={"text_boxes": line, "text_logits": np.array([[3, 4]])})
    none = painted([], (30, 60), extra={"text_boxes": np.zeros((0, 4), np.float32),
                                        "text_logits": np.zeros((0, 0), np.int64)})
    extra = collate([read, none, painted([], (30, 60))], SIDE, "letterbox").targets.extra
    np.testing.assert_allclose(extra["text_boxes"][0], [[0.5, 0.25, 0.4, 0.1]], atol=1e-6)
    assert not extra["text_boxes"][1].any() and extra["text_boxes"][2].isnan().all()
    assert extra["text_logits"].tolist() == [[[3, 4]], [[0, 0]], [[-1, -1]]]
    alone = collate([none], SIDE, "letterbox").targets.extra
    assert alone["text_boxes"].shape == (1, 1, 4) and not alone["text_boxes"].any()


def test_maps_come_to_their_heads_size_with_the_padding_unknown():
    ramp = np.tile(np.linspace(0.0, 1.0, 112, dtype=np.float32), (56, 1))
    extra = collate([painted([], (30, 60), extra={"edge_map": ramp, "findability": ramp})], SIDE, "letterbox")
    edges, findability = (extra.targets.extra[name][0] for name in ("edge_map", "findability"))
    assert edges.shape == (56, 56) and findability.shape == (14, 14)
    assert edges[28:].isnan().all() and not edges[:28].isnan().any() and (edges[3].diff()[:-1] > 0).any()
    assert float(edges[:28].mean()) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(("name", "value"), [
    ("smell", np.zeros(3)), ("roi_priority", np.zeros(1)), ("hazards", np.zeros(5)),
    ("spatial_relations", np.zeros((2, 2, 3))), ("edge_map", np.zeros(4)), ("text_boxes", np.zeros((2, 3))),
])
def test_truth_that_does_not_fit_its_sample_is_named(name, value):
    sample = painted([(1, 0.3, 0.4, 0.2, 0.3), (3, 0.7, 0.5, 0.2, 0.2)], extra={name: value})
    with pytest.raises(SampleError, match=f"painted.*{name}"):
        collate([sample], SIDE, "letterbox")


def test_every_name_is_a_tensor_of_stage_b_or_the_place():
    assert set(_SHAPES) >= NAMES - {"place"}
    assert all(_SHAPES[name][0] == 16 for name in (*PER_BOX, *PER_PAIR))
    assert all(_SHAPES[name] in {(side, side), (side * side,)} for name, side in MAPS.items())


def test_slots_are_the_order_in_which_stage_b_is_given_the_boxes():
    draw = torch.Generator().manual_seed(0)
    boxes = [torch.rand(count, 4, generator=draw) for count in (0, 3, 16, 30)]
    slots, (padded, valid) = box_slots(boxes), _padded(boxes, torch.device("cpu"))
    assert torch.equal(slots >= 0, valid > 0)
    for row, found in enumerate(boxes):
        chosen = slots[row][slots[row] >= 0]
        assert torch.equal(found[chosen], padded[row, : len(chosen)])


def test_a_batch_needs_samples_of_one_class_table():
    with pytest.raises(ValueError, match="at least one"):
        collate([], SIDE, "letterbox")
    other = painted([])
    other.labelled = np.ones(9, bool)
    with pytest.raises(ValueError, match="4, 9"):
        collate([painted([]), other], SIDE, "letterbox")
