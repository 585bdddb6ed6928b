"""What learns in an epoch, and in which mode what does not is kept.

A frozen part is kept in evaluation mode: batch statistics that went on moving under fixed weights would change what it
says although nothing in it learns.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


class FreezeSchedule:
    """Parameters that begin to learn later.

    Args:
        network: whose parameters they are. first_epoch: of a parameter, by its name
            (:func:`training.transfer.t2_to_t5.learns_from`).

    Raises:
        ValueError: nothing would learn in the first epoch.
    """

    def __init__(self, network: nn.Module, first_epoch: Callable[[str], int]) -> None:
        self.network = network
        self._first = {name: first_epoch(name) for name, _ in network.named_parameters()}
        if not any(first == 0 for first in self._first.values()):
            raise ValueError("freeze schedule: expected parameters that learn from the first epoch; got none")

    @property
    def changes(self) -> tuple[int, ...]:
        """Epochs in which something begins to learn."""
        return tuple(sorted(set(self._first.values())))

    def apply(self, epoch: int) -> bool:
        """Let learn what learns in ``epoch``, counted from 0; True when that differs from before."""
        changed = False
        for name, parameter in self.network.named_parameters():
            learns = epoch >= self._first[name]
            changed |= parameter.requires_grad != learns
            parameter.requires_grad_(learns)
        return changed

    def hold(self) -> None:
        """Put modules whose own parameters are all frozen into evaluation mode; call it after ``train()``."""
        for module in self.network.modules():
            own = list(module.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                module.training = False
