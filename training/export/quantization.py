"""Eight bits: a quarter of the size. Two ways, each calibrated on pictures.

``openvino``: NNCF, as the app's own INT8 (``maxsight_core.engine.runtimes.int8``). ``executorch``: torchao's PT2E with
XNNPACK's quantizer, symmetric, per channel (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training.export.formats import executorch_bytes, openvino_model, quiet, require
from training.export.graph import Exportable, ExportError

MOST_MEGABYTES = 50.0
"""The description's limit of a quantized model."""


def quantize(graph: Exportable, kind: str, pictures: Sequence[np.ndarray], output: Path) -> None:
    """Write an INT8 file.

    Args:
        kind: of :data:`QUANTIZED`. pictures: [1, S, S, 3] uint8 each, as the camera sees. output: ends in ``.xml`` or
            ``.pte``.

    Raises:
        ExportError: another kind, a missing package, or no pictures.
    """
    if kind not in QUANTIZED:
        raise ExportError(f"--format: expected one of {', '.join(QUANTIZED)}; got {kind!r}")
    if not pictures:
        raise ExportError("quantize: expected pictures to calibrate with; got none")
    with quiet():
        QUANTIZED[kind](graph, pictures, output)


def _openvino(graph: Exportable, pictures: Sequence[np.ndarray], output: Path) -> None:
    require("openvino", "nncf")
    import nncf
    import openvino as ov

    from maxsight_core.engine.runtimes import int8

    nncf.set_log_level(logging.ERROR)
    ov.save_model(int8.quantize(openvino_model(graph), pictures), output, compress_to_fp16=False)


def _executorch(graph: Exportable, pictures: Sequence[np.ndarray], output: Path) -> None:
    require("executorch", "torchao")
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    watched = prepare_pt2e(torch.export.export(graph.module, graph.example).module(), quantizer)
    with torch.inference_mode():
        for picture in tqdm(pictures, desc="calibrating", unit="picture", leave=False):
            watched(torch.from_numpy(picture))
    rounded = convert_pt2e(watched)
    output.write_bytes(executorch_bytes(torch.export.export(rounded, graph.example)))


QUANTIZED = {"openvino": _openvino, "executorch": _executorch}
ENDINGS = {"openvino": ".xml", "executorch": ".pte"}
