"""How far things are, with the doubt that goes with it: ``|d - d_gt| exp(-u) + u``.

The negative log-likelihood of Laplace's distribution whose scale is ``exp(u)`` (Kendall & Gal, "What uncertainties do
we need in Bayesian deep learning for computer vision?", 2017). The heads give a standard deviation in metres, which is
the square root of two times that scale. The loss is negative where a small error was rightly expected to be small.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.known import mean_known, settled

FARTHEST_M = 100.0
"""End of the heads' range. What is farther, and the sky, is taught as this far: left out, it could look near."""
LEAST_SD_M = 0.01
"""Finer than any sensor that gives the truth; keeps the quotient finite."""
LOWEST_LOSS = math.log(LEAST_SD_M / math.sqrt(2.0))
"""The value of a perfect answer without any doubt. Whoever compares losses by their quotients starts from here."""


def laplace(distance_m: Tensor, sd_m: Tensor, wanted_m: Tensor) -> Tensor:
    """Mean of ``|d - d_gt| exp(-u) + u`` over known distances, ``u`` the logarithm of ``sd_m / sqrt(2)``.

    Args:
        distance_m, sd_m: [...] metres, 0..100. wanted_m: [...] metres; NaN unknown, inf farther than anything.
    """
    truth, known = settled(wanted_m)
    known = known & (truth > 0)
    u = (sd_m.clamp(min=LEAST_SD_M) / math.sqrt(2.0)).log()
    return mean_known((distance_m - truth.clamp(max=FARTHEST_M)).abs() * torch.exp(-u) + u, known)


def depth(depth_map: Tensor, depth_uncertainty: Tensor, depth_m: Tensor) -> Tensor:
    """The map's loss.

    Args:
        depth_map, depth_uncertainty: [B, h, w] metres. depth_m: [B, S, S] metres along the optical axis over the same
            square, NaN unknown.
    """
    return laplace(depth_map, depth_uncertainty, nearest(depth_m[:, None], depth_map.shape[-1])[:, 0])


def nearest(maps: Tensor, side: int) -> Tensor:
    """[B, C, S, S] -> [B, C, side, side], one value of each cell: a mean across an edge is a depth that is nowhere."""
    return F.interpolate(maps, size=(side, side), mode="nearest-exact")
