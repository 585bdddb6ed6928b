"""What is heard, from where, and how urgent.

Labels are independent of one another, since sounds overlap (Gemmeke et al., "Audio Set", ICASSP 2017). Direction comes
from where in the picture the sound may have its source (Owens and Efros, "Audio-visual scene analysis with
self-supervised multisensory features", ECCV 2018): one microphone alone has no direction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maxsight_core.models.layers.head_parts import Readout, log_priors, logit
from maxsight_core.models.stage_b_contract import CONTEXT_SIZE, SOUNDS

HIDDEN = 560
EVENT_PRIOR = 0.05
URGENCY_PRIORS = (0.85, 0.1, 0.03, 0.02)
"""safe, caution, warning, danger: most of what is heard warns of nothing."""
HALF_CIRCLE_DEG = 90.0


class SoundEventHead(nn.Module):
    """Input: audio_context [B, 768], exactly 0 without sound; context [B, 768].

    Output: sound_events [B, 16] probability of each; sound_direction [B, 1] degrees, right positive, -90..90;
    sound_urgency [B, 4] probabilities that sum to 1. Without sound all are 0: then even the urgencies sum to 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.audio_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.context_norm = nn.LayerNorm(CONTEXT_SIZE)
        self.hidden = nn.Sequential(nn.Linear(2 * CONTEXT_SIZE, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN),
                                    nn.GELU())
        self.events = Readout(HIDDEN, (logit(EVENT_PRIOR),) * len(SOUNDS))
        self.direction = Readout(HIDDEN, (0.0,))
        self.urgency = Readout(HIDDEN, log_priors(*URGENCY_PRIORS))

    def forward(self, audio_context: Tensor, context: Tensor) -> dict[str, Tensor]:
        heard = audio_context.abs().amax(dim=1, keepdim=True) > 0  # [B, 1]
        hidden = self.hidden(torch.cat((self.audio_norm(audio_context), self.context_norm(context)), dim=1))
        answers = {
            "sound_events": self.events(hidden).sigmoid(),
            "sound_direction": HALF_CIRCLE_DEG * self.direction(hidden).tanh(),
            "sound_urgency": self.urgency(hidden).softmax(dim=1),
        }
        return {name: torch.where(heard, value, torch.zeros_like(value)) for name, value in answers.items()}
