"""The sweep on a bowl whose limit is known, and on a real small network."""

import json
import math

import pytest
import torch
import yaml
from support.training_samples import painted, write_coco

from training import lr_finder
from training.lr_finder import find_rate


def bowl(curvature):
    """Gradient descent on curvature / 2 * x^2: it breaks above 2 / curvature."""
    x = [1.0]

    def step(rate):
        loss = 0.5 * curvature * x[0] ** 2 + 1.0
        x[0] -= rate * curvature * x[0]
        return loss

    return step


@pytest.mark.parametrize("curvature", [0.5, 10.0, 300.0])
def test_the_suggestion_learns_and_is_stable(curvature):
    curve = find_rate(bowl(curvature), 1e-7, 1e3, 200)
    limit = 2.0 / curvature
    assert curve.broke and limit / 1000 < curve.suggestion < limit / 2
    assert curve.steepest < curve.lowest and curve.suggestion <= 0.1 * curve.lowest
    assert list(curve.rates) == sorted(curve.rates) and len(curve.rates) == len(curve.losses)


def test_it_ends_when_the_loss_is_no_number():
    rates = []

    def step(rate):
        rates.append(rate)
        return math.nan if rate > 1e-2 else 1.0 - rate

    curve = find_rate(step, 1e-6, 1.0, 60)
    assert curve.broke and max(curve.rates) <= 1e-2 < max(rates)


def test_losses_below_nothing_do_not_break_it():
    values = iter([0.2 - 0.01 * number for number in range(50)])
    assert not find_rate(lambda rate: next(values), 1e-6, 1.0, 50).broke


def test_what_cannot_be_swept_says_why():
    with pytest.raises(ValueError, match="expected 0 < first < last"):
        find_rate(bowl(1.0), 1.0, 0.1)
    with pytest.raises(ValueError, match=r"broke after \d steps.*Begin lower"):
        find_rate(bowl(1.0), 10.0, 1e6, 50)


def test_the_command_sweeps_a_configuration_and_keeps_nothing_else(tmp_path, capsys):
    write_coco(tmp_path / "painted", [(f"{n}.png", painted([(1, 0.5, 0.5, 0.4, 0.4)], outlines=False))
                                      for n in range(2)])
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({
        "grid": "fused", "input_size_px": 32, "fit": "stretch", "classes": ["person"],
        "data": {"root": str(tmp_path), "coco": [{"path": "painted"}], "validation_share": 0.0, "workers": 0},
        "batch": {"size": 2}, "run": {"precision": "f32", "tensorboard": False}}))
    out = tmp_path / "lr.json"
    torch.manual_seed(0)
    assert lr_finder.main(["--config", str(config), "--out", str(out), "--steps", "12", "--last", "1e-3"]) == 0
    body = json.loads(out.read_text())
    assert 1e-7 <= body["suggestion"] <= 1e-4 and body["configured"] == 1.5e-3 and len(body["rates"]) >= 10
    assert "optimiser.learning_rate=" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"painted", "run.yaml", "lr.json"}
    assert lr_finder.main(["--config", str(config), "--steps", "3"]) == 2
    assert "at least 10 steps" in capsys.readouterr().err
