"""Putting a state dict into a network: what must be there, what may be missing, what must never be.

A checkpoint holds both stages: Stage A's tensors under the names of its modules, Stage B's as ``stage_b.<part>.<...>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

import torch
from torch import Tensor

from maxsight_core.models.contract import STAGE_B_PREFIX
from maxsight_core.models.stage_a import PARAMETERS, StageA
from maxsight_core.models.stage_b import StageB
from maxsight_core.models.stage_b_contract import heads_of

NAMES_SHOWN = 5
"""How many keys an error message lists before it counts the rest."""
STAGE_A_BACKBONE = "backbone."
"""What a trained output of Stage B needs of Stage A when it reads Stage A's maps."""

_OLD_FPN_KEY = re.compile(r"(fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$")
_COUNTER = ".num_batches_tracked"
_IN_MODULE = "parts."
_MAPS = "stage_a_maps"


class StateError(ValueError):
    """The tensors do not fit the network; the message says which, what was expected and what to do."""


def current_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under today's names: before torchvision 0.14 an FPN block was a bare convolution."""
    return {_OLD_FPN_KEY.sub(r"\1.0.\2", key): tensor for key, tensor in state.items()}


def checkpoint_state(stage_a: StageA, stage_b: StageB | None = None) -> dict[str, Tensor]:
    """The tensors of both stages as a checkpoint holds them (``save_checkpoint`` of the engine writes them)."""
    found = dict(stage_a.state_dict())
    return found if stage_b is None else found | _named_as_in_file(stage_b)


def load_into(model: StageA | StageB, state: Mapping[str, Tensor], trained_heads: Iterable[str]) -> frozenset[str]:
    """Load one stage's tensors of a checkpoint into ``model`` and check that every trained head is complete.

    Batch counters (``num_batches_tracked``) may be present or absent: evaluation does not read them, and
    torchvision's published files (frozen batch norm) have none. Parameters of untrained heads may be absent; of a part
    of Stage B, all or none.

    Args:
        state: for a Stage B the names begin with ``stage_b.``.
        trained_heads: names of outputs that the checkpoint claims to have learned; those of the other stage are left
            to the loading of that stage (and see :func:`require_backbone`).

    Returns:
        The names of the model's parameters that the state did not hold: they keep their initial values.

    Raises:
        StateError: unknown tensors, wrong shapes, NaN or infinite values, half a part, or a trained head with missing
            parameters.
    """
    trained = frozenset(trained_heads)
    if isinstance(model, StageB):
        expected = _named_as_in_file(model)
        missing, fitting = _fitting(expected, state, f"the Stage B of {model.tier}")
        _require_whole_parts(model, missing, expected)
        outputs = [output for head in heads_of(model.tier) for output in head.outputs]
        _require_complete(missing, sorted(trained & set(outputs)), lambda output: tuple(
            f"{STAGE_B_PREFIX}{part}." for part in parts_behind(model, output)))
        fitting = {_IN_MODULE + key.removeprefix(STAGE_B_PREFIX): tensor for key, tensor in fitting.items()}
    else:
        missing, fitting = _fitting(model.state_dict(), current_names(state), f"a {model.grid} Stage A")
        of_stage_a = PARAMETERS[model.grid]
        _require_complete(missing, sorted(trained & set(of_stage_a)), of_stage_a.__getitem__)
    model.load_state_dict(fitting, strict=False)
    return missing


def parts_behind(model: StageB, output: str) -> tuple[str, ...]:
    """The parts of Stage B that an output of its heads is computed with, in the order they run; from the plan."""
    return _walk_back(model, output)[0]


def reads_stage_a(model: StageB, output: str) -> bool:
    """Whether an output of Stage B's heads is computed from Stage A's maps."""
    return _MAPS in _walk_back(model, output)[1]


def require_backbone(
    stage_b: StageB, stage_a: StageA, names_in_file: Collection[str], trained_heads: Collection[str],
) -> None:
    """StateError when a trained output of Stage B reads Stage A's maps, and Stage A's backbone is not in the file.

    Args:
        stage_a: of the same checkpoint; its names alone are read, so it may be on the meta device.
    """
    outputs = {output for head in heads_of(stage_b.tier) for output in head.outputs}
    readers = [output for output in sorted(outputs & set(trained_heads)) if reads_stage_a(stage_b, output)]
    missing = [key for key in stage_a.state_dict() if key not in names_in_file and not key.endswith(_COUNTER)]
    _require_complete(missing, readers, lambda output: (STAGE_A_BACKBONE,))


def _walk_back(model: StageB, output: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The parts behind an output, and the network's inputs they read."""
    heads = [head for head in heads_of(model.tier) if output in head.outputs]
    wanted = {tensor.name for head in heads for tensor in head.gives}
    parts = []
    for step in reversed(model.plan):
        if wanted & set(step.gives):
            parts.append(step.name)
            wanted = (wanted - set(step.gives)) | set(step.needs)
    return tuple(reversed(parts)), frozenset(wanted)


def _named_as_in_file(model: StageB) -> dict[str, Tensor]:
    return {STAGE_B_PREFIX + key.removeprefix(_IN_MODULE): tensor for key, tensor in model.state_dict().items()}


def _fitting(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], network: str,
) -> tuple[frozenset[str], dict[str, Tensor]]:
    """What the network has and the state has not, and the state without counters that the network does not keep."""
    state = {key: value for key, value in state.items() if key in expected or not key.endswith(_COUNTER)}
    unknown = [key for key in state if key not in expected]
    if unknown:
        raise StateError(
            f"the weights hold tensors that {network} does not have: {_some(unknown)}. "
            "They were made for another network; choose a checkpoint of this grid and tier"
        )
    wrong = [
        f"{key} expected {list(expected[key].shape)}, got {list(value.shape)}"
        for key, value in state.items() if value.shape != expected[key].shape
    ]
    if wrong:
        raise StateError(f"the weights have other shapes than {network}: {_some(wrong)}")
    broken = [key for key, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if broken:
        raise StateError(f"the weights hold NaN or infinite values: {_some(broken)}. Train or fetch them again")
    return frozenset(key for key in expected if key not in state and not key.endswith(_COUNTER)), state


def _require_whole_parts(model: StageB, missing: frozenset[str], expected: Iterable[str]) -> None:
    """Half a part is a file that was cut or put together wrongly, whatever was trained."""
    for part in model.parts:
        prefix = f"{STAGE_B_PREFIX}{part}."
        wanted = [key for key in expected if key.startswith(prefix) and not key.endswith(_COUNTER)]
        absent = [key for key in wanted if key in missing]
        if absent and len(absent) < len(wanted):
            raise StateError(f"the weights hold only some tensors of the part {part}; missing are {_some(absent)}. "
                             "The file is incomplete; save it again from the training run")


def _require_complete(
    missing: Iterable[str], trained: Iterable[str], prefixes: Callable[[str], tuple[str, ...]],
) -> None:
    for head in trained:
        absent = sorted(key for key in missing if key.startswith(prefixes(head)))
        if absent:
            raise StateError(
                f"the manifest says that {head} was trained, but its parameters are missing: {_some(absent)}. "
                "The file is incomplete; save it again from the training run"
            )


def _some(names: list[str]) -> str:
    shown = "; ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown}; and {len(names) - NAMES_SHOWN} more"
