"""Networks whose layers are narrower than the plan says: what pruning leaves.

A pruned checkpoint is one like any other, but for the shapes of its tensors. The plan is built and then given those
shapes, so that a pruned network can be trained on, evaluated and exported.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.engine.runtimes.load import build_network
from maxsight_core.engine.weights import WeightsSource
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.state import StateError, current_names, load_into


def build_stage_a(source: WeightsSource) -> StageA:
    """As the engine's ``build_network``, and for pruned weights too.

    Raises:
        CheckpointError: tensors that are not those of a Stage A, however narrow.
    """
    if source.read_state is None or source.published:
        return build_network(source)
    state = current_names(source.read_state("a"))
    model = StageA(source.manifest.grid, len(source.manifest.classes)).eval()
    if not is_narrow(model, state):
        return build_network(source)
    fit_to(model, state)
    try:
        load_into(model, state, source.manifest.trained_heads)
    except StateError as error:
        raise CheckpointError(f"{source.path}: {error}") from None
    return model


def is_narrow(model: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """True when some tensor has another shape than the plan's."""
    own = model.state_dict()
    return any(name in own and own[name].shape != tensor.shape for name, tensor in state.items())


def fit_to(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give the convolutions and batch norms of ``model`` the shapes of ``state``, in place."""
    for name, module in model.named_modules():
        weight = state.get(f"{name}.weight")
        if weight is None or weight.shape == module.weight.shape:
            continue
        if isinstance(module, nn.Conv2d) and weight.ndim == 4 and module.groups == 1:
            set_convolution(module, torch.empty(weight.shape, dtype=module.weight.dtype))
        elif isinstance(module, nn.BatchNorm2d) and weight.ndim == 1:
            set_norm(module, torch.arange(0), len(weight))


def set_convolution(module: nn.Conv2d, weight: Tensor) -> None:
    """Another weight [out, in, h, w], and with it other numbers of channels."""
    module.weight = nn.Parameter(weight)
    module.out_channels, module.in_channels = weight.shape[:2]


def set_norm(module: nn.BatchNorm2d, kept: Tensor, features: int) -> None:
    """Keep these features; with an empty ``kept`` start afresh with ``features`` of them."""
    for name in ("weight", "bias", "running_mean", "running_var"):
        old = getattr(module, name)
        new = old.detach()[kept].clone() if len(kept) else torch.zeros(features, dtype=old.dtype, device=old.device)
        setattr(module, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)
    module.num_features = features
