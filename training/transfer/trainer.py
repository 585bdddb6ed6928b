"""The supervised loop with parts that wake up one after the other, groups with their own rate, and further losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from training.balance.balancer import Balancer
from training.balance.groups import GROUP_OF
from training.data.batch import Batch
from training.loop.journal import Journal
from training.loop.trainer import Trainer
from training.transfer.distillation import Distilled
from training.transfer.ewc import EwcPenalty
from training.transfer.freeze import FreezeSchedule
from training.transfer.groups import grouped_optimiser

EWC_LOSS = "ewc"


class TransferBalancer(Balancer):
    """A balancer for losses beside the tasks' (EWC, a teacher's): they are added with weight 1 and never balanced.

    Where nothing that learns has a loss in a batch (new heads alone learn, and it holds none of their truth), the
    step changes nothing instead of failing.
    """

    def backward(
        self, losses: Mapping[str, Tensor], step: int, scale: Callable[[Tensor], Tensor] = lambda loss: loss,
    ) -> None:
        tasks = {name: loss for name, loss in losses.items() if name in GROUP_OF}
        others = [loss for name, loss in losses.items() if name not in GROUP_OF and loss.requires_grad]
        if self.method == "pcgrad":
            for loss in others:
                scale(loss).backward(retain_graph=True)
            super().backward(tasks, step, scale)
            return
        if self.method == "gradnorm" and tasks:
            total = self._balanced(tasks, step)
        else:
            total = sum(self.weights.get(name, 1.0) * loss for name, loss in tasks.items())
        total = total + sum(others)
        if not (isinstance(total, Tensor) and total.requires_grad):
            total = total + 0.0 * next(one for one in self.network.parameters() if one.requires_grad).sum()
        scale(total).backward()


class Penalised:
    """An objective with the EWC penalty beside its losses.

    Args:
        objective: of the run. network: that learns. penalty: of its weights.
    """

    def __init__(
        self, objective: Callable[[Mapping[str, Tensor], Batch], dict[str, Tensor]], network: nn.Module,
        penalty: EwcPenalty,
    ) -> None:
        self.objective, self.network, self.penalty = objective, network, penalty

    def __call__(self, found: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        return {**self.objective(found, batch), EWC_LOSS: self.penalty(self.network)}


class TransferTrainer(Trainer):
    """A :class:`training.loop.trainer.Trainer` whose network has a past.

    Args:
        group_of, shares: of the learning rate (:func:`training.transfer.groups.grouped_optimiser`); None: the plain
            optimiser. freeze: when what learns; None: everything from the beginning. teacher: silent in the last
            ``truth_epochs``. Everything else as the trainer's.
    """

    def __init__(
        self, *args: Any, group_of: Callable[[str], str] | None = None, shares: Mapping[str, float] | None = None,
        freeze: FreezeSchedule | None = None, teacher: Distilled | None = None, truth_epochs: int = 0,
    ) -> None:
        super().__init__(*args)
        if group_of is not None and shares is not None:
            self.optimiser = grouped_optimiser(self.network, self.config, group_of, shares)
        self.freeze, self.teacher, self.truth_epochs = freeze, teacher, truth_epochs
        if freeze is not None:
            self.network.cool = _stay_cool

    def _one_epoch(self, journal: Journal) -> dict[str, float]:
        if self.freeze is not None and self.freeze.apply(self.epoch):
            self.model = self.world.wrap(self.network, self.device)  # DDP averages what learned when it was wrapped
        if self.teacher is not None:
            self.teacher.truth_only = self.epoch >= self.config.schedule.epochs - self.truth_epochs
        return super()._one_epoch(journal)

    def _learn_from(self, batch: Batch) -> dict[str, Tensor]:
        if self.freeze is not None:
            self.freeze.hold()
        return super()._learn_from(batch)


def _stay_cool(_share: float) -> None:
    """In the place of ``TrainedNetwork.cool``: every dynamic convolution of T5 comes from T2, where it was trained to
    the end of its cooling; heated again it would mix all its kernels and forget."""
