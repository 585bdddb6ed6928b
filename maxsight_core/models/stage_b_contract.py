"""What Stage B's network reads and answers, by name. No torch: manifests and the engine need no
network library for it.

One row per head: the tier that brings it, the tensors it gives, and the outputs of the registry that these tensors
fill. Models, runtimes, checkpoints, losses and the Dev page all read this table.
"""

from __future__ import annotations

from dataclasses import dataclass

INPUT_SIDE_PX = 224
"""Side of Stage B's square picture (ViT-B/16 was published for 224)."""
MAP_CHANNELS, MAP_SIDE = 256, 14
"""``grid``: 14 x 14 locations, the description's HW = 196."""
DENSE_CHANNELS, DENSE_SIDE = 128, 56
"""``dense``: the decoder's map, stride 4; maps of depth, contrast and edges have this side."""
CONTEXT_SIZE = 768
"""Width of a description of the whole picture (ViT-B's)."""
BOXES = 16
"""K: the most detections of Stage A that Stage B looks at; fewer are filled up and marked invalid."""
STAGE_A_CHANNELS = 768
"""Channels of Stage A's fused map (P3, P4, P5 side by side)."""
AUDIO_SIZE = 128
"""Numbers of one second of sound: MFCC, 16 kHz (system description, data pipeline)."""
PROFILE_SIZE = 32
"""Numbers of what the person chose and can see (``maxsight_core.engine.profile_vector``)."""
COLOURS = 12
TEXT_REGIONS, TEXT_STEPS = 8, 32
"""Text boxes that are read, and time steps of the reading (CTC)."""
WORD_STEPS = 24
"""Positions of the scene description (CTC: repeated and blank words are removed)."""

TIER_KEYS: tuple[str, ...] = ("T0", "T1", "T2", "T3", "T4", "T5")
MAP_HISTORY: dict[str, int] = {"T0": 0, "T1": 0, "T2": 2, "T3": 2, "T4": 2, "T5": 8}
"""How many of Stage A's maps Stage B reads: the last two for motion, eight for T5's temporal encoder."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor at Stage B's border.

    Args:
        name: its only name. shape: after the batch; text names are constants of this module, ``T`` the tier's
            ``MAP_HISTORY``. low, high: range, or None where any finite number is allowed. unit: of the numbers.
    """

    name: str
    shape: tuple[int | str, ...]
    unit: str
    low: float | None = None
    high: float | None = None


INPUTS: tuple[tuple[str, TensorSpec], ...] = (
    ("T1", TensorSpec("images", (3, INPUT_SIDE_PX, INPUT_SIDE_PX), "ImageNet-normalised RGB")),
    ("T1", TensorSpec("boxes", (BOXES, 4), "cxcywh, fractions of the picture", -0.01, 1.01)),
    ("T1", TensorSpec("box_valid", (BOXES,), "1: a detection, 0: filled up", 0.0, 1.0)),
    ("T2", TensorSpec("stage_a_maps", ("T", STAGE_A_CHANNELS, MAP_SIDE, MAP_SIDE), "activation, newest last")),
    ("T2", TensorSpec("map_valid", ("T",), "1: a frame of this session, 0: before its beginning", 0.0, 1.0)),
    ("T4", TensorSpec("audio", (AUDIO_SIZE,), "MFCC of one second")),
    ("T4", TensorSpec("audio_valid", (1,), "1: sound was recorded, 0: none", 0.0, 1.0)),
    ("T4", TensorSpec("profile", (PROFILE_SIZE,), "settings and vision of the person, -1..1", -1.0, 1.0)),
)
"""(first tier that reads it, tensor)."""


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """One head: the first tier that has it, the tensors it gives, and the registry outputs they fill."""

    name: str
    tier: str
    gives: tuple[TensorSpec, ...]
    outputs: tuple[str, ...]


def _t(name: str, shape: tuple[int | str, ...], unit: str, low: float | None = None, high: float | None = None):
    return TensorSpec(name, shape, unit, low, high)


