"""From weights to runtimes that answer: one for each stage, from one set of weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from maxsight_core.engine import device, weights
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, tensor_sizes
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.engine.runtimes.stage_b_base import StageBRuntime
from maxsight_core.models.stage_b_contract import MAP_HISTORY
from maxsight_core.models.tiers import TIERS

if TYPE_CHECKING:
    from maxsight_core.models.stage_a import StageA
    from maxsight_core.models.stage_b import StageB

Network = TypeVar("Network")
RUNTIMES: tuple[str, ...] = ("auto", "openvino", "torch")


@dataclass(frozen=True, slots=True)
class LoadedStageA:
    """Args:
        runtime: answers. manifest: what its weights have learned. source_note: where they came from, one line.
    """

    runtime: StageARuntime
    manifest: CheckpointManifest
    source_note: str


@dataclass(frozen=True, slots=True)
class LoadedStageB:
    """Args:
        runtime: answers. manifest: what its weights have learned. source_note: where they came from, one line.
    """

    runtime: StageBRuntime
    manifest: CheckpointManifest
    source_note: str


def load_stage_a(
    checkpoint: Path | None = None, grid: str | None = None, input_size: int | None = None, runtime: str = "auto",
    precision: str = "auto", threads: int | None = None, cache_dir: Path | None = None, tier: str | None = None,
    with_map: bool | None = False,
) -> LoadedStageA:
    """Load Stage A.

    Args:
        checkpoint: a file, or None for the order of docs/weights.md. With no weights anywhere the network is built
            untrained from a fixed seed, and ``manifest.trained_heads`` is empty: none of its numbers may be shown.
        grid: ``fused`` | ``pyramid``, or None for what the weights were made for.
        input_size: side of the square input, pixels, or None for the manifest's.
        runtime: ``openvino``, ``torch``, or ``auto``: torch on a GPU, OpenVINO on a CPU where it is installed.
        precision: ``auto`` | ``f32`` | ``bf16`` | ``f16`` | ``int8``. threads: CPU threads, or None for all.
        cache_dir: folder for converted graphs, or None.
        tier: of the checkpoint, or None for whatever it is (``maxsight_core.engine.weights.find``).
        with_map: also answer ``fused_map`` for Stage B; None: when the Stage B of the weights' tier reads it.

    Raises:
        CheckpointError: unusable weights. RuntimeUnavailableError, DeviceError: what was asked for is not here.
        ValueError: there is no such tier or grid.
    """
    policy, wants_openvino = _machine(runtime, precision)
    source = weights.find(checkpoint, grid, tier=tier)
    size = input_size or source.manifest.input_size_px
    with_map = MAP_HISTORY[source.manifest.tier] > 0 if with_map is None else with_map
    if wants_openvino:
        from maxsight_core.engine.runtimes.openvino import OpenVinoRuntime

        made: StageARuntime = OpenVinoRuntime(
            lambda: build_network(source), weights_key=source.key, grid=source.manifest.grid, input_size=size,
            precision=precision, threads=threads, cache_dir=cache_dir, with_map=with_map,
        )
    else:
        from maxsight_core.engine.runtimes.torch import TorchRuntime

        made = TorchRuntime(build_network(source), policy=policy, input_size=size, precision=precision,
                            threads=threads, with_map=with_map)
    return LoadedStageA(made, source.manifest, source.note)


def load_stage_b(
    tier: str | None = None, checkpoint: Path | None = None, grid: str | None = None, runtime: str = "auto",
    precision: str = "auto", threads: int | None = None, cache_dir: Path | None = None,
) -> LoadedStageB | None:
    """Load the Stage B network of a tier, from the same weights as :func:`load_stage_a` with the same arguments.

    The file is found and hashed once for both stages, and each stage reads its own tensors only. Call it in the thread
    that will run Stage B: OpenVINO compiles in the calling thread, at that thread's priority.

    Args:
        tier: any of its names, or None for that of the checkpoint (T0 without one). The rest as for Stage A.

    Returns:
        None for T0, whose Stage B is measured and needs no network.

    Raises:
        CheckpointError: unusable weights. RuntimeUnavailableError, DeviceError: what was asked for is not here.
        ValueError: there is no such tier or grid.
    """
    policy, wants_openvino = _machine(runtime, precision)
    source = weights.find(checkpoint, grid, tier=tier)
    key = source.manifest.tier
    if not TIERS[key].trunk:
        return None
    build = stage_b_builder(source, mps_stable=policy.mps_stable)
    if wants_openvino:
        from maxsight_core.engine.runtimes.openvino_stage_b import OpenVinoStageBRuntime

        made: StageBRuntime = OpenVinoStageBRuntime(
            build, weights_key=source.stage_b_key, tier=key, precision=precision, threads=threads, cache_dir=cache_dir,
        )
    else:
        from maxsight_core.engine.runtimes.torch_stage_b import TorchStageBRuntime

        made = TorchStageBRuntime(build(), policy=policy, precision=precision, threads=threads)
    return LoadedStageB(made, source.manifest, source.note)


def _machine(runtime: str, precision: str) -> tuple[device.DevicePolicy, bool]:
    """Where to run, and whether in OpenVINO."""
    if runtime not in RUNTIMES:
        raise RuntimeUnavailableError(f"runtime: expected one of {', '.join(RUNTIMES)}; got {runtime!r}")
    if precision not in device.PRECISIONS:
        raise RuntimeUnavailableError(f"precision: expected one of {', '.join(device.PRECISIONS)}; got {precision!r}")
    policy = device.select("cpu" if runtime == "openvino" else None)
    installed = importlib.util.find_spec("openvino") is not None
    if runtime == "openvino" and not installed:
        raise RuntimeUnavailableError("runtime: openvino is not installed; `pip install openvino`, or use torch")
    return policy, runtime == "openvino" or (runtime == "auto" and policy.device == "cpu" and installed)


def build_network(source: weights.WeightsSource) -> StageA:
    """The torch Stage A with the weights of ``source``, in evaluation mode; untrained ones come from a fixed seed."""
    from maxsight_core.models.state import load_into

    model = _from_seed(lambda: _stage_a(source))
    if source.read_state is not None:
        with _errors_of(source):
            load_into(model, source.read_state("a"), source.manifest.trained_heads)
    return model


def stage_b_builder(source: weights.WeightsSource, mps_stable: bool = False) -> Callable[[], StageB]:
    """Gives the torch Stage B with the weights of ``source``, as :func:`build_network` does Stage A."""
    def build() -> StageB:
        import torch

        from maxsight_core.models.assemble import build_stage_b
        from maxsight_core.models.state import load_into, require_backbone

        model = _from_seed(lambda: build_stage_b(source.manifest.tier, mps_stable=mps_stable))
        if source.read_state is not None and not source.published:
            with torch.device("meta"):
                stage_a = _stage_a(source)
            with _errors_of(source):
                load_into(model, source.read_state("b"), source.manifest.trained_heads)
                require_backbone(model, stage_a, tensor_sizes(source.path).keys(), source.manifest.trained_heads)
        return model

    return build


def _stage_a(source: weights.WeightsSource) -> StageA:
    from maxsight_core.models.stage_a import StageA

    return StageA(source.manifest.grid, len(source.manifest.classes))


def _from_seed(make: Callable[[], Network]) -> Network:
    import torch

    with torch.random.fork_rng(devices=[]):  # the caller's own random numbers stay what they were
        torch.manual_seed(weights.UNTRAINED_SEED)
        return make().eval()


@contextmanager
def _errors_of(source: weights.WeightsSource) -> Iterator[None]:
    from maxsight_core.models.state import StateError

    try:
        yield
    except StateError as error:
        raise CheckpointError(f"{source.path}: {error}") from None
