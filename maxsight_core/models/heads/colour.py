"""Colour names of detected things and of the picture: the twelve names of ``maxsight_core.perception.colours``.

Names rather than measures, since what people call a colour under changing light is learned from naming (van de Weijer
et al., "Learning color names for real-world applications", IEEE TIP 2009).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import BoxReader, Readout, presence, where_present
from maxsight_core.models.stage_b_contract import COLOURS, CONTEXT_SIZE

HIDDEN = 256
NO_PREFERENCE = (0.0,) * COLOURS


class ColourHead(nn.Module):
    """Input: box_features [B, 16, 256], context [B, 768].

    Output: box_colours [B, 16, 12] probabilities that sum to 1, all 0 for absent boxes; dominant_colours [B, 12] shares
    of the picture that sum to 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reader = BoxReader(HIDDEN, geometry=False)
        self.box = Readout(HIDDEN, NO_PREFERENCE)
        self.norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Linear(CONTEXT_SIZE, HIDDEN)
        self.picture = Readout(HIDDEN, NO_PREFERENCE)

    def forward(self, box_features: Tensor, context: Tensor) -> dict[str, Tensor]:
        named = self.box(self.reader(box_features, context)).softmax(dim=-1)  # [B, 16, 12]
        return {
            "box_colours": where_present(named, presence(box_features)),
            "dominant_colours": self.picture(F.gelu(self.hidden(self.norm(context)))).softmax(dim=-1),
        }
