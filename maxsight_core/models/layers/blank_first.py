"""The last layer of a CTC head."""

from __future__ import annotations

import math

import torch
from torch import nn

BLANK_PRIOR = 0.5
"""Probability of the blank at a step before anything is learned: as the surest class it keeps an untrained head silent,
and it leaves gradient enough for the others."""


class BlankFirstClassifier(nn.Linear):
    """[..., in_features] -> logits [..., classes], class 0 being CTC's blank (Graves et al. 2006)."""

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__(in_features, classes)
        with torch.no_grad():
            self.bias.zero_()
            self.bias[0] = math.log(BLANK_PRIOR / (1.0 - BLANK_PRIOR) * (classes - 1))
