"""The one graph that all runtimes run: camera bytes in, the contract's tensors out."""

from __future__ import annotations

from torch import Tensor, nn

from maxsight_core.models.contract import GRAPH_OUTPUTS
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA


class StageAGraph(nn.Module):
    """Normalisation and Stage A in one module, in evaluation mode.

    Input: [B, S, S, 3] uint8 RGB. Output: dict of the tensors of ``GRAPH_OUTPUTS``, in that order.
    """

    def __init__(self, model: StageA) -> None:
        super().__init__()
        self.normalise = Normalise()
        self.model = model
        self.names = GRAPH_OUTPUTS[model.grid]
        self.eval()

    def forward(self, batch_rgb: Tensor) -> dict[str, Tensor]:
        found = self.model(self.normalise(batch_rgb))
        return {name: found[name] for name in self.names}
