"""What is exported: a network with fixed shapes, its tensors named, the camera's bytes as they are at its entrance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from maxsight_core.engine.runtimes.base import graph_outputs
from maxsight_core.engine.runtimes.graph import StageAGraph, stage_b_graphs
from maxsight_core.engine.runtimes.stage_b_base import PICTURE, runtime_inputs
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.stage_b import StageB
from maxsight_core.models.stage_b_contract import shape_of

BYTES = 256


class ExportError(RuntimeError):
    """A file cannot be made, or it does not give the network's numbers; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Exportable:
    """A network ready to be exported.

    Args:
        module: takes the inputs as positional tensors, gives a tuple of tensors; in evaluation mode.
        inputs: name and example of each, batch of one; their shapes are the file's, for ever.
        outputs: name of each tensor of the tuple.
    """

    module: nn.Module
    inputs: tuple[tuple[str, Tensor], ...]
    outputs: tuple[str, ...]

    @property
    def example(self) -> tuple[Tensor, ...]:
        return tuple(tensor for _, tensor in self.inputs)

    def trial(self, seed: int) -> tuple[np.ndarray, ...]:
        """Other inputs of the same shapes: bytes of any value, other numbers near the example's."""
        rng = np.random.default_rng(seed)
        return tuple(_like(tensor, rng) for tensor in self.example)

    @torch.inference_mode()
    def answer(self, given: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """What the network itself says, float32."""
        found = self.module(*(torch.from_numpy(array) for array in given))
        return {name: tensor.float().numpy() for name, tensor in zip(self.outputs, found, strict=True)}


def stage_a(model: StageA, input_size_px: int, with_map: bool = False) -> Exportable:
    """Stage A: ``picture`` [1, S, S, 3] uint8 to the tensors of the grid's graph (``GRAPH_OUTPUTS``)."""
    picture = torch.zeros((1, input_size_px, input_size_px, 3), dtype=torch.uint8)
    return Exportable(_Tuple(StageAGraph(model, with_map)).eval(), ((PICTURE, picture),),
                      graph_outputs(model.grid, with_map))


def stage_b(model: StageB) -> Exportable:
    """Stage B in one piece: its runtime inputs in order to its outputs."""
    inputs = []
    for spec in runtime_inputs(model.tier):
        shape = (1, *shape_of(spec, model.tier))
        if spec.name == PICTURE:
            inputs.append((spec.name, torch.zeros(shape, dtype=torch.uint8)))
        elif spec.name == "boxes":
            inputs.append((spec.name, torch.full(shape, 0.5)))
        else:
            inputs.append((spec.name, torch.ones(shape)))
    return Exportable(_Whole(model).eval(), tuple(inputs), model.outputs)


class _Tuple(nn.Module):
    """A graph that answers a dict, answering a tuple."""

    def __init__(self, network: StageAGraph) -> None:
        super().__init__()
        self.network = network  # a traced module has an attribute "graph" of its own

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(picture).values())


class _Whole(nn.Module):
    """All slices of Stage B, one after the other."""

    def __init__(self, model: StageB) -> None:
        super().__init__()
        self.slices = nn.ModuleList(stage_b_graphs(model))
        self._names = tuple(spec.name for spec in runtime_inputs(model.tier))
        self._outputs = model.outputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        bus = dict(zip(self._names, tensors, strict=True))
        for part in self.slices:
            bus.update(zip(part.plan.gives, part(*(bus[name] for name in part.plan.needs)), strict=True))
        return tuple(bus[name] for name in self._outputs)


def _like(example: Tensor, rng: np.random.Generator) -> np.ndarray:
    shape = tuple(example.shape)
    if example.dtype == torch.uint8:
        return rng.integers(0, BYTES, shape, dtype=np.uint8)
    return (example.numpy() * rng.uniform(0.6, 1.0, shape)).astype(np.float32)
