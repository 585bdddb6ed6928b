"""PCGrad: what two tasks want of a shared parameter is made free of contradiction before it is added.

Yu et al., "Gradient surgery for multi-task learning", NeurIPS 2020: a gradient that points against another one loses
its part along it. The projection is TorchJD's (Quinton & Rey 2024); parameters of one task alone get their plain
gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

TORCHJD = "torchjd==0.18.0"


def pcgrad_backward(losses: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> None:
    """The backward pass: adds to ``grad`` of every parameter; frees the graph.

    Each task costs a backward pass and keeps one gradient of the shared parameters. In one process: the gradients of
    several are not averaged here.

    Args:
        losses: scalars by task, weighted. parameters: all that learn.

    Raises:
        ModuleNotFoundError: TorchJD is not installed. RuntimeError: called in a process group.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        raise RuntimeError("PCGrad: expected one process; got a process group. Use run.balance=gradnorm with torchrun")
    weighting = _weighting()
    names, values = list(losses), [loss for loss in losses.values() if loss.requires_grad]
    if len(values) < 2:
        torch.autograd.backward(values, inputs=list(parameters)) if values else None
        return
    rows = [torch.autograd.grad(loss, list(parameters), retain_graph=place + 1 < len(values), allow_unused=True)
            for place, loss in enumerate(values)]
    shared = [column for column in range(len(parameters)) if sum(row[column] is not None for row in rows) > 1]
    gramian = _gramian([[row[column] for column in shared] for row in rows], names)
    weights = weighting(gramian)
    together = set(shared)
    for column, parameter in enumerate(parameters):
        parts = [gradient if column not in together else weights[place].to(gradient.dtype) * gradient
                 for place, gradient in enumerate(row[column] for row in rows) if gradient is not None]
        if parts:
            whole = torch.stack(parts).sum(dim=0)
            parameter.grad = whole if parameter.grad is None else parameter.grad + whole


def _gramian(rows: list[list[Tensor | None]], names: list[str]) -> Tensor:
    """[K, K] float32 scalar products of the tasks' gradients; a parameter that a task does not use is 0."""
    count = len(rows)
    device = next((g.device for row in rows for g in row if g is not None), torch.device("cpu"))
    found = torch.zeros(count, count, device=device)
    for column in zip(*rows, strict=True):
        there = [place for place, gradient in enumerate(column) if gradient is not None]
        matrix = torch.stack([column[place].float().flatten() for place in there])  # [tasks, numbers]
        index = torch.tensor(there, device=device)
        found[index[:, None], index[None, :]] += matrix @ matrix.T
    if not bool(found.isfinite().all()):
        raise FloatingPointError(f"PCGrad: a gradient of {', '.join(names)} is not finite. Lower the learning rate")
    return found


def _weighting() -> nn.Module:
    try:
        from torchjd.aggregation import PCGradWeighting
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"PCGrad needs TorchJD: pip install {TORCHJD}, or use run.balance=gradnorm") from error
    return PCGradWeighting()
