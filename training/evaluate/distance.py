"""Distance: zones of things that were found, and metres of things and of maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.data.sample import ZONES
from training.evaluate.urgency import confusion

NEAR, FAR = ZONES.index("near"), ZONES.index("far")
WITHIN = 1.25
"""Delta 1 of depth estimation: the share of places where the larger of answer and truth is less than this times the
smaller (Eigen, Puhrsch & Fergus, "Depth Map Prediction from a Single Image", 2014)."""


def zone_figures(truth: Sequence[int], answered: Sequence[int]) -> dict[str, float]:
    """``zone_accuracy``, ``zone_boxes``, and of near things ``near_called_far``; empty without any."""
    table = confusion(truth, answered, len(ZONES))
    if not table.sum():
        return {}
    result = {"zone_accuracy": float(np.trace(table) / table.sum()), "zone_boxes": float(table.sum())}
    if table[NEAR].sum():
        result["near_called_far"] = float(table[NEAR, FAR] / table[NEAR].sum())
    return result


def depth_figures(answered_m: np.ndarray, truth_m: np.ndarray) -> dict[str, float]:
    """Errors of depth or distance, metres; places whose truth is NaN, infinite or not positive are left out.

    Args:
        answered_m, truth_m: of one shape, any.

    Returns:
        ``abs_rel``: mean of |answer - truth| / truth; ``rmse_m``; ``delta1``: share within 25 %; ``places``. Empty
        when nothing is known.

    Raises:
        ValueError: different shapes.
    """
    if answered_m.shape != truth_m.shape:
        raise ValueError(f"depth_figures: expected answers of shape {list(truth_m.shape)}, as the truth; got "
                         f"{list(answered_m.shape)}")
    known = np.isfinite(truth_m) & (truth_m > 0)
    if not known.any():
        return {}
    answer, truth = answered_m[known].astype(np.float64), truth_m[known].astype(np.float64)
    error = np.abs(answer - truth)
    ratio = np.maximum(answer, truth) / np.maximum(np.minimum(answer, truth), np.finfo(np.float32).tiny)
    return {"abs_rel": float((error / truth).mean()), "rmse_m": float(np.sqrt((error**2).mean())),
            "delta1": float((ratio < WITHIN).mean()), "places": float(known.sum())}
