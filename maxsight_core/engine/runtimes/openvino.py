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

from maxsight_core.engine.runtimes import graph_cache, int8, openvino_cpu
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.engine.runtimes.openvino_cpu import offered_precisions

__all__ = ["OpenVinoRuntime", "convert", "offered_precisions"]

log = logging.getLogger(__name__)


class OpenVinoRuntime(StageARuntime):
    """OpenVINO on the CPU, one stream, tuned for latency.

    Args:
        build_model: gives the loaded torch network; called only when the graph is not in the cache.
        weights_key: what tells these weights from all others (their SHA-256).
        grid, input_size: of the network. precision: ``auto`` (a prepared and accepted INT8 graph, else bf16 where the
            CPU multiplies it natively, else f32), ``f32``, ``bf16`` or ``int8``. threads: CPU threads; None: one per
            core. cache_dir: folder to keep graphs in, or None. with_map: also answer ``fused_map``.

    Raises:
        RuntimeUnavailableError: a precision that this CPU does not have, or INT8 that was not prepared.
    """

    name = "openvino"

    def __init__(
        self, build_model: Callable[[], object], *, weights_key: str, grid: str, input_size: int,
        precision: str = "auto", threads: int | None = None, cache_dir: Path | None = None, with_map: bool = False,
    ) -> None:
        core = ov.Core()
        compiled, chosen = None, "int8"
        quantized = None if cache_dir is None else int8.folder_of(cache_dir, grid, input_size, weights_key, with_map)
        quality = None if quantized is None else int8.quality_of(quantized)
        if int8.allowed(quality and quality.usable, precision):
            self._compile, compiled = _int8_compiler(core, threads, quantized, precision)
        if compiled is None:
            chosen = openvino_cpu.chosen_precision(core, "auto" if precision == "int8" else precision)
            folder = None if cache_dir is None else cache_dir / graph_cache.graph_key(grid, input_size, weights_key,
                                                                                     with_map)
            self._compile = _compiler(core, openvino_cpu.properties(chosen, threads),
                                      lambda: convert(build_model(), input_size, with_map), folder, chosen)
            compiled = self._compile()
        super().__init__(device="cpu", precision=chosen, grid=grid, input_size=input_size, with_map=with_map)
        self._compiled: ov.CompiledModel | None = compiled
        self._channel: _Channel | None = _Channel(compiled, self.output_names)
        self._closed = False

    def _run(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        if self._closed:
            raise RuntimeUnavailableError("this runtime was closed; load Stage A again")
        channel = self._channel  # kept for the whole call: renew() gives only later calls another
        if channel is None:
            self._compiled = self._compiled or self._compile()
            channel = self._channel = _Channel(self._compiled, self.output_names)
        one_by_one = [channel.answer(picture) for picture in batch_rgb]  # a CPU gains nothing from a batch
        if len(one_by_one) == 1:
            return one_by_one[0]
        return {name: np.concatenate([found[name] for found in one_by_one]) for name in self.output_names}

    def renew(self) -> None:
        abandoned, self._channel = self._channel, None
        if abandoned is not None and abandoned.busy:
            self._compiled = None  # it has one stream, and the request in work keeps that one to itself

    def close(self) -> None:
        self._channel, self._compiled, self._closed = None, None, True


class _Channel:
    """One request of a compiled model, and its buffers."""

    def __init__(self, compiled: ov.CompiledModel, names: tuple[str, ...]) -> None:
        self._names, self.busy = names, False
        self._request = compiled.create_infer_request()
        self._request.infer([np.zeros(tuple(compiled.input(0).shape), np.uint8)])  # takes its memory now

    def answer(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """The answers to one picture [S, S, 3]; copied, because the next call overwrites the request's buffers."""
        self.busy = True
        try:
            self._request.infer([np.ascontiguousarray(picture)[None]], share_inputs=True, share_outputs=True)
            return {name: np.array(self._request.get_output_tensor(index).data, dtype=np.float32)
                    for index, name in enumerate(self._names)}
        finally:
            self.busy = False


def _compiler(core, properties, make_graph, folder: Path | None, precision: str) -> Callable[[], ov.CompiledModel]:
    if folder is None:
        return lambda: core.compile_model(make_graph(), graph_cache.DEVICE, properties)
    kept = graph_cache.Kept(folder, precision)
    return lambda: graph_cache.compile_cached(core, properties, make_graph, kept)


def _int8_compiler(core, threads: int | None, folder: Path, precision: str):
    """The INT8 model and how to compile it again; layers that stay in floating point use the CPU's own best precision.
    (None, None): it is damaged."""
    properties = openvino_cpu.properties(openvino_cpu.chosen_precision(core, "auto"), threads)
    compile_again = _compiler(core, properties, int8.not_prepared, folder, "int8")
    try:
        return compile_again, compile_again()
    except RuntimeUnavailableError:
        if precision == "int8":
            raise
        log.warning("the INT8 graph in %s was damaged; full precision is used instead", folder)
        return None, None


def convert(model, input_size: int, with_map: bool = False) -> ov.Model:
    """The OpenVINO graph of a torch Stage A: uint8 [1, S, S, 3] in, the outputs of ``graph_outputs`` in order."""
    import torch

    from maxsight_core.engine.runtimes.graph import StageAGraph

    graph = StageAGraph(model, with_map)
    example = torch.zeros((1, input_size, input_size, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns about every shape check, which is what makes it static
        return ov.convert_model(graph, example_input=example, input=[1, input_size, input_size, 3])
