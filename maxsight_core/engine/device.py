"""Which device the network runs on, and clocks that wait for it.

CPU, CUDA or MPS. A GPU runs behind the program: a clock read without waiting for it measures nothing, so every
reading goes through :func:`synchronize`.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda", "mps")
PRECISIONS: tuple[str, ...] = ("auto", "f32", "bf16", "f16", "int8")
MPS_STABLE_VARIABLE = "MAXSIGHT_MPS_STABLE"
DEVICE_VARIABLE = "MAXSIGHT_DEVICE"
_ACCELERATOR_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Device files of NVIDIA, of a GPU under WSL, and of AMD. Without any of them torch need not be asked, which saves
its import (over a second) on a machine that only has a CPU."""


TRAINED_ON_CPU_BELOW = 10_000
"""Parameters. Smaller models are smoke tests and train anywhere; larger ones need CUDA (system description, device
selection policy)."""


class DeviceError(ValueError):
    """The device asked for is unknown or not there; the message says what there is."""


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """Where and how the network runs.

    Args:
        device: ``cpu`` | ``cuda`` | ``mps``.
        mps_stable: on MPS, keep to what is known to work there: 32 bits, plain memory layout, graph edges without
            gradients. Always False elsewhere.
    """

    device: str
    mps_stable: bool = False


def select(preference: str | None = None, environ: dict[str, str] | None = None) -> DevicePolicy:
    """The device to use.

    Args:
        preference: one of :data:`DEVICES`, or None to read ``MAXSIGHT_DEVICE`` (default ``auto``: CUDA, else MPS,
            else CPU). ``MAXSIGHT_MPS_STABLE=0`` leaves the stable mode of MPS, which is on otherwise.

    Raises:
        DeviceError: unknown name, or a device this machine does not have.
    """
    env = os.environ if environ is None else environ
    wanted = preference or env.get(DEVICE_VARIABLE) or "auto"
    if wanted not in DEVICES:
        raise DeviceError(f"device: expected one of {', '.join(DEVICES)}; got {wanted!r}")
    present = _present() if wanted != "cpu" else ("cpu",)
    if wanted == "auto":
        wanted = present[0]
    if wanted not in present:
        raise DeviceError(f"device: {wanted} was asked for, but this machine has {', '.join(present)}; "
                          f"unset {DEVICE_VARIABLE} or set it to one of these")
    stable = wanted == "mps" and env.get(MPS_STABLE_VARIABLE, "1") not in ("0", "false", "no")
    return DevicePolicy(wanted, stable)


def training_device(parameter_count: int, force_cpu: bool = False) -> DevicePolicy:
    """Where a model of this size is trained: under 10,000 parameters on the CPU, otherwise on CUDA.

    Args:
        parameter_count: of the whole model. force_cpu: train on the CPU whatever the size, for a short run.

    Raises:
        DeviceError: a larger model, no CUDA here, and the CPU was not forced; or a negative count.
    """
    if parameter_count < 0:
        raise DeviceError(f"training device: expected a number of parameters from 0; got {parameter_count}")
    if force_cpu or parameter_count < TRAINED_ON_CPU_BELOW:
        return DevicePolicy("cpu")
    present = _present()
    if "cuda" in present:
        return DevicePolicy("cuda")
    raise DeviceError(
        f"training device: a model of {parameter_count:,} parameters (from {TRAINED_ON_CPU_BELOW:,} on) is trained on "
        f"CUDA, but this machine has {', '.join(present)}; train on a machine with an NVIDIA GPU, or force a short run "
        "on the CPU with force_cpu=True (--force-cpu on the command line)"
    )


def _present() -> tuple[str, ...]:
    if not accelerator_possible():
        return ("cpu",)
    import torch

    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def accelerator_possible() -> bool:
    """False when this machine surely has no GPU that torch could use; cheap."""
    return platform.system() != "Linux" or any(Path(node).exists() for node in _ACCELERATOR_NODES)


def synchronize(device: str) -> None:
    """Wait until everything given to the device is done. Nothing to wait for on a CPU."""
    if device == "cpu":
        return
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()
    else:
        raise DeviceError(f"synchronize: expected cpu, cuda or mps; got {device!r}")


class Elapsed:
    """Result of :func:`timed`: ``ms`` is set when the block is left."""

    ms: float = float("nan")


@contextmanager
def timed(device: str) -> Iterator[Elapsed]:
    """Milliseconds a block of work takes on ``device``, waiting for the device at both ends."""
    elapsed = Elapsed()
    synchronize(device)
    started = time.perf_counter()
    try:
        yield elapsed
    finally:
        synchronize(device)
        elapsed.ms = (time.perf_counter() - started) * 1000.0
