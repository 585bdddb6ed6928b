"""In how many bits a run computes: full, bfloat16, or half with a scaler for the gradients."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


class Precision:
    """Autocast and gradient scaling of one device.

    Args:
        wanted: ``auto`` (bfloat16 where it is native, else full), ``f32``, ``bf16`` or ``f16``.

    Raises:
        ValueError: half precision on a CPU, whose kernels do not have it.
    """

    def __init__(self, wanted: str, device: torch.device) -> None:
        if wanted == "f16" and device.type == "cpu":
            raise ValueError("run.precision: f16 needs a GPU; use bf16 or f32 on a CPU")
        self.name = _native(device) if wanted == "auto" else wanted
        self.device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.name == "f16")

    def autocast(self) -> AbstractContextManager[None]:
        """Context of the forward pass."""
        if self.name == "f32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16 if self.name == "bf16" else torch.float16)

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss whose gradients half precision can hold."""
        return self.scaler.scale(loss)

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        self.scaler.step(optimiser)
        self.scaler.update()


def _native(device: torch.device) -> str:
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "f16"
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "bf16"
    return "f32"
