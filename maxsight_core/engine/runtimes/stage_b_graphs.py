"""Stage B's graphs in OpenVINO: converted slice by slice, each only when the cache does not hold it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.engine.runtimes.stage_b_base import PICTURE, SlicePlan, runtime_inputs
from maxsight_core.models.stage_b_contract import shape_of

log = logging.getLogger(__name__)

PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """The slices of a Stage B in the order they run, and the names of the tensors that leave it."""

    slices: tuple[SlicePlan, ...]
    outputs: tuple[str, ...]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PLAN_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_plan(folder: Path) -> Plan | None:
    """The plan kept with the graphs in ``folder``; None when there is none, or its file is damaged."""
    try:
        body = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        slices = tuple(SlicePlan(part["name"], tuple(part["needs"]), tuple(part["gives"])) for part in body["slices"])
        return Plan(slices, tuple(body["outputs"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


class Converter:
    """Makes the graphs of one tier; the torch network is built at the first one and kept until :meth:`release`.

    Args:
        build_model: gives the loaded torch network.
    """

    def __init__(self, build_model: Callable[[], object]) -> None:
        self._build = build_model
        self._graphs: tuple | None = None
        self._model = None

    def graphs(self) -> tuple:
        """The torch modules of the slices (``StageBGraph``)."""
        if self._graphs is None:
            from maxsight_core.engine.runtimes.graph import stage_b_graphs

            self._model = self._build()
            self._graphs = stage_b_graphs(self._model)
            self._shapes = _shapes(self._graphs, self._model.tier)
        return self._graphs

    def plan(self) -> Plan:
        graphs = self.graphs()
        return Plan(tuple(graph.plan for graph in graphs), self._model.outputs)

    def graph(self, name: str) -> ov.Model:
        """The graph of one slice: its ``needs`` in order in, its ``gives`` in order out, static shapes."""
        import torch

        graph = next(graph for graph in self.graphs() if graph.plan.name == name)
        example = tuple(_ones(self._shapes[need], need) for need in graph.plan.needs)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer warns about every shape check, which is what makes it static
            return ov.convert_model(graph, example_input=example, input=[list(tensor.shape) for tensor in example])

    def release(self) -> None:
        """Free the torch network."""
        self._graphs = self._model = None


def _ones(shape: Sequence[int], name: str):
    """An example of a tensor: ones, not zeros, because a mask of zeros would be a picture without any box."""
    import torch

    return torch.ones(tuple(shape), dtype=torch.uint8 if name == PICTURE else torch.float32)


def _shapes(graphs: tuple, tier: str) -> dict[str, list[int]]:
    """Shape of every tensor that goes in or from slice to slice, found by running the network once."""
    import torch

    bus = {tensor.name: _ones((1, *shape_of(tensor, tier)), tensor.name) for tensor in runtime_inputs(tier)}
    with torch.inference_mode():
        for graph in graphs:
            bus.update(zip(graph.plan.gives, graph(*(bus[need] for need in graph.plan.needs)), strict=True))
    return {name: list(tensor.shape) for name, tensor in bus.items()}


def request_channel(compiled: list[ov.CompiledModel], plan: Plan) -> tuple[list[ov.InferRequest], dict[str, ov.Tensor],
                                                                           dict[str, ov.Tensor]]:
    """Requests that hand tensors to each other without a copy.

    Returns:
        one request a slice; the tensors that the caller fills; all tensors of the call by name. A tensor is the output
        of one request and the input of every later one that reads it: the same memory.
    """
    requests, given, bus = [], {}, {}
    for part, model in zip(plan.slices, compiled, strict=True):
        request = model.create_infer_request()
        for index, name in enumerate(part.needs):
            if name not in bus:
                bus[name] = given[name] = _tensor(model.input(index))
            request.set_input_tensor(index, bus[name])
        for index, name in enumerate(part.gives):
            bus[name] = _tensor(model.output(index))
            request.set_output_tensor(index, bus[name])
        requests.append(request)
    return requests, given, bus


def _tensor(port) -> ov.Tensor:
    tensor = ov.Tensor(port.get_element_type(), port.shape)
    tensor.data[...] = np.zeros((), tensor.data.dtype)
    return tensor
