"""Does the file give the network's numbers? Every file that can run on this machine is run and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from training.export.coreml import check_spec
from training.export.graph import Exportable, ExportError

TRIALS = 2
LARGEST_SHARE = 1e-3
"""Of an output's range: 32-bit arithmetic in another order stays far below, a wrong graph far above."""
RANGE_FLOOR = 1.0
"""Outputs that hardly move are compared as if they had this range: probabilities do."""
MEGABYTE = 1e6

Run = Callable[[Sequence[np.ndarray]], dict[str, np.ndarray]]
"""Inputs in order to outputs by name, float32."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What is known of an exported file.

    Args:
        format, file, megabytes: of the file, or the folder. inputs, outputs: shapes by name.
        ran: whether it was run here; note: why not. max_abs_error: largest difference per output from the network in
            32 bits. max_error_share: the largest of them as a share of its output's range.
    """

    format: str
    file: str
    megabytes: float
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    ran: bool
    note: str = ""
    max_abs_error: dict[str, float] = field(default_factory=dict)
    max_error_share: float | None = None

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def check(graph: Exportable, kind: str, path: Path, most: float = LARGEST_SHARE) -> ExportReport:
    """Run a file and compare it.

    Args:
        most: largest difference allowed, as a share of the output's range.

    Raises:
        ExportError: it answers with other numbers, shapes or names than the network.
    """
    inputs = {name: list(tensor.shape) for name, tensor in graph.inputs}
    answers = graph.answer(graph.trial(0))
    outputs = {name: list(array.shape) for name, array in answers.items()}
    about = (kind, path.name, megabytes(path), inputs, outputs)
    if kind == "coreml":
        check_spec(graph, path)
        return ExportReport(*about, ran=False, note="CoreML runs on macOS and iOS only; its specification was checked")
    errors, share = compare(graph, open_file(graph, kind, path))
    if share > most:
        worst = max(errors, key=errors.__getitem__)
        raise ExportError(f"{path.name} does not give the network's numbers: {worst} is off by {errors[worst]:.3g}, "
                          f"{share:.2%} of its range (at most {most:.2%} are allowed); the file was not kept")
    return ExportReport(*about, ran=True, max_abs_error=errors, max_error_share=share)


def compare(graph: Exportable, run: Run) -> tuple[dict[str, float], float]:
    """Largest difference per output, and the largest share of an output's range, over a few inputs."""
    errors = dict.fromkeys(graph.outputs, 0.0)
    largest = 0.0
    for seed in range(TRIALS):
        given = graph.trial(seed)
        wanted, found = graph.answer(given), run(given)
        for name, truth in wanted.items():
            if found[name].shape != truth.shape:
                raise ExportError(f"expected {name} of shape {list(truth.shape)}; got {list(found[name].shape)}")
            error = float(np.abs(found[name] - truth).max()) if truth.size else 0.0
            errors[name] = max(errors[name], error)
            largest = max(largest, error / max(RANGE_FLOOR, float(np.ptp(truth))))
    return errors, largest


def open_file(graph: Exportable, kind: str, path: Path) -> Run:
    """A file of any format but CoreML, ready to be asked.

    Raises:
        ExportError: a format that does not run here.
    """
    openers = {"jit": _jit, "onnx": _onnx, "openvino": _openvino, "executorch": _executorch}
    if kind not in openers:
        raise ExportError(f"open_file: expected one of {', '.join(openers)}; got {kind!r}")
    answer = openers[kind](graph, path)

    def run(given: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        return {name: np.array(array, np.float32) for name, array in zip(graph.outputs, answer(given), strict=True)}

    return run


def megabytes(path: Path) -> float:
    """Of a file with its weights beside it (.bin), or of a folder; 10^6 bytes."""
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    if path.suffix == ".xml":
        files.append(path.with_suffix(".bin"))
    return round(sum(one.stat().st_size for one in files) / MEGABYTE, 3)


def _jit(_graph: Exportable, path: Path):
    model = torch.jit.load(str(path), map_location="cpu")

    @torch.inference_mode()
    def answer(given):
        return [tensor.numpy() for tensor in model(*(torch.from_numpy(array) for array in given))]

    return answer


def _onnx(graph: Exportable, path: Path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [name for name, _ in graph.inputs]
    return lambda given: session.run(list(graph.outputs), dict(zip(names, given, strict=True)))


def _openvino(graph: Exportable, path: Path):
    import openvino as ov

    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def answer(given):
        found = compiled(list(given))
        return [found[name] for name in graph.outputs]

    return answer


def _executorch(_graph: Exportable, path: Path):
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(str(path))
    try:
        method = program.load_method("forward")
    except RuntimeError as error:
        raise ExportError(f"{path.name}: this machine's ExecuTorch cannot load the program it was converted to "
                          f"({error}); the file was not kept") from error

    def answer(given, _kept=program):  # a method reads its program's memory, which ends with the program
        return [tensor.numpy() for tensor in method.execute([torch.from_numpy(array) for array in given])]

    return answer