_MAP = (DENSE_SIDE, DENSE_SIDE)
_PAIRS = (BOXES, BOXES)

HEADS: tuple[HeadSpec, ...] = (
    HeadSpec("depth", "T1", (_t("depth_map", _MAP, "m", 0, 100), _t("depth_uncertainty", _MAP, "m", 0, 100)),
             ("depth_map", "depth_uncertainty")),
    HeadSpec("precise_distance", "T1", (_t("precise_distances", (BOXES,), "m", 0, 100),
                                        _t("precise_distance_uncertainty", (BOXES,), "m", 0, 100)),
             ("precise_distances", "precise_distance_uncertainty")),
    HeadSpec("contrast", "T1", (_t("contrast_map", _MAP, "RMS contrast", 0), _t("contrast_sensitivity", (), "share", 0,
                                                                                1)),
             ("contrast_map", "contrast_sensitivity")),
    HeadSpec("edges", "T1", (_t("edge_map", _MAP, "gradient", 0),), ("edge_map",)),
    HeadSpec("glare", "T1", (_t("glare_risk", (4,), "probability of none, low, medium, high", 0, 1),
                             _t("glare_confidence", (1,), "fraction", 0, 1)), ("glare_risk", "glare_confidence")),
    HeadSpec("findability", "T1", (_t("findability", (MAP_SIDE * MAP_SIDE,), "fraction", 0, 1),
                                   _t("box_findability", (BOXES,), "fraction", 0, 1)), ("findability",)),
    HeadSpec("roi_priority", "T1", (_t("roi_priority", (BOXES,), "fraction", 0, 1),), ("roi_priority",)),
    HeadSpec("navigation_difficulty", "T1", (_t("navigation_difficulty", (1,), "fraction", 0, 1),),
             ("navigation_difficulty",)),
    HeadSpec("colour", "T1", (_t("box_colours", (BOXES, COLOURS), "probability of each of 12 names", 0, 1),
                              _t("dominant_colours", (COLOURS,), "probability of each of 12 names", 0, 1)),
             ("colours",)),
    HeadSpec("motion", "T2", (_t("scene_motion", (2, *_MAP), "px/frame at 224 px, u right, v down"),),
             ("scene_motion",)),
    HeadSpec("therapy_state", "T2", (_t("therapy_fatigue", (1,), "fraction", 0, 1),
                                     _t("therapy_depth_focus", (1,), "fraction", 0, 1),
                                     _t("therapy_contrast", (1,), "fraction", 0, 1)), ("therapy_state",)),
    HeadSpec("scene_graph", "T3", (_t("node_embeddings", (BOXES, 256), "activation"),
                                   _t("edge_embeddings", (*_PAIRS, 64), "activation"),
                                   _t("spatial_relations", (*_PAIRS, "SPATIAL"), "probability", 0, 1),
                                   _t("semantic_relations", (*_PAIRS, "SEMANTIC"), "probability", 0, 1)),
             ("scene_graph",)),
    HeadSpec("ocr", "T3", (_t("text_map", _MAP, "probability of text", 0, 1),
                           _t("text_boxes", (TEXT_REGIONS, 4), "cxcywh, fractions", 0, 1),
                           _t("text_scores", (TEXT_REGIONS,), "probability", 0, 1),
                           _t("text_logits", (TEXT_REGIONS, TEXT_STEPS, "CHARACTERS"), "logit, blank first")),
             ("ocr",)),
    HeadSpec("scene_description", "T3", (_t("word_logits", (WORD_STEPS, "WORDS"), "logit, blank first"),),
             ("scene_description",)),
    HeadSpec("sound_events", "T4", (_t("sound_events", ("SOUNDS",), "probability of each", 0, 1),
                                    _t("sound_direction", (1,), "deg, right positive", -90, 90),
                                    _t("sound_urgency", (4,), "probability", 0, 1)),
             ("sound_events", "sound_direction", "sound_urgency")),
    HeadSpec("personalization", "T4", (_t("personal_thresholds", (4,), "shift of each urgency level's threshold", -1,
                                          1),
                                       _t("personal_verbosity", (3,), "probability of brief, normal, full", 0, 1),
                                       _t("personal_priority", (BOXES,), "fraction", 0, 1)), ("personalization",)),
    HeadSpec("retrieval", "T4", (_t("scene_vector", (256,), "unit vector", -1, 1),
                                 _t("concept_vectors", (4, 256), "unit vectors", -1, 1)), ("retrieval",)),
    HeadSpec("predictive_alerts", "T5", (_t("hazards", ("HAZARDS",), "probability of each", 0, 1),
                                         _t("time_to_hazard", (1,), "s", 0, 30),
                                         _t("recommended_action", ("ACTIONS",), "probability of each", 0, 1)),
             ("predictive_alerts",)),
    HeadSpec("temporal_consistency", "T5", (_t("temporal_consistency", (1,), "fraction", 0, 1),),
             ("temporal_consistency",)),
)
HEADS_BY_NAME: dict[str, HeadSpec] = {head.name: head for head in HEADS}

