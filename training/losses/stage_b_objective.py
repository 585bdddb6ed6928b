"""From Stage B's named tensors and the truth to one named loss per head; a head whose truth is unknown has none.

Every head's loss is given exactly the tensors that ``maxsight_core.models.stage_b_contract`` lists for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from maxsight_core.models.stage_b_contract import HEADS_BY_NAME, heads_of
from training.data.batch import Batch, box_slots
from training.data.stage_b_truth import PLACE
from training.losses import guidance, ocr, sound, vision
from training.losses.contrastive import retrieval
from training.losses.ctc import ctc
from training.losses.depth import depth, laplace
from training.losses.flow import flow
from training.losses.probability import one_of, yes_or_no
from training.losses.scene_graph import relations


@dataclass(frozen=True, slots=True)
class Truth:
    """What a batch knows, in the order of Stage B's places for boxes.

    Args:
        batch: of pictures. slots: [B, 16] which box each place holds, -1 none.
    """

    batch: Batch
    slots: Tensor

    def get(self, name: str) -> Tensor | None:
        """[B, ...] truth of the picture by name; None when no picture knows it."""
        return self.batch.targets.extra.get(name)

    @property
    def valid(self) -> Tensor:
        """[B, 16] bool: places that hold a box."""
        return self.slots >= 0

    def per_box(self, values: Tensor | None) -> Tensor | None:
        """[B, N, ...] in the order of the picture's boxes -> [B, 16, ...]; NaN where there is none."""
        if values is None or values.shape[1] == 0:
            return None
        rows = torch.arange(len(values), device=values.device)[:, None]
        chosen = values[rows, self.slots.clamp(min=0)]  # [B, 16, ...]
        return chosen.masked_fill(_over(~self.valid, chosen), torch.nan)

    def per_pair(self, values: Tensor | None) -> Tensor | None:
        """[B, N, N, R] -> [B, 16, 16, R]; NaN where one of both is none."""
        if values is None or values.shape[1] == 0:
            return None
        rows = torch.arange(len(values), device=values.device)[:, None, None]
        index = self.slots.clamp(min=0)
        chosen = values[rows, index[:, :, None], index[:, None, :]]
        pairs = self.valid[:, :, None] & self.valid[:, None, :]
        return chosen.masked_fill(~pairs[..., None], torch.nan)

    def distances_m(self) -> Tensor | None:
        """[B, 16] metres; None when no distance in the batch is known."""
        found = torch.nn.utils.rnn.pad_sequence(self.batch.targets.distances_m, True, torch.nan)  # [B, N]
        return self.per_box(found) if bool((~found.isnan()).any()) else None


Found = Mapping[str, Tensor]
Loss = Callable[[Found, Truth], list[Tensor]]
"""The parts of a head's loss whose truth is known; they are added."""


def _simple(*parts: tuple[str, Callable[[Tensor, Tensor], Tensor]], boxed: bool = False) -> Loss:
    """Parts that compare one tensor with the truth of its name."""
    def losses(found: Found, truth: Truth) -> list[Tensor]:
        made = []
        for name, compare in parts:
            wanted = truth.per_box(truth.get(name)) if boxed else truth.get(name)
            if wanted is not None:
                made.append(compare(found[name], wanted))
        return made
    return losses


def _depth(found: Found, truth: Truth) -> list[Tensor]:
    wanted = truth.batch.targets.depth_m
    return [] if wanted is None else [depth(found["depth_map"], found["depth_uncertainty"], wanted)]


def _precise_distance(found: Found, truth: Truth) -> list[Tensor]:
    wanted = truth.distances_m()
    if wanted is None:
        return []
    return [laplace(found["precise_distances"], found["precise_distance_uncertainty"], wanted)]


def _motion(found: Found, truth: Truth) -> list[Tensor]:
    wanted = truth.batch.targets.flow_px
    return [] if wanted is None else [flow(found["scene_motion"], wanted)]


def _glare(found: Found, truth: Truth) -> list[Tensor]:
    wanted = truth.get("glare_risk")
    return [] if wanted is None else [vision.glare(found["glare_risk"], found["glare_confidence"], wanted)]


def _findability(found: Found, truth: Truth) -> list[Tensor]:
    place = truth.get("findability")
    of_place = [] if place is None else [yes_or_no(found["findability"], place.flatten(1))]  # [B, 14, 14] -> [B, 196]
    return of_place + _simple(("box_findability", yes_or_no), boxed=True)(found, truth)


def _colour(found: Found, truth: Truth) -> list[Tensor]:
    return (_simple(("box_colours", one_of), boxed=True)(found, truth)
            + _simple(("dominant_colours", one_of))(found, truth))


