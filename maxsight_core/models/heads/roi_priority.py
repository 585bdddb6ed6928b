"""Which detected thing deserves attention first.

A priority depends on what else is there, so every box also sees the mean of all boxes (Zaheer et al., "Deep sets",
NeurIPS 2017).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import BoxReader, Readout, logit, presence, where_present

HIDDEN = 320
FIRST_PRIORITY = 0.3


class RoiPriorityHead(nn.Module):
    """Input: box_features [B, 16, 256], boxes [B, 16, 4] cxcywh, context [B, 768].

    Output: roi_priority [B, 16], 0..1, 0 for absent boxes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reader = BoxReader(HIDDEN, geometry=True)
        self.others = nn.Linear(HIDDEN, HIDDEN)
        self.own = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.readout = Readout(HIDDEN, (logit(FIRST_PRIORITY),))

    def forward(self, box_features: Tensor, boxes: Tensor, context: Tensor) -> dict[str, Tensor]:
        present = presence(box_features)  # [B, 16, 1]
        read = where_present(self.reader(box_features, context, boxes), present)
        count = present.to(read.dtype).sum(dim=1).clamp(min=1.0)  # [B, 1]
        together = self.others(read.sum(dim=1) / count)[:, None]  # [B, 1, 320]
        priority = self.readout(F.gelu(self.own(read) + together)).sigmoid()  # [B, 16, 1]
        return {"roi_priority": where_present(priority, present)[..., 0]}
