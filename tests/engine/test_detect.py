"""From tensors to detections: torchvision's own results, exact boxes, and the frame's coordinates."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from support.data import shared_data
from support.networks import calibrate_norms, spread
from torchvision.models.detection import fcos_resnet50_fpn
from torchvision.ops import batched_nms

from maxsight_core.engine import detect
from maxsight_core.engine.device import DevicePolicy
from maxsight_core.engine.runtimes.torch import TorchRuntime
from maxsight_core.engine.score_rule import ScoreRule
from maxsight_core.models.grid import location_count, points_px
from maxsight_core.models.stage_a import StageA

SIDE = 320
EVERY = detect.DetectSettings(score_threshold=0.2, nms_iou=0.6, max_detections=2000, top_k_per_level=1000)
ALL_DETECTING = {"objectness", "classification", "boxes"}


@pytest.fixture(scope="module")
def fcos():
    """torchvision's own detector with random weights that find something in many places."""
    torch.manual_seed(0)
    model = fcos_resnet50_fpn(weights=None, weights_backbone=None, min_size=SIDE, max_size=SIDE,
                              detections_per_img=EVERY.max_detections)
    calibrate_norms(model.backbone)
    spread(model.head.classification_head.cls_logits, 0.06, bias=-4.5)
    with torch.no_grad():
        model.head.classification_head.cls_logits.bias[detect.BACKGROUND_COLUMN] = -30.0  # as training leaves it
    spread(model.head.regression_head.bbox_reg, 0.05, bias=1.5, seed=2)
    spread(model.head.regression_head.bbox_ctrness, 0.05, bias=0.5, seed=3)
    return model.eval()


@pytest.fixture(scope="module")
def photo():
    picture = cv2.imread(str(shared_data("coco_cc", "images", "000000000785.jpg")))
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def ours(fcos):
    model = StageA("pyramid").eval()
    model.load_state_dict(fcos.state_dict(), strict=False)
    return TorchRuntime(model, policy=DevicePolicy("cpu"), input_size=SIDE, precision="f32")


def torchvisions(fcos, square, top_k=EVERY.top_k_per_level):
    """[N, 6] class, score, cxcywh (0..1) of torchvision's own answer, without boxes that have no area."""
    before, fcos.topk_candidates = fcos.topk_candidates, top_k
    try:
        with torch.inference_mode():
            found = fcos([torch.from_numpy(square).permute(2, 0, 1) / 255.0])[0]
    finally:
        fcos.topk_candidates = before
    boxes = found["boxes"].numpy()
    middle = np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), axis=1) / SIDE
    rows = np.column_stack((found["labels"].numpy(), found["scores"].numpy(), middle))
    return rows[middle[:, 2:].min(axis=1) > detect._SMALLEST_SIDE]


@pytest.mark.parametrize("top_k", [EVERY.top_k_per_level, 40])
def test_the_pyramid_gives_torchvisions_final_detections(fcos, ours, photo, top_k):
    square = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    theirs = torchvisions(fcos, square, top_k)
    raw = ours.infer(detect.prepare(square, SIDE))
    settings = replace(EVERY, top_k_per_level=top_k)
    found = detect.decode(raw, "pyramid", SIDE, (SIDE, SIDE), settings=settings)
    mine = np.array([(d.class_id, d.score, *d.box_cxcywh) for d in found])
    assert 20 < len(mine) == len(theirs)
    assert len(set(theirs[:, 0].tolist())) > 3
    np.testing.assert_allclose(mine[:, 1], theirs[:, 1], atol=1e-4)
    # scores that tie to the fifth digit may change places, so every detection is looked for, not only its rank
    apart = np.abs(mine[:, None] - theirs[None]).max(axis=2)
    assert sorted(apart.argmin(axis=1).tolist()) == list(range(len(theirs)))
    assert apart.min(axis=1).max() < 1e-4


def test_fewer_candidates_per_level_give_fewer_detections(ours, photo):
    raw = ours.infer(detect.prepare(cv2.resize(photo, (SIDE, SIDE)), SIDE))
    few, many = (
        detect.decode(raw, "pyramid", SIDE, (SIDE, SIDE), settings=replace(EVERY, top_k_per_level=top_k))
        for top_k in (40, EVERY.top_k_per_level)
    )
    assert 0 < len(few) < len(many)


