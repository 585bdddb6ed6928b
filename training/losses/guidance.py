"""What a person is told to do or want: alerts of what may come, and proposals about their settings."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.known import mean_known, settled

SHIFT_BETA = 0.1
"""Of smooth L1 on thresholds in -1..1: a tenth of the way is where an error begins to count in full."""


def time_to_hazard(seconds: Tensor, wanted_s: Tensor) -> Tensor:
    """``|log(1 + t) - log(1 + t_gt)|``, mean: a second matters at two seconds, not at twenty.

    Args:
        seconds, wanted_s: [B, 1], not negative; wanted NaN where no hazard comes or nobody knows.
    """
    truth, known = settled(wanted_s)
    return mean_known((torch.log1p(seconds) - torch.log1p(truth)).abs(), known)


def threshold_shifts(shifts: Tensor, wanted: Tensor) -> Tensor:
    """Smooth L1 of the shifts of four thresholds, mean. Args: [B, 4] each, -1..1, NaN unknown."""
    truth, known = settled(wanted)
    return mean_known(F.smooth_l1_loss(shifts, truth, beta=SHIFT_BETA, reduction="none") / SHIFT_BETA, known)
