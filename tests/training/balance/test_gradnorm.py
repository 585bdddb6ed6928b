"""GradNorm against its definition with second derivatives, and what it must not disturb."""

import logging

import pytest
import torch

from training.balance.gradnorm import EVERY_STEPS, GradNorm


class Trunk(torch.nn.Module):
    """Two layers that all tasks share, and a layer of its own for each."""

    def __init__(self, tasks, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.last = torch.nn.Linear(6, 8), torch.nn.Linear(8, 8)
        self.heads = torch.nn.ModuleDict({name: torch.nn.Linear(8, 1) for name in tasks})

    def forward(self, x):
        shared = torch.tanh(self.last(torch.relu(self.first(x))))
        return {name: head(shared) for name, head in self.heads.items()}

    def losses(self, x, scales):
        return {name: {name: scale * (out - place).square().mean()}
                for place, ((name, out), scale) in enumerate(zip(self(x).items(), scales, strict=True))}

    @property
    def shared(self):
        return list(self.last.parameters())


def inputs(seed):
    return torch.randn(16, 6, generator=torch.Generator().manual_seed(seed))


def slow_update(losses, weights, first, shared):
    """The definition: differentiate the distance of the norms from their targets by the weights, target held still."""
    w = torch.tensor(weights, requires_grad=True)
    norms = []
    for weight, loss in zip(w, losses, strict=True):
        gradients = torch.autograd.grad(weight * loss, shared, create_graph=True, retain_graph=True)
        norms.append(torch.cat([g.flatten() for g in gradients]).norm())
    norms = torch.stack(norms)
    rates = torch.tensor([(loss.item() / (before + 1e-8)) ** 1.5 for loss, before in zip(losses, first, strict=True)])
    targets = norms.detach().mean() * rates
    distance = (norms - targets).abs().sum()
    (gradient,) = torch.autograd.grad(distance, w, retain_graph=True)
    stepped = w.detach() - 0.025 * gradient
    for place in range(len(stepped)):
        others = [n.item() for other, n in enumerate(norms) if other != place]
        if norms[place].item() > 10 * sum(others) / len(others):
            stepped[place] *= 0.5
    return stepped.clamp(0.1, 10.0), norms.detach()


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (5.0, 0.2, 1.0), (30.0, 0.1, 0.01), (1.0, 1.0, 400.0)])
def test_the_weights_are_those_of_the_definition_over_several_updates(scales):
    tasks = ("near", "far", "loud")
    net, balance = Trunk(tasks), GradNorm(tasks)
    balance.update(net.losses(inputs(0), scales), net.shared)
    first = [own[name].item() for name, own in net.losses(inputs(0), scales).items()]
    assert balance.weights == dict.fromkeys(tasks, 1.0)  # the first look only sets the reference
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
    for step in range(1, 5):
        losses = net.losses(inputs(step), scales)
        before = list(balance.weights.values())
        wanted, norms = slow_update([own[name] for name, own in losses.items()], before, first, net.shared)
        found = balance.update(losses, net.shared)
        torch.testing.assert_close(torch.tensor(list(balance.weights.values())), wanted, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.tensor(list(found.values())), norms, rtol=1e-4, atol=1e-6)
        optimiser.zero_grad()
        balance.total(losses).backward()
        optimiser.step()


