"""Fisher information and penalty against what can be worked out by hand."""

import pytest
import torch
from torch import nn

from training.transfer.ewc import EwcPenalty, fisher_diagonal


class Line(nn.Module):
    """y = a x + b, with a norm whose statistics must not move."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(1.0))
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x):
        return self.a * x + self.b + 0.0 * self.norm(x.reshape(-1, 1)).sum()


def test_the_fisher_is_the_mean_of_squared_gradients_picture_by_picture():
    model = Line()
    points = [(1.0, 4.0), (3.0, 2.0), (-2.0, 0.0)]
    found = fisher_diagonal(model, points, lambda point: (model(torch.tensor(point[0])) - point[1]).square())
    errors = [2 * (2.0 * x + 1.0 - y) for x, y in points]
    assert float(found["a"]) == pytest.approx(sum((e * x) ** 2 for e, (x, _) in zip(errors, points, strict=True)) / 3)
    assert float(found["b"]) == pytest.approx(sum(e**2 for e in errors) / 3)
    assert model.training and float(model.norm.running_mean) == 0.0


def test_the_penalty_and_its_gradient_are_the_papers():
    model = Line()
    penalty = EwcPenalty({"a": torch.tensor(1.5), "b": torch.tensor(1.0)},
                         {"a": torch.tensor(4.0), "b": torch.tensor(9.0)}, strength=10.0)
    value = penalty(model)
    assert float(value.detach()) == pytest.approx(0.5 * 10 * 4 * 0.25)
    value.backward()
    assert float(model.a.grad) == pytest.approx(10 * 4 * 0.5) and float(model.b.grad) == 0.0


def test_what_is_frozen_is_not_held():
    model = Line()
    penalty = EwcPenalty({"a": torch.tensor(0.0)}, {"a": torch.tensor(1.0)}, strength=1.0)
    model.a.requires_grad_(False)
    assert float(penalty(model)) == 0.0


def test_it_keeps_an_old_task_while_a_new_one_is_learned():
    """The old task fixes a; the new one would move a and b alike and can be met by b alone."""
    def learn(strength):
        model = Line().eval()
        penalty = EwcPenalty({"a": torch.tensor(2.0), "b": torch.tensor(1.0)},
                             {"a": torch.tensor(1.0), "b": torch.tensor(0.0)}, strength)
        optimiser = torch.optim.SGD([model.a, model.b], lr=0.05)
        for _ in range(300):
            optimiser.zero_grad()
            ((model(torch.tensor(1.0)) - 7.0).square() + penalty(model)).backward()
            optimiser.step()
        return model.a.item(), (model.a + model.b).item()

    assert learn(0.0)[0] > 3.5
    kept, answer = learn(5.0)
    assert kept == pytest.approx(2.0, abs=0.05) and answer == pytest.approx(7.0, abs=0.05)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="got none"):
        fisher_diagonal(Line(), [], lambda _: torch.zeros(()))
    with pytest.raises(FloatingPointError, match="example 1"):
        fisher_diagonal(Line(), [1], lambda _: torch.tensor(float("nan")))
    with pytest.raises(ValueError, match="same shape for a"):
        EwcPenalty({"a": torch.zeros(2)}, {"a": torch.zeros(3)}, 1.0)
    with pytest.raises(KeyError, match="has no c"):
        EwcPenalty({"c": torch.zeros(1)}, {"c": torch.zeros(1)}, 1.0)(Line())
