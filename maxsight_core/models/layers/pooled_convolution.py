"""The mean over all positions of a 3x3 convolution's output, without computing the convolution.

A convolution is linear, so the mean of its outputs is its kernel applied to the means of its inputs: for each of the
nine taps the mean over the input rows and columns that this tap meets (zero padding removes one border row or column).
Stage A needs P2 only as a mean (scene context), and P2's smoothing convolution alone would be a quarter of its work.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def mean_of_convolution(features: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Exactly ``convolution(features).mean(dim=(2, 3))``, up to rounding.

    Args:
        features: [B, C, H, W], H and W at least 2.
        convolution: 3x3, stride 1, padding 1 (zeros), dilation 1, one group.

    Returns:
        [B, out_channels].

    Raises:
        ValueError: another kind of convolution.
    """
    _require_plain_3x3(convolution)
    means = _tap_means(features)  # [B, C, 3, 3]
    weight = convolution.weight  # [O, C, 3, 3]
    pooled = means.flatten(1) @ weight.flatten(1).t()  # [B, C * 9] x [C * 9, O] -> [B, O]
    return pooled if convolution.bias is None else pooled + convolution.bias


def _require_plain_3x3(convolution: nn.Conv2d) -> None:
    found = (convolution.kernel_size, convolution.stride, convolution.padding, convolution.dilation,
             convolution.groups, convolution.padding_mode)
    expected = ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
    if found != expected:
        raise ValueError(
            "mean_of_convolution: expected (kernel, stride, padding, dilation, groups, padding mode) "
            f"{expected}; got {found}"
        )


def _tap_means(x: Tensor) -> Tensor:
    """[B, C, 3, 3]: per kernel tap, the sum of the inputs it meets, divided by the number of output positions."""
    rows = x.sum(dim=3)  # [B, C, H]
    first_column, last_column = x[..., 0], x[..., -1]  # [B, C, H]
    # the left tap never meets the last column, the right tap never meets the first
    by_column_tap = torch.stack((rows - last_column, rows, rows - first_column), dim=-1)  # [B, C, H, 3]
    total = by_column_tap.sum(dim=2)  # [B, C, 3]
    first_row, last_row = by_column_tap[:, :, 0], by_column_tap[:, :, -1]  # [B, C, 3]
    taps = torch.stack((total - last_row, total, total - first_row), dim=2)  # [B, C, 3, 3]
    return taps / (x.shape[2] * x.shape[3])
