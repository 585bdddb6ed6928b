"""The person's stored preferences as an output, so that every view shows what shaped the others."""

from __future__ import annotations

from maxsight_core.contracts import SceneView, Value

OUTPUTS = ("personalization",)

SHOWN_PROFILE_KEYS = ("logmar", "log_cs", "visual_field")
"""Parts of the profile that change an estimator; only their presence is shown, never the clinical values."""


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``personalization``: ``{preferences: {...}, profile_used: [...]}``."""
    settings = view.settings
    value = {
        "preferences": {
            "condition": settings.condition, "verbosity": settings.verbosity, "speech_wpm": settings.speech_wpm,
            "units": settings.units, "directions": settings.directions, "silenced": settings.silenced,
            "masked": settings.masked, "camera_height_m": settings.camera_height_m,
            "camera_calibrated": settings.hfov_deg is not None,
        },
        "profile_used": [key for key in SHOWN_PROFILE_KEYS if settings.patient_profile.get(key) is not None],
    }
    return {"personalization": Value.measured("personalization", value, "stored preferences", 1.0)}
