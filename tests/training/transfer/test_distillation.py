"""Losses of a teacher against references written out, and how they are mixed with the truth's."""

import math

import pytest
import torch
from torch import nn

from training.transfer.distillation import (
    BACKGROUND_WEIGHT,
    Distilled,
    detection_losses,
    feature_loss,
    softened_binary_kl,
    softened_kl,
)


def soft(logits, temperature):
    powers = [math.exp(value / temperature) for value in logits]
    return [power / sum(powers) for power in powers]


def test_softened_kl_is_hintons():
    student, teacher, temperature = [0.3, -1.0, 2.0], [1.0, 0.5, -0.5], 4.0
    wanted, found = soft(teacher, temperature), soft(student, temperature)
    by_hand = temperature**2 * sum(p * math.log(p / q) for p, q in zip(wanted, found, strict=True))
    assert float(softened_kl(torch.tensor(student), torch.tensor(teacher), temperature)) == pytest.approx(by_hand, 1e-5)


def test_softened_binary_kl_is_the_divergence_of_two_coins():
    student, teacher, temperature = 0.7, -1.2, 2.0
    p, q = (1 / (1 + math.exp(-value / temperature)) for value in (teacher, student))
    by_hand = temperature**2 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))
    found = softened_binary_kl(torch.tensor([student]), torch.tensor([teacher]), temperature)
    assert float(found) == pytest.approx(by_hand, rel=1e-5)
    assert float(softened_binary_kl(torch.tensor([80.0]), torch.tensor([-80.0]), 1.0)) == pytest.approx(80.0)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_gradient_does_not_shrink_with_the_temperature(temperature):
    """At small logits it tends to (student - teacher) / C whatever T is: why the loss is multiplied by T squared."""
    student = torch.tensor([0.01, -0.01, 0.0], requires_grad=True)
    softened_kl(student, torch.tensor([-0.01, 0.01, 0.0]), temperature).backward()
    torch.testing.assert_close(student.grad, torch.tensor([0.02, -0.02, 0.0]) / 3, rtol=0.05, atol=1e-5)


def test_features_are_compared_by_direction_and_may_be_adapted():
    maps = torch.randn(2, 4, 3, 3)
    assert float(feature_loss(3.0 * maps, maps)) == pytest.approx(0.0, abs=1e-6)
    assert float(feature_loss(-maps, maps)) == pytest.approx(4.0, rel=1e-5)
    adapter = nn.Conv2d(2, 4, 1)
    feature_loss(torch.randn(2, 2, 3, 3), maps, adapter).backward()
    assert adapter.weight.grad.any()
    with pytest.raises(ValueError, match="the same grid"):
        feature_loss(torch.randn(2, 2, 3, 3), maps)


def answers(seed, grid="pyramid"):
    torch.manual_seed(seed)
    found = {"boxes": torch.rand(2, 6, 4), "distance_zone_logits": torch.randn(2, 6, 3), "objectness": torch.rand(2, 6),
             "urgency_logits": torch.randn(2, 4), "fused_map": torch.randn(2, 8, 2, 2)}
    if grid == "pyramid":
        return found | {"cls_logits": torch.randn(2, 6, 3), "bbox_ctrness": torch.randn(2, 6, 1)}
    return found | {"objectness_logits": torch.randn(2, 6), "classification_logits": torch.randn(2, 6, 3)}


@pytest.mark.parametrize("grid", ["pyramid", "fused"])
def test_a_teacher_has_nothing_to_say_to_itself(grid):
    losses = detection_losses(answers(1, grid), answers(1, grid), grid)
    assert all(float(loss) == pytest.approx(0.0, abs=1e-6) for loss in losses.values())
    assert all(float(loss) > 0 for loss in detection_losses(answers(2, grid), answers(1, grid), grid).values())


def test_locations_count_by_what_the_teacher_sees_there():
    student, teacher = answers(2), answers(1)
    teacher["objectness"] = torch.zeros(2, 6)
    teacher["objectness"][0, 3] = 1.0
    losses = detection_losses(student, teacher, "pyramid", 4.0)
    told = softened_binary_kl(student["cls_logits"], teacher["cls_logits"], 4.0).sum(dim=2)
    weights = [[1.0 if (row, place) == (0, 3) else BACKGROUND_WEIGHT for place in range(6)] for row in range(2)]
    by_hand = sum(w * float(told[row, place]) for row, one in enumerate(weights) for place, w in enumerate(one))
    assert float(losses["classification"]) == pytest.approx(by_hand / sum(map(sum, weights)), rel=1e-5)
    zones = softened_kl(student["distance_zone_logits"][0, 3], teacher["distance_zone_logits"][0, 3], 4.0)
    assert float(losses["distance_zones"]) == pytest.approx(float(zones), rel=1e-5)


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, batch):
        return answers(1)


def test_truth_and_teacher_are_mixed_until_the_truth_speaks_alone():
    mixed = Distilled(lambda found, batch: {"boxes": torch.tensor(10.0)}, Teacher(), "pyramid", 4.0, share=0.7)
    losses = mixed(answers(2), None)
    plain = detection_losses(answers(2), answers(1), "pyramid", 4.0)
    assert float(losses["boxes"]) == pytest.approx(3.0)
    assert float(losses["distilled_boxes"]) == pytest.approx(0.7 * float(plain["boxes"]))
    assert "distilled_features" in losses
    assert not mixed.teacher.weight.requires_grad and not mixed.teacher.training
    mixed.truth_only = True
    assert mixed(answers(2), None) == {"boxes": torch.tensor(10.0)}


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"share of 0\.\.1"):
        Distilled(lambda *_: {}, Teacher(), "pyramid", share=1.5)
