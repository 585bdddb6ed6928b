"""Stage A in INT8: post-training quantization by NNCF, judged against the full-precision graph before it is used.

An INT8 graph is prepared once for one set of weights (``python -m maxsight_core.engine.quantize``) and kept beside the
other graphs. ``auto`` uses it only when its verdict says so: for trained weights, when at least 95 % of the
full-precision detections on held-out pictures come back with the same class and a box IoU over 0.95
(10-performance); for untrained weights always, because their numbers are withheld in any precision.

Quantization: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", CVPR 2018; fast bias correction as in NNCF (Intel).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import openvino as ov

from maxsight_core.contracts import RawDetection
from maxsight_core.engine import detect
from maxsight_core.engine.manifest import CheckpointManifest
from maxsight_core.engine.runtimes import graph_cache
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError

QUALITY_FILE = "int8_quality.json"
SAME_BOX_IOU = 0.95
MIN_SHARE = 0.95
MIN_DETECTIONS = 50
"""Fewer full-precision detections than this cannot judge a graph."""


@dataclass(frozen=True, slots=True)
class Int8Quality:
    """The verdict on one INT8 graph.

    Args:
        usable: whether ``auto`` may choose it. reason: why (not), one line.
        pictures: how many pictures it was judged on. detections: full-precision detections on them.
        same_share: share of those found again, or None without trained heads.
        output_error: mean absolute difference of the raw outputs, as a share of their range.
    """

    usable: bool
    reason: str
    pictures: int
    detections: int
    same_share: float | None
    output_error: float


def folder_of(cache_dir: Path, grid: str, input_size: int, weights_key: str, with_map: bool = False) -> Path:
    """Where the INT8 graph of these weights is kept; with the map for Stage B it is another one."""
    return cache_dir / graph_cache.graph_key(grid, input_size, f"{weights_key} int8", with_map)


def allowed(usable: bool | None, precision: str) -> bool:
    """Whether a prepared graph is to be used. ``usable``: its verdict, or None when none was prepared.

    Raises:
        RuntimeUnavailableError: ``int8`` was asked for, and none was prepared.
    """
    if precision == "int8" and usable is None:
        not_prepared()
    return usable is not None and precision in ("auto", "int8") and (usable or precision == "int8")


def not_prepared() -> ov.Model:
    """Stands where a graph would be made: an INT8 graph is prepared by a command of its own, never in passing."""
    raise RuntimeUnavailableError(
        "precision: no INT8 graph is prepared for these weights; run `python -m maxsight_core.engine.quantize`"
    )


def quality_of(folder: Path) -> Int8Quality | None:
    """The verdict kept with a prepared graph; None when none was prepared, or its file is damaged."""
    try:
        return Int8Quality(**json.loads((folder / QUALITY_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def quantize(model: ov.Model, pictures: Sequence[np.ndarray]) -> ov.Model:
    """An INT8 copy of a Stage A graph. ``pictures``: [1, S, S, 3] uint8, as the camera sees, for calibration."""
    import nncf

    return nncf.quantize(
        model, nncf.Dataset(list(pictures)), subset_size=len(pictures), preset=nncf.QuantizationPreset.MIXED
    )


def judge(
    reference: list[dict[str, np.ndarray]], found: list[dict[str, np.ndarray]], manifest: CheckpointManifest,
    input_size: int,
) -> Int8Quality:
    """Compare INT8 answers with full-precision answers, picture by picture."""
    errors = [
        float(np.abs(theirs[name] - ours[name]).mean() / max(float(np.ptp(theirs[name])), 1e-6))
        for theirs, ours in zip(reference, found, strict=True) for name in theirs
    ]
    error = float(np.mean(errors))
    if not detect.can_detect(manifest.trained_heads):
        return Int8Quality(True, "no trained heads: the numbers are withheld", len(found), 0, None, error)

    def decoded(raw: dict[str, np.ndarray]) -> list[RawDetection]:
        return detect.decode(raw, manifest.grid, input_size, (input_size, input_size), fit=manifest.fit,
                             classes=manifest.classes)

    total = same = 0
    for theirs, ours in zip(reference, found, strict=True):
        candidates = decoded(ours)
        for wanted in decoded(theirs):
            total += 1
            same += any(c.class_id == wanted.class_id and _iou(c.box_cxcywh, wanted.box_cxcywh) > SAME_BOX_IOU
                        for c in candidates)
    if total < MIN_DETECTIONS:
        reason = f"only {total} detections to judge by; at least {MIN_DETECTIONS} are needed: give more --images"
        return Int8Quality(False, reason, len(found), total, None, error)
    share = same / total
    verdict = "kept" if share >= MIN_SHARE else "refused"
    reason = f"{verdict}: {share:.1%} of {total} detections are the same (at least {MIN_SHARE:.0%} are needed)"
    return Int8Quality(share >= MIN_SHARE, reason, len(found), total, share, error)


def _iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    shared = max(0.0, width) * max(0.0, height)
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / union if union > 0 else 0.0


def keep(model: ov.Model, quality: Int8Quality, folder: Path) -> None:
    """Put an INT8 graph and its verdict into the cache."""
    graph_cache.replace_graph(model, graph_cache.Kept(folder, "int8"))
    (folder / QUALITY_FILE).write_text(json.dumps(asdict(quality), indent=2) + "\n", encoding="utf-8")
