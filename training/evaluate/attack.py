"""Pictures that were changed on purpose, by less than a person sees, to make the network fail.

FGSM: one step along the sign of the loss's gradient (Goodfellow, Shlens & Szegedy, "Explaining and Harnessing
Adversarial Examples", 2015). PGD: many small ones from a random start (Madry et al., "Towards Deep Learning Models
Resistant to Adversarial Attacks", 2018). A lower bound of what an attacker can do, and a measure of how near the
network's decisions lie to their borders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from maxsight_core.models.contract import CONTRACT
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from training.data.batch import Batch, collate
from training.data.sample import ClassTable, Sample
from training.losses.objective import StageAObjective, default_weights

_BOX_LOSS = "giou"
_NOT_ATTACKED = frozenset({"scene_embedding", "uncertainty"})
"""Neither says what is there."""
_PGD_REACH = 2.5
"""Steps x step size = 2.5 x epsilon, so that every point of the allowed cube can be reached (Madry et al.)."""


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack within ``epsilon`` of every byte (0..255), in ``steps`` steps; one step is FGSM, more are PGD."""

    epsilon: float = 4.0
    steps: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.epsilon <= 255 or self.steps < 1:
            raise ValueError(f"Attack: expected an epsilon within 0..255 and at least one step; got {self.epsilon} and "
                             f"{self.steps}")


ATTACKS: dict[str, Attack] = {"fgsm": Attack(4.0, 1), "pgd": Attack(4.0, 7)}
"""4 of 255: hardly visible; 7 steps as in Madry et al. for natural pictures."""


def attacked(
    model: StageA, samples: Iterable[Sample], attack: Attack, *, classes: ClassTable,
    network_classes: tuple[int, ...], input_size_px: int, fit: str, heads: frozenset[str], seed: int = 0,
) -> Iterator[Sample]:
    """The samples as the network's own square input, changed so that its losses grow.

    Args:
        model: its own gradients are used; in evaluation mode, in 32 bits. classes: of the samples; network_classes:
            taxonomy id per column of the network. heads: trained outputs; their losses are attacked.
    """
    device = next(model.parameters()).device
    objective = StageAObjective(model.grid, (heads & frozenset(CONTRACT)) - _NOT_ATTACKED, _BOX_LOSS)
    weights = default_weights(_BOX_LOSS)
    normalise = Normalise().to(device)
    columns = {number: column for column, number in enumerate(network_classes)}
    lookup = np.array([columns[number] for number in classes.ids], np.int64)
    for number, sample in enumerate(samples):
        batch = collate([_widened(sample, lookup, len(network_classes))], input_size_px, fit).to(device)

        def loss(pixels: torch.Tensor, batch: Batch = batch) -> torch.Tensor:
            losses = objective(model(normalise(pixels)), batch)
            return torch.stack([value * weights.get(name, 1.0) for name, value in losses.items()]).sum()

        changed = _climb(loss, batch.images.float(), attack, torch.Generator().manual_seed(seed + number))
        targets = batch.targets
        yield replace(
            sample, image=changed[0].byte().cpu().numpy(), boxes=targets.boxes[0].cpu().numpy(),
            ignored=targets.ignored[0].cpu().numpy(), masks=None, depth_m=None, flow_px=None)


def _climb(loss, clean: torch.Tensor, attack: Attack, generator: torch.Generator) -> torch.Tensor:
    """[1, S, S, 3] whole bytes within epsilon of ``clean``, uphill in ``loss``."""
    low, high = (clean - attack.epsilon).clamp(min=0.0), (clean + attack.epsilon).clamp(max=255.0)
    size = attack.epsilon if attack.steps == 1 else _PGD_REACH * attack.epsilon / attack.steps
    pixels = clean
    if attack.steps > 1:
        start = (torch.rand(clean.shape, generator=generator) * 2.0 - 1.0) * attack.epsilon
        pixels = (clean + start.to(clean.device)).clamp(0.0, 255.0)
    for _ in range(attack.steps):
        pixels = pixels.detach().requires_grad_()
        with torch.enable_grad():
            slope, = torch.autograd.grad(loss(pixels), pixels)
        pixels = torch.minimum(torch.maximum(pixels + size * slope.sign(), low), high)
    return pixels.detach().round()


def _widened(sample: Sample, lookup: np.ndarray, count: int) -> Sample:
    """The sample under the network's columns; classes that are not judged were not labelled."""
    labelled = np.zeros(count, bool)
    labelled[lookup[sample.labelled]] = True
    return replace(sample, columns=lookup[sample.columns], labelled=labelled, masks=None, depth_m=None, flow_px=None,
                   extra={})
