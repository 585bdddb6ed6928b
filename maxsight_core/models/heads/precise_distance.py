"""How far each detected thing is, in metres, with a standard deviation.

Reads what the box looks like, its place and size, and the whole picture. Among the numbers of a box is its inverse
height: by the pinhole rule the distance of one kind of thing is proportional to it. Mean and standard deviation as in
Kendall and Gal, "What uncertainties do we need in Bayesian deep learning for computer vision?", NeurIPS 2017.
"""

from __future__ import annotations

from torch import Tensor, nn

from maxsight_core.models.heads.depth import DEPTH_UNIT_M, FIRST_DEPTH_M, FIRST_SD_M, HIGHEST_M
from maxsight_core.models.layers.head_parts import (
    BoxReader,
    Readout,
    bounded_softplus,
    presence,
    softplus_start,
    where_present,
)

HIDDEN = 384


class PreciseDistanceHead(nn.Module):
    """Input: box_features [B, 16, 256], boxes [B, 16, 4] cxcywh, context [B, 768].

    Output: precise_distances and precise_distance_uncertainty (standard deviation), [B, 16] metres, 0..100; 0 for
    absent boxes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reader = BoxReader(HIDDEN, geometry=True)
        self.readout = Readout(HIDDEN, (softplus_start(FIRST_DEPTH_M, DEPTH_UNIT_M),
                                        softplus_start(FIRST_SD_M, DEPTH_UNIT_M)))

    def forward(self, box_features: Tensor, boxes: Tensor, context: Tensor) -> dict[str, Tensor]:
        raw = self.readout(self.reader(box_features, context, boxes))
        metres = where_present(bounded_softplus(raw, DEPTH_UNIT_M, HIGHEST_M), presence(box_features))  # [B, 16, 2]
        return {"precise_distances": metres[..., 0], "precise_distance_uncertainty": metres[..., 1]}
