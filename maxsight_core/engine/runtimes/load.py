"""From weights to a runtime that answers."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maxsight_core.engine import device, weights
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime

if TYPE_CHECKING:
    from maxsight_core.models.stage_a import StageA

RUNTIMES: tuple[str, ...] = ("auto", "openvino", "torch")


@dataclass(frozen=True, slots=True)
class LoadedStageA:
    """Args:
        runtime: answers. manifest: what its weights have learned. source_note: where they came from, one line.
    """

    runtime: StageARuntime
    manifest: CheckpointManifest
    source_note: str


def load_stage_a(
    checkpoint: Path | None = None, grid: str | None = None, input_size: int | None = None, runtime: str = "auto",
    precision: str = "auto", threads: int | None = None, cache_dir: Path | None = None,
) -> LoadedStageA:
    """Load Stage A.

    Args:
        checkpoint: a file, or None for the order of docs/weights.md. With no weights anywhere the network is built
            untrained from a fixed seed, and ``manifest.trained_heads`` is empty: none of its numbers may be shown.
        grid: ``fused`` | ``pyramid``, or None for what the weights were made for.
        input_size: side of the square input, pixels, or None for the manifest's.
        runtime: ``openvino``, ``torch``, or ``auto``: torch on a GPU, OpenVINO on a CPU where it is installed.
        precision: ``auto`` | ``f32`` | ``bf16`` | ``f16``. threads: CPU threads, or None for all.
        cache_dir: folder for converted graphs, or None.

    Raises:
        CheckpointError: unusable weights. RuntimeUnavailableError, DeviceError: what was asked for is not here.
    """
    if runtime not in RUNTIMES:
        raise RuntimeUnavailableError(f"runtime: expected one of {', '.join(RUNTIMES)}; got {runtime!r}")
    if precision not in device.PRECISIONS:
        raise RuntimeUnavailableError(f"precision: expected one of {', '.join(device.PRECISIONS)}; got {precision!r}")
    source = weights.find(checkpoint, grid)
    size = input_size or source.manifest.input_size_px
    policy = device.select("cpu" if runtime == "openvino" else None)
    if _wants_openvino(runtime, policy):
        from maxsight_core.engine.runtimes.openvino import OpenVinoRuntime

        made: StageARuntime = OpenVinoRuntime(
            lambda: build_network(source), weights_key=source.key, grid=source.manifest.grid, input_size=size,
            precision=precision, threads=threads, cache_dir=cache_dir,
        )
    else:
        from maxsight_core.engine.runtimes.torch import TorchRuntime

        made = TorchRuntime(build_network(source), policy=policy, input_size=size, precision=precision,
                            threads=threads)
    return LoadedStageA(made, source.manifest, source.note)


def _wants_openvino(runtime: str, policy: device.DevicePolicy) -> bool:
    installed = importlib.util.find_spec("openvino") is not None
    if runtime == "openvino" and not installed:
        raise RuntimeUnavailableError("runtime: openvino is not installed; `pip install openvino`, or use torch")
    return runtime == "openvino" or (runtime == "auto" and policy.device == "cpu" and installed)


def build_network(source: weights.WeightsSource) -> StageA:
    """The torch network with the weights of ``source``, in evaluation mode; untrained ones come from a fixed seed."""
    import torch

    from maxsight_core.models.stage_a import StageA
    from maxsight_core.models.state import StateError, load_into

    with torch.random.fork_rng(devices=[]):  # the caller's own random numbers stay what they were
        torch.manual_seed(weights.UNTRAINED_SEED)
        model = StageA(source.manifest.grid, len(source.manifest.classes)).eval()
    if source.read_state is not None:
        try:
            load_into(model, source.read_state(), source.manifest.trained_heads)
        except StateError as error:
            raise CheckpointError(f"{source.path}: {error}") from None
    return model
