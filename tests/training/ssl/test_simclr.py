"""The contrastive loss against a reference written out, and what a projection is made of."""

import math

import pytest
import torch

from maxsight_core.models.stage_a import StageA
from training.ssl.simclr import SimClr, nt_xent


def slow_nt_xent(first, second, temperature):
    """Equation 1 of the paper, view by view."""
    views = [vector / vector.norm() for vector in [*first, *second]]
    count, total = len(first), 0.0
    for i in range(2 * count):
        j = i + count if i < count else i - count
        below = sum(math.exp(float(views[i] @ views[k]) / temperature) for k in range(2 * count) if k != i)
        total -= math.log(math.exp(float(views[i] @ views[j]) / temperature) / below)
    return total / (2 * count)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_nt_xent_is_the_papers_equation(temperature):
    torch.manual_seed(1)
    first, second = torch.randn(5, 8), torch.randn(5, 8)
    assert float(nt_xent(first, second, temperature)) == pytest.approx(slow_nt_xent(first, second, temperature), 1e-5)


def test_views_that_agree_cost_less_than_views_of_other_pictures():
    torch.manual_seed(2)
    vectors = torch.randn(6, 16)
    assert nt_xent(vectors, vectors + 0.01) < 0.1 * nt_xent(vectors, vectors.roll(1, dims=0))


def test_one_picture_has_nothing_to_be_told_from():
    with pytest.raises(ValueError, match="at least 2 pictures"):
        nt_xent(torch.randn(1, 4), torch.randn(1, 4))


def test_body_and_pyramid_learn_from_the_contrast():
    torch.manual_seed(3)
    model = SimClr(StageA("pyramid").backbone)
    found = model(torch.randn(2, 3, 3, 32, 32), torch.Generator())
    found["contrast"].backward()
    without = {name for name, one in model.backbone.named_parameters() if one.grad is None or not one.grad.any()}
    assert all(name.startswith("fpn.extra_blocks.") for name in without), without
    assert 0.0 <= float(found["found"]) <= 1.0 and float(found["spread"]) > 0
