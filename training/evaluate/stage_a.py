"""Stage A on labelled samples: detections, zones, urgency; by any network that answers as the engine's runtimes do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.stats import spearmanr

from maxsight_core.engine import detect
from maxsight_core.models.layers.normalise import Normalise
from maxsight_core.models.stage_a import StageA
from training.data.sample import UNKNOWN, ClassTable, Sample
from training.evaluate import calibration, detection, distance, urgency

Infer = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""[1, S, S, 3] uint8 to named arrays, as ``StageARuntime.infer``."""
EVALUATION_SCORE = 0.05
"""Detections above this are taken into the curve; the app's own threshold is higher."""
LEAST_FOR_CORRELATION = 10
"""Pictures; a rank correlation of fewer is chance."""


@dataclass(slots=True)
class Answers:
    """What a network said about a set of samples, beside the truth.

    Args:
        pictures: detections. zones: (picture, truth, [3] probabilities) of boxes that were found.
        urgencies: (picture, truth, [4] probabilities). uncertainties: (picture, 0..1).
    """

    pictures: list[detection.Picture] = field(default_factory=list)
    zones: list[tuple[int, int, np.ndarray]] = field(default_factory=list)
    urgencies: list[tuple[int, int, np.ndarray]] = field(default_factory=list)
    uncertainties: list[tuple[int, float]] = field(default_factory=list)


def evaluate(
    infer: Infer, samples: Iterable[Sample], classes: ClassTable, *, grid: str, input_size_px: int, fit: str,
    heads: frozenset[str], network_classes: tuple[int, ...] | None = None,
) -> dict[str, float]:
    """Figures of one set of samples: :func:`ask`, then :func:`figures`, with the same arguments."""
    answers = ask(infer, samples, classes, grid=grid, input_size_px=input_size_px, fit=fit, heads=heads,
                  network_classes=network_classes)
    return figures(answers, classes)


def ask(
    infer: Infer, samples: Iterable[Sample], classes: ClassTable, *, grid: str, input_size_px: int, fit: str,
    heads: frozenset[str], network_classes: tuple[int, ...] | None = None,
) -> Answers:
    """What the network says about every sample.

    Args:
        classes: of the samples; what is judged. heads: outputs that were trained; the others are not judged.
        network_classes: taxonomy id of every column of the network; None: those of ``classes``.
    """
    settings = replace(detect.DEFAULTS[grid], score_threshold=EVALUATION_SCORE)
    answers = Answers()
    for number, sample in enumerate(samples):
        raw = infer(detect.prepare(sample.image, input_size_px, fit))
        found, places = detect.decode_with_locations(
            raw, grid, input_size_px, sample.size, fit=fit, classes=network_classes or classes.ids,
            settings=settings)
        answers.pictures.append(detection.Picture(found, replace_image(sample)))
        if "distance_zones" in heads:
            answers.zones += [(number, *pair) for pair in _zones(sample, found, raw["distance_zones"][0][places])]
        if "urgency" in heads and sample.urgency != UNKNOWN:
            answers.urgencies.append((number, sample.urgency, np.array(raw["urgency"][0])))
        if "uncertainty" in heads:
            answers.uncertainties.append((number, float(raw["uncertainty"][0, 0])))
    return answers


def figures(answers: Answers, classes: ClassTable) -> dict[str, float]:
    """Figures of a set of answers.

    Returns:
        :func:`training.evaluate.detection.figures`, ``pictures``, and where the truth is known those of
        :mod:`~training.evaluate.distance` (zones) and :mod:`~training.evaluate.urgency`; calibration
        (:func:`training.evaluate.calibration.figures`) of the detections' scores as ``ece``, ``temperature``, ..., of
        the heads as ``zone_ece``, ``urgency_ece``, ...; and ``uncertainty_correlation``, the rank correlation of the
        uncertainty with the share of detections that were wrong or missing.
    """
    result = detection.figures(answers.pictures, classes)
    result["pictures"] = float(len(answers.pictures))
    scores, right, picture = detection.judged(answers.pictures, classes)
    result |= calibration.figures(scores, right, picture)
    for name, rows, judge in (("zone", answers.zones, distance.zone_figures),
                              ("urgency", answers.urgencies, urgency.figures)):
        if rows:
            picture, truth = np.array([row[:2] for row in rows], np.int64).T  # [n], [n]
            said = np.stack([row[2] for row in rows])  # [n, levels]
            result |= judge(truth, said.argmax(axis=1))
            result |= {f"{name}_{key}": value for key, value in calibration.figures(said, truth, picture).items()}
    return result | _uncertainty(answers, classes)


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


def _zones(sample: Sample, found: list, answered: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Of each true box whose zone is known and that was found: its zone, and what was said at its best location."""
    pairs = []
    for box, zone in zip(sample.boxes, sample.zones, strict=True):
        if zone == UNKNOWN or not found:
            continue
        overlaps = [detection.iou(detection.corners(box), detection.corners(one.box_cxcywh)) for one in found]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= detection.IOU_RIGHT:
            pairs.append((int(zone), answered[best]))
    return pairs


def _uncertainty(answers: Answers, classes: ClassTable) -> dict[str, float]:
    """Does the network doubt the pictures that it gets wrong? Spearman's rank correlation, -1..1."""
    doubt, wrong = [], []
    for number, value in answers.uncertainties:
        error = detection.error_share(answers.pictures[number], classes)
        if error is not None:
            doubt.append(value)
            wrong.append(error)
    if len(doubt) < LEAST_FOR_CORRELATION or len(set(doubt)) == 1 or len(set(wrong)) == 1:
        return {}
    return {"uncertainty_correlation": float(spearmanr(doubt, wrong).statistic)}
