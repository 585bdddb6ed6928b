"""Stage A on labelled samples: detections, zones, urgency; by any network that answers as the engine's runtimes do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch

from maxsight_core.engine import detect
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from training.data.sample import UNKNOWN, ClassTable, Sample
from training.evaluate import detection

Infer = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""[1, S, S, 3] uint8 to named arrays, as ``StageARuntime.infer``."""
EVALUATION_SCORE = 0.05
"""Detections above this are taken into the curve; the app's own threshold is higher."""
DANGER = 3
SAFE = 0


def evaluate(
    infer: Infer, samples: Iterable[Sample], classes: ClassTable, *, grid: str, input_size_px: int, fit: str,
    heads: frozenset[str], network_classes: tuple[int, ...] | None = None,
) -> dict[str, float]:
    """Figures of one set of samples.

    Args:
        classes: of the samples; what is judged. heads: outputs that were trained; the others are not judged.
        network_classes: taxonomy id of every column of the network; None: those of ``classes``.

    Returns:
        :func:`training.evaluate.detection.figures`, and where the truth is known: ``zone_accuracy`` (of boxes that
        were found), ``urgency_accuracy``, ``false_reassurance`` (share of danger pictures answered with safe),
        ``danger_pictures``, ``pictures``.
    """
    settings = replace(detect.DEFAULTS[grid], score_threshold=EVALUATION_SCORE)
    pictures, zones, urgencies = [], [], []
    for sample in samples:
        raw = infer(detect.prepare(sample.image, input_size_px, fit))
        found, places = detect.decode_with_locations(
            raw, grid, input_size_px, sample.size, fit=fit, classes=network_classes or classes.ids,
            settings=settings)
        pictures.append(detection.Picture(found, replace_image(sample)))
        if "distance_zones" in heads:
            zones += _zones(sample, found, raw["distance_zones"][0][places])
        if "urgency" in heads and sample.urgency != UNKNOWN:
            urgencies.append((sample.urgency, int(np.argmax(raw["urgency"][0]))))
    result = detection.figures(pictures, classes)
    result["pictures"] = float(len(pictures))
    if zones:
        result["zone_accuracy"] = float(np.mean(zones))
    return result | _urgency_figures(urgencies)


def network_infer(model: StageA, device: torch.device) -> Infer:
    """A torch network in the place of a runtime, in 32 bits."""
    normalise = Normalise().to(device)

    @torch.inference_mode()
    def infer(batch: np.ndarray) -> dict[str, np.ndarray]:
        found = model(normalise(torch.from_numpy(batch).to(device)))
        return {name: tensor.float().cpu().numpy() for name, tensor in found.items()}

    return infer


def replace_image(sample: Sample) -> Sample:
    """The sample without its picture: hundreds are kept until the figures are made."""
    return replace(sample, image=np.zeros((1, 1, 3), np.uint8), masks=None, depth_m=None, flow_px=None)


def _zones(sample: Sample, found: list, answered: np.ndarray) -> list[bool]:
    """Of each true box whose zone is known and that was found: was the zone at its best location right?"""
    right = []
    for box, zone in zip(sample.boxes, sample.zones, strict=True):
        if zone == UNKNOWN or not found:
            continue
        overlaps = [detection.iou(detection.corners(box), detection.corners(one.box_cxcywh)) for one in found]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= detection.IOU_RIGHT:
            right.append(int(np.argmax(answered[best])) == zone)
    return right


def _urgency_figures(pairs: list[tuple[int, int]]) -> dict[str, float]:
    if not pairs:
        return {}
    truth, answered = np.array(pairs).T
    danger = truth == DANGER
    result = {"urgency_accuracy": float((truth == answered).mean()), "danger_pictures": float(danger.sum())}
    if danger.any():
        result["false_reassurance"] = float((answered[danger] == SAFE).mean())
    return result