def test_a_wide_frame_gives_the_boxes_of_its_part_of_the_square(ours, photo):
    frame = cv2.resize(photo, (640, 480))
    batch = detect.prepare(frame, SIDE)
    raw = ours.infer(batch)
    unmerged = replace(EVERY, nms_iou=0.9999)  # boxes cut at the frame's edge overlap otherwise than whole ones
    in_square = detect.decode(raw, "pyramid", SIDE, (SIDE, SIDE), settings=unmerged)
    in_frame = detect.decode(raw, "pyramid", SIDE, frame.shape[:2], settings=unmerged)
    by_key: dict[tuple[int, float], list] = {}
    for d in in_square:  # an untrained network gives many boxes, and some the same score
        by_key.setdefault((d.class_id, round(d.score, 6)), []).append(d.box_cxcywh)
    inside = [d for d in in_frame if d.box_cxcywh[1] + d.box_cxcywh[3] / 2 < 0.999]
    assert len(inside) > 5
    for d in inside:
        stretched = np.array([(x, y * 4 / 3, w, h * 4 / 3) for x, y, w, h in by_key[(d.class_id, round(d.score, 6))]])
        assert np.abs(stretched - d.box_cxcywh).max(axis=1).min() < 1e-5  # 320 of 240 rows


@pytest.mark.parametrize("fit", detect.FITS)
@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (224, 224), (100, 1000), (64, 48)])
def test_a_thing_is_found_where_it_is_in_the_frame(shape, fit):
    """A red box is drawn into a frame, found in the square, and must come back where it was drawn."""
    height, width = shape
    frame = np.full((height, width, 3), 90, np.uint8)
    frame[height // 4:height * 3 // 4, width // 2:width * 7 // 8] = (255, 0, 0)
    square = detect.prepare(frame, 224, fit)[0].astype(int)
    rows, columns = np.nonzero((square[..., 0] > 180) & (square[..., 1] < 60))
    box = np.array((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)) / 224
    raw = fused_raw([(100, 7, 0.99, box)])
    (found,) = detect.decode(raw, "fused", 224, shape, fit=fit)
    pixel = 1.5 / min(*detect.scale_to(shape, 224, fit))
    np.testing.assert_allclose(found.box_cxcywh, (11 / 16, 0.5, 3 / 8, 0.5), atol=pixel)
    assert found.class_id == 7


def fused_raw(things, size=224, classes=91):
    """Tensors as the fused network would give them for (location, class, probability, x0 y0 x1 y1)."""
    count = location_count("fused", size)
    objectness, sides = np.full((1, count), 0.01, np.float32), np.full((1, count, 4), 0.05, np.float32)
    classification = np.full((1, count, classes), 0.01 / classes, np.float32)
    points = points_px("fused", size) / size
    for location, column, probability, (x0, y0, x1, y1) in things:
        objectness[0, location] = probability
        classification[0, location] = (1.0 - probability) / classes
        classification[0, location, column] = probability
        x, y = points[location]
        sides[0, location] = (x - x0, y - y0, x1 - x, y1 - y)
    return {"objectness": objectness, "classification": classification, "sides": sides}


def test_fused_score_is_objectness_times_class_probability_and_background_is_never_reported():
    raw = fused_raw([(100, 5, 0.8, (0.1, 0.2, 0.5, 0.6)), (10, 0, 0.9, (0.6, 0.6, 0.9, 0.9))])
    (found,) = detect.decode(raw, "fused", 224, (224, 224), fit="stretch")
    assert found.class_id == 5
    assert found.score == pytest.approx(0.64, abs=1e-6)
    np.testing.assert_allclose(found.box_cxcywh, (0.3, 0.4, 0.4, 0.4), atol=1e-6)


def test_the_pyramids_background_column_is_never_reported():
    raw = pyramid_raw(0)
    raw["cls_logits"][0, 500:510, 0] = 5.0
    raw["cls_logits"][0, 700, 17] = 5.0
    assert [d.class_id for d in detect.decode(raw, "pyramid", SIDE, (SIDE, SIDE))] == [17]


def test_duplicates_of_one_class_are_merged_but_not_those_of_two():
    box = np.array((0.2, 0.2, 0.6, 0.6))
    raw = fused_raw([(90, 3, 0.9, box), (91, 3, 0.85, box + 0.01), (92, 4, 0.8, box)])
    found = detect.decode(raw, "fused", 224, (224, 224), fit="stretch")
    assert [(d.class_id, round(d.score, 3)) for d in found] == [(3, 0.81), (4, 0.64)]


def test_locations_tell_where_in_the_grid_a_detection_came_from():
    raw = fused_raw([(33, 3, 0.7, (0.3, 0.1, 0.5, 0.3)), (150, 8, 0.9, (0.5, 0.6, 0.8, 0.9))])
    found, locations = detect.decode_with_locations(raw, "fused", 224, (224, 224), fit="stretch")
    assert [(d.class_id, int(at)) for d, at in zip(found, locations, strict=True)] == [(8, 150), (3, 33)]


def test_columns_become_the_taxonomy_ids_of_the_manifest():
    raw = fused_raw([(100, 2, 0.9, (0.2, 0.2, 0.6, 0.6))], classes=3)
    (found,) = detect.decode(raw, "fused", 224, (224, 224), fit="stretch", classes=(0, 1, 1003))
    assert found.class_id == 1003


def test_an_empty_picture_gives_an_empty_list():
    assert detect.decode(fused_raw([]), "fused", 224, (480, 640)) == []
    assert detect.decode(pyramid_raw(0), "pyramid", SIDE, (480, 640)) == []


def pyramid_raw(count, seed=0):
    rng = np.random.default_rng(seed)
    locations = location_count("pyramid", SIDE)
    logits = rng.normal(-7.0, 0.7, (1, locations, 91)).astype(np.float32)
    where = rng.choice(locations, count, replace=False)
    logits[0, where, rng.integers(1, 91, count)] = rng.normal(1.0, 1.0, count)
    return {
        "cls_logits": logits, "bbox_ctrness": rng.normal(0.5, 1.0, (1, locations, 1)).astype(np.float32),
        "bbox_regression": rng.gamma(4.0, 0.8, (1, locations, 4)).astype(np.float32),
    }


@pytest.mark.parametrize("seed", range(8))
def test_suppression_keeps_exactly_what_torchvision_keeps(seed):
    rng = np.random.default_rng(seed)
    low = rng.random((300, 2), dtype=np.float32) * 0.7
    corners = np.concatenate((low, low + rng.random((300, 2), dtype=np.float32) * 0.3), axis=1)
    scores, labels = rng.random(300, dtype=np.float32), rng.integers(0, 4, 300)
    expected = batched_nms(*(torch.from_numpy(x) for x in (corners, scores, labels)), 0.4).tolist()
    assert detect.suppress(corners, scores, labels, 0.4, 300).tolist() == expected
    assert detect.suppress(corners, scores, labels, 0.4, 7).tolist() == expected[:7]


def raw_detections(*pairs):
    return [detect.RawDetection(class_id, score, (0.5, 0.5, 0.1, 0.1)) for class_id, score in pairs]


def test_a_rule_reports_named_classes_from_their_own_score_on():
    rule = ScoreRule(thresholds={1: 0.5, 3: 0.3})
    found = rule.apply(raw_detections((1, 0.6), (1, 0.4), (3, 0.4), (62, 0.9)))
    assert [(one.class_id, one.score) for one in found] == [(1, 0.6), (3, 0.4)]
    assert rule.settings("pyramid").score_threshold == pytest.approx(0.3, abs=1e-5)


def test_without_a_rule_everything_is_reported_as_it_is():
    found = raw_detections((1, 0.6), (62, 0.21))
    assert ScoreRule().apply(found) == found
    assert ScoreRule().settings("fused") == detect.DEFAULTS["fused"]


def test_a_temperature_divides_the_logit_and_thresholds_are_of_what_is_shown():
    rule = ScoreRule(temperature=2.0, thresholds={1: 0.6})
    assert rule.calibrated(0.9) == pytest.approx(0.75)  # odds of 9 become odds of 3
    assert [one.score for one in rule.apply(raw_detections((1, 0.9), (1, 0.6)))] == pytest.approx([0.75])
    raw = rule.settings("pyramid").score_threshold
    assert rule.calibrated(raw) == pytest.approx(0.6, abs=1e-4) and raw < 0.6923077  # 0.6 -> odds 1.5 -> odds 2.25
