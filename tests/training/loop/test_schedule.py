"""Learning rate and average of weights over a run."""

import math

import pytest
import torch
from torch import nn

from training.loop.ema import AverageOfWeights
from training.loop.schedule import WarmupCosine


def test_the_rate_climbs_in_equal_steps_then_falls_as_half_a_cosine_to_its_least():
    rate = WarmupCosine(peak=1.0, least=0.1, warmup_steps=4, total_steps=14)
    assert [rate(step) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rate(4) == pytest.approx(1.0)
    assert rate(9) == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.5)))
    assert rate(14) == pytest.approx(0.1) and rate(1000) == pytest.approx(0.1)


def test_a_peak_under_the_least_rate_is_refused():
    with pytest.raises(ValueError, match="least <= peak"):
        WarmupCosine(peak=1e-7, least=1e-6, warmup_steps=0, total_steps=10)


def test_the_average_follows_the_weights_with_a_growing_decay_and_copies_counters():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    average = AverageOfWeights(model, decay=0.9, warmup_steps=3)
    wanted = 0.0
    for step, value in enumerate((1.0, -2.0, 5.0), start=1):
        with torch.no_grad():
            model[0].weight.fill_(value)
            model[1].num_batches_tracked.fill_(step)
        average.update(model)
        decay = 0.9 * (1 - math.exp(-step / 3))
        # the first update of an AveragedModel copies: there is nothing yet to average with
        wanted = value if step == 1 else decay * wanted + (1 - decay) * value
    assert float(average.module[0].weight) == pytest.approx(wanted, rel=1e-5)
    assert int(average.module[1].num_batches_tracked) == 3
    assert not average.module.training


def test_a_restored_average_goes_on_where_it_was():
    model = nn.Linear(2, 1)
    one, other = (AverageOfWeights(model, 0.9, 2) for _ in range(2))
    one.update(model)
    other.load_state_dict(one.state_dict())
    with torch.no_grad():
        model.weight.add_(1.0)
    one.update(model)
    other.update(model)
    assert torch.equal(one.module.weight, other.module.weight) and other.steps == 2
