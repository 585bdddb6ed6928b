"""What a sample may know for Stage B's heads (``Sample.extra``), and how a batch of it is put together.

Names are those of the tensors in ``maxsight_core.models.stage_b_contract`` that the truth is compared with. Unknown
numbers are NaN (floats) or -1 (whole numbers); a name that a sample does not have is wholly unknown there.

* a number per thing, in the order of ``Sample.boxes``: ``box_findability``, ``roi_priority``, ``personal_priority``
  [n]; ``box_colours`` [n, 12] shares that sum to 1 (a single name: one 1);
* pairs of things: ``spatial_relations`` [n, n, 9], ``semantic_relations`` [n, n, 7], 0 or 1, subject first;
* maps over the whole picture, of any resolution: ``contrast_map``, ``edge_map``, ``findability`` [h, w];
* text: ``text_boxes`` [m, 4] ``cxcywh``, fractions of the picture, all that is legible (m = 0: nothing is), and
  ``text_logits`` [m, L] the characters' numbers of each (``maxsight_core.models.reading.ctc_targets``), 0 after the
  last, -1 where nobody read it; ``word_logits`` [L] the description's words (``word_targets``);
* ``place``: which place the picture shows, a whole number; pictures of one number show the same place;
* everything else has its tensor's shape without the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from maxsight_core.engine.detect import scale_to
from maxsight_core.models.stage_b_contract import (
    COLOURS,
    DENSE_SIDE,
    HEADS,
    MAP_SIDE,
    SEMANTIC_RELATIONS,
    SPATIAL_RELATIONS,
    shape_of,
)
from training.data.sample import UNKNOWN, Sample, SampleError

PLACE = "place"
PER_BOX: dict[str, tuple[int, ...]] = {
    "box_findability": (), "roi_priority": (), "personal_priority": (), "box_colours": (COLOURS,),
}
"""Truth per box, and what one box has."""
PER_PAIR: dict[str, int] = {"spatial_relations": len(SPATIAL_RELATIONS), "semantic_relations": len(SEMANTIC_RELATIONS)}
"""Truth per ordered pair of boxes, and how many relations a pair has."""
MAPS: dict[str, int] = {"contrast_map": DENSE_SIDE, "edge_map": DENSE_SIDE, "findability": MAP_SIDE}
"""Maps over the picture, and the side of the head's map."""
TEXT_BOXES = "text_boxes"
SEQUENCES: dict[str, int] = {"text_logits": 2, "word_logits": 1}
"""Numbers of what is read or said, and how many axes they have."""
OF_THE_PICTURE: frozenset[str] = frozenset({
    "contrast_sensitivity", "glare_risk", "navigation_difficulty", "dominant_colours", "therapy_fatigue",
    "therapy_depth_focus", "therapy_contrast", "sound_events", "sound_direction", "sound_urgency",
    "personal_thresholds", "personal_verbosity", "hazards", "time_to_hazard", "recommended_action",
    "temporal_consistency",
})
"""Truth of the picture as a whole, in its tensor's shape."""
NAMES: frozenset[str] = frozenset({*PER_BOX, *PER_PAIR, *MAPS, *SEQUENCES, *OF_THE_PICTURE, TEXT_BOXES, PLACE})
_LARGEST_TIER = "T5"
_SHAPES = {tensor.name: shape_of(tensor, _LARGEST_TIER) for head in HEADS for tensor in head.gives}


def check_extra(sample: Sample) -> None:
    """SampleError naming the field unless every extra truth has a name and a shape of this module."""
    unknown = sorted(set(sample.extra) - NAMES)
    if unknown:
        raise SampleError(f"sample {sample.source or '(no source)'}: extra has {', '.join(unknown)}; expected names of "
                          "training.data.stage_b_truth")
    boxes = len(sample.boxes)
    for name, value in sample.extra.items():
        shape = np.shape(value)
        wanted, fits = _wanted(name, shape, boxes)
        if not fits:
            raise SampleError(
                f"sample {sample.source or '(no source)'}: extra {name} must be {wanted}; got {list(shape)}. What "
                "removes, moves or adds boxes must do the same to it, or drop it")


def _wanted(name: str, shape: tuple[int, ...], boxes: int) -> tuple[str, bool]:
    if name in PER_BOX:
        wanted: tuple[int, ...] = (boxes, *PER_BOX[name])
    elif name in PER_PAIR:
        wanted = (boxes, boxes, PER_PAIR[name])
    elif name in MAPS:
        return "a map [h, w]", len(shape) == 2 and min(shape) > 0
    elif name == TEXT_BOXES:
        return "[m, 4]", len(shape) == 2 and shape[1] == 4
    elif name in SEQUENCES:
        return f"whole numbers with {SEQUENCES[name]} axes", len(shape) == SEQUENCES[name]
    else:
        wanted = () if name == PLACE else _SHAPES[name]
    return str(list(wanted)), shape == wanted


def collate_extra(samples: Sequence[Sample], input_size_px: int, fit: str) -> dict[str, Tensor]:
    """One tensor [B, ...] per name that at least one sample knows; SampleError from :func:`check_extra`.

    Different lengths are filled up with 0; a sample that does not know a name is NaN or -1 throughout. Per-box truth
    stays in the order of ``Targets.boxes``; maps are fitted into the square and brought to their head's size, text
    boxes become fractions of the square.
    """
    for sample in samples:
        check_extra(sample)
    found = {}
    for name in sorted({name for sample in samples for name in sample.extra}):
        rows = [_fitted(name, sample, input_size_px, fit) if name in sample.extra else None for sample in samples]
        found[name] = torch.from_numpy(_stacked(rows, whole=name in SEQUENCES or name == PLACE))
    return found


def _fitted(name: str, sample: Sample, input_size_px: int, fit: str) -> np.ndarray:
    value = np.asarray(sample.extra[name])
    if name in (TEXT_BOXES, "text_logits") and 0 in value.shape:  # "nothing is written" must differ from "unknown"
        return np.zeros((1, 4) if name == TEXT_BOXES else (1, 1), value.dtype)
    if name == TEXT_BOXES:
        height, width = scale_to(sample.image.shape, input_size_px, fit)
        return value.astype(np.float32) * np.array([width, height] * 2, np.float32) / np.float32(input_size_px)
    if name not in MAPS:
        return value
    side = MAPS[name]
    height, width = scale_to(sample.image.shape, side, fit)
    square = np.full((side, side), np.nan, np.float32)
    square[:height, :width] = cv2.resize(value.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return square


def _stacked(rows: list[np.ndarray | None], whole: bool) -> np.ndarray:
    """[B, ...] of arrays whose axes may differ in length."""
    shapes = [row.shape for row in rows if row is not None]
    shape = tuple(max(lengths) for lengths in zip(*shapes, strict=True)) if shapes[0] else ()
    stacked = np.zeros((len(rows), *shape), np.int64 if whole else np.float32)
    for place, row in enumerate(rows):
        if row is None:
            stacked[place] = UNKNOWN if whole else np.nan
        else:
            stacked[(place, *(slice(length) for length in row.shape))] = row
    return stacked
