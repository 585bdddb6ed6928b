"""Stage B in INT8: slices quantized after training by NNCF, each judged on its own and all of them together.

Prepared once for one set of weights (``python -m maxsight_core.engine.quantize``) and kept beside the other graphs. A
slice whose tensors lose too much stays in floating point. ``auto`` uses the whole only when its verdict says so: for
every trained output the mean error against the 32-bit network, on inputs that were not calibrated with, is at most 3 %
of the output's range; for untrained weights always, because their numbers are withheld in any precision.

Quantization: Jacob et al., CVPR 2018; outliers in the activations of transformers: SmoothQuant (Xiao et al., ICML
2023), as NNCF does it.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.engine.runtimes import graph_cache, openvino_cpu
from maxsight_core.engine.runtimes.int8 import QUALITY_FILE
from maxsight_core.engine.runtimes.stage_b_base import SlicePlan
from maxsight_core.engine.runtimes.stage_b_graphs import Converter, Plan
from maxsight_core.models.stage_b_contract import HeadSpec

log = logging.getLogger(__name__)

OUTPUT_TOLERANCE = 0.03
"""Mean error of a trained output, as a share of its range: six times what bf16 costs the tier T1 (0.5 %)."""
SLICE_TOLERANCE = 0.05
"""Mean error of a tensor between slices, as a share of its range; above it the slice stays in floating point."""
FLOATING: frozenset[str] = frozenset({"audio", "heads_person"})
"""Slices that are never quantized: they read sound, which nobody hears while calibrating, and cost next to nothing."""
_LEAST_RANGE, _TINY = 0.01, 1e-6

Bus = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class StageBQuality:
    """The verdict on one INT8 Stage B.

    Args:
        usable: whether ``auto`` may choose it. reason: why (not), one line. samples: how many it was judged on.
        quantized: the slices that are in INT8. errors: tensor that leaves the network -> mean error / range.
    """

    usable: bool
    reason: str
    samples: int
    quantized: tuple[str, ...]
    errors: dict[str, float]


def folder_of(cache_dir: Path, tier: str, weights_key: str) -> Path:
    """Where the INT8 graphs of these weights are kept."""
    return cache_dir / graph_cache.stage_b_key(tier, "int8", weights_key)


def quality_of(folder: Path) -> StageBQuality | None:
    """The verdict kept with a prepared network; None when none was prepared, or its file is damaged."""
    try:
        body = json.loads((folder / QUALITY_FILE).read_text(encoding="utf-8"))
        return StageBQuality(**{**body, "quantized": tuple(body["quantized"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def prepare(
    converter: Converter, calibration: Sequence[Mapping[str, np.ndarray]], held_out: Sequence[Mapping[str, np.ndarray]],
    trained: Collection[str], heads: Iterable[HeadSpec], folder: Path,
    progress: Callable[[Iterable], Iterable] = iter,
) -> StageBQuality:
    """Quantize, judge and keep the Stage B of ``converter``.

    Args:
        calibration, held_out: inputs as ``StageBRuntime.run`` takes them; the network is judged on ``held_out``.
        trained: outputs that were learned, of the ``heads`` of the tier. folder: where it is kept.
        progress: wraps the slices (a progress bar).
    """
    core, plan = ov.Core(), converter.plan()
    shutil.rmtree(folder, ignore_errors=True)
    shown = [dict(inputs) for inputs in calibration]
    exact = [dict(inputs) for inputs in held_out]
    quick = [dict(inputs) for inputs in held_out]
    quantized = []
    for index, part in enumerate(progress(plan.slices)):
        full = converter.graph(part.name)
        answer_exactly = _Runner(core, full, part, "f32")
        small = None if part.name in FLOATING else quantize(full, [[bus[need] for need in part.needs] for bus in shown])
        error = _slice_error(core, small, answer_exactly, exact)
        if error <= SLICE_TOLERANCE:
            quantized.append(part.name)
        else:
            small = full
        graph_cache.replace_graph(small, graph_cache.Kept(folder / part.name, "int8", graph_cache.SLICE_FILE, "f16"))
        answer_quickly = _Runner(core, small, part, "auto")
        for buses, runner in ((shown, answer_exactly), (exact, answer_exactly), (quick, answer_quickly)):
            for bus in buses:
                bus.update(runner(bus))
                _drop_dead(bus, plan, index)
    errors = {name: _apart([bus[name] for bus in quick], [bus[name] for bus in exact]) for name in plan.outputs}
    learned = [tensor.name for head in heads for tensor in head.gives if set(head.outputs) & set(trained)]
    quality = judge(errors, learned, len(held_out), tuple(quantized))
    plan.save(folder)
    (folder / QUALITY_FILE).write_text(json.dumps(asdict(quality), indent=2) + "\n", encoding="utf-8")
    graph_cache.prune(folder)
    return quality


def quantize(model: ov.Model, inputs: Sequence[Sequence[np.ndarray]]) -> ov.Model | None:
    """An INT8 copy of one slice's graph; None when NNCF finds nothing in it that it can quantize."""
    import nncf

    attends = any(op.get_type_name() == "ScaledDotProductAttention" for op in model.get_ops())
    try:
        return nncf.quantize(
            model.clone(), nncf.Dataset(list(inputs)), subset_size=len(inputs), preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER if attends else None,
        )
    except (RuntimeError, nncf.ValidationError, nncf.InternalError) as error:
        log.warning("a slice of Stage B stays in floating point: NNCF says %s", error)
        return None


