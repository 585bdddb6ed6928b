"""From the tier table to networks: every part's module, what it reads, what it gives, and the slice it runs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from maxsight_core.models import stage_b_contract as contract
from maxsight_core.models.backbones.attentive_resnet import ResNetHigh, ResNetLow, ResNetMid
from maxsight_core.models.backbones.exchange import VitToCnn
from maxsight_core.models.backbones.pyramids import PyramidOfFour, PyramidOfThree
from maxsight_core.models.backbones.vit import PatchEmbedding, VitBlocks
from maxsight_core.models.box_features import BoxFeatures
from maxsight_core.models.decoder import DenseDecoder
from maxsight_core.models.fusion.audio_encoder import AudioEncoder
from maxsight_core.models.fusion.cross_modal import CrossModalAttention
from maxsight_core.models.fusion.cross_task import CrossTaskAttention
from maxsight_core.models.fusion.hybrid import CnnContext, HybridFusion
from maxsight_core.models.heads import (
    colour,
    contrast,
    depth,
    edges,
    findability,
    glare,
    motion,
    navigation,
    ocr,
    personalization,
    precise_distance,
    predictive_alerts,
    retrieval,
    roi_priority,
    scene_description,
    sound_events,
    temporal_consistency,
    therapy_state,
)
from maxsight_core.models.scene_graph import SceneGraphEncoder
from maxsight_core.models.stage_a import StageA
from maxsight_core.models.stage_b import StageB, Step
from maxsight_core.models.temporal.encoder import TemporalEncoder
from maxsight_core.models.temporal.pair_motion import PairMotionEncoder
from maxsight_core.models.tiers import TIERS, TierSpec, tier

FINE = ("f2", "f3", "f4", "f5")
"""The pyramid before the exchange with the transformer."""
MAPS = ("p2", "p3", "p4", "p5")


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of a trunk is made and wired; ``CONTEXT`` in ``needs`` stands for the tier's own context."""

    make: Callable[[], nn.Module]
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    slice: str


TRUNK: dict[str, Part] = {
    "cnn_low": Part(ResNetLow, ("images",), ("c2", "c3"), "cnn_low"),
    "cnn_mid": Part(ResNetMid, ("c3",), ("c4",), "cnn_mid"),
    "cnn_high": Part(ResNetHigh, ("c4",), ("c5",), "cnn_high"),
    "pyramid_t1": Part(PyramidOfThree, ("c2", "c3", "c4"), MAPS, "pyramid"),
    "pyramid": Part(PyramidOfFour, ("c2", "c3", "c4", "c5"), FINE, "pyramid"),
    "vit_embedding": Part(PatchEmbedding, ("images",), ("tokens_0",), "vit_1"),
    "vit_1": Part(lambda: VitBlocks(0), ("tokens_0", "f2"), ("tokens_1",), "vit_1"),
    "vit_2": Part(lambda: VitBlocks(1), ("tokens_1", "f3"), ("tokens_2",), "vit_2"),
    "vit_3": Part(lambda: VitBlocks(2), ("tokens_2", "f4"), ("tokens_3",), "vit_3"),
    "vit_4": Part(lambda: VitBlocks(3), ("tokens_3", "f5"), ("tokens",), "vit_4"),
    "exchange": Part(VitToCnn, ("tokens", *FINE), MAPS, "exchange"),
    "cnn_context": Part(CnnContext, MAPS, ("scene", "grid"), "context"),
    "fusion": Part(HybridFusion, (*MAPS, "tokens"), ("scene", "grid"), "fusion"),
    "decoder": Part(DenseDecoder, (*MAPS, "grid"), ("dense",), "decoder"),
    "box_features": Part(BoxFeatures, ("p3", "p4", "boxes", "box_valid"), ("box_features",), "decoder"),
    "pair_motion": Part(PairMotionEncoder, ("stage_a_maps", "map_valid"), ("motion_features",), "motion"),
    "temporal": Part(TemporalEncoder, ("stage_a_maps", "map_valid"), ("motion_features", "temporal_context"),
                     "motion"),
    "audio": Part(AudioEncoder, ("audio", "audio_valid"), ("audio_tokens",), "audio"),
    "cross_modal": Part(CrossModalAttention, ("scene", "grid", "audio_tokens", "audio_valid"),
                        ("scene_heard", "audio_context"), "audio"),
}

