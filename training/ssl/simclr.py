"""SimCLR: two views of a picture are told from the views of all other pictures.

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020. It wants large batches
(256 and more) and many epochs; with fewer pictures in a batch the masked autoencoder of
``training.ssl.masked_resnet`` is the better choice.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import BackboneWithFPN

from training.ssl.config import TEMPERATURE

HIDDEN, OUT = 2048, 128
"""Width of the projection (Chen et al. 2020, B.6)."""
SKIPPED_MAPS = frozenset({"pool", "p6", "p7"})
"""Maps of the pyramid that are pooled from P5 or learned from it: they bring nothing new."""


def nt_xent(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Normalised temperature-scaled cross-entropy: each of 2N vectors finds its other view among 2N - 1; mean.

    Args:
        first, second: [N, D], any length; row i of both is the same picture. N at least 2.

    Raises:
        ValueError: shapes that differ, or a single picture, which has nothing to be told from.
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) < 2:
        raise ValueError(f"nt_xent: expected two [N, D] of at least 2 pictures; got {list(first.shape)} and "
                         f"{list(second.shape)}")
    count = len(first)
    unit = F.normalize(torch.cat((first, second)).float(), dim=1)  # [2N, D]
    likeness = unit @ unit.T / temperature  # [2N, 2N]
    likeness = likeness.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=unit.device), -torch.inf)
    other = torch.arange(2 * count, device=unit.device).roll(count)  # i + N, then i - N
    return F.cross_entropy(likeness, other)


class SimClr(nn.Module):
    """The backbone with a projection that is thrown away afterwards.

    What is compared is the mean of C5, as in the paper, beside the means of the pyramid's maps, so that the pyramid
    learns too.

    Args:
        backbone: of Stage A.

    Input: views [2, B, 3, S, S], normalised. Output: ``contrast``, the loss; ``found``, the share of views whose
    other view is the most alike; ``spread``, the deviation of the projections, which falls to 0 when all pictures
    become one.
    """

    def __init__(self, backbone: BackboneWithFPN, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self.backbone, self.temperature = backbone, temperature
        levels = len(backbone.fpn.inner_blocks)
        width = backbone.fpn.inner_blocks[-1][0].in_channels + levels * backbone.out_channels
        self.projection = nn.Sequential(
            nn.Linear(width, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, OUT, bias=False), nn.BatchNorm1d(OUT))

    def forward(self, views: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        images = views.flatten(0, 1)  # [2 * B, 3, S, S]: both views share their batch statistics
        images = images.contiguous(memory_format=torch.channels_last)
        maps = self.backbone.body(images)
        means = [list(maps.values())[-1].mean(dim=(2, 3))]
        means += [one.mean(dim=(2, 3)) for name, one in self.backbone.fpn(maps).items() if name not in SKIPPED_MAPS]
        first, second = self.projection(torch.cat(means, dim=1)).chunk(2)  # [B, 128] each
        unit = F.normalize(torch.cat((first, second)).detach().float(), dim=1)
        nearest = (unit @ unit.T).fill_diagonal_(-2.0).argmax(dim=1)
        other = torch.arange(len(unit), device=unit.device).roll(len(first))
        return {"contrast": nt_xent(first, second, self.temperature), "found": (nearest == other).float().mean(),
                "spread": unit.std(dim=0).mean() * OUT**0.5}
