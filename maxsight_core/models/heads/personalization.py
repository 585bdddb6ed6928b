"""What this person would want: thresholds of alerts, how much is said, which things come first.

The person's profile tints what is seen (Perez et al., "FiLM", AAAI 2018). What comes out are proposals about a
person's settings; alerts of danger do not follow them.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import BoxReader, Readout, log_priors, logit, presence, where_present
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, PROFILE_SIZE

PROFILE_HIDDEN, PERSON, BOX_HIDDEN = 256, 512, 288
LEVELS = 4
"""safe, caution, warning, danger."""
VERBOSITY_PRIORS = (0.25, 0.5, 0.25)
"""brief, normal, full: normal is the default setting."""
FIRST_PRIORITY = 0.3


class PersonalizationHead(nn.Module):
    """Input: profile [B, 32] (``maxsight_core.engine.profile_vector``), box_features [B, 16, 256], context [B, 768].

    Output: personal_thresholds [B, 4] shift of each urgency level's threshold, -1..1; personal_verbosity [B, 3]
    probabilities that sum to 1; personal_priority [B, 16], 0..1, 0 for absent boxes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.profile = nn.Sequential(nn.Linear(PROFILE_SIZE, PROFILE_HIDDEN), nn.GELU(),
                                     nn.Linear(PROFILE_HIDDEN, 2 * PERSON))
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.context = nn.Linear(CONTEXT_SIZE, PERSON)
        self.thresholds = Readout(PERSON, (0.0,) * LEVELS)
        self.verbosity = Readout(PERSON, log_priors(*VERBOSITY_PRIORS))
        self.reader = BoxReader(BOX_HIDDEN, geometry=False)
        self.wish = nn.Linear(PERSON, BOX_HIDDEN)
        self.priority = Readout(BOX_HIDDEN, (logit(FIRST_PRIORITY),))

    def forward(self, profile: Tensor, box_features: Tensor, context: Tensor) -> dict[str, Tensor]:
        scale, shift = self.profile(profile).chunk(2, dim=1)  # [B, 512] each
        person = F.gelu(self.context(self.context_norm(context)) * (1.0 + scale) + shift)
        read = self.reader(box_features, context) * (1.0 + self.wish(person))[:, None]  # [B, 16, 288]
        priority = where_present(self.priority(read).sigmoid(), presence(box_features))
        return {
            "personal_thresholds": self.thresholds(person).tanh(),
            "personal_verbosity": self.verbosity(person).softmax(dim=1),
            "personal_priority": priority[..., 0],
        }
