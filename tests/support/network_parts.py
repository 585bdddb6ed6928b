"""What every part of a network is tested for: gradients everywhere, entries apart, the same answers from OpenVINO."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import openvino
import torch
from torch import Tensor, nn

OPENVINO_TOLERANCE = 1e-4
"""Largest difference of float32 answers, absolute for small numbers and relative for large ones."""


def openvino_difference(module: nn.Module, inputs: tuple[Tensor, ...], example: tuple[Tensor, ...]) -> float:
    """Largest difference between torch and OpenVINO (f32) over all outputs, over max(1, |torch's answer|).

    ``example`` is what the conversion sees and may have another batch size, so that nothing of it may be baked in.
    """
    module = module.eval()
    graph = openvino.convert_model(module, example_input=example)
    compiled = _core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answers = list(compiled([tensor.numpy() for tensor in inputs]).values())
    with torch.no_grad():
        expected = _tensors(module(*inputs))
    assert len(answers) == len(expected)
    differences = []
    for answer, reference in zip(answers, expected, strict=True):
        assert answer.shape == tuple(reference.shape)
        error, size = np.abs(answer - reference.numpy()), np.abs(reference.numpy())
        differences.append(float((error / np.maximum(1.0, size)).max()))
    return max(differences)


def without_gradient(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    """Names of the parameters that a random loss over all outputs does not reach."""
    module.zero_grad()
    _random_loss(module, inputs).backward()
    return [name for name, parameter in module.named_parameters() if not _is_reached(parameter)]


def inputs_without_gradient(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[int]:
    """Places of the inputs that a random loss over all outputs does not reach: parts before would learn nothing."""
    leaves = tuple(tensor.detach().clone().requires_grad_() for tensor in inputs)
    _random_loss(module, leaves).backward()
    return [place for place, leaf in enumerate(leaves) if not _is_reached(leaf)]


def _random_loss(module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    return sum((output * torch.randn_like(output)).sum() for output in _tensors(module(*inputs)))


def _is_reached(tensor: Tensor) -> bool:
    return tensor.grad is not None and bool(torch.isfinite(tensor.grad).all()) and bool(tensor.grad.abs().max() > 0)


def entries_are_apart(module: nn.Module, inputs: tuple[Tensor, ...]) -> bool:
    """Whether the first entry's answers stay bit-identical when every other entry of the batch changes."""
    module = module.eval()
    changed = tuple(torch.cat((tensor[:1], torch.randn_like(tensor[1:]))) for tensor in inputs)
    with torch.no_grad():
        before, after = _tensors(module(*inputs)), _tensors(module(*changed))
    assert any(not torch.equal(a[1:], b[1:]) for a, b in zip(before, after, strict=True))
    return all(torch.equal(a[:1], b[:1]) for a, b in zip(before, after, strict=True))


def half_precision_error(call: Callable[[], dict[str, Tensor] | Tensor]) -> float:
    """Largest error of bf16 autocast over all outputs, as a share of each output's largest value."""
    with torch.no_grad():
        exact = _tensors(call())
        with torch.autocast("cpu", torch.bfloat16):
            rounded = _tensors(call())
    return max(float((a - b.float()).abs().max() / a.abs().max()) for a, b in zip(exact, rounded, strict=True))


def _tensors(outputs: dict[str, Tensor] | Tensor) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs.values())


@functools.cache
def _core() -> openvino.Core:
    return openvino.Core()
