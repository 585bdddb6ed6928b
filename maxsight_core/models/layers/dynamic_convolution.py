"""A convolution whose kernel is mixed for each picture from a few experts.

Chen et al., "Dynamic Convolution: Attention over Convolution Kernels", CVPR 2020.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EXPERTS = 4
"""K (Chen et al. 2020, table 3: more experts brought little)."""
REDUCTION = 4
"""Input channels per hidden unit of the attention over experts, as in the paper."""
KERNEL = 3
START_TEMPERATURE, END_TEMPERATURE = 30.0, 1.0
"""Softmax temperature when training begins, so that every expert learns, and where it is brought down to (the paper:
linearly over the first ten epochs)."""


class DynamicConvolution(nn.Module):
    """3x3 convolution, stride 1, zero padding, with kernel ``sum_k pi_k W_k`` and bias ``sum_k pi_k b_k``.

    ``pi = softmax(MLP(mean of x over positions) / temperature)``, one set per entry of the batch. The kernel is known
    only at run time, which some runtimes refuse as a convolution, so it is a matrix product with nine shifted copies
    of the input: the same numbers up to rounding.

    Args:
        channels: of input and output, C. experts: K.

    Input and output: [B, C, H, W].
    """

    temperature: Tensor

    def __init__(self, channels: int, experts: int = EXPERTS) -> None:
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        self.attention = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, experts))
        self.weight = nn.Parameter(torch.empty(experts, channels, channels, KERNEL, KERNEL))
        self.bias = nn.Parameter(torch.zeros(experts, channels))
        for expert in self.weight:
            nn.init.kaiming_normal_(expert, nonlinearity="relu")
        # saved with the weights: a network trained at one temperature answers at that temperature
        self.register_buffer("temperature", torch.tensor(START_TEMPERATURE))

    def set_temperature(self, temperature: float) -> None:
        """Set the softmax temperature; ValueError below 1, where training in the paper ends."""
        if not temperature >= END_TEMPERATURE:
            raise ValueError(f"DynamicConvolution: expected a temperature of at least {END_TEMPERATURE}; got "
                             f"{temperature}")
        self.temperature.fill_(temperature)

    def shares(self, x: Tensor) -> Tensor:
        """How much of each expert every entry uses, [B, K], summing to 1."""
        return torch.softmax(self.attention(x.mean(dim=(2, 3))) / self.temperature, dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        shares = self.shares(x)
        experts = self.weight.permute(0, 1, 3, 4, 2).flatten(1)  # [K, C * 9 * C], input channels innermost
        kernels = (shares @ experts).reshape(batch, channels, KERNEL * KERNEL * channels)
        padded = F.pad(x, (KERNEL // 2,) * 4)
        shifted = [padded[:, :, row:row + height, column:column + width]
                   for row in range(KERNEL) for column in range(KERNEL)]
        columns = torch.cat(shifted, dim=1).flatten(2)  # [B, 9 * C, H * W]
        mixed = kernels @ columns + (shares @ self.bias)[:, :, None]  # [B, C, H * W]
        return mixed.reshape(batch, channels, height, width)
