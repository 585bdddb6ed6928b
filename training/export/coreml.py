"""CoreML: an .mlpackage for iOS, and the check of its specification. Only macOS can run it.

Every shape is fixed: a CoreML program with a variable axis fails on the phone, not here. The picture is an image input
of bytes 0..255; the network's own normalisation follows inside, so that no caller can scale pixels twice.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from training.export.graph import Exportable, ExportError

TARGET = "iOS16"
"""ML programs with 16-bit outputs; phones from 2017 on."""


def to_coreml(graph: Exportable, path: Path, int8_weights: bool = False) -> None:
    """Write an ML program; ``int8_weights``: a quarter of the size, weights rounded per channel.

    Raises:
        ExportError: coremltools is not installed or cannot convert the network, or its program is not the network's.
    """
    try:
        import coremltools as ct
    except ImportError as error:
        raise ExportError("CoreML needs coremltools, which is not installed: pip install -r "
                          "training/requirements-export.txt") from error
    example = tuple(_as_image(tensor) for tensor in graph.example)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(_FromImages(graph.module, graph.example).eval(), example, check_trace=False)
        model = _converted(ct, traced, graph)
        if int8_weights:
            import coremltools.optimize.coreml as cto

            how = cto.OptimizationConfig(global_config=cto.OpLinearQuantizerConfig(mode="linear_symmetric"))
            model = cto.linear_quantize_weights(model, how)
    model.short_description = "MaxSight"
    model.save(str(path))
    check_spec(graph, path)


def check_spec(graph: Exportable, path: Path) -> dict[str, list[int]]:
    """Shapes by name of a saved program, read back and compared with the network.

    Raises:
        ExportError: another name or number of tensors, a variable or another shape.
    """
    import coremltools as ct

    spec = ct.utils.load_spec(str(path))
    shapes: dict[str, list[int]] = {}
    for feature in (*spec.description.input, *spec.description.output):
        kind = feature.type.WhichOneof("Type")
        body = getattr(feature.type, kind)
        if body.WhichOneof("SizeFlexibility" if kind == "imageType" else "ShapeFlexibility") is not None:
            raise ExportError(f"{path.name}: {feature.name} has a variable shape, which fails on the phone")
        shapes[feature.name] = [1, body.height, body.width, 3] if kind == "imageType" else list(body.shape)
    names = [name for name, _ in graph.inputs] + list(graph.outputs)
    if sorted(shapes) != sorted(names):
        raise ExportError(f"{path.name}: expected the tensors {', '.join(names)}; got {', '.join(shapes)}")
    with torch.inference_mode():
        answers = graph.module(*graph.example)
    for name, tensor in (*graph.inputs, *zip(graph.outputs, answers, strict=True)):
        if shapes[name] != list(tensor.shape) and shapes[name]:  # CoreML may leave an output's shape open to itself
            raise ExportError(f"{path.name}: expected {name} of shape {list(tensor.shape)}; got {shapes[name]}")
    return shapes


def _converted(ct, traced, graph: Exportable):
    """The ML program; coremltools does not know every operation, and fails in its own words."""
    try:
        return ct.convert(
            traced, convert_to="mlprogram", minimum_deployment_target=getattr(ct.target, TARGET),
            inputs=[_input(ct, name, tensor) for name, tensor in graph.inputs],
            outputs=[ct.TensorType(name=name) for name in graph.outputs])
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ExportError(f"coremltools cannot convert this network ({error}); use --format executorch on phones"
                          ) from error


def _input(ct, name: str, example: Tensor):
    if _is_picture(example):
        _, height, width, _ = example.shape
        return ct.ImageType(name=name, shape=(1, 3, height, width), color_layout=ct.colorlayout.RGB)
    return ct.TensorType(name=name, shape=tuple(example.shape))


def _is_picture(example: Tensor) -> bool:
    return example.dtype == torch.uint8


def _as_image(example: Tensor) -> Tensor:
    return example.permute(0, 3, 1, 2).float() if _is_picture(example) else example  # [1, 3, H, W]


class _FromImages(nn.Module):
    """The network with CoreML's images, [1, 3, H, W] float 0..255, in the place of bytes [1, H, W, 3]."""

    def __init__(self, module: nn.Module, examples: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.module = module
        self._pictures = tuple(_is_picture(one) for one in examples)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = (tensor.permute(0, 2, 3, 1) if picture else tensor  # [1, H, W, 3]
                 for tensor, picture in zip(tensors, self._pictures, strict=True))
        return self.module(*given)
