"""The reading head: where it looks, in which order, what it cuts out, and that it can learn to read."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.network_parts import OPENVINO_TOLERANCE, entries_are_apart, openvino_difference, without_gradient
from support.networks import spread

from maxsight_core.models.heads.ocr import CROP_MARGIN, OcrHead, TextReader, choose_regions
from maxsight_core.models.layers.normalise import IMAGENET_MEAN, IMAGENET_STD
from maxsight_core.models.reading import ctc_targets, read_text
from maxsight_core.models.stage_b_contract import HEADS_BY_NAME, shape_of

SIGN_BOX = (0.5, 0.4, 0.5, 0.14)


def _inputs(batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(batch, 128, 56, 56, generator=generator), torch.randn(batch, 3, 224, 224, generator=generator))


@pytest.fixture(scope="module")
def head():
    torch.manual_seed(0)
    made = OcrHead()
    spread(made.detector.text, 0.3, -2.0)
    spread(made.detector.sides, 0.1, -2.0)
    return made.eval()


@pytest.fixture(scope="module")
def found(head):
    with torch.inference_mode():
        return head(*_inputs())


def test_outputs_have_the_shapes_and_ranges_of_the_contract(found):
    assert set(found) == {tensor.name for tensor in HEADS_BY_NAME["ocr"].gives}
    for tensor in HEADS_BY_NAME["ocr"].gives:
        value = found[tensor.name]
        assert tuple(value.shape) == (2, *shape_of(tensor, "T3"))
        assert bool(value.isfinite().all())
        assert tensor.low is None or tensor.low <= float(value.min()) < float(value.max()) <= tensor.high


def test_regions_are_ordered_by_score_and_lie_in_the_picture(found):
    scores, boxes = found["text_scores"], found["text_boxes"]
    assert bool((scores[:, :-1] >= scores[:, 1:]).all())
    assert float(scores[0, 0]) == pytest.approx(float(found["text_map"][0].max()))
    assert float((boxes[..., :2] - boxes[..., 2:] / 2).min()) >= -1e-6
    assert float((boxes[..., :2] + boxes[..., 2:] / 2).max()) <= 1 + 1e-6


def _map_of(*peaks: tuple[int, int, float, tuple[float, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
    logits, boxes = torch.full((1, 1, 56, 56), -8.0), torch.full((1, 4, 56, 56), 0.01)
    for row, column, logit, box in peaks:
        logits[0, 0, row - 1:row + 2, column - 1:column + 2] = logit - 1.0
        logits[0, 0, row, column] = logit
        boxes[0, :, row - 1:row + 2, column - 1:column + 2] = torch.tensor(box)[:, None, None]
    return logits, boxes


def test_one_region_per_text_the_surest_first():
    line, other = (0.5, 0.5, 0.6, 0.1), (0.5, 0.65, 0.6, 0.1)
    boxes, scores = choose_regions(*_map_of((28, 28, 1.0, line), (36, 28, 2.0, other), (28, 12, 0.5, line),
                                            (28, 40, 0.9, (0.7, 0.5, 0.1, 0.08))))
    torch.testing.assert_close(boxes[0, :2], torch.tensor([other, line]))
    torch.testing.assert_close(scores[0, :2], torch.tensor([2.0, 1.0]).sigmoid())
    assert float(scores[0, 2:].max()) < 0.01  # the same line again, and a part of it


def test_neighbouring_locations_of_a_peak_are_no_regions_of_their_own():
    boxes, scores = choose_regions(*_map_of((10, 10, 3.0, (0.2, 0.2, 0.1, 0.05))))
    assert int((scores > 0.1).sum()) == 1
    torch.testing.assert_close(boxes[0, 0], torch.tensor([0.2, 0.2, 0.1, 0.05]))


def test_marking_down_equals_matrix_nms_written_out():
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(1, 1, 56, 56, generator=generator)
    sides = 0.1 + 0.2 * torch.rand(1, 2, 56, 56, generator=generator)
    boxes = torch.cat((0.2 + 0.6 * torch.rand(1, 2, 56, 56, generator=generator), sides), dim=1)
    flat, places = logits[0, 0].numpy(), boxes[0].numpy()
    peaks = [(1 / (1 + np.exp(-flat[y, x])), places[:, y, x]) for y in range(56) for x in range(56)
             if flat[y, x] == flat[max(0, y - 1):y + 2, max(0, x - 1):x + 2].max()]
    peaks = sorted(peaks, key=lambda peak: -peak[0])[:32]

    def hidden(a, b):
        shared = np.prod(np.clip(np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
                                 - np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2), 0, None))
        return min(1.0, shared / min(a[2] * a[3], b[2] * b[3]))

    most = [max((hidden(peaks[k][1], peaks[i][1]) for k in range(i)), default=0.0) for i in range(32)]
    expected = sorted((score * min([1.0, *((1 - hidden(peaks[i][1], box)) / max(1 - most[i], 1e-3) for i in range(j))])
                       for j, (score, box) in enumerate(peaks)), reverse=True)[:8]
    np.testing.assert_allclose(choose_regions(logits, boxes)[1][0], expected, rtol=1e-4)


def test_crops_show_the_place_of_the_box_with_its_margin():
    """Every pixel of the picture says where it is; so does every pixel of a crop."""
    middles = (torch.arange(224) + 0.5) / 224
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    images = torch.stack((x, y, x + y))[None].repeat(2, 1, 1, 1)
    images[1] *= 2.0
    boxes = torch.tensor([[[0.5, 0.5, 0.4, 0.1], [0.3, 0.7, 0.1, 0.2]]]).repeat(2, 1, 1)
    crops = TextReader().crops(images, boxes)
    assert tuple(crops.shape) == (2, 2, 3, 32, 128)
    for picture, region in ((0, 0), (0, 1), (1, 1)):
        cx, cy, w, h = boxes[picture, region].tolist()
        w, h = w + 2 * CROP_MARGIN * h, h + 2 * CROP_MARGIN * h
        columns = cx - w / 2 + w * (torch.arange(128) + 0.5) / 128
        rows = cy - h / 2 + h * (torch.arange(32) + 0.5) / 32
        scale = float(picture + 1)
        torch.testing.assert_close(crops[picture, region, 0], scale * columns.expand(32, -1), atol=1e-4, rtol=0)
        torch.testing.assert_close(crops[picture, region, 1], scale * rows[:, None].expand(-1, 128), atol=1e-4, rtol=0)


def test_a_painted_sign_fills_its_crop_and_nothing_else_is_in_it():
    images = torch.zeros(1, 3, 224, 224)
    images[:, :, 45:67, 90:134] = 1.0  # the sign; its left half also in the second channel
    images[:, 1, 45:67, 112:134] = 0.0
    box = torch.tensor([[[112 / 224, 56 / 224, 44 / 224, 22 / 224], [0.8, 0.8, 0.2, 0.1]]])
    crop, elsewhere = TextReader().crops(images, box)[0]
    inner = crop[:, 5:27, 8:120]
    assert float(inner[0].min()) > 0.99
    assert float(inner[1, :, :50].min()) > 0.99
    assert float(inner[1, :, 64:].max()) < 0.01
    assert float(elsewhere.abs().max()) == 0.0


def test_a_box_over_the_border_repeats_the_border_and_stays_finite():
    crops = TextReader().crops(torch.ones(1, 3, 224, 224), torch.tensor([[[0.0, 1.0, 0.3, 0.2], [0.5, 0.5, 0.0, 0.0]]]))
    torch.testing.assert_close(crops, torch.ones_like(crops))


def test_dim_and_bright_print_read_alike(head):
    images, boxes = _sign("EXIT"), torch.tensor([[SIGN_BOX]])
    with torch.inference_mode():
        plain, dim = head.reader(images, boxes), head.reader(images * 0.5 - 0.8, boxes)
    assert float((plain - dim).abs().max()) < 0.1 * float(plain.std())


def test_pictures_of_a_batch_do_not_influence_each_other(head):
    assert entries_are_apart(head, _inputs())


def test_gradients_reach_every_parameter_and_reading_does_not_move_boxes():
    head = OcrHead()
    assert without_gradient(head, _inputs(1)) == []
    head.zero_grad(set_to_none=True)
    head(*_inputs(1))["text_logits"].square().sum().backward()
    assert all(p.grad is None for p in head.detector.parameters())


def test_openvino_gives_the_same_for_any_batch(head):
    # pictures, not noise: between pixels of white noise the rounding of a coordinate already shows in the fourth digit
    inputs = (_inputs()[0], torch.cat((_sign("EXIT"), _sign("Gate 7"))))
    assert openvino_difference(head, inputs, _inputs(1, seed=7)) < OPENVINO_TOLERANCE


def test_half_precision_stays_finite_and_near(head, found):
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = head(*_inputs())
        read = head.reader(_inputs()[1], found["text_boxes"])
    assert all(bool(value.isfinite().all()) for value in half.values())
    assert float((half["text_map"] - found["text_map"]).abs().max()) < 0.05
    assert float((read.float() - found["text_logits"]).abs().mean()) < 0.05


def test_sixteen_bit_floats_hold_every_number(head):
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.float16):
        logits, boxes = head.detector(_inputs(1)[0] * 30)
        read = head.reader(_inputs(1)[1] * 30, torch.tensor([[SIGN_BOX]]))
    assert all(bool(value.isfinite().all()) for value in (logits, boxes, read))


def test_it_has_5_million_parameters_and_an_untrained_one_reads_nothing():
    torch.manual_seed(1)
    head = OcrHead()
    assert sum(p.numel() for p in head.parameters()) == pytest.approx(5e6, rel=0.05)
    with torch.inference_mode():
        found = head(*_inputs(1))
    assert float(found["text_map"].max()) < 0.05
    assert float(found["text_boxes"][..., 2].max()) < 0.5
    assert read_text(found["text_logits"][0].numpy()) == [("", 0.0)] * 8


def _sign(text: str) -> torch.Tensor:
    """[1, 3, 224, 224]: ``text`` in white on a blue board that fills ``SIGN_BOX``, ImageNet-normalised."""
    rgb = np.full((224, 224, 3), 90, np.uint8)
    cx, cy, w, h = (round(224 * part) for part in SIGN_BOX)
    cv2.rectangle(rgb, (cx - w // 2, cy - h // 2), (cx + w // 2, cy + h // 2), (20, 40, 160), -1)
    cv2.putText(rgb, text, (cx - w // 2 + 4, cy + h // 4), cv2.FONT_HERSHEY_SIMPLEX, 0.75, (255, 255, 255), 2,
                cv2.LINE_AA)
    normalised = (rgb / 255.0 - IMAGENET_MEAN) / IMAGENET_STD
    return torch.tensor(normalised, dtype=torch.float32).permute(2, 0, 1)[None]


def test_it_learns_to_find_a_sign_and_to_read_it():
    torch.manual_seed(0)
    head, text, rounds = OcrHead(), "EXIT 7", 80
    dense, images, truth = _inputs(1, seed=9)[0], _sign(text), torch.tensor([[SIGN_BOX]])
    core = torch.zeros(1, 1, 56, 56)
    core[..., 21:24, 20:36] = 1.0
    places = core.expand(-1, 4, -1, -1) > 0
    wanted_boxes = truth[0, 0][None, :, None, None].expand(1, 4, 56, 56)
    optimiser = torch.optim.AdamW([{"params": head.detector.parameters()}, {"params": head.reader.parameters()}])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [3e-3, 6e-4], total_steps=rounds, pct_start=0.2)
    losses = []
    for _ in range(rounds):
        logits, boxes = head.detector(dense)
        nearly = truth + 0.004 * torch.randn(truth.shape)  # found boxes are not the true ones either
        reading = _reading_loss(head.reader(images, nearly)[0, 0], text)
        finding = F.binary_cross_entropy_with_logits(logits, core, pos_weight=torch.tensor(20.0))
        loss = reading + finding + 10 * F.l1_loss(boxes[places], wanted_boxes[places])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    with torch.inference_mode():
        found = head.eval()(dense, images)
    assert float(found["text_scores"][0, 0]) > 0.7
    torch.testing.assert_close(found["text_boxes"][0, 0], truth[0, 0], atol=0.02, rtol=0)
    assert read_text(found["text_logits"][0].numpy())[0][0] == text


def _reading_loss(logits: torch.Tensor, text: str) -> torch.Tensor:
    target = torch.tensor(ctc_targets(text))[None]
    steps = logits.log_softmax(dim=1)[:, None]  # [32, 1, C]
    return F.ctc_loss(steps, target, torch.tensor([len(steps)]), torch.tensor([len(text)]))
