"""Motion of the picture: end-point error, as in Baker et al., "A Database and Evaluation Methodology for Optical Flow",
2011, and KITTI's share of outliers (Menze & Geiger 2015)."""

from __future__ import annotations

import numpy as np

OUTLIER_PX, OUTLIER_SHARE = 3.0, 0.05
"""KITTI 2015: wrong by more than 3 px and by more than 5 % of the true motion."""


def flow_figures(answered_px: np.ndarray, truth_px: np.ndarray) -> dict[str, float]:
    """Errors of motion; places whose truth is not finite are left out.

    Args:
        answered_px, truth_px: [2, H, W] pixels to the next frame (u right, v down), of the same pixels.

    Returns:
        ``epe_px``: mean length of the difference; ``still_epe_px``: that of an answer of no motion at all, to compare
        with; ``outliers``: KITTI's share; ``places``. Empty when nothing is known.

    Raises:
        ValueError: other or different shapes.
    """
    if answered_px.shape != truth_px.shape or truth_px.ndim != 3 or truth_px.shape[0] != 2:
        raise ValueError(f"flow_figures: expected two arrays of shape [2, H, W]; got {list(answered_px.shape)} and "
                         f"{list(truth_px.shape)}")
    known = np.isfinite(truth_px).all(axis=0)
    if not known.any():
        return {}
    answer, truth = answered_px[:, known].astype(np.float64), truth_px[:, known].astype(np.float64)  # [2, n]
    error, length = np.hypot(*(answer - truth)), np.hypot(*truth)
    wrong = (error > OUTLIER_PX) & (error > OUTLIER_SHARE * length)
    return {"epe_px": float(error.mean()), "still_epe_px": float(length.mean()), "outliers": float(wrong.mean()),
            "places": float(known.sum())}
