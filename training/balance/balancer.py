"""How a step's losses become gradients: added, added with learned weights (GradNorm), or by gradient surgery (PCGrad).

    balancer = Balancer("gradnorm", network, weights, mean=world.mean_count)
    balancer.backward(losses, step, lambda loss: scaler.scale(loss / accumulate))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from training.balance.gradnorm import GradNorm
from training.balance.groups import GROUPS, grouped, last_shared, weighted_sum
from training.balance.pcgrad import pcgrad_backward
from training.losses.depth import LOWEST_LOSS

METHODS: tuple[str, ...] = ("none", "gradnorm", "pcgrad")
BELOW_ZERO: dict[str, float] = {"depth": LOWEST_LOSS, "precise_distance": LOWEST_LOSS}
"""Losses that can be negative, and their least value."""
STAGES = ("a", "b")


class Balancer:
    """One way of balancing, for both stages.

    Args:
        method: of :data:`METHODS`. network: with its stages as ``stage_a`` and ``stage_b``. weights: of the losses by
            name, set by hand; a loss without one counts once. mean: mean of a tensor over processes.

    Raises:
        ValueError: an unknown method.
    """

    def __init__(
        self, method: str, network: nn.Module, weights: Mapping[str, float],
        mean: Callable[[Tensor], Tensor] = lambda numbers: numbers,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"balance: expected one of {', '.join(METHODS)}; got {method!r}")
        self.method, self.network, self.weights = method, network, dict(weights)
        self.norms: dict[str, float] = {}
        self._updated: int | None = None
        self._gradnorm = {
            stage: GradNorm([group.name for group in GROUPS if group.stage == stage], weights, lowest=BELOW_ZERO,
                            mean=mean) for stage in STAGES} if method == "gradnorm" else {}

    @property
    def task_weights(self) -> dict[str, float]:
        """GradNorm's weight of every task, on top of the weights set by hand; empty for other methods."""
        return {task: weight for one in self._gradnorm.values() for task, weight in one.weights.items()}

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Other weights from now on: the unlock schedule's of a new epoch."""
        self.weights = dict(weights)
        for one in self._gradnorm.values():
            one.loss_weights = dict(weights)

    def backward(
        self, losses: Mapping[str, Tensor], step: int, scale: Callable[[Tensor], Tensor] = lambda loss: loss,
    ) -> None:
        """The step's backward pass: adds to every parameter's ``grad`` and frees the graph.

        Args:
            losses: unweighted, by name. step: of the run; GradNorm's weights change at most once in a step. scale: by
                what losses are multiplied first (accumulation, half precision).
        """
        if self.method == "pcgrad":
            tasks = grouped(losses, self.weights)
            pcgrad_backward({task: scale(weighted_sum(own, self.weights)) for task, own in tasks.items()},
                            [one for one in self.network.parameters() if one.requires_grad])
            return
        if self._gradnorm:
            total = self._balanced(losses, step)
        else:
            total = sum(self.weights.get(name, 1.0) * loss for name, loss in losses.items())
        scale(total).backward()

    def _balanced(self, losses: Mapping[str, Tensor], step: int) -> Tensor:
        totals = []
        for stage, balance in self._gradnorm.items():
            tasks = grouped(losses, self.weights, stage)
            if tasks and balance.due(step) and self._updated != step:
                self.norms |= balance.update(tasks, last_shared(self.network, stage))
            if tasks:
                totals.append(balance.total(tasks))
        self._updated = step
        if not totals:
            raise ValueError(f"balance: expected at least one loss that counts; got {', '.join(losses) or 'none'}")
        return torch.stack(totals).sum()

    def state_dict(self) -> dict[str, Any]:
        """For resuming."""
        return {"method": self.method, "gradnorm": {stage: one.state_dict() for stage, one in self._gradnorm.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; ValueError when it is of another method."""
        if state["method"] != self.method:
            raise ValueError(f"balance state: expected {self.method}; got {state['method']}. Set run.balance as it was")
        for stage, own in state["gradnorm"].items():
            self._gradnorm[stage].load_state_dict(own)

