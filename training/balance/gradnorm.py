"""GradNorm (Chen et al., "GradNorm: gradient normalization for adaptive loss balancing", ICML 2018), with damping.

Every task has a weight. Every hundred steps the norm ``G_i`` of each weighted task's gradient at the last shared layer
is compared with a target, the mean norm times ``(L_i / L_i(0)) ** alpha``: a task that has learned less than others
gets more. The weights go one step down the gradient of ``sum |G_i - target_i|``. As ``G_i = w_i ||grad L_i||``, that
gradient is ``sign(G_i - target_i) ||grad L_i||`` and needs no second derivative.

The weights are clamped and not brought to a fixed sum (system description); a task whose norm is ten times the others'
loses half of its weight.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from training.balance.groups import weighted_sum

ALPHA = 1.5
"""Restoring force: the larger, the more slow tasks are helped."""
STEP_SIZE = 0.025
EVERY_STEPS = 100
LEAST_WEIGHT, MOST_WEIGHT = 0.1, 10.0
EXTREME_RATIO = 10.0
"""A norm above this many times the others' mean is damped. Of the others, as fewer than eleven norms cannot contain one
that is ten times the mean of them all."""
DAMPING = 0.5
SMALLEST = 1e-8
"""Keeps quotients of losses finite."""

log = logging.getLogger(__name__)


class GradNorm:
    """Weights of the tasks on one trunk.

    Args:
        tasks: names. loss_weights: of the losses within a task, by name and set by hand; 1 where there is none.
        lowest: the least value of a loss, by name, where that is not 0 (a likelihood can be negative): progress is
            measured from there. mean: mean of a tensor over processes, so that all come to the same weights.
    """

    def __init__(
        self, tasks: Sequence[str], loss_weights: Mapping[str, float] | None = None, *, alpha: float = ALPHA,
        step_size: float = STEP_SIZE, every_steps: int = EVERY_STEPS, lowest: Mapping[str, float] | None = None,
        mean: Callable[[Tensor], Tensor] = lambda numbers: numbers,
    ) -> None:
        if len(set(tasks)) != len(tasks) or not tasks:
            raise ValueError(f"tasks: expected at least one name, each once; got {list(tasks)}")
        self.tasks = tuple(tasks)
        self.alpha, self.step_size, self.every_steps = alpha, step_size, every_steps
        self.loss_weights, self.lowest, self.mean = dict(loss_weights or {}), dict(lowest or {}), mean
        self.weights: dict[str, float] = dict.fromkeys(self.tasks, 1.0)
        self._first: dict[str, float] = {}

    def due(self, step: int) -> bool:
        """Whether :meth:`update` should be called in this step: in the first one and every hundredth."""
        return step % self.every_steps == 0

    def total(self, losses: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
        """Sum of all losses by task, each task times its weight."""
        return torch.stack([self.weights[task] * weighted_sum(own, self.loss_weights)
                            for task, own in losses.items()]).sum()

    def update(self, losses: Mapping[str, Mapping[str, Tensor]], shared: Sequence[Tensor]) -> dict[str, float]:
        """New weights; the losses can still be differentiated afterwards.

        The first values of a task's losses become its reference, and a task has no part in the update in which they
        do. Tasks that are missing or without a gradient keep their weights; an update with a norm that is no finite
        number is left out.

        Args:
            losses: by task, then by loss name: unweighted scalars with their graph.
            shared: parameters of the last shared layer; none: it is frozen, and there is nothing to balance.

        Returns:
            the norm ``G_i`` of every task that took part, for the journal.
        """
        if not shared:
            return {}
        unknown = sorted(set(losses) - set(self.tasks))
        if unknown:
            raise ValueError(f"losses: expected tasks of {', '.join(self.tasks)}; got {', '.join(unknown)}")
        seen = self._compared(losses, shared)
        taking_part = [task for task in self.tasks if seen[task] is not None]
        if len(taking_part) < 2:
            return {}
        raw, rates = (torch.tensor([seen[task][part] for task in taking_part], dtype=torch.float64) for part in (0, 1))
        weights = torch.tensor([self.weights[task] for task in taking_part], dtype=torch.float64)
        norms = weights * raw
        if not bool(norms.isfinite().all() and rates.isfinite().all()):
            log.warning("GradNorm: norms %s are not finite; the weights stay", norms.tolist())
            return {}
        targets = norms.mean() * rates**self.alpha
        weights = weights - self.step_size * torch.sign(norms - targets) * raw
        extreme = norms > EXTREME_RATIO * (norms.sum() - norms) / (len(norms) - 1)
        weights = torch.where(extreme, weights * DAMPING, weights).clamp(LEAST_WEIGHT, MOST_WEIGHT)
        for task, weight, norm, damped in zip(taking_part, weights.tolist(), norms.tolist(), extreme.tolist(),
                                              strict=True):
            self.weights[task] = weight
            if damped:
                log.warning("GradNorm: task %s has the gradient norm %.3g, over %g times the others' mean; its weight "
                            "is halved to %.3g", task, norm, EXTREME_RATIO, weight)
        return dict(zip(taking_part, norms.tolist(), strict=True))

    def _compared(
        self, losses: Mapping[str, Mapping[str, Tensor]], shared: Sequence[Tensor],
    ) -> dict[str, tuple[float, float] | None]:
        """Per task the norm of its unweighted gradient and its loss over its first loss; None without part in this."""
        told = torch.zeros(len(self.tasks), 4, dtype=torch.float64)  # part taken, norm, loss now, loss at first
        for row, task in enumerate(self.tasks):
            own = losses.get(task, {})
            now = {name: max(0.0, float(loss.detach()) - self.lowest.get(name, 0.0)) for name, loss in own.items()}
            before = {name: self.loss_weights.get(name, 1.0) for name in now if name in self._first}
            norm = float(_norm(weighted_sum(own, self.loss_weights), shared)) if before else 0.0
            if norm != 0.0:
                told[row] = torch.tensor([1.0, norm, sum(weight * now[name] for name, weight in before.items()),
                                          sum(weight * self._first[name] for name, weight in before.items())])
            # a loss of nothing (no box with a known zone) is no reference: any later value would be infinitely worse
            self._first |= {name: value for name, value in now.items() if name not in self._first and value > SMALLEST}
        told = self.mean(told.float().to(shared[0].device)).cpu()
        return {task: (norm / part, now / (first + SMALLEST)) if part > 0 else None
                for task, (part, norm, now, first) in zip(self.tasks, told.tolist(), strict=True)}

    def state_dict(self) -> dict[str, Any]:
        """For resuming: weights and first losses."""
        return {"weights": dict(self.weights), "first": dict(self._first)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; ValueError when it is of other tasks."""
        if set(state["weights"]) != set(self.tasks):
            raise ValueError(f"GradNorm state: expected the tasks {', '.join(self.tasks)}; got "
                             f"{', '.join(state['weights'])}. It belongs to another run")
        self.weights, self._first = dict(state["weights"]), dict(state["first"])


def _norm(loss: Tensor, shared: Sequence[Tensor]) -> Tensor:
    """L2 norm of the gradient of ``loss`` by all ``shared`` together; 0 where they have no part in it."""
    if not loss.requires_grad:
        return loss.new_zeros(())
    # retained for the last task too: the step's own backward pass comes after this and needs the graph
    gradients = torch.autograd.grad(loss, list(shared), retain_graph=True, allow_unused=True)
    found = [gradient.float().norm() for gradient in gradients if gradient is not None]
    return torch.stack(found).norm() if found else loss.new_zeros(())
