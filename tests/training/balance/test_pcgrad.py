"""Gradient surgery against the algorithm of the paper, written out."""

import builtins

import pytest
import torch

from training.balance.pcgrad import TORCHJD, pcgrad_backward

pytest.importorskip("torchjd", reason=f"PCGrad needs {TORCHJD}")


def slow_pcgrad(gradients, generator_seed):
    """Algorithm 1 of Yu et al. 2020, with the permutations that a seeded generator draws."""
    torch.manual_seed(generator_seed)
    changed = []
    for i, own in enumerate(gradients):
        g = own.clone()
        for j in torch.randperm(len(gradients)).tolist():
            if j != i and torch.dot(g, gradients[j]) < 0:
                g = g - torch.dot(g, gradients[j]) / gradients[j].dot(gradients[j]) * gradients[j]
        changed.append(g)
    return sum(changed)


@pytest.mark.parametrize("seed", range(4))
def test_shared_parameters_get_the_papers_gradient(seed):
    draw = torch.Generator().manual_seed(seed)
    first, second = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(2, 2))
    pulls = torch.randn(4, 7, generator=draw)
    flat = torch.cat((first, second.flatten()))
    losses = {f"task {row}": (flat * pull).sum() for row, pull in enumerate(pulls)}
    torch.manual_seed(seed)
    pcgrad_backward(losses, [first, second])
    wanted = slow_pcgrad(list(pulls), seed)
    torch.testing.assert_close(torch.cat((first.grad, second.grad.flatten())), wanted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(wanted, pulls.sum(dim=0))  # some of them do contradict one another


def test_a_tasks_own_parameters_get_their_plain_gradient_and_gradients_add_up():
    shared, own = torch.nn.Parameter(torch.tensor([1.0, 0.0])), torch.nn.Parameter(torch.tensor(2.0))
    losses = {"up": shared[0] * 3.0 + own * 5.0, "down": -shared[0] + shared[1]}
    own.grad = torch.tensor(1.0)
    pcgrad_backward(losses, [shared, own])
    assert own.grad == 6.0
    plain = torch.tensor([2.0, 1.0])
    assert not torch.allclose(shared.grad, plain) and shared.grad @ torch.tensor([3.0, 0.0]) > 0


def test_one_task_alone_is_the_usual_backward_pass():
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    pcgrad_backward({"only": weight.square().sum()}, [weight])
    assert torch.equal(weight.grad, torch.tensor([2.0, 4.0]))


def test_the_graph_is_freed():
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    losses = {"a": weight.square().sum(), "b": weight.exp().sum()}
    pcgrad_backward(losses, [weight])
    with pytest.raises(RuntimeError, match="second time"):
        losses["b"].backward()


def test_a_gradient_that_is_not_finite_is_named():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    with pytest.raises(FloatingPointError, match="good, bad"):
        pcgrad_backward({"good": weight.sum(), "bad": (weight * torch.inf).sum()}, [weight])


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("torchjd"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    with pytest.raises(ModuleNotFoundError, match=TORCHJD):
        pcgrad_backward({"a": weight.sum(), "b": -weight.sum()}, [weight])
