"""Text: where it is, which boxes are text, and what they say.

The map learns the text's core by cross-entropy and the dice loss (Milletari et al., "V-Net", 2016; Liao et al.,
"Real-time scene text detection with differentiable binarization", 2020), the boxes by overlap, the reading by CTC. The
head reads the boxes it found, so a line is taught where a box shows it (half overlap).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.ctc import UNREAD, ctc
from training.losses.known import mean_known
from training.losses.probability import yes_or_no

CORE_MARGIN = 0.25
"""Of a line's shorter side, cut off all around it, so that neighbouring lines stay apart (as Liao et al. 2020)."""
LEGIBLE_OVERLAP = 0.5
"""A box that overlaps a line less does not show what it says."""
_SMOOTH = 1.0
"""Of the dice loss: a picture without text and without claims of it costs nothing."""


def text_core(boxes: Tensor, side: int) -> Tensor:
    """[B, side, side] float: 1 in the core of a line of text, NaN in pictures whose text nobody marked.

    Args:
        boxes: [B, M, 4] ``cxcywh``, fractions; lines of no size are none; NaN unknown.
    """
    middles = (torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5) / side
    half = boxes[..., 2:] / 2 - CORE_MARGIN * boxes[..., 2:].amin(dim=-1, keepdim=True)  # [B, M, 2]
    half = half.clamp(min=0.5 / side)  # the smallest line still has the location it lies in
    along = (middles - boxes[..., 0, None]).abs() <= half[..., 0, None]  # [B, M, side]
    down = (middles - boxes[..., 1, None]).abs() <= half[..., 1, None]
    inside = (along[:, :, None, :] & down[..., None] & real_lines(boxes)[..., None, None]).any(dim=1)
    return torch.where(_marked(boxes)[:, None, None], inside.to(boxes.dtype), torch.nan)


def text_map(probability: Tensor, core: Tensor) -> Tensor:
    """Mean cross-entropy plus the dice loss of the batch's known pictures. Args: [B, h, w] each, core NaN unknown."""
    known = ~core.isnan()
    truth = torch.where(known, core, torch.zeros_like(core))
    p = torch.where(known, probability, torch.zeros_like(probability))
    dice = 1.0 - (2.0 * (p * truth).sum() + _SMOOTH) / (p.square().sum() + truth.square().sum() + _SMOOTH)
    return yes_or_no(probability, core) + dice


def match(boxes: Tensor, scores: Tensor, lines: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which line each found box shows: the one it overlaps most, of those that its centre lies in.

    Args:
        boxes: [B, R, 4], scores: [B, R]; a box without a score is none. lines: [B, M, 4].

    Returns:
        [B, R] int64 index of the line, -1 none; [B, R] its overlap; [B, R] bool: the best box of its line.
    """
    overlap = _overlaps(boxes, lines)[0]  # [B, R, M]
    offset = (boxes[:, :, None, :2] - lines[:, None, :, :2]).abs()
    on_it = (offset <= lines[:, None, :, 2:] / 2).all(dim=-1) & (scores[..., None] > 0) & real_lines(lines)[:, None]
    cost = torch.where(on_it, overlap, torch.full_like(overlap, -1.0))
    most, line = cost.max(dim=2)
    matched = torch.where(most >= 0, line, torch.full_like(line, -1))
    own = (torch.arange(lines.shape[1], device=lines.device) == matched[..., None])  # [B, R, M]
    first = torch.where(own, overlap, torch.full_like(overlap, -1.0)).argmax(dim=1)  # [B, M]
    place = torch.arange(boxes.shape[1], device=boxes.device)[None]
    return matched, most.clamp(min=0.0), (matched >= 0) & (first.gather(1, matched.clamp(min=0)) == place)


def text_boxes(boxes: Tensor, scores: Tensor, lines: Tensor) -> Tensor:
    """1 - GIoU (Rezatofighi et al. 2019) of boxes on a line, mean. Args: as of :func:`match`."""
    matched = match(boxes.detach(), scores.detach(), lines)[0]
    overlap, hull = _overlaps(boxes, torch.nan_to_num(lines))
    index = matched.clamp(min=0)[..., None]
    return mean_known((1.0 - (overlap - hull)).gather(2, index)[..., 0], matched >= 0)


def text_scores(scores: Tensor, boxes: Tensor, lines: Tensor) -> Tensor:
    """Cross-entropy, mean: the best box of a line is text, every other box is none or a repetition."""
    best = match(boxes.detach(), scores.detach(), lines)[2].to(scores.dtype)
    return yes_or_no(scores, torch.where(_marked(lines)[:, None], best, torch.nan))


def reading(logits: Tensor, boxes: Tensor, scores: Tensor, lines: Tensor, numbers: Tensor) -> Tensor:
    """CTC of every box that shows a whole line, mean.

    Args:
        logits: [B, R, T, C] blank first. numbers: [B, M, L] int64 of each line, 0 after its last character, -1 unread.
    """
    matched, overlap, _ = match(boxes.detach(), scores.detach(), lines)
    legible = (matched >= 0) & (overlap >= LEGIBLE_OVERLAP)
    numbers = F.pad(numbers, (0, 0, 0, max(0, lines.shape[1] - numbers.shape[1])), value=UNREAD)
    index = matched.clamp(min=0)[..., None].expand(-1, -1, numbers.shape[2])
    wanted = numbers.gather(1, index)  # [B, R, L]
    return ctc(logits[legible], wanted[legible])


def real_lines(lines: Tensor) -> Tensor:
    """[B, M] bool: lines that have a size."""
    return (lines[..., 2:] > 0).all(dim=-1)


def _marked(lines: Tensor) -> Tensor:
    """[B] bool: pictures whose text was marked, even if there is none."""
    return ~lines.isnan().flatten(1).any(dim=1)


def _overlaps(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """[B, R, M] intersection over union, and the share of the hull that is neither, of every pair."""
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    other_low, other_high = others[..., :2] - others[..., 2:] / 2, others[..., :2] + others[..., 2:] / 2
    sides = torch.minimum(high[:, :, None], other_high[:, None]) - torch.maximum(low[:, :, None], other_low[:, None])
    hull = torch.maximum(high[:, :, None], other_high[:, None]) - torch.minimum(low[:, :, None], other_low[:, None])
    shared = sides.clamp(min=0.0).prod(dim=-1)
    union = boxes[..., 2:].prod(dim=-1)[:, :, None] + others[..., 2:].prod(dim=-1)[:, None] - shared
    area, least = hull.prod(dim=-1), torch.finfo(boxes.dtype).eps
    return shared / union.clamp(min=least), (area - union) / area.clamp(min=least)
