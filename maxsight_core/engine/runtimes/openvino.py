"""Stage A in OpenVINO: what a CPU runs by default.

The torch network is converted once. With a cache folder the converted graph and the compiled model are kept there, so
that the next start needs neither torch nor a conversion.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.engine.runtimes import graph_cache
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.models.contract import GRAPH_OUTPUTS


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
            "INFERENCE_PRECISION_HINT": self.precision,
        }
        if threads is not None:
            properties["INFERENCE_NUM_THREADS"] = threads
        compiled = self._compile(core, properties, lambda: convert(build_model(), input_size), weights_key, cache_dir)
        self._names = GRAPH_OUTPUTS[grid]
        self._request: ov.InferRequest | None = compiled.create_infer_request()
        self._request.infer([np.zeros((1, input_size, input_size, 3), np.uint8)])  # takes its memory now

    def _compile(self, core, properties, make_graph, weights_key, cache_dir) -> ov.CompiledModel:
        if cache_dir is None:
            return core.compile_model(make_graph(), graph_cache.DEVICE, properties)
        folder = cache_dir / graph_cache.graph_key(self.grid, self.input_size, weights_key)
        return graph_cache.compile_cached(core, properties, make_graph, folder, self.precision)

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
