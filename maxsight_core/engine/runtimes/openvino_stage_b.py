"""Stage B in OpenVINO: one compiled model a slice, tensors handed from slice to slice in place.

The torch network is converted once. With a cache folder the graphs, the compiled models and the plan are kept there, so
that the next start needs neither torch nor a conversion. Everything is compiled in the calling thread.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.engine.runtimes import graph_cache, int8, int8_stage_b, openvino_cpu
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError
from maxsight_core.engine.runtimes.stage_b_base import Channel, StageBRuntime
from maxsight_core.engine.runtimes.stage_b_graphs import Converter, Plan, read_plan, request_channel

log = logging.getLogger(__name__)

STORAGE: dict[str, str] = {"f32": "f32", "bf16": "f16"}
"""How graphs are kept. Half the file has three more bits than bf16 computes with; 32 bits keep 32."""
WITHOUT_WEIGHTS = {"CACHE_MODE": "OPTIMIZE_SIZE"}
"""What is kept compiled reads its weights from the graph's file: a second copy would be 350 MB in T2, for 0.2 s."""


class OpenVinoStageBRuntime(StageBRuntime):
    """OpenVINO on the CPU, one stream, tuned for latency.

    Args:
        build_model: gives the loaded torch network; called only when a graph is not in the cache.
        weights_key: what tells these weights from all others. tier: ``T1``..``T5``.
        precision: ``auto`` (a prepared and accepted INT8 network, else bf16 where the CPU multiplies it natively, else
            f32), ``f32``, ``bf16`` or ``int8``. threads: CPU threads; None: one per core.
        cache_dir: folder to keep graphs in, or None.

    Raises:
        RuntimeUnavailableError: a precision that this CPU does not have, or INT8 that was not prepared.
    """

    name = "openvino"

    def __init__(
        self, build_model: Callable[[], object], *, weights_key: str, tier: str, precision: str = "auto",
        threads: int | None = None, cache_dir: Path | None = None,
    ) -> None:
        core = ov.Core()
        made, chosen = None, "int8"
        quantized = None if cache_dir is None else int8_stage_b.folder_of(cache_dir, tier, weights_key)
        quality = None if quantized is None else int8_stage_b.quality_of(quantized)
        if int8.allowed(quality and quality.usable, precision):
            made = _int8(core, quantized, precision, threads)
        if made is None:
            chosen = openvino_cpu.chosen_precision(core, "auto" if precision == "int8" else precision)
            folder = None
            if cache_dir is not None:
                folder = cache_dir / graph_cache.stage_b_key(tier, STORAGE[chosen], weights_key)
            made = _Network.compiled(core, openvino_cpu.properties(chosen, threads), build_model, folder, chosen)
        self._network = made
        super().__init__(device="cpu", precision=chosen, tier=tier, slices=made.plan.slices,
                         outputs=made.plan.outputs)

    def _open(self) -> Channel:
        return _OpenVinoChannel(self._network.models(), self._network.plan)

    def _give_up(self, index: int) -> None:
        self._network.forget(index)

    def close(self) -> None:
        self._network = None
        super().close()


class _Network:
    """The compiled slices of one tier, and how each is compiled again."""

    def __init__(self, plan: Plan, compilers: list[Callable[[], ov.CompiledModel]]) -> None:
        self.plan = plan
        self._compilers = compilers
        self._models: list[ov.CompiledModel | None] = [None] * len(compilers)

    @classmethod
    def compiled(cls, core, properties, build_model, folder: Path | None, precision: str) -> _Network:
        """All slices, from the cache where it has them."""
        converter = Converter(build_model)
        plan = None if folder is None else read_plan(folder)
        if plan is None:
            plan = converter.plan()
        _keep_plan(plan, folder)
        made = cls(plan, [partial(_compile, core, properties, partial(converter.graph, part.name), _kept(
            folder, part.name, precision)) for part in plan.slices])
        made.models()
        converter.release()
        return made

    def models(self) -> list[ov.CompiledModel]:
        """The slices in order; one that was forgotten is compiled again, here and now."""
        for index, model in enumerate(self._models):
            if model is None:
                self._models[index] = self._compilers[index]()
        return list(self._models)

    def forget(self, index: int) -> None:
        """Give a slice up: its model has one stream, and a request in work keeps that one to itself."""
        self._models[index] = None


class _OpenVinoChannel(Channel):
    """One request a slice, and the memory they share."""

    def __init__(self, compiled: list[ov.CompiledModel], plan: Plan) -> None:
        self._outputs = plan.outputs
        self._requests, self._given, self._bus = request_channel(compiled, plan)

    def begin(self, inputs: Mapping[str, np.ndarray]) -> None:
        for name, tensor in self._given.items():
            np.copyto(tensor.data, inputs[name])

    def run(self, index: int) -> None:
        self._requests[index].infer(share_outputs=True)

    def outputs(self) -> dict[str, np.ndarray]:
        return {name: np.array(self._bus[name].data, dtype=np.float32) for name in self._outputs}


def _keep_plan(plan: Plan, folder: Path | None) -> None:
    if folder is None:
        return
    try:
        plan.save(folder)  # also when it is there: in use, not the one to go when there are too many
        os.utime(folder)
        graph_cache.prune(folder)
    except OSError as error:
        log.warning("the plan of Stage B cannot be kept in %s (%s)", folder, error)


def _kept(folder: Path | None, name: str, precision: str) -> graph_cache.Kept | None:
    if folder is None:
        return None
    return graph_cache.Kept(folder / name, precision, graph_cache.SLICE_FILE, STORAGE.get(precision, "f32"))


def _compile(core, properties, make_graph, kept: graph_cache.Kept | None) -> ov.CompiledModel:
    if kept is None:
        return core.compile_model(make_graph(), graph_cache.DEVICE, properties)
    return graph_cache.compile_cached(core, {**properties, **WITHOUT_WEIGHTS}, make_graph, kept)


def _int8(core, folder: Path, precision: str, threads: int | None) -> _Network | None:
    """The prepared INT8 network, or None when it is damaged; what stays in floating point uses the CPU's best."""
    properties = openvino_cpu.properties(openvino_cpu.chosen_precision(core, "auto"), threads)
    try:
        plan = read_plan(folder) or int8.not_prepared()
        made = _Network(plan, [partial(_compile, core, properties, int8.not_prepared, _kept(folder, part.name, "int8"))
                               for part in plan.slices])
        made.models()
        return made
    except RuntimeUnavailableError:
        if precision == "int8":
            raise
        log.warning("the INT8 network in %s was damaged; full precision is used instead", folder)
        return None
