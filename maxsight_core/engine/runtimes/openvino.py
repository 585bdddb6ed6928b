"""Stage A in OpenVINO: what a CPU runs by default.

The torch network is converted once. With a cache folder the converted graph and the compiled model are kept there, so
that the next start needs neither torch nor a conversion.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.models.contract import GRAPH_OUTPUTS

log = logging.getLogger(__name__)

DEVICE = "CPU"
_PRECISIONS = {"f32": "f32", "bf16": "bf16"}
_SOURCES = Path(__file__).resolve().parents[2] / "models"
_GRAPH_FILE = "stage_a.xml"


class OpenVinoRuntime(StageARuntime):
    """OpenVINO on the CPU, one stream, tuned for latency.

    Args:
        build_model: gives the loaded torch network; called only when the graph is not in the cache.
        weights_key: what tells these weights from all others (their SHA-256).
        grid, input_size: of the network. precision: ``auto`` (bf16 where the CPU multiplies it natively, else f32),
            ``f32`` or ``bf16``. threads: CPU threads; None: one per core. cache_dir: folder to keep graphs in, or None.

    Raises:
        RuntimeUnavailableError: a precision that this CPU does not have.
    """

    name = "openvino"

    def __init__(
        self, build_model: Callable[[], object], *, weights_key: str, grid: str, input_size: int,
        precision: str = "auto", threads: int | None = None, cache_dir: Path | None = None,
    ) -> None:
        core = ov.Core()
        super().__init__(device="cpu", precision=_precision(core, precision), grid=grid, input_size=input_size)
        properties: dict[str, object] = {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
            "INFERENCE_PRECISION_HINT": _PRECISIONS[self.precision],
        }
        if threads is not None:
            properties["INFERENCE_NUM_THREADS"] = threads
        if cache_dir is not None:
            properties["CACHE_DIR"] = str(cache_dir / "compiled")
        compiled = _compile(core, properties, build_model, grid, input_size, weights_key, cache_dir)
        self._names = GRAPH_OUTPUTS[grid]
        self._request: ov.InferRequest | None = compiled.create_infer_request()
        self._request.infer([np.zeros((1, input_size, input_size, 3), np.uint8)])  # takes its memory now

    def _run(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        if self._request is None:
            raise RuntimeUnavailableError("this runtime was closed; load Stage A again")
        one_by_one = [self._run_one(picture) for picture in batch_rgb]  # a CPU gains nothing from a batch
        if len(one_by_one) == 1:
            return one_by_one[0]
        return {name: np.concatenate([found[name] for found in one_by_one]) for name in self._names}

    def _run_one(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        self._request.infer([np.ascontiguousarray(picture)[None]], share_inputs=True)
        # copied: the next call overwrites the request's own buffers
        return {
            name: np.array(self._request.get_output_tensor(index).data, dtype=np.float32)
            for index, name in enumerate(self._names)
        }

    def close(self) -> None:
        self._request = None


def offered_precisions(core: ov.Core | None = None) -> tuple[str, ...]:
    """Precisions this CPU multiplies natively."""
    capabilities = (core or ov.Core()).get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in capabilities else ("f32",)


def _precision(core: ov.Core, wanted: str) -> str:
    offered = offered_precisions(core)
    if wanted == "auto":
        return offered[-1]
    if wanted not in offered:
        raise RuntimeUnavailableError(
            f"precision: OpenVINO on this CPU offers {', '.join(offered)}; got {wanted!r}"
        )
    return wanted


def _compile(core, properties, build_model, grid, input_size, weights_key, cache_dir) -> ov.CompiledModel:
    if cache_dir is None:
        return core.compile_model(convert(build_model(), input_size), DEVICE, properties)
    folder = cache_dir / graph_key(grid, input_size, weights_key)
    if (folder / _GRAPH_FILE).exists():
        try:
            return core.compile_model(str(folder / _GRAPH_FILE), DEVICE, properties)
        except RuntimeError as error:
            log.warning("the cached graph %s is unusable (%s); it is made again", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
    try:
        _save(convert(build_model(), input_size), folder)
    except OSError as error:  # a full or read-only disk costs the next start some seconds, not this one its eyes
        log.warning("the graph cannot be kept in %s (%s)", cache_dir, error)
        properties = {name: value for name, value in properties.items() if name != "CACHE_DIR"}
        return core.compile_model(convert(build_model(), input_size), DEVICE, properties)
    return core.compile_model(str(folder / _GRAPH_FILE), DEVICE, properties)


def convert(model, input_size: int) -> ov.Model:
    """The OpenVINO graph of a torch Stage A: uint8 [1, S, S, 3] in, the outputs of ``GRAPH_OUTPUTS`` in order."""
    import torch

    from maxsight_core.engine.runtimes.graph import StageAGraph

    graph = StageAGraph(model)
    example = torch.zeros((1, input_size, input_size, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns about every shape check, which is what makes it static
        return ov.convert_model(graph, example_input=example, input=[1, input_size, input_size, 3])


def graph_key(grid: str, input_size: int, weights_key: str) -> str:
    """Name of the cache folder: changes with the weights, the size, the network's own source and OpenVINO."""
    digest = hashlib.sha256(f"{weights_key} {ov.__version__}".encode())
    for source in (*sorted(_SOURCES.rglob("*.py")), Path(__file__).with_name("graph.py")):
        digest.update(source.read_bytes())
    return f"stage_a-{grid}-{input_size}-{digest.hexdigest()[:24]}"


def _save(model: ov.Model, folder: Path) -> None:
    """Write the graph into ``folder`` in one step; whoever comes second keeps the first one's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".stage_a-") as temporary:
        written = Path(temporary) / "graph"
        written.mkdir()
        ov.save_model(model, written / _GRAPH_FILE, compress_to_fp16=False)
        try:
            os.rename(written, folder)
        except OSError:
            if not (folder / _GRAPH_FILE).exists():
                raise
