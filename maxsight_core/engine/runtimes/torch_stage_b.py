"""Stage B in PyTorch: the reference on a CPU, and the way onto CUDA and MPS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from maxsight_core.engine.device import DevicePolicy, synchronize
from maxsight_core.engine.runtimes import torch_device
from maxsight_core.engine.runtimes.graph import StageBGraph, stage_b_graphs
from maxsight_core.engine.runtimes.stage_b_base import Channel, StageBRuntime
from maxsight_core.models.stage_b import StageB


class TorchStageBRuntime(StageBRuntime):
    """Eager PyTorch, slice after slice, convolutions in channels-last layout.

    Args:
        model: the network, loaded. policy: where it runs. precision: ``auto`` | ``f32`` | ``bf16`` | ``f16``; ``auto``
            is f16 on CUDA, bf16 on a CPU that multiplies it natively, otherwise f32.
        threads: CPU threads; None leaves torch's own choice. It is torch's setting for the whole process.

    Raises:
        RuntimeUnavailableError: a precision that the device does not have.
    """

    name = "torch"

    def __init__(
        self, model: StageB, *, policy: DevicePolicy, precision: str = "auto", threads: int | None = None,
    ) -> None:
        chosen = torch_device.chosen_precision(policy, precision)
        if threads is not None:
            torch.set_num_threads(threads)
        self._graphs = tuple(torch_device.place(graph, policy) for graph in stage_b_graphs(model))
        self._layout = torch_device.layout(policy)
        super().__init__(device=policy.device, precision=chosen, tier=model.tier,
                         slices=tuple(graph.plan for graph in self._graphs), outputs=model.outputs)

    def _open(self) -> Channel:
        return _TorchChannel(self._graphs, self.outputs, self.device, self.precision, self._layout)

    def _give_up(self, index: int) -> None:
        """Nothing to do: the weights are only read, and every channel has its own tensors and stream."""

    def close(self) -> None:
        synchronize(self.device)
        self._graphs = ()
        super().close()


class _TorchChannel(Channel):
    """The named tensors of one call, on the device."""

    def __init__(
        self, graphs: Sequence[StageBGraph], outputs: Sequence[str], device: str, precision: str,
        layout: torch.memory_format,
    ) -> None:
        self._graphs, self._outputs, self._layout = graphs, outputs, layout
        self._device, self._precision = device, precision
        self._stream = torch_device.Stream(device)
        self._last_reader = _last_readers([graph.plan for graph in graphs], outputs)
        self._bus: dict[str, Tensor] = {}

    def begin(self, inputs: Mapping[str, np.ndarray]) -> None:
        with self._stream():
            self._bus = {name: torch.from_numpy(np.ascontiguousarray(array)).to(self._device)
                         for name, array in inputs.items()}

    def run(self, index: int) -> None:
        graph = self._graphs[index]
        with torch.inference_mode(), self._stream(), torch_device.autocast(self._device, self._precision):
            given = graph(*(self._in_layout(self._bus[name]) for name in graph.plan.needs))
        self._bus.update(zip(graph.plan.gives, given, strict=True))
        for name in [name for name, last in self._last_reader.items() if last == index]:
            self._bus.pop(name, None)  # nobody reads it again: its memory is free for the next slice

    def _in_layout(self, tensor: Tensor) -> Tensor:
        """Maps [1, C, H, W] in the layout of the convolutions; everything else as it is."""
        is_map = tensor.ndim == 4 and tensor.is_floating_point()
        return tensor.contiguous(memory_format=self._layout) if is_map else tensor

    def outputs(self) -> dict[str, np.ndarray]:
        with self._stream():
            found = {name: self._bus[name].float().cpu().contiguous().numpy() for name in self._outputs}
        self._bus = {}
        return found


def _last_readers(plans: Sequence, outputs: Sequence[str]) -> dict[str, int]:
    """Per tensor the last slice that reads it; outputs stay to the end."""
    last = {name: index for index, plan in enumerate(plans) for name in plan.needs}
    return {name: index for name, index in last.items() if name not in outputs}
