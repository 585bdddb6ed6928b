"""The graphs that all runtimes run: camera bytes in, the contract's tensors out."""

from __future__ import annotations

from torch import Tensor, nn

from maxsight_core.engine.runtimes.base import graph_outputs
from maxsight_core.engine.runtimes.stage_b_base import IMAGES, PICTURE, SlicePlan
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.stage_b import StageB, StageBSlice


class StageAGraph(nn.Module):
    """Normalisation and Stage A in one module, in evaluation mode.

    Input: [B, S, S, 3] uint8 RGB. Output: dict of the tensors of ``GRAPH_OUTPUTS``, in that order, and with
    ``with_map`` also ``fused_map`` [B, 768, 14, 14].
    """

    def __init__(self, model: StageA, with_map: bool = False) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.model = model
        self.names = graph_outputs(model.grid, with_map)
        self.eval()

    def forward(self, batch_rgb: Tensor) -> dict[str, Tensor]:
        found = self.model(self.normalise(batch_rgb))
        return {name: found[name] for name in self.names}


class StageBGraph(nn.Module):
    """One slice of Stage B in evaluation mode; where the plan reads normalised images, it takes the raw picture.

    Input: the tensors of ``plan.needs`` in order, batch first; ``picture`` is uint8 [B, 224, 224, 3] RGB.
    Output: the tensors of ``plan.gives``, in order.
    """

    def __init__(self, part: StageBSlice) -> None:
        super().__init__()
        self.part = part
        self.plan = SlicePlan(part.name, tuple(PICTURE if need == IMAGES else need for need in part.needs), part.gives)
        self.normalise = Normalise()
        self.eval()

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = (self.normalise(tensor) if name == PICTURE else tensor
                 for name, tensor in zip(self.plan.needs, tensors, strict=True))
        return self.part(*given)


def stage_b_graphs(model: StageB) -> tuple[StageBGraph, ...]:
    """The slices of a Stage B in the order they run; they share the model's modules."""
    return tuple(StageBGraph(part) for part in model.slices())
