"""Focal losses: ``-alpha_t (1 - p_t)^gamma log(p_t)``, alpha 0.25, gamma 2.

Lin et al., "Focal Loss for Dense Object Detection", 2017. Easy negatives weigh little, so that the few locations with
something on them are heard.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

ALPHA, GAMMA = 0.25, 2.0


def sigmoid_focal(logits: Tensor, targets: Tensor, alpha: float = ALPHA, gamma: float = GAMMA) -> Tensor:
    """Elementwise, of independent yes-or-no questions.

    Args:
        logits, targets: [...], targets 0..1 of the same shape.

    Returns:
        [...] not reduced.
    """
    return sigmoid_focal_loss(logits, targets, alpha=alpha, gamma=gamma)


def softmax_focal(logits: Tensor, columns: Tensor, alpha: float = ALPHA, gamma: float = GAMMA) -> Tensor:
    """Per row, of one choice among C.

    Args:
        logits: [..., C]. columns: [...] int64, the right choice.

    Returns:
        [...] not reduced: ``-alpha (1 - p)^gamma log p`` of the right choice's probability p.
    """
    log_p = F.log_softmax(logits, dim=-1).gather(-1, columns.unsqueeze(-1)).squeeze(-1)
    return -alpha * (1.0 - torch.exp(log_p)) ** gamma * log_p
