"""What every runtime of Stage A's network offers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from maxsight_core.models.contract import GRAPH_OUTPUTS, SHARED_MAP, SIDES
from maxsight_core.models.grid import boxes_cxcywh, check_grid, check_input_size


class RuntimeUnavailableError(RuntimeError):
    """The runtime or precision asked for cannot be had on this machine; the message says what can."""


def graph_outputs(grid: str, with_map: bool) -> tuple[str, ...]:
    """Tensors that leave Stage A's graph, in order; the map for Stage B comes last."""
    return (*GRAPH_OUTPUTS[grid], SHARED_MAP) if with_map else GRAPH_OUTPUTS[grid]


class StageARuntime(ABC):
    """Stage A's network, ready to answer.

    Attributes:
        name: ``openvino`` | ``torch``. device: ``cpu`` | ``cuda`` | ``mps``. precision: ``f32`` | ``bf16`` | ``f16`` |
            ``int8``. grid: ``fused`` | ``pyramid``. input_size: side of the square input, pixels.
        with_map: whether ``fused_map`` is among the answers.

    Not thread-safe: ``infer`` is called from one thread at a time (lane A), because the input and output buffers of a
    runtime are its own. When such a thread was given up in the middle of a call, ``renew`` comes before the next call.
    """

    name: str = ""

    def __init__(self, *, device: str, precision: str, grid: str, input_size: int, with_map: bool = False) -> None:
        self.device = device
        self.precision = precision
        self.grid = check_grid(grid)
        self.input_size = check_input_size(input_size)
        self.with_map = with_map
        self.output_names = graph_outputs(grid, with_map)

    def infer(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network; normalisation is inside its graph.

        Args:
            batch_rgb: [B, S, S, 3] uint8 with S = ``input_size`` (``maxsight_core.engine.detect.prepare``).

        Returns:
            float32 arrays by name, owned by the caller: the contract (objectness [B, HW], classification
            [B, HW, classes], boxes [B, HW, 4] cxcywh in fractions of the *input*, distance_zones [B, HW, 3], urgency
            [B, 4], uncertainty [B, 1], scene_embedding [B, 256]), what decoding needs (``fused``: sides;
            ``pyramid``: cls_logits, bbox_regression, bbox_ctrness), and with ``with_map`` fused_map [B, 768, 14, 14]
            for Stage B. Whether a head is trained is not known here: ask the manifest.

        Raises:
            ValueError: another shape or type. RuntimeUnavailableError: the runtime was closed.
        """
        size = self.input_size
        if (batch_rgb.ndim != 4 or batch_rgb.shape[0] < 1 or batch_rgb.shape[1:] != (size, size, 3)
                or batch_rgb.dtype != np.uint8):
            raise ValueError(
                f"infer: expected uint8 of shape [B, {size}, {size}, 3]; got {batch_rgb.dtype} "
                f"{list(batch_rgb.shape)}. Use maxsight_core.engine.detect.prepare"
            )
        raw = self._run(batch_rgb)
        raw["boxes"] = boxes_cxcywh(raw[SIDES[self.grid]], self.grid, size)
        return raw

    @abstractmethod
    def _run(self, batch_rgb: np.ndarray) -> dict[str, np.ndarray]:
        """The tensors of ``output_names`` for a checked batch, float32, not shared with the runtime."""

    @abstractmethod
    def renew(self) -> None:
        """Leave everything that a thread given up in the middle of a call still holds to that thread.

        Returns at once, from any thread; what the next call needs is made in the thread that makes it.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the network. The runtime cannot be used afterwards."""
