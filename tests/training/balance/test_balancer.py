"""One backward pass per step, whichever way the losses are balanced; groups and the layers they share."""

import pytest
import torch
from torch import nn

from maxsight_core.models.assemble import build_stage_b
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.stage_b_contract import HEADS
from training.balance.balancer import Balancer
from training.balance.groups import GROUP_OF, grouped, last_shared
from training.losses.objective import LOSS_WEIGHTS


class Net(nn.Module):
    """The names of a network's shared layers around two small trunks."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        blocks = {"fpn": nn.ModuleDict({"layer_blocks": nn.ModuleList([nn.Linear(4, 4)])})}
        self.stage_a = nn.ModuleDict({"backbone": nn.ModuleDict(blocks), "head": nn.Linear(4, 3)})
        self.stage_b = nn.ModuleDict({"parts": nn.ModuleDict({
            "exchange": nn.ModuleDict({"refine": nn.Linear(4, 4)}), "heads": nn.Linear(4, 2)})})

    def losses(self, seed):
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(seed))
        a = self.stage_a["head"](torch.tanh(self.stage_a["backbone"]["fpn"]["layer_blocks"][0](x)))
        b = self.stage_b["parts"]["heads"](torch.tanh(self.stage_b["parts"]["exchange"]["refine"](x)))
        return {"classification": a[:, 0].square().mean(), "boxes": (a[:, 1] - 2).square().mean(),
                "urgency": (a[:, 2] + 1).square().mean(), "depth": (b[:, 0] - 4).square().mean() - 3.0,
                "ocr": (b[:, 1] + 2).square().mean()}


def gradients(net):
    return [parameter.grad.clone() for parameter in net.parameters()]


def test_without_balancing_it_is_the_weighted_sum():
    net = Net()
    Balancer("none", net, {"boxes": 3.0}).backward(net.losses(0), 0, lambda loss: loss / 4)
    found = gradients(net)
    net.zero_grad()
    (sum((3.0 if name == "boxes" else 1.0) * loss for name, loss in net.losses(0).items()) / 4).backward()
    for one, other in zip(found, gradients(net), strict=True):
        torch.testing.assert_close(one, other)


def test_gradnorm_changes_the_weights_once_in_a_step_and_within_each_stage():
    net = Net()
    balancer = Balancer("gradnorm", net, {"boxes": 3.0})
    balancer.backward(net.losses(0), 0)
    before = dict(balancer.task_weights)
    balancer.backward(net.losses(1), 100)
    kept = dict(balancer.task_weights)
    assert {task for task in kept if kept[task] != before[task]} == {"detection", "urgency", "geometry", "language"}
    net.zero_grad()
    balancer.backward(net.losses(1), 100)  # the second batch of the same step
    assert balancer.task_weights == kept
    assert set(balancer.norms) == {"detection", "urgency", "geometry", "language"}
    found = gradients(net)
    net.zero_grad()
    losses = net.losses(1)
    total = sum(kept[GROUP_OF[name].name] * (3.0 if name == "boxes" else 1.0) * loss for name, loss in losses.items())
    total.backward()
    for one, other in zip(found, gradients(net), strict=True):
        torch.testing.assert_close(one, other)


def test_between_the_hundreds_the_weights_stay():
    net = Net()
    balancer = Balancer("gradnorm", net, {})
    for step in (0, 100, 101, 199):
        balancer.backward(net.losses(step), step)
        if step == 100:
            kept = dict(balancer.task_weights)
    assert balancer.task_weights == kept


def test_pcgrad_gives_every_parameter_a_gradient():
    pytest.importorskip("torchjd", reason="PCGrad needs torchjd")
    net = Net()
    Balancer("pcgrad", net, {}).backward(net.losses(0), 0)
    assert all(float(gradient.abs().sum()) > 0 for gradient in gradients(net))


def test_a_frozen_shared_layer_is_not_balanced_and_does_not_stop_the_run():
    net = Net()
    net.stage_b["parts"]["exchange"].requires_grad_(False)
    balancer = Balancer("gradnorm", net, {})
    for step in (0, 100):
        balancer.backward(net.losses(step), step)
    assert balancer.task_weights["geometry"] == 1.0 != balancer.task_weights["urgency"]


def test_its_state_belongs_to_its_method():
    net = Net()
    balancer, other = Balancer("gradnorm", net, {}), Balancer("gradnorm", net, {})
    for step in (0, 100):
        balancer.backward(net.losses(step), step)
    other.load_state_dict(balancer.state_dict())
    assert other.task_weights == balancer.task_weights
    with pytest.raises(ValueError, match=r"run\.balance"):
        Balancer("none", net, {}).load_state_dict(balancer.state_dict())
    with pytest.raises(ValueError, match="gradnorm"):
        Balancer("magic", net, {})


def test_every_loss_belongs_to_one_group_and_unknown_ones_are_named():
    assert set(GROUP_OF) >= {head.name for head in HEADS} | set(LOSS_WEIGHTS)
    with pytest.raises(KeyError, match="smell"):
        grouped({"smell": torch.ones(())}, {})
    assert list(grouped({"ocr": torch.ones(()), "depth": torch.ones(())}, {"ocr": 0.0})) == ["geometry"]


@pytest.mark.parametrize("grid", ["fused", "pyramid"])
def test_the_real_networks_have_the_shared_layers(grid):
    with torch.device("meta"):
        for tier in ("T1", "T2", "T5"):
            net = nn.ModuleDict({"stage_a": StageA(grid), "stage_b": build_stage_b(tier)})
            assert last_shared(net, "a") and last_shared(net, "b")
        with pytest.raises(ValueError, match="stage b"):
            last_shared(nn.ModuleDict({"stage_a": StageA(grid)}), "b")
