"""Stage B on samples that know depth, distances or motion (rendered frames): its maps beside the truth.

Boxes are the truth's, so that a distance is not blamed for a box that was missed. Single pictures: of Stage A's maps
only the newest is known, as in training.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from maxsight_core.contracts import RawDetection, SessionSettings
from maxsight_core.engine import detect
from maxsight_core.engine.runtimes import LoadedStageA, StageBRuntime
from maxsight_core.engine.stage_b_inputs import inputs
from maxsight_core.models.contract import SHARED_MAP
from maxsight_core.models.stage_b_contract import BOXES, INPUT_SIDE_PX
from training.data.sample import Sample
from training.evaluate.distance import depth_figures
from training.evaluate.flow import flow_figures
from training.losses.depth import FARTHEST_M


def evaluate_stage_b(
    stage_a: LoadedStageA, stage_b: StageBRuntime, samples: Iterable[Sample],
) -> dict[str, float]:
    """Figures of the trained outputs whose truth some sample knows.

    Args:
        stage_a: answers ``fused_map`` when the tier reads it (``load_stage_a(with_map=None)``).

    Returns:
        ``depth.*`` and ``precise_distance.*`` (:func:`depth_figures`), ``flow.*`` (:func:`flow_figures`; a pixel is
        one of the picture at 224).
    """
    trained = stage_a.manifest.trained_heads
    depths, distances, motions = [], [], []
    for sample in samples:
        if sample.depth_m is None and sample.distances_m is None and sample.flow_px is None:
            continue
        chosen = np.argsort(-sample.boxes[:, 2:].prod(axis=1), kind="stable")[:BOXES]
        found = _answer(stage_a, stage_b, sample, chosen)
        if "depth_map" in trained and sample.depth_m is not None:
            depths.append((found["depth_map"][0], _shrunk(sample.depth_m, found["depth_map"].shape[-1])))
        if "precise_distances" in trained and sample.distances_m is not None and len(chosen):
            distances.append((found["precise_distances"][0, : len(chosen)], sample.distances_m[chosen]))
        if "scene_motion" in trained and sample.flow_px is not None:
            motions.append((found["scene_motion"][0], _flow_at_224(sample.flow_px, found["scene_motion"].shape[-1])))
    result = {}
    for name, pairs, judge in (("depth", depths, depth_figures), ("precise_distance", distances, depth_figures),
                               ("flow", motions, flow_figures)):
        if pairs:
            answered, truth = (np.concatenate(side, axis=-1) for side in zip(*pairs, strict=True))
            result |= {f"{name}.{key}": value for key, value in judge(answered, truth).items()}
    return result


def _answer(stage_a: LoadedStageA, stage_b: StageBRuntime, sample: Sample, chosen: np.ndarray) -> dict[str, np.ndarray]:
    runtime = stage_a.runtime
    maps = ()
    if runtime.with_map:
        raw = runtime.infer(detect.prepare(sample.image, runtime.input_size, stage_a.manifest.fit))
        maps = (raw[SHARED_MAP][0],)
    things = [RawDetection(class_id=1, score=1.0, box_cxcywh=tuple(float(np.clip(v, 0.0, 1.0)) for v in box))
              for box in sample.boxes[chosen]]
    given = inputs(stage_b.tier, sample.image, things, maps, SessionSettings(), sample.audio)
    return stage_b.run(given)


def _shrunk(depth_m: np.ndarray, side: int) -> np.ndarray:
    """[side, side], one value of each cell; what is beyond the head's range is not judged."""
    small = cv2.resize(depth_m.astype(np.float32), (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.where(small < FARTHEST_M, small, np.nan)


def _flow_at_224(flow_px: np.ndarray, side: int) -> np.ndarray:
    """[2, side, side] in pixels of the picture stretched to 224."""
    height, width = flow_px.shape[1:]
    return np.stack([cv2.resize(axis.astype(np.float32), (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
                     * (INPUT_SIDE_PX / length) for axis, length in zip(flow_px, (width, height), strict=True)])