def _scene_graph(found: Found, truth: Truth) -> list[Tensor]:
    made = []
    for name in ("spatial_relations", "semantic_relations"):
        wanted = truth.per_pair(truth.get(name))
        if wanted is not None:
            made.append(relations(found[name], wanted, truth.valid))
    return made


def _ocr(found: Found, truth: Truth) -> list[Tensor]:
    lines, numbers = truth.get("text_boxes"), truth.get("text_logits")
    if lines is None:
        return []
    boxes, scores = found["text_boxes"], found["text_scores"]
    made = [ocr.text_map(found["text_map"], ocr.text_core(lines, found["text_map"].shape[-1])),
            ocr.text_boxes(boxes, scores, lines), ocr.text_scores(scores, boxes, lines)]
    return made if numbers is None else [*made, ocr.reading(found["text_logits"], boxes, scores, lines, numbers)]


def _scene_description(found: Found, truth: Truth) -> list[Tensor]:
    wanted = truth.get("word_logits")
    return [] if wanted is None else [ctc(found["word_logits"], wanted)]


def _sound(found: Found, truth: Truth) -> list[Tensor]:
    compared = {"sound_events": sound.sound_events, "sound_direction": sound.sound_direction,
                "sound_urgency": sound.sound_urgency}
    heard = truth.batch.audio_valid
    return [compare(found[name], truth.get(name), heard) for name, compare in compared.items()
            if truth.get(name) is not None and bool((heard > 0).any())]


def _personalization(found: Found, truth: Truth) -> list[Tensor]:
    whole = _simple(("personal_thresholds", guidance.threshold_shifts), ("personal_verbosity", one_of))(found, truth)
    return whole + _simple(("personal_priority", yes_or_no), boxed=True)(found, truth)


def _retrieval(found: Found, truth: Truth) -> list[Tensor]:
    places = truth.get(PLACE)
    return [] if places is None else [retrieval(found["scene_vector"], found["concept_vectors"], places)]


HEAD_LOSSES: dict[str, Loss] = {
    "depth": _depth,
    "precise_distance": _precise_distance,
    "contrast": _simple(("contrast_map", vision.contrast_map), ("contrast_sensitivity", yes_or_no)),
    "edges": _simple(("edge_map", vision.edges)),
    "glare": _glare,
    "findability": _findability,
    "roi_priority": _simple(("roi_priority", yes_or_no), boxed=True),
    "navigation_difficulty": _simple(("navigation_difficulty", yes_or_no)),
    "colour": _colour,
    "motion": _motion,
    "therapy_state": _simple(*((name, yes_or_no) for name in (
        "therapy_fatigue", "therapy_depth_focus", "therapy_contrast"))),
    "scene_graph": _scene_graph,
    "ocr": _ocr,
    "scene_description": _scene_description,
    "sound_events": _sound,
    "personalization": _personalization,
    "retrieval": _retrieval,
    "predictive_alerts": _simple(("hazards", yes_or_no), ("time_to_hazard", guidance.time_to_hazard),
                                 ("recommended_action", one_of)),
    "temporal_consistency": _simple(("temporal_consistency", yes_or_no)),
}
"""The loss of every head of Stage B."""


class StageBObjective:
    """The losses of a tier's context heads.

    Args:
        tier: ``T0`` (none) .. ``T5``. heads: names of heads to train; None: all of the tier.

    Raises:
        ValueError: a head that the tier does not have.
    """

    def __init__(self, tier: str, heads: Collection[str] | None = None) -> None:
        have = [head.name for head in heads_of(tier)]
        unknown = sorted(set(heads or ()) - set(have))
        if unknown:
            raise ValueError(f"heads of Stage B: {tier} has {', '.join(have) or 'none'}; got {', '.join(unknown)}")
        self.heads = tuple(name for name in have if heads is None or name in heads)

    def __call__(self, found: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Named losses, each a scalar. Args: found: Stage B's tensors by name, in 32 bits; others are not looked at."""
        truth = Truth(batch, box_slots(batch.targets.boxes))
        losses = {}
        for name in self.heads:
            parts = HEAD_LOSSES[name]({tensor.name: found[tensor.name] for tensor in HEADS_BY_NAME[name].gives}, truth)
            if parts:
                losses[name] = torch.stack(parts).sum()
        return losses


def _over(mask: Tensor, values: Tensor) -> Tensor:
    """``mask`` [B, 16] with as many axes as ``values`` [B, 16, ...]."""
    return mask.reshape(*mask.shape, *(1 for _ in range(values.ndim - 2)))  # [B, 16, 1, ...]
