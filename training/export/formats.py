"""One function per file format: an :class:`Exportable` to a file. Heavy libraries are imported when they are needed."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from training.export.coreml import to_coreml
from training.export.graph import Exportable, ExportError

ONNX_OPSET = 18
"""The oldest that torch's exporter writes without converting; ONNX Runtime 1.14 and later read it."""


def to_jit(graph: Exportable, path: Path) -> None:
    """TorchScript, traced with the fixed shapes."""
    with quiet(), torch.inference_mode():
        traced = torch.jit.trace(graph.module, graph.example, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced.eval()), str(path))


def to_onnx(graph: Exportable, path: Path) -> None:
    """ONNX, one file, named inputs and outputs, no dynamic axis."""
    require("onnx", "onnxscript")
    with quiet():
        torch.onnx.export(
            graph.module, graph.example, str(path), dynamo=True, external_data=False, opset_version=ONNX_OPSET,
            input_names=[name for name, _ in graph.inputs], output_names=list(graph.outputs), verbose=False)


def to_openvino(graph: Exportable, path: Path) -> None:
    """OpenVINO IR in 32 bits: ``<path>`` (.xml) and its weights beside it (.bin)."""
    require("openvino")
    import openvino as ov

    ov.save_model(openvino_model(graph), path, compress_to_fp16=False)


def openvino_model(graph: Exportable):
    """The OpenVINO graph with named inputs and outputs."""
    import openvino as ov

    with quiet(), torch.no_grad():
        model = ov.convert_model(graph.module, example_input=graph.example,
                                 input=[list(tensor.shape) for tensor in graph.example])
    for port, (name, _) in zip(model.inputs, graph.inputs, strict=True):
        port.get_tensor().set_names({name})
    for port, name in zip(model.outputs, graph.outputs, strict=True):
        port.get_tensor().set_names({name})
    return model


def to_executorch(graph: Exportable, path: Path) -> None:
    """ExecuTorch program with the XNNPACK delegate (phones' CPUs)."""
    require("executorch")
    with quiet():
        program = torch.export.export(graph.module, graph.example)
        path.write_bytes(executorch_bytes(program))


def executorch_bytes(program: torch.export.ExportedProgram) -> bytes:
    """The file of an exported program."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    return to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch().buffer


FORMATS: dict[str, tuple[str, Callable[[Exportable, Path], None]]] = {
    "jit": (".pt", to_jit), "onnx": (".onnx", to_onnx), "openvino": (".xml", to_openvino),
    "executorch": (".pte", to_executorch), "coreml": (".mlpackage", to_coreml),
}
"""Name to the file's ending and how it is made."""


def require(*packages: str) -> None:
    """ExportError that says what to install when a package is missing."""
    import importlib.util

    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(f"this format needs {', '.join(missing)}, which is not installed: "
                          "pip install -r training/requirements-export.txt")


@contextmanager
def quiet() -> Iterator[None]:
    """Exporters print progress and warn about every shape check, which is what makes the file static."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
