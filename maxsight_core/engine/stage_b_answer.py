"""One pass of Stage B's network as the makers of values read it: checked tensors, and whose frame it is. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from maxsight_core.contracts import Detection, SceneView
from maxsight_core.models.stage_b_contract import HeadSpec, TensorSpec, shape_of
from maxsight_core.perception.contrast import NORMAL_OBSERVER, observer

RANGE_TOLERANCE = 1e-3
"""Share of a range by which rounding in low precision may leave it; such numbers are brought back to its end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the makers of values read.

    Args:
        tensors: of the usable heads, without the batch, in range. view: of the frame.
        things: the detections the network has seen, in their order. trained: outputs that may be shown.
    """

    tensors: Mapping[str, np.ndarray]
    view: SceneView
    things: tuple[Detection, ...]
    trained: frozenset[str]

    @property
    def trust(self) -> float:
        """How far this picture can be trusted, 0..1."""
        return 1.0 - self.view.quality.uncertainty

    def number(self, name: str) -> float:
        """A tensor that holds a single number."""
        return float(self.tensors[name].reshape(()))


def read_head(raw: Mapping[str, np.ndarray], head: HeadSpec) -> tuple[dict[str, np.ndarray], str | None]:
    """One head's tensors without the batch and within their range, or nothing and what is wrong with them."""
    found: dict[str, np.ndarray] = {}
    for tensor in head.gives:
        array = raw.get(tensor.name)
        fault = _fault(array, tensor, (1, *shape_of(tensor, head.tier)))
        if fault is not None:
            return {}, fault
        found[tensor.name] = _within(np.asarray(array[0], np.float32), tensor)
    return found, None


def _within(array: np.ndarray, tensor: TensorSpec) -> np.ndarray:
    return array if tensor.low is None and tensor.high is None else np.clip(array, tensor.low, tensor.high)


def _fault(array: np.ndarray | None, tensor: TensorSpec, shape: tuple[int, ...]) -> str | None:
    if array is None:
        return f"the network gave no {tensor.name}"
    if array.shape != shape:
        return f"expected {tensor.name} of shape {list(shape)}; got {list(array.shape)}"
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"NaN or infinity in {tensor.name}; withheld for this frame"
    room = RANGE_TOLERANCE * ((tensor.high or 0.0) - (tensor.low or 0.0) or 1.0)
    if (tensor.low is not None and low < tensor.low - room) or (tensor.high is not None and high > tensor.high + room):
        return f"{tensor.name} out of its range ({tensor.unit}): {low:.3g}..{high:.3g}; withheld for this frame"
    return None


def other_eyes(view: SceneView) -> str | None:
    """Why a normal observer's figure is none of this person's; None while nothing is known of their eyes."""
    eyes = observer(view.settings)
    if eyes is NORMAL_OBSERVER:
        return None
    return f"the head knows a normal observer only; measured for the {eyes.described}"
