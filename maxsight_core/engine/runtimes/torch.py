"""Stage A in PyTorch: the reference on a CPU, and the way onto CUDA and MPS."""

from __future__ import annotations

import numpy as np
import torch

from maxsight_core.engine.device import DevicePolicy, synchronize
from maxsight_core.engine.runtimes import torch_device
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.engine.runtimes.graph import StageAGraph
from maxsight_core.models.stage_a import StageA


class TorchRuntime(StageARuntime):
    """Eager PyTorch in channels-last layout; a batch is one call of the network.

    Args:
        model: the network, loaded. policy: where it runs. precision: ``auto`` | ``f32`` | ``bf16`` | ``f16``; ``auto``
            is f16 on CUDA, bf16 on a CPU that multiplies it natively, otherwise f32.
        threads: CPU threads; None leaves torch's own choice. It is torch's setting for the whole process.
        with_map: also answer ``fused_map``.

    Raises:
        RuntimeUnavailableError: a precision that the device does not have.
    """

    name = "torch"

    def __init__(
        self, model: StageA, *, policy: DevicePolicy, input_size: int, precision: str = "auto",
        threads: int | None = None, with_map: bool = False,
    ) -> None:
        super().__init__(device=policy.device, precision=torch_device.chosen_precision(policy, precision),
                         grid=model.grid, input_size=input_size, with_map=with_map)
        if threads is not None:
            torch.set_num_threads(threads)
        self._graph: StageAGraph | None = torch_device.place(StageAGraph(model, with_map), policy)
        self._stream = torch_device.Stream(self.device)
        self._warm_up()

    def _warm_up(self) -> None:
        """First call: kernels are chosen and memory is taken now, not in front of the first person."""
        self._run(np.zeros((1, self.input_size, self.input_size, 3), np.uint8))

    def _run(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        if self._graph is None:
            raise RuntimeUnavailableError("this runtime was closed; load Stage A again")
        with torch.inference_mode(), self._stream(), torch_device.autocast(self.device, self.precision):
            found = self._graph(torch.from_numpy(np.ascontiguousarray(batch_rgb)).to(self.device))
            # .cpu() waits for the device; numpy() of a CPU tensor shares its memory, which nobody else holds
            return {name: tensor.float().cpu().contiguous().numpy() for name, tensor in found.items()}

    def renew(self) -> None:
        """Eager torch keeps nothing between calls but its weights, which are only read, and the stream."""
        self._stream = torch_device.Stream(self.device)

    def close(self) -> None:
        synchronize(self.device)
        self._graph = None
