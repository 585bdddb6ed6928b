"""Stage B's network: a plan of steps over named tensors, cut into slices so that a waiting safety frame can go first.

A step is a module that reads named tensors and gives named tensors; steps of one slice run without a break. Training
runs the whole plan (:meth:`StageB.forward`), the runtimes run slice after slice (:meth:`StageB.slices`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from maxsight_core.models.stage_b_contract import TensorSpec, inputs_of, shape_of


class Step(NamedTuple):
    """One module of the plan.

    Args:
        name: of the module, and the prefix of its parameters. module: takes the ``needs`` as positional tensors and
            returns a dict of tensors. needs: names it reads. gives: names it writes, keys of the returned dict.
        slice: name of the slice it runs in.
    """

    name: str
    module: nn.Module
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    slice: str


class StageB(nn.Module):
    """The context network of one tier.

    Args:
        tier: ``T1``..``T5``. steps: in the order they run. outputs: names of the tensors that leave the network.
        gradient_checkpointing: in training, keep no activations inside steps and compute them again on the way
            back: slower by a third, in a fraction of the memory (Chen et al. 2016).

    Input: the tensors of ``inputs_of(tier)``, batch first; ``images`` are ImageNet-normalised.

    Output, a dict of float tensors: those of the tier's heads (``maxsight_core.models.stage_b_contract.HEADS``).

    Raises:
        ValueError: a plan that reads what nothing gave; a missing input, another shape, type or range.
    """

    def __init__(
        self, tier: str, steps: Sequence[Step], outputs: Sequence[str], gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.tier = tier
        self.outputs = tuple(outputs)
        self.inputs: tuple[TensorSpec, ...] = inputs_of(tier)
        self.gradient_checkpointing = gradient_checkpointing
        self.plan = tuple(step._replace(module=None) for step in steps)
        self.parts = nn.ModuleDict({step.name: step.module for step in steps})
        _check_plan(self.plan, {tensor.name for tensor in self.inputs}, self.outputs)

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        check_inputs(inputs, self.tier)
        bus = {tensor.name: inputs[tensor.name] for tensor in self.inputs}
        for step in self.plan:
            module, given = self.parts[step.name], [bus[name] for name in step.needs]
            if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
                bus.update(checkpoint(module, *given, use_reentrant=False))
            else:
                bus.update(module(*given))
        return {name: bus[name] for name in self.outputs}

    def slices(self) -> tuple[StageBSlice, ...]:
        """The plan as modules that take and give tensors in a fixed order: what the runtimes run and compile."""
        names = list(dict.fromkeys(step.slice for step in self.plan))
        groups = [[step for step in self.plan if step.slice == name] for name in names]
        made = []
        for index, (name, group) in enumerate(zip(names, groups, strict=True)):
            later = {need for after in groups[index + 1:] for step in after for need in step.needs}
            inner = {give for step in group for give in step.gives}
            before = dict.fromkeys(need for step in group for need in step.needs if need not in inner)
            kept = [give for step in group for give in step.gives if give in later or give in self.outputs]
            made.append(StageBSlice(name, [(step, self.parts[step.name]) for step in group], tuple(before),
                                    tuple(kept)))
        return tuple(made)


class StageBSlice(nn.Module):
    """Some steps of the plan as one module: ``forward(*needs) -> tuple of gives``."""

    def __init__(
        self, name: str, steps: Sequence[tuple[Step, nn.Module]], needs: tuple[str, ...], gives: tuple[str, ...],
    ) -> None:
        super().__init__()
        self.name, self.needs, self.gives = name, needs, gives
        self._steps = tuple(step for step, _ in steps)
        self.parts = nn.ModuleList(module for _, module in steps)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        bus = dict(zip(self.needs, tensors, strict=True))
        for step, module in zip(self._steps, self.parts, strict=True):
            bus.update(module(*(bus[name] for name in step.needs)))
        return tuple(bus[name] for name in self.gives)


def check_inputs(inputs: Mapping[str, Tensor], tier: str) -> None:
    """ValueError unless every input of the tier is there with its shape, as floating point, finite and in range."""
    batch: int | None = None
    for wanted in inputs_of(tier):
        found = inputs.get(wanted.name)
        if found is None:
            raise ValueError(f"StageB {tier}: expected the input {wanted.name} ({wanted.unit}); got "
                             f"{', '.join(sorted(inputs)) or 'nothing'}")
        shape = shape_of(wanted, tier)
        if tuple(found.shape[1:]) != shape or found.ndim != len(shape) + 1 or found.shape[0] < 1:
            raise ValueError(f"StageB {tier}: expected {wanted.name} of shape {['B', *shape]}; got "
                             f"{list(found.shape)}")
        if not found.is_floating_point():
            raise ValueError(f"StageB {tier}: expected {wanted.name} as floating point; got {found.dtype}")
        if batch not in (None, found.shape[0]):
            raise ValueError(f"StageB {tier}: expected {batch} entries of {wanted.name} as of the other inputs; got "
                             f"{found.shape[0]}")
        batch = found.shape[0]
        _check_range(found, wanted, tier)


def _check_range(found: Tensor, wanted: TensorSpec, tier: str) -> None:
    if torch.jit.is_tracing() or found.is_meta:
        return  # a traced example says nothing about what will come
    low, high = (float(bound) for bound in torch.aminmax(found.detach()))
    inside = (wanted.low is None or low >= wanted.low) and (wanted.high is None or high <= wanted.high)
    if not (math.isfinite(low) and math.isfinite(high) and inside):
        bounds = f"within {wanted.low}..{wanted.high}" if wanted.low is not None else "finite"
        raise ValueError(f"StageB {tier}: expected {wanted.name} {bounds} ({wanted.unit}); got {low:g}..{high:g}")


def _check_plan(plan: Sequence[Step], given: set[str], outputs: Sequence[str]) -> None:
    known = set(given)
    seen: set[str] = set()
    last = None
    for step in plan:
        missing = [name for name in step.needs if name not in known]
        if missing:
            raise ValueError(f"step {step.name}: expected {', '.join(missing)} from an earlier step; nothing gives it")
        if step.slice != last and step.slice in seen:
            raise ValueError(f"step {step.name}: expected the steps of slice {step.slice} one after the other")
        seen.add(step.slice)
        last = step.slice
        known.update(step.gives)
    absent = [name for name in outputs if name not in known]
    if absent:
        raise ValueError(f"the plan gives no {', '.join(absent)}, which should leave the network")
