"""Cross-layer scales stay between nothing and everything, whatever training does to them."""

import pytest
import torch

from maxsight_core.models.layers.bounded_scale import BoundedScale


def test_a_new_scale_is_a_tenth():
    assert BoundedScale().alpha.item() == pytest.approx(0.1, abs=1e-6)
    assert BoundedScale(0.5)(torch.tensor([4.0])).item() == pytest.approx(2.0)


@pytest.mark.parametrize("logit", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_no_logit_reaches_zero_or_one(logit):
    scale = BoundedScale()
    with torch.no_grad():
        scale.logit.fill_(logit)
    assert 0.0 < scale.alpha.item() < 1.0


def test_training_moves_it_both_ways_and_never_outside():
    scale = BoundedScale()
    for direction, grows in ((1.0, True), (-1.0, False)):
        before = scale.alpha.item()
        optimiser = torch.optim.SGD(scale.parameters(), lr=5.0)
        for _ in range(50):
            optimiser.zero_grad()
            (-direction * scale(torch.tensor(1.0))).backward()
            optimiser.step()
            assert 0.0 < scale.alpha.item() < 1.0
        assert (scale.alpha.item() > before) is grows


def test_a_half_precision_addition_stays_in_half_precision():
    assert BoundedScale()(torch.ones(2, dtype=torch.bfloat16)).dtype is torch.bfloat16


@pytest.mark.parametrize("initial", [0.0, 1.0, -0.1, float("nan")])
def test_a_start_outside_the_interval_is_refused(initial):
    with pytest.raises(ValueError, match=r"inside \(0, 1\); got"):
        BoundedScale(initial)
