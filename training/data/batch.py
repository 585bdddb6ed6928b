"""Samples side by side: square pictures and their truth as tensors, ready for a device.

Boxes keep their number per picture, so they are lists; what is dense or one number a picture is stacked. What is
unknown stays unknown: -1 zones and urgencies, NaN depth and flow, classes that were not labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from maxsight_core.engine.detect import prepare, scale_to
from maxsight_core.models.stage_b_contract import AUDIO_SIZE, BOXES
from training.data.sample import Sample
from training.data.stage_b_truth import collate_extra


@dataclass(slots=True)
class Targets:
    """The truth of a batch of B pictures, in fractions of the square input.

    Args:
        boxes: B of [n, 4] float32 ``cxcywh``. columns, zones: B of [n] int64; zones -1 unknown.
        labelled: [B, classes] bool. ignored: B of [m, 4] float32. urgency: [B] int64, -1 unknown.
        distances_m: B of [n] float32, NaN unknown. depth_m: [B, S, S] float32, NaN unknown; None: unknown everywhere.
        flow_px: [B, 2, S, S] float32, pixels of the input, NaN unknown; None: unknown everywhere.
        extra: truth of Stage B's heads by tensor name, [B, ...], of names that some picture of the batch knows; see
            :mod:`training.data.stage_b_truth`.
    """

    boxes: list[Tensor]
    columns: list[Tensor]
    zones: list[Tensor]
    labelled: Tensor
    ignored: list[Tensor]
    urgency: Tensor
    distances_m: list[Tensor]
    depth_m: Tensor | None = None
    flow_px: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device | str) -> Targets:
        """The same on ``device``."""
        return Targets(**{part.name: _moved(getattr(self, part.name), device) for part in fields(self)})


@dataclass(slots=True)
class Batch:
    """B training examples.

    Args:
        images: [B, S, S, 3] uint8. targets: their truth. audio: [B, 128] float32. audio_valid: [B, 1] float32, 1 where
            sound was recorded. sources: where each is from, for messages.
    """

    images: Tensor
    targets: Targets
    audio: Tensor
    audio_valid: Tensor
    sources: tuple[str, ...]

    def to(self, device: torch.device | str) -> Batch:
        """The same on ``device``."""
        return Batch(self.images.to(device, non_blocking=True), self.targets.to(device), self.audio.to(device),
                     self.audio_valid.to(device), self.sources)


def collate(samples: Sequence[Sample], input_size_px: int, fit: str) -> Batch:
    """A batch of samples, made square as the engine makes a frame square.

    Args:
        fit: ``letterbox`` or ``stretch`` (``maxsight_core.engine.detect``).

    Raises:
        ValueError: no samples, or of different class tables. SampleError: extra truth that does not fit its sample.
    """
    if not samples:
        raise ValueError("collate: expected at least one sample; got none")
    tables = {len(sample.labelled) for sample in samples}
    if len(tables) != 1:
        raise ValueError(f"collate: expected samples of one class table; got {sorted(tables)} classes")
    scales = [_scale(sample, input_size_px, fit) for sample in samples]
    targets = Targets(
        boxes=[_boxes(sample.boxes, scale) for sample, scale in zip(samples, scales, strict=True)],
        columns=[torch.from_numpy(sample.columns.astype(np.int64)) for sample in samples],
        zones=[torch.from_numpy(sample.zones.astype(np.int64)) for sample in samples],
        labelled=torch.from_numpy(np.stack([sample.labelled for sample in samples])),
        ignored=[_boxes(sample.ignored, scale) for sample, scale in zip(samples, scales, strict=True)],
        urgency=torch.tensor([sample.urgency for sample in samples], dtype=torch.int64),
        distances_m=[_distances(sample) for sample in samples],
        depth_m=_maps([sample.depth_m for sample in samples], input_size_px, fit),
        flow_px=_flows(samples, input_size_px, fit), extra=collate_extra(samples, input_size_px, fit),
    )
    images = np.concatenate([prepare(sample.image, input_size_px, fit) for sample in samples])
    heard = [sample.audio is not None for sample in samples]
    audio = np.stack([np.zeros(AUDIO_SIZE, np.float32) if sample.audio is None else sample.audio for sample in samples])
    return Batch(torch.from_numpy(images), targets, torch.from_numpy(audio.astype(np.float32)),
                 torch.tensor(heard, dtype=torch.float32)[:, None], tuple(sample.source for sample in samples))


def box_slots(boxes: Sequence[Tensor]) -> Tensor:
    """[B, 16] int64: which box of its picture each of Stage B's places holds, -1 none; the largest boxes come first.

    Args:
        boxes: B of [n, 4] ``cxcywh``, on one device.
    """
    slots = torch.full((len(boxes), BOXES), -1, dtype=torch.int64, device=boxes[0].device)
    for row, found in enumerate(boxes):
        chosen = torch.argsort(found[:, 2] * found[:, 3], descending=True)[:BOXES]
        slots[row, : len(chosen)] = chosen
    return slots


def _scale(sample: Sample, input_size_px: int, fit: str) -> np.ndarray:
    """[2] share of the square's width and height that the picture takes."""
    height, width = scale_to(sample.image.shape, input_size_px, fit)
    return np.array([width, height], np.float32) / np.float32(input_size_px)


def _boxes(boxes: np.ndarray, scale: np.ndarray) -> Tensor:
    return torch.from_numpy((boxes.reshape(-1, 4) * np.tile(scale, 2)).astype(np.float32))


def _distances(sample: Sample) -> Tensor:
    if sample.distances_m is None:
        return torch.full((len(sample.boxes),), float("nan"))
    return torch.from_numpy(sample.distances_m.astype(np.float32))


def _maps(maps: Sequence[np.ndarray | None], input_size_px: int, fit: str) -> Tensor | None:
    """[B, S, S]; nearest neighbours, because a mean across an edge is a depth that is nowhere."""
    if all(one is None for one in maps):
        return None
    square = np.full((len(maps), input_size_px, input_size_px), np.nan, np.float32)
    for row, one in enumerate(maps):
        if one is not None:
            height, width = scale_to(one.shape, input_size_px, fit)
            square[row, :height, :width] = cv2.resize(one.astype(np.float32), (width, height),
                                                      interpolation=cv2.INTER_NEAREST)
    return torch.from_numpy(square)


def _flows(samples: Sequence[Sample], input_size_px: int, fit: str) -> Tensor | None:
    """[B, 2, S, S] in pixels of the square: each axis shrinks with its picture."""
    if all(sample.flow_px is None for sample in samples):
        return None
    axes = []
    for axis in (0, 1):
        moved = []
        for sample in samples:
            height, width = scale_to(sample.image.shape, input_size_px, fit)
            shrink = (width / sample.image.shape[1], height / sample.image.shape[0])[axis]
            moved.append(None if sample.flow_px is None else sample.flow_px[axis] * np.float32(shrink))
        axes.append(_maps(moved, input_size_px, fit))
    return torch.stack(axes, dim=1)


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, list):
        return [_moved(one, device) for one in value]
    if isinstance(value, dict):
        return {name: _moved(one, device) for name, one in value.items()}
    return value
