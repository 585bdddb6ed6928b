"""What the person chose and can see, as the 32 numbers that Stage B's personalization head reads.

:data:`POSITIONS` names every number. All lie in -1..1; 0 means "not chosen", "not known" or the default. Whether alerts
are silenced or masked is no part of it: that decides about delivery, not about what a person needs to know.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from maxsight_core.contracts import (
    CONDITIONS,
    DEFAULT_CAMERA_HEIGHT_M,
    DEFAULT_HFOV_DEG,
    VERBOSITIES,
    SessionSettings,
)
from maxsight_core.models.stage_b_contract import PROFILE_SIZE
from maxsight_core.perception import field_priority

FIELD_PARTS: tuple[str, ...] = ("centre", "left", "right", "up", "down")
POSITIONS: tuple[str, ...] = (
    *(f"condition: {name}" for name in CONDITIONS),          # 0..12: 1 for the person's condition
    *(f"verbosity: {name}" for name in VERBOSITIES),         # 13..15: 1 for the chosen one
    "feet instead of metres",                                # 16: 0 or 1
    "clock directions",                                      # 17: 0 or 1
    "speech rate",                                           # 18: 0 at 180 words a minute, 1 at 450
    "radius of the remaining field",                         # 19: degrees / 90
    "logMAR", "logMAR is known",                             # 20: logMAR / 3; 21: 0 or 1
    "log contrast sensitivity", "contrast is known",         # 22: log CS / 2.5; 23: 0 or 1
    *(f"field loss: {name}" for name in FIELD_PARTS),        # 24..28: mean share of sensitivity lost there
    "field is known",                                        # 29: 0 or 1
    "camera height",                                         # 30: 0 at 1.4 m, 1 at 3 m
    "field of view",                                         # 31: 0 at 66 degrees (or not calibrated), 1 at 170
)
"""What each of the 32 numbers says."""

DEFAULT_WPM, HIGHEST_WPM = 180, 450
HIGHEST_LOGMAR, LOWEST_LOGMAR = 3.0, -0.5
HIGHEST_LOG_CS = 2.5
HIGHEST_CAMERA_M, HIGHEST_HFOV_DEG = 3.0, 170.0
"""Ends of the settings' and the profile's ranges (``SessionSettings``, ``perception.contrast``)."""
HIGHEST_RADIUS_DEG = 90.0
CENTRE_DEG = 10.0
"""The central field: what the 10-2 test covers."""


def vector(settings: SessionSettings) -> np.ndarray:
    """[32] float32, -1..1, see :data:`POSITIONS`.

    A figure of the profile that is missing or no valid number counts as not known: what is proposed to a person must
    not end because of it. The estimators that use the figure say what is wrong with it.
    """
    profile = settings.patient_profile
    logmar = _number(profile, "logmar", LOWEST_LOGMAR, HIGHEST_LOGMAR)
    log_cs = _number(profile, "log_cs", 0.0, HIGHEST_LOG_CS)
    radius_deg = _number(profile, "field_radius_deg", 0.0, HIGHEST_RADIUS_DEG)
    loss = _field_loss(profile)
    hfov_deg = DEFAULT_HFOV_DEG if settings.hfov_deg is None else settings.hfov_deg
    numbers = [
        *(float(settings.condition == name) for name in CONDITIONS),
        *(float(settings.verbosity == name) for name in VERBOSITIES),
        float(settings.units == "feet"),
        float(settings.directions == "clock"),
        (settings.speech_wpm - DEFAULT_WPM) / (HIGHEST_WPM - DEFAULT_WPM),
        (radius_deg or 0.0) / HIGHEST_RADIUS_DEG,
        (logmar or 0.0) / HIGHEST_LOGMAR, float(logmar is not None),
        (log_cs or 0.0) / HIGHEST_LOG_CS, float(log_cs is not None),
        *(loss or (0.0,) * len(FIELD_PARTS)), float(loss is not None),
        (settings.camera_height_m - DEFAULT_CAMERA_HEIGHT_M) / (HIGHEST_CAMERA_M - DEFAULT_CAMERA_HEIGHT_M),
        (hfov_deg - DEFAULT_HFOV_DEG) / (HIGHEST_HFOV_DEG - DEFAULT_HFOV_DEG),
    ]
    result = np.asarray(numbers, np.float32)
    assert result.shape == (PROFILE_SIZE,)
    return result


def _number(profile: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = profile.get(name)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable and low <= value <= high else None


def _field_loss(profile: dict[str, Any]) -> tuple[float, ...] | None:
    """Mean share of contrast sensitivity lost, 0..1, in each of :data:`FIELD_PARTS`; None without a usable field."""
    try:
        points = field_priority.field_points(profile)
    except ValueError:
        return None
    if points is None:
        return None
    right, up, deviation_db = points.T
    lost = 1.0 - 10.0 ** (np.minimum(deviation_db, 0.0) / 10.0)
    central = np.hypot(right, up) <= CENTRE_DEG
    sideways = ~central & (np.abs(right) >= np.abs(up))
    upright = ~central & ~sideways
    parts = (central, sideways & (right < 0), sideways & (right >= 0), upright & (up > 0), upright & (up <= 0))
    return tuple(float(lost[part].mean()) if part.any() else 0.0 for part in parts)
