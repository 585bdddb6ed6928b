"""From Stage B's tensors to outputs of the registry, in the form that the measured estimators give them. NumPy only.

Whoever reads an output (a page, the description, the alerts) need not know whether it was learned or measured. A value
is made of trained heads only; of a head whose tensors are missing, misshapen, not finite or out of range every output
is unavailable, with the reason.

The heads look with a normal observer's eyes. For a person whose acuity or contrast sensitivity is known, what depends
on the eyes is left to the estimators, which know how to use these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from maxsight_core import outputs as registry
from maxsight_core.contracts import SceneView, Value
from maxsight_core.engine import stage_b_seen, stage_b_told
from maxsight_core.engine.stage_b_answer import Answer, read_head
from maxsight_core.engine.stage_b_inputs import inputs, looked_at
from maxsight_core.models.stage_b_contract import HEADS, HEADS_BY_NAME

__all__ = ["MAKERS", "inputs", "retrieval_vectors", "values"]

MAKERS: dict[str, Callable[[Answer], Value]] = {**stage_b_seen.MAKERS, **stage_b_told.MAKERS}
"""Every output that a head of Stage B fills, with what makes its value."""


def values(raw: Mapping[str, np.ndarray], trained: frozenset[str], view: SceneView) -> dict[str, Value]:
    """The outputs that trained heads give for one frame.

    Args:
        raw: the network's tensors, batch of one. trained: names of trained outputs; those that no head of Stage B fills
            are passed over. view: of the same frame, with the detections that :func:`inputs` was given.

    Returns:
        for each trained output of Stage B a learned value, or why there is none for this frame; nothing else.

    Raises:
        ValueError: a name that is no output of the registry.
    """
    unknown = sorted(trained - frozenset(registry.NAMES))
    if unknown:
        raise ValueError(f"values: expected names of outputs (maxsight_core.outputs); got {', '.join(unknown)}; the "
                         "outputs of a head are in maxsight_core.models.stage_b_contract.HEADS")
    faults: dict[str, str | None] = {}
    tensors: dict[str, np.ndarray] = {}
    for head in HEADS:
        if trained.intersection(head.outputs):
            found, faults[head.name] = read_head(raw, head)
            tensors.update(found)
    answer = Answer(tensors, view, looked_at(view.detections), trained)
    return {output: _made(output, faults[head.name], answer)
            for head in HEADS for output in head.outputs if output in trained}


def _made(output: str, fault: str | None, answer: Answer) -> Value:
    if fault is not None:
        return Value.unavailable(output, fault)
    try:
        return MAKERS[output](answer)
    except ValueError as error:  # a profile with a figure that is none: the rest of the answer stays usable
        return Value.unavailable(output, str(error))


def retrieval_vectors(raw: Mapping[str, np.ndarray], trained: frozenset[str]) -> dict[str, np.ndarray] | None:
    """``scene_vector`` [256] and ``concept_vectors`` [4, 256], unit vectors to look up; None if untrained or spoilt."""
    head = HEADS_BY_NAME["retrieval"]
    if not trained.intersection(head.outputs):
        return None
    found, fault = read_head(raw, head)
    return found if fault is None else None
