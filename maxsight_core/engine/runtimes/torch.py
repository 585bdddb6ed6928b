"""Stage A in PyTorch: the reference on a CPU, and the way onto CUDA and MPS."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from maxsight_core.engine.device import DevicePolicy, synchronize
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.engine.runtimes.graph import StageAGraph
from maxsight_core.models.stage_a import StageA

_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class TorchRuntime(StageARuntime):
    """Eager PyTorch in channels-last layout.

    Args:
        model: the network, loaded. policy: where it runs. precision: ``auto`` | ``f32`` | ``bf16`` | ``f16``; ``auto``
            is f16 on CUDA, bf16 on a CPU that multiplies it natively, otherwise f32.
        threads: CPU threads; None leaves torch's own choice. It is torch's setting for the whole process.

    Raises:
        RuntimeUnavailableError: a precision that the device does not have.
    """

    name = "torch"

    def __init__(
        self, model: StageA, *, policy: DevicePolicy, input_size: int, precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        super().__init__(device=policy.device, precision=_precision(policy, precision), grid=model.grid,
                         input_size=input_size)
        if threads is not None:
            torch.set_num_threads(threads)
        self._layout = torch.contiguous_format if policy.mps_stable else torch.channels_last
        self._graph: StageAGraph | None = StageAGraph(model).to(self.device, memory_format=self._layout)
        self._warm_up()

    def _warm_up(self) -> None:
        """First call: kernels are chosen and memory is taken now, not in front of the first person."""
        self._run(np.zeros((1, self.input_size, self.input_size, 3), np.uint8))

    def _run(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        if self._graph is None:
            raise RuntimeUnavailableError("this runtime was closed; load Stage A again")
        with torch.inference_mode(), self._autocast():
            found = self._graph(torch.from_numpy(np.ascontiguousarray(batch_rgb)).to(self.device))
            # .cpu() waits for the device; numpy() of a CPU tensor shares its memory, which nobody else holds
            return {name: tensor.float().cpu().numpy() for name, tensor in found.items()}

    def _autocast(self) -> contextlib.AbstractContextManager:
        """Half precision where it is safe, 32 bits in the rest (normalisation, softmax)."""
        if self.precision == "f32":
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=_DTYPES[self.precision])

    def close(self) -> None:
        synchronize(self.device)
        self._graph = None


def _precision(policy: DevicePolicy, wanted: str) -> str:
    # torch has no public question for this; without an answer 32 bits are the safe choice
    native_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    offered = {"cpu": ("f32", "bf16"), "cuda": ("f32", "bf16", "f16"), "mps": ("f32", "f16")}[policy.device]
    if policy.mps_stable:
        offered = ("f32",)
    if wanted == "auto":
        return {"cuda": "f16", "cpu": "bf16" if native_bf16 else "f32", "mps": offered[-1]}[policy.device]
    if wanted not in offered:
        raise RuntimeUnavailableError(
            f"precision: torch on {policy.device} offers {', '.join(offered)}; got {wanted!r}"
        )
    return wanted
