"""Putting a state dict into a Stage A network: what must be there, what may be missing, what must never be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from maxsight_core.models.stage_a import PARAMETERS, StageA

NAMES_SHOWN = 5
"""How many keys an error message lists before it counts the rest."""

_OLD_FPN_KEY = re.compile(r"(fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$")
_COUNTER = ".num_batches_tracked"


class StateError(ValueError):
    """The tensors do not fit the network; the message says which, what was expected and what to do."""


def current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under today's names: before torchvision 0.14 an FPN block was a bare convolution."""
    return {_OLD_FPN_KEY.sub(r"\1.0.\2", key): tensor for key, tensor in state.items()}


def load_into(model: StageA, state: Mapping[str, Tensor], trained_heads: Iterable[str]) -> frozenset[str]:
    """Load ``state`` into ``model`` and check that every trained head is complete.

    Batch counters (``num_batches_tracked``) may be present or absent: evaluation does not read them, and
    torchvision's published files (frozen batch norm) have none. Parameters of untrained heads may be absent.

    Args:
        trained_heads: names of outputs that the checkpoint claims to have learned.

    Returns:
        The names of the model's parameters that the state did not hold: they keep their initial values.

    Raises:
        StateError: unknown tensors, wrong shapes, NaN or infinite values, or a trained head with missing parameters.
    """
    state = current_names(state)
    expected = model.state_dict()
    state = {key: value for key, value in state.items() if key in expected or not key.endswith(_COUNTER)}
    unknown = [key for key in state if key not in expected]
    if unknown:
        raise StateError(
            f"the weights hold tensors that a {model.grid} Stage A does not have: {_some(unknown)}. "
            "They were made for another network; choose a checkpoint of this grid"
        )
    wrong = [
        f"{key} expected {list(expected[key].shape)}, got {list(value.shape)}"
        for key, value in state.items() if value.shape != expected[key].shape
    ]
    if wrong:
        raise StateError(f"the weights have other shapes than the network: {_some(wrong)}")
    broken = [key for key, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if broken:
        raise StateError(f"the weights hold NaN or infinite values: {_some(broken)}. Train or fetch them again")
    missing = frozenset(key for key in expected if key not in state and not key.endswith(_COUNTER))
    _require_complete(model, missing, trained_heads)
    model.load_state_dict(state, strict=False)
    return missing


def _require_complete(model: StageA, missing: frozenset[str], trained_heads: Iterable[str]) -> None:
    for head in sorted(trained_heads):
        absent = sorted(key for key in missing if key.startswith(PARAMETERS[model.grid][head]))
        if absent:
            raise StateError(
                f"the manifest says that {head} was trained, but its parameters are missing: {_some(absent)}. "
                "The file is incomplete; save it again from the training run"
            )


def _some(names: list[str]) -> str:
    shown = "; ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown}; and {len(names) - NAMES_SHOWN} more"