SPATIAL_RELATIONS: tuple[str, ...] = (
    "left_of", "right_of", "above", "below", "in_front_of", "behind", "near", "overlaps", "inside",
)
SEMANTIC_RELATIONS: tuple[str, ...] = ("contains", "supports", "part_of", "held_by", "rides", "blocks", "leads_to")
CHARACTERS = (" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
              "ÀÂÄÇÈÉÊËÎÏÔÖÙÛÜßàâäçèéêëîïôöùûüñ€°")
"""What the reading head can write: printable ASCII and the letters of French, German and Spanish signs."""
SOUNDS: tuple[str, ...] = (
    "siren", "car_horn", "engine", "train", "bicycle_bell", "footsteps", "speech", "crying", "dog", "door", "alarm",
    "glass_breaking", "water", "wind", "music", "keyboard",
)
HAZARDS: tuple[str, ...] = ("collision", "vehicle", "drop", "step", "obstacle", "crowd")
ACTIONS: tuple[str, ...] = ("go_on", "slow_down", "stop", "step_left", "step_right")
NAMED_SIZES: dict[str, int] = {
    "SPATIAL": len(SPATIAL_RELATIONS), "SEMANTIC": len(SEMANTIC_RELATIONS), "CHARACTERS": len(CHARACTERS) + 1,
    "SOUNDS": len(SOUNDS), "HAZARDS": len(HAZARDS), "ACTIONS": len(ACTIONS),
}
"""Sizes that shapes name; ``WORDS`` is in ``maxsight_core.models.words``. Characters and words have a blank first."""


def tier_index(tier: str) -> int:
    """Place of a tier in the order; ValueError names the tiers there are."""
    try:
        return TIER_KEYS.index(tier)
    except ValueError:
        raise ValueError(f"tier: expected one of {', '.join(TIER_KEYS)}; got {tier!r}") from None


def heads_of(tier: str) -> tuple[HeadSpec, ...]:
    """The heads of Stage B in ``tier``; none in T0."""
    place = tier_index(tier)
    return tuple(head for head in HEADS if tier_index(head.tier) <= place)


def inputs_of(tier: str) -> tuple[TensorSpec, ...]:
    """The tensors Stage B reads in ``tier``."""
    place = tier_index(tier)
    return tuple(tensor for first, tensor in INPUTS if place > 0 and tier_index(first) <= place)


def shape_of(tensor: TensorSpec, tier: str) -> tuple[int, ...]:
    """The tensor's shape after the batch, in numbers."""
    from maxsight_core.models.words import WORDS

    sizes = {**NAMED_SIZES, "T": MAP_HISTORY[tier], "WORDS": len(WORDS) + 1}
    return tuple(size if isinstance(size, int) else sizes[size] for size in tensor.shape)
