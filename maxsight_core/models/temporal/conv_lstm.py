"""Convolutional LSTM: a memory at every place of a map.

Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting", NeurIPS 2015,
without its peepholes, as the system description writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

GATES = 4
"""Input, forget, output gate and candidate, in this order in the convolutions' channels."""
FORGET_BIAS = 1.0
"""Remember at first (Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", 2015)."""


class ConvLSTMCell(nn.Module):
    """One step.

    i, f, o = sigmoid(conv(x) + conv(h) + b); c' = f c + i tanh(conv(x) + conv(h) + b); h' = o tanh(c').

    Args:
        channels: of x. hidden: channels of h and c. kernel: odd side of both convolutions.

    Input: x [B, channels, H, W]; h and c [B, hidden, H, W]. Output: h', c' of h's shape; h' inside (-1, 1).

    Raises:
        ValueError: an even kernel, after which a map would have another size.
    """

    def __init__(self, channels: int, hidden: int, kernel: int = 3) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"ConvLSTMCell: expected an odd kernel; got {kernel}")
        self.hidden = hidden
        self.from_input = nn.Conv2d(channels, GATES * hidden, kernel, padding=kernel // 2)
        self.from_hidden = nn.Conv2d(hidden, GATES * hidden, kernel, padding=kernel // 2, bias=False)
        nn.init.zeros_(self.from_input.bias)
        nn.init.constant_(self.from_input.bias[hidden:2 * hidden], FORGET_BIAS)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.step(self.from_input(x), h, c)

    def step(self, given: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """The step when ``given`` = ``from_input(x)`` [B, 4 hidden, H, W] is known already."""
        i, f, o, candidate = (given + self.from_hidden(h)).chunk(GATES, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
        return torch.sigmoid(o) * torch.tanh(c), c


class ConvLSTM(nn.Module):
    """Cells on top of one another, from the first frame to the last.

    Args:
        channels: of the frames. hidden: channels of each layer, lowest first. kernel: of every cell.

    Input: frames [B, T, channels, H, W], valid [B, T] of 0 and 1. Output: h of the highest layer after every frame,
    [B, T, hidden[-1], H, W]. A frame that is not valid leaves every state as it was, zeros at the beginning.

    Raises:
        ValueError: no layer.
    """

    def __init__(self, channels: int, hidden: Sequence[int], kernel: int = 3) -> None:
        super().__init__()
        if not hidden:
            raise ValueError("ConvLSTM: expected the channels of at least one layer; got none")
        widths = (channels, *hidden)
        self.cells = nn.ModuleList(ConvLSTMCell(below, own, kernel)
                                   for below, own in pairwise(widths))

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        there = (valid > 0.5)[:, :, None, None, None]  # [B, T, 1, 1, 1]
        for cell in self.cells:
            frames = self._layer(cell, frames, there)
        return frames

    @staticmethod
    def _layer(cell: ConvLSTMCell, frames: Tensor, there: Tensor) -> Tensor:
        batch, count = frames.shape[:2]
        given = cell.from_input(frames.flatten(0, 1)).unflatten(0, (batch, count))  # all frames at once
        h = torch.zeros_like(given[:, 0, :cell.hidden])
        c = h
        states = []
        for t in range(count):
            new_h, new_c = cell.step(given[:, t], h, c)
            h, c = torch.where(there[:, t], new_h, h), torch.where(there[:, t], new_c, c)
            states.append(h)
        return torch.stack(states, dim=1)  # [B, T, hidden, H, W]
