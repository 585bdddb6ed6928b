"""Stage A in OpenVINO: what a CPU runs by default.

The torch network is converted once. With a cache folder the converted graph and the compiled model are kept there, so
that the next start needs neither torch nor a conversion.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.engine.runtimes import graph_cache, int8
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.models.contract import GRAPH_OUTPUTS

log = logging.getLogger(__name__)


class OpenVinoRuntime(StageARuntime):
    """OpenVINO on the CPU, one stream, tuned for latency.

    Args:
        build_model: gives the loaded torch network; called only when the graph is not in the cache.
        weights_key: what tells these weights from all others (their SHA-256).
        grid, input_size: of the network. precision: ``auto`` (a prepared and accepted INT8 graph, else bf16 where the
            CPU multiplies it natively, else f32), ``f32``, ``bf16`` or ``int8``. threads: CPU threads; None: one per
            core. cache_dir: folder to keep graphs in, or None.

    Raises:
        RuntimeUnavailableError: a precision that this CPU does not have, or INT8 that was not prepared.
    """

    name = "openvino"

    def __init__(
        self, build_model: Callable[[], object], *, weights_key: str, grid: str, input_size: int,
        precision: str = "auto", threads: int | None = None, cache_dir: Path | None = None,
    ) -> None:
        core = ov.Core()
        quantized = _int8_folder(precision, weights_key, grid, input_size, cache_dir)
        compiled, chosen = None, "int8"
        if quantized is not None:
            compiled = _compile_int8(core, _properties(_precision(core, "auto"), threads), quantized, precision)
        if compiled is None:
            chosen = _precision(core, "auto" if precision == "int8" else precision)
            properties = _properties(chosen, threads)
            if cache_dir is None:
                compiled = core.compile_model(convert(build_model(), input_size), graph_cache.DEVICE, properties)
            else:
                folder = cache_dir / graph_cache.graph_key(grid, input_size, weights_key)
                compiled = graph_cache.compile_cached(
                    core, properties, lambda: convert(build_model(), input_size), folder, chosen)
        super().__init__(device="cpu", precision=chosen, grid=grid, input_size=input_size)
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


def _properties(precision: str, threads: int | None) -> dict[str, object]:
    properties: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": precision,
    }
    if threads is not None:
        properties["INFERENCE_NUM_THREADS"] = threads
    return properties


def _int8_folder(precision: str, weights_key: str, grid: str, size: int, cache_dir: Path | None) -> Path | None:
    """Folder of the INT8 graph to use, or None for full precision."""
    if precision not in ("auto", "int8"):
        return None
    folder = None if cache_dir is None else int8.folder_of(cache_dir, grid, size, weights_key)
    quality = None if folder is None else int8.quality_of(folder)
    if precision == "int8" and quality is None:
        _not_prepared()
    return folder if quality is not None and (quality.usable or precision == "int8") else None


def _compile_int8(core, properties, folder: Path, precision: str) -> ov.CompiledModel | None:
    """The INT8 model; layers that stay in floating point use the CPU's own best precision. None: it is damaged."""
    try:
        return graph_cache.compile_cached(core, properties, _not_prepared, folder, "int8")
    except RuntimeUnavailableError:
        if precision == "int8":
            raise
        log.warning("the INT8 graph in %s was damaged; full precision is used instead", folder)
        return None


def _not_prepared():
    raise RuntimeUnavailableError(
        "precision: no INT8 graph is prepared for these weights; run `python -m maxsight_core.engine.quantize`"
    )


def offered_precisions(core: ov.Core | None = None) -> tuple[str, ...]:
    """Precisions this CPU multiplies natively."""
    capabilities = (core or ov.Core()).get_property(graph_cache.DEVICE, "OPTIMIZATION_CAPABILITIES")
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


def convert(model, input_size: int) -> ov.Model:
    """The OpenVINO graph of a torch Stage A: uint8 [1, S, S, 3] in, the outputs of ``GRAPH_OUTPUTS`` in order."""
    import torch

    from maxsight_core.engine.runtimes.graph import StageAGraph

    graph = StageAGraph(model)
    example = torch.zeros((1, input_size, input_size, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns about every shape check, which is what makes it static
        return ov.convert_model(graph, example_input=example, input=[1, input_size, input_size, 3])