CONTEXT = "CONTEXT"
HEADS: dict[str, Part] = {
    "depth": Part(depth.DepthHead, ("dense", CONTEXT), (), "heads_dense"),
    "contrast": Part(contrast.ContrastHead, ("dense", CONTEXT), (), "heads_dense"),
    "edges": Part(edges.EdgeHead, ("dense",), (), "heads_dense"),
    "glare": Part(glare.GlareHead, ("dense", CONTEXT), (), "heads_dense"),
    "motion": Part(motion.MotionHead, ("motion_features", "dense"), (), "heads_motion"),
    "temporal_consistency": Part(temporal_consistency.TemporalConsistencyHead, ("motion_features", CONTEXT), (),
                                 "heads_motion"),
    "precise_distance": Part(precise_distance.PreciseDistanceHead, ("box_features", "boxes", CONTEXT), (),
                             "heads_boxes"),
    "findability": Part(findability.FindabilityHead, ("grid", "box_features", CONTEXT), (), "heads_boxes"),
    "roi_priority": Part(roi_priority.RoiPriorityHead, ("box_features", "boxes", CONTEXT), (), "heads_boxes"),
    "navigation_difficulty": Part(navigation.NavigationDifficultyHead, ("grid", CONTEXT), (), "heads_boxes"),
    "colour": Part(colour.ColourHead, ("box_features", CONTEXT), (), "heads_boxes"),
    "therapy_state": Part(therapy_state.TherapyStateHead, ("grid", CONTEXT), (), "heads_boxes"),
    "scene_graph": Part(SceneGraphEncoder, ("box_features", "boxes", "box_valid"), (), "scene_graph"),
    "ocr": Part(ocr.OcrHead, ("dense", "images"), (), "ocr"),
    "scene_description": Part(scene_description.SceneDescriptionHead, ("grid", "node_embeddings", "box_valid", CONTEXT),
                              (), "scene_description"),
    "sound_events": Part(sound_events.SoundEventHead, ("audio_context", CONTEXT), (), "heads_person"),
    "personalization": Part(personalization.PersonalizationHead, ("profile", "box_features", CONTEXT), (),
                            "heads_person"),
    "retrieval": Part(retrieval.RetrievalHead, ("grid", CONTEXT), (), "heads_person"),
    "predictive_alerts": Part(predictive_alerts.PredictiveAlertHead, ("temporal_context", "box_features", CONTEXT), (),
                              "heads_person"),
}
"""In the order they run; the scene graph before the description, which reads its nodes."""


def build_stage_a(grid: str = "fused", num_classes: int | None = None) -> StageA:
    """A new, untrained Stage A; the same in every tier."""
    return StageA(grid) if num_classes is None else StageA(grid, num_classes)


def build_stage_b(name: str, *, gradient_checkpointing: bool = False, mps_stable: bool = False) -> StageB | None:
    """A new, untrained Stage B of a tier; None for T0, whose Stage B is measured.

    Args:
        name: as :func:`maxsight_core.models.tiers.tier` takes it.
        gradient_checkpointing: see :class:`StageB`.
        mps_stable: keep to what is known to work on MPS: edge embeddings without gradients, sums over edges without
            ``index_add`` (system description, MPS-stable mode).
    """
    row = tier(name)
    if not row.trunk:
        return None
    steps = [_trunk_step(part, row) for part in row.trunk]
    wanted = {head.name for head in row.heads}
    context = _context_of(row)
    for head, part in HEADS.items():
        if head in wanted:
            steps.append(_head_step(head, part, context, mps_stable))
    outputs = [tensor.name for head in row.heads for tensor in head.gives]
    return StageB(row.key, steps, outputs, gradient_checkpointing)


def _trunk_step(name: str, row: TierSpec) -> Step:
    if name != "cross_task":
        part = TRUNK[name]
        return Step(name, part.make(), part.needs, part.gives, part.slice)
    sources = ["scene_heard", "audio_context"] if "cross_modal" in row.trunk else ["scene"]
    if "temporal" in row.trunk:
        sources.append("temporal_context")
    readers = tuple(head for head, part in HEADS.items()
                    if CONTEXT in part.needs and head in {spec.name for spec in row.heads})
    module = CrossTaskAttention(readers, len(sources))
    return Step(name, module, (*sources, "grid"), tuple(f"context_{head}" for head in readers), "cross_task")


def _context_of(row: TierSpec) -> Callable[[str], str]:
    """Which tensor a head of this tier reads as its context: its own row after cross-task attention, else the scene."""
    return (lambda head: f"context_{head}") if "cross_task" in row.trunk else (lambda head: "scene")


def _head_step(head: str, part: Part, context: Callable[[str], str], mps_stable: bool) -> Step:
    gives = tuple(tensor.name for tensor in contract.HEADS_BY_NAME[head].gives)
    needs = tuple(context(head) if need == CONTEXT else need for need in part.needs)
    module = part.make(mps_stable=mps_stable) if head == "scene_graph" else part.make()
    return Step(head, module, needs, gives, part.slice)


def parameter_count(module: nn.Module | None) -> int:
    """Trainable and frozen parameters, buffers not counted."""
    return 0 if module is None else sum(parameter.numel() for parameter in module.parameters())


def describe(name: str) -> dict[str, object]:
    """Tier, modules, heads and parameters of one tier; nothing is allocated (meta device)."""
    row = tier(name)
    with torch.device("meta"):
        stage_a, stage_b = build_stage_a(), build_stage_b(row.key)
    total = parameter_count(stage_a) + parameter_count(stage_b)
    modules = {"stage_a": parameter_count(stage_a)}
    if stage_b is not None:
        modules |= {f"stage_b.{part}": parameter_count(stage_b.parts[part]) for part in row.trunk}
    return {
        "tier": row.key, "name": row.name, "parameters": total, "wanted_parameters": int(row.parameters_millions * 1e6),
        "stage_a_parameters": parameter_count(stage_a), "stage_b_parameters": parameter_count(stage_b),
        "modules": modules,
        "heads": {head.name: 0 if stage_b is None else parameter_count(stage_b.parts[head.name]) for head in row.heads},
        "outputs": [output for head in row.heads for output in head.outputs],
        "slices": [] if stage_b is None else list(dict.fromkeys(step.slice for step in stage_b.plan)),
    }


def describe_all() -> list[dict[str, object]]:
    """:func:`describe` of every tier, smallest first."""
    return [describe(key) for key in TIERS]
