"""PyTorch on a device: precision, memory layout and stream, the same for both stages."""

from __future__ import annotations

import contextlib

import torch
from torch import nn

from maxsight_core.engine.device import DevicePolicy, synchronize
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def chosen_precision(policy: DevicePolicy, wanted: str) -> str:
    """``wanted``, or for ``auto`` f16 on CUDA, bf16 on a CPU that multiplies it natively, otherwise f32.

    Raises:
        RuntimeUnavailableError: a precision that the device does not have.
    """
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


def autocast(device: str, precision: str) -> contextlib.AbstractContextManager:
    """Half precision where it is safe, 32 bits in the rest (normalisation, softmax)."""
    if precision == "f32":
        return contextlib.nullcontext()
    return torch.autocast(device, dtype=DTYPES[precision])


def layout(policy: DevicePolicy) -> torch.memory_format:
    """Channels last, which tensor cores and oneDNN want; plain where MPS is kept stable."""
    return torch.contiguous_format if policy.mps_stable else torch.channels_last


def place(module: nn.Module, policy: DevicePolicy) -> nn.Module:
    """The module on its device, its convolutions (and only they) in the device's memory layout."""
    module.to(policy.device)
    for part in module.modules():
        if isinstance(part, _CONVOLUTIONS):
            part.to(memory_format=layout(policy))
    synchronize(policy.device)  # runtimes work on streams of their own, which do not wait for this one
    return module


class Stream:
    """Where a runtime's work is queued: on CUDA a stream of its own, so that a lost call holds up no later one."""

    def __init__(self, device: str) -> None:
        self._stream = torch.cuda.Stream(device) if device.startswith("cuda") else None

    def __call__(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext() if self._stream is None else torch.cuda.stream(self._stream)
