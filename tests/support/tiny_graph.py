"""A network of a few layers that is exported in a second: bytes in, three named tensors out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.normalise import Normalise
from training.export.graph import Exportable

SIDE_PX = 32


class TinyGraph(nn.Module):
    """picture [1, 32, 32, 3] uint8 -> scores [1, 64, 3], sides [1, 64, 4], embedding [1, 16]."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.normalise = Normalise()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1),
                                  nn.ReLU())
        self.out = nn.Conv2d(16, 7, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        found = self.body(self.normalise(picture))
        rows = self.out(found).flatten(2).transpose(1, 2)  # [1, 64, 7]
        return rows[..., :3].softmax(dim=2), F.relu(rows[..., 3:]), found.mean(dim=(2, 3))


def tiny_graph() -> Exportable:
    picture = torch.zeros((1, SIDE_PX, SIDE_PX, 3), dtype=torch.uint8)
    return Exportable(TinyGraph().eval(), (("picture", picture),), ("scores", "sides", "embedding"))
