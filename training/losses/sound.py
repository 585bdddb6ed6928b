"""What is heard, from where, and how urgent it is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.known import mean_known, settled
from training.losses.probability import one_of, yes_or_no
from training.losses.urgency import URGENCY_WEIGHTS

DIRECTION_UNIT_DEG = 30.0
"""An error of this size costs as much as a unit; smaller ones by their square (half a clock hour costs little)."""


def sound_events(events: Tensor, wanted: Tensor, heard: Tensor) -> Tensor:
    """Independent labels, mean. Args: events, wanted: [B, 16] 0..1, NaN unknown. heard: [B, 1], 1 with sound."""
    return yes_or_no(events, _where_heard(wanted, heard))


def sound_direction(direction_deg: Tensor, wanted_deg: Tensor, heard: Tensor) -> Tensor:
    """Smooth L1 in units of 30 degrees, mean. Args: [B, 1] degrees, right positive; NaN: from nowhere in particular."""
    truth, known = settled(_where_heard(wanted_deg, heard))
    error = F.smooth_l1_loss(direction_deg / DIRECTION_UNIT_DEG, truth / DIRECTION_UNIT_DEG, reduction="none")
    return mean_known(error, known)


def sound_urgency(urgency: Tensor, wanted: Tensor, heard: Tensor) -> Tensor:
    """Divergence with the weights of urgency, mean. Args: [B, 4] probabilities of safe .. danger; NaN unknown."""
    return one_of(urgency, _where_heard(wanted, heard), URGENCY_WEIGHTS)


def _where_heard(wanted: Tensor, heard: Tensor) -> Tensor:
    """Without sound the head answers 0 to everything by its form: there is nothing to learn."""
    return torch.where(heard > 0, wanted, torch.full_like(wanted, torch.nan))