def judge(
    errors: Mapping[str, float], trained: Iterable[str], samples: int, quantized: tuple[str, ...],
) -> StageBQuality:
    """The verdict from the errors of the tensors that leave the network. ``trained``: those of trained heads."""
    learned = {name: errors[name] for name in trained if name in errors}
    if not quantized:
        return StageBQuality(False, "no slice keeps its numbers in INT8", samples, (), dict(errors))
    if not learned:
        return StageBQuality(True, "no trained heads: the numbers are withheld", samples, quantized, dict(errors))
    name = max(learned, key=learned.__getitem__)
    usable = learned[name] <= OUTPUT_TOLERANCE
    reason = (f"{'kept' if usable else 'refused'}: {name} is {learned[name]:.1%} of its range away from 32 bits, the "
              f"most of {len(learned)} trained tensors (at most {OUTPUT_TOLERANCE:.0%} is allowed)")
    return StageBQuality(usable, reason, samples, quantized, dict(errors))


class _Runner:
    """One slice, compiled, over named tensors."""

    def __init__(self, core: ov.Core, model: ov.Model, part: SlicePlan, precision: str) -> None:
        properties = openvino_cpu.properties(openvino_cpu.chosen_precision(core, precision), None)
        self._request = core.compile_model(model, graph_cache.DEVICE, properties).create_infer_request()
        self.part = part

    def __call__(self, bus: Bus) -> Bus:
        self._request.infer([bus[need] for need in self.part.needs], share_outputs=True)
        return {give: np.array(self._request.get_output_tensor(index).data, np.float32)
                for index, give in enumerate(self.part.gives)}


def _slice_error(core: ov.Core, model: ov.Model | None, expected: _Runner, buses: Sequence[Bus]) -> float:
    """The worst of a slice's tensors, given the same inputs; infinite without a model."""
    if model is None:
        return float("inf")
    found = _Runner(core, model, expected.part, "auto")
    answers = [(found(bus), expected(bus)) for bus in buses]
    return max(_apart([ours[name] for ours, _ in answers], [theirs[name] for _, theirs in answers])
               for name in answers[0][1])


def _apart(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """Mean absolute difference as a share of the expected range; not finite counts as infinitely far."""
    ours, theirs = np.stack(found), np.stack(expected)
    # an output that hardly moves (as before training) is held against its size
    scale = max(float(np.ptp(theirs)), _LEAST_RANGE * float(np.abs(theirs).max()), _TINY)
    error = float(np.abs(ours - theirs).mean()) / scale
    return error if np.isfinite(error) else float("inf")


def _drop_dead(bus: Bus, plan: Plan, index: int) -> None:
    """Forget what no later slice reads: a bus of two dozen pictures is large."""
    alive = {need for part in plan.slices[index + 1:] for need in part.needs} | set(plan.outputs)
    for name in [name for name in bus if name not in alive]:
        del bus[name]
