"""T2 -> T5: which weights move, which begin anew, and when what may learn (system description, transfer learning).

The description's names are those of one network; here Stage A and the parts of Stage B are it:

==========  ==========================================================================================================
group       parts
==========  ==========================================================================================================
cnn         the description's CNN stem, layers and FPN: Stage A's backbone, Stage B's ``cnn_*`` and ``pyramid``
vit         its ViT; and what joins the ViT to the pyramid (``exchange``, ``fusion``), which is useless without it
detection   its detection, classification, box, objectness, distance and urgency heads (Stage A's heads); and what T2
            has besides: decoder, box features, and the heads of Stage B that read them
temporal    its temporal encoder, cross-task and cross-modal attention, anew; and the ear that the last one needs
new_heads   its new heads, anew; and ``motion``, whose input a new part makes: T2's weights mean nothing there
==========  ==========================================================================================================

``cross_task`` of T3 and T4 has other dimensions than T5's and is never copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor

STAGE_A, STAGE_B = "stage_a.", "stage_b.parts."
BACKBONE = "backbone."

VIT_PARTS: tuple[str, ...] = ("vit_1", "vit_2", "vit_3", "vit_4")
GROUP_OF_PART: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys(("cnn_low", "cnn_mid", "cnn_high", "pyramid"), "cnn"),
    **dict.fromkeys(("vit_embedding", *VIT_PARTS, "exchange", "fusion"), "vit"),
    **dict.fromkeys(("decoder", "box_features", "depth", "contrast", "edges", "glare", "precise_distance",
                     "findability", "roi_priority", "navigation_difficulty", "colour", "therapy_state"), "detection"),
    **dict.fromkeys(("temporal", "audio", "cross_modal", "cross_task"), "temporal"),
    **dict.fromkeys(("motion", "temporal_consistency", "scene_graph", "ocr", "scene_description", "sound_events",
                     "personalization", "retrieval", "predictive_alerts"), "new_heads"),
})
"""Every part of T5's Stage B."""
COPIED_GROUPS = frozenset({"cnn", "vit", "detection"})
RATE_SHARES: Mapping[str, float] = MappingProxyType(
    {"cnn": 0.2, "vit": 0.5, "detection": 0.6, "temporal": 1.0, "new_heads": 1.3})
"""Each group's share of the learning rate (description)."""
PHASES: tuple[tuple[int, str], ...] = (
    (0, "new"), (5, "detection"), (15, "vit_top"), (30, "vit"), (45, "cnn"),
)
"""First epoch of every phase, and what begins to learn in it: nothing ever freezes again (description)."""
VIT_TOP_SHARE = 0.6
"""Blocks from this share of the depth on are the top: blocks 7 to 11 of 12."""
VIT_BLOCKS = 12
BLOCKS_PER_PART = 3


class TransferError(ValueError):
    """A checkpoint cannot be the source of a transfer; the message says why."""


def group_of(name: str) -> str:
    """The group of a parameter of a T5 ``TrainedNetwork``, by its name.

    Raises:
        KeyError: a parameter that belongs to none.
    """
    if name.startswith(STAGE_A):
        return "cnn" if name.removeprefix(STAGE_A).startswith(BACKBONE) else "detection"
    part = name.removeprefix(STAGE_B).partition(".")[0]
    if not name.startswith(STAGE_B) or part not in GROUP_OF_PART:
        raise KeyError(f"{name}: belongs to no group of the transfer; add its part to training.transfer.t2_to_t5")
    return GROUP_OF_PART[part]


def in_vit_top(name: str) -> bool:
    """Whether a parameter is of the transformer's top 40 %: its upper blocks, what enters between them, its last norm.
    """
    part, _, rest = name.removeprefix(STAGE_B).partition(".")
    if part not in VIT_PARTS:
        return False
    first = VIT_PARTS.index(part) * BLOCKS_PER_PART
    kind, _, rest = rest.partition(".")
    if kind == "blocks":
        block = first + int(rest.partition(".")[0])
    elif kind == "injection":  # before its part's first block
        block = first
    else:  # a norm after its part's last block
        block = first + BLOCKS_PER_PART - 1
    return block >= int(VIT_BLOCKS * VIT_TOP_SHARE)


def learns_from(name: str) -> int:
    """First epoch, counted from 0, in which a parameter learns."""
    begins = {phase: epoch for epoch, phase in PHASES}
    group = group_of(name)
    if group == "vit":
        return begins["vit_top"] if in_vit_top(name) else begins["vit"]
    return begins.get(group, 0)


def transferred(source: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """What a T5 network takes from a T2.

    Args:
        source: tensors of a T2 ``TrainedNetwork`` by name. own: T5's.

    Returns:
        (tensors to load, names of T5's tensors that begin anew).

    Raises:
        TransferError: a tensor that must move is missing in the source or has another shape.
    """
    taken, anew, missing = {}, [], []
    for name, tensor in own.items():
        if not name.startswith((STAGE_A, STAGE_B)):
            continue
        if group_of(name) not in COPIED_GROUPS:
            anew.append(name)
        elif name not in source:
            missing.append(f"{name}: not in the source")
        elif source[name].shape != tensor.shape:
            missing.append(f"{name}: expected {list(tensor.shape)}, got {list(source[name].shape)}")
        else:
            taken[name] = source[name]
    missing = [words for words in missing if not words.partition(":")[0].endswith("num_batches_tracked")]
    if missing:
        raise TransferError(f"{len(missing)} tensors of the source do not fit: {'; '.join(missing[:5])}. The source "
                            "must be a T2 of the same grid and classes")
    return taken, tuple(anew)