def test_after_an_update_the_graph_is_whole_and_no_gradient_was_left_behind():
    tasks = ("one", "two")
    net, balance = Trunk(tasks), GradNorm(tasks)
    balance.update(net.losses(inputs(0), (1.0, 3.0)), net.shared)
    losses = net.losses(inputs(1), (1.0, 3.0))
    balance.update(losses, net.shared)
    assert all(parameter.grad is None for parameter in net.parameters())
    balance.total(losses).backward()  # fails if the last task's norm freed the graph
    found = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    sum(balance.weights[name] * own[name] for name, own in net.losses(inputs(1), (1.0, 3.0)).items()).backward()
    for parameter, gradient in zip(net.parameters(), found, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_task_that_learns_slowly_gains_and_one_that_races_loses():
    balance, trunk = GradNorm(("slow", "fast")), torch.nn.Parameter(torch.ones(4))
    balance.update({"slow": {"slow": trunk.sum()}, "fast": {"fast": trunk.sum()}}, [trunk])
    balance.update({"slow": {"slow": trunk.sum() + 0.1}, "fast": {"fast": trunk.sum() - 3.9}}, [trunk])
    assert balance.weights["fast"] < 1.0 < balance.weights["slow"]


def test_progress_counts_to_the_power_of_one_and_a_half():
    trunk, balance = torch.nn.Parameter(torch.ones(2)), GradNorm(("half", "whole"))
    balance.update({"half": {"half": trunk.sum()}, "whole": {"whole": 4 * trunk.sum()}}, [trunk])
    balance.update({"half": {"half": trunk.sum() - 1.0}, "whole": {"whole": 4 * trunk.sum()}}, [trunk])
    # norms 1 and 4, mean 2.5: the target of the task whose loss was halved is 2.5 * 0.5 ** 1.5 = 0.88; it is above it
    assert balance.weights["half"] < 1.0


def test_an_extreme_gradient_halves_its_weight_and_says_so(caplog):
    trunk = torch.nn.Parameter(torch.ones(3))
    balance = GradNorm(("calm", "even", "wild"), step_size=0.0)
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            balance.update({"calm": {"calm": trunk.sum()}, "even": {"even": trunk.sum()},
                            "wild": {"wild": 11.0 * trunk.sum()}}, [trunk])
    assert balance.weights == {"calm": 1.0, "even": 1.0, "wild": 0.5}
    assert "wild" in caplog.text and "calm" not in caplog.text


def test_the_weights_stay_between_a_tenth_and_ten():
    trunk = torch.nn.Parameter(torch.ones(2))
    balance = GradNorm(("small", "huge"), step_size=100.0)
    losses = {"small": {"small": trunk.sum()}, "huge": {"huge": 5.0 * trunk.sum()}}
    balance.update(losses, [trunk])
    balance.update(losses, [trunk])
    assert balance.weights == {"small": 10.0, "huge": 0.1}


def test_a_missing_task_keeps_its_weight_and_a_new_one_only_sets_its_reference():
    trunk = torch.nn.Parameter(torch.ones(2))
    one, two, three = ({name: {name: size * trunk.square().sum()}} for name, size in
                       (("one", 1.0), ("two", 2.0), ("three", 3.0)))
    balance = GradNorm(("one", "two", "three"))
    assert balance.update(one | two, [trunk]) == {}
    assert set(balance.update(one | two | three, [trunk])) == {"one", "two"}
    assert balance.weights["three"] == 1.0
    assert set(balance.update(one | three, [trunk])) == {"one", "three"}


def test_a_loss_of_nothing_is_no_reference_and_a_task_without_a_gradient_keeps_its_weight():
    trunk = torch.nn.Parameter(torch.ones(2))
    one, two = {"one": {"one": trunk.sum()}}, {"two": {"two": 2 * trunk.sum()}}
    balance = GradNorm(("one", "two", "zones"), step_size=0.001)
    for zones in (trunk.sum() * 0.0, trunk.sum() * 0.0, trunk.sum()):
        assert "zones" not in balance.update(one | two | {"zones": {"zones": zones}}, [trunk])
    assert balance.weights["zones"] == 1.0
    balance.update(one | two | {"zones": {"zones": trunk.sum()}}, [trunk])
    assert 0.9 < balance.weights["zones"] < 1.1  # against 0 it would be drawn to the limit


def test_negative_losses_are_measured_from_their_lowest_value():
    trunk = torch.nn.Parameter(torch.ones(2))
    balance = GradNorm(("depth", "other"), lowest={"depth": -5.0})
    balance.update({"depth": {"depth": trunk.sum() - 5.0}, "other": {"other": trunk.sum()}}, [trunk])  # -3: 2 above
    balance.update({"depth": {"depth": trunk.sum() - 3.0}, "other": {"other": trunk.sum()}}, [trunk])  # -1: 4 above
    assert balance.weights["depth"] > 1.0


def test_the_rate_of_a_task_does_not_change_when_its_losses_are_weighted_otherwise():
    trunk = torch.nn.Parameter(torch.ones(2))
    balance = GradNorm(("a", "b"), {"x": 1.0}, step_size=0.001)
    losses = {"a": {"x": trunk.sum()}, "b": {"y": trunk.sum()}}
    balance.update(losses, [trunk])
    balance.loss_weights = {"x": 100.0}
    norms = balance.update(losses, [trunk])
    assert norms["a"] == pytest.approx(100 * norms["b"])
    mean = (norms["a"] + norms["b"]) / 2  # both rates are 1: each is drawn to the mean, so a falls and b rises
    assert norms["b"] < mean < norms["a"] and balance.weights["a"] < 1.0 < balance.weights["b"]


def test_a_norm_that_is_not_finite_changes_nothing(caplog):
    trunk = torch.nn.Parameter(torch.ones(2))
    balance = GradNorm(("a", "b"))
    good, bad = trunk.sum(), trunk.sum() * torch.inf
    balance.update({"a": {"a": good}, "b": {"b": good}}, [trunk])
    balance.update({"a": {"a": good}, "b": {"b": bad}}, [trunk])
    assert balance.weights == {"a": 1.0, "b": 1.0} and "not finite" in caplog.text


def test_a_resumed_run_goes_on_with_the_same_weights():
    tasks = ("one", "two")
    net, straight, broken = Trunk(tasks), GradNorm(tasks), GradNorm(tasks)
    for balance in (straight, broken):
        for step in range(2):
            balance.update(net.losses(inputs(step), (1.0, 4.0)), net.shared)
    resumed = GradNorm(tasks)
    resumed.load_state_dict(broken.state_dict())
    for balance in (straight, resumed):
        balance.update(net.losses(inputs(9), (1.0, 4.0)), net.shared)
    assert resumed.weights == straight.weights != {"one": 1.0, "two": 1.0}
    with pytest.raises(ValueError, match="another run"):
        GradNorm(("three",)).load_state_dict(broken.state_dict())


def test_several_processes_come_to_one_set_of_weights():
    trunk = torch.nn.Parameter(torch.ones(2))
    mine, theirs = 1.0, 3.0
    shared: list[torch.Tensor] = []
    balance = GradNorm(("a", "b"), mean=lambda told: shared.append(told.clone()) or told * (mine + theirs) / 2)
    losses = {"a": {"a": trunk.sum()}, "b": {"b": 2 * trunk.sum()}}
    balance.update(losses, [trunk])
    balance.update(losses, [trunk])
    assert len(shared) == 2 and shared[0].shape == (2, 4)  # every process is asked, also when it has nothing to tell


def test_it_is_due_in_every_hundredth_step():
    assert [step for step in range(301) if GradNorm(("a",)).due(step)] == [0, EVERY_STEPS, 2 * EVERY_STEPS,
                                                                          3 * EVERY_STEPS] == [0, 100, 200, 300]


def test_unknown_tasks_are_refused():
    trunk = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="sound"):
        GradNorm(("a",)).update({"sound": {"sound": trunk.sum()}}, [trunk])
