"""Stored preferences are shown; clinical values are not."""

import numpy as np
from support.scene_views import make_view

from maxsight_core.contracts import SessionSettings
from maxsight_core.perception import personalization


def test_preferences_are_the_sessions_and_the_profile_shows_only_which_parts_exist():
    settings = SessionSettings(condition="amd", verbosity="full", units="feet", hfov_deg=70.0,
                               patient_profile={"logmar": 0.83, "log_cs": None, "name": "secret"})
    value = personalization.estimate(make_view(np.zeros((48, 64, 3), np.uint8), settings=settings))
    held = value["personalization"].value
    assert held["preferences"]["condition"] == "amd"
    assert held["preferences"]["units"] == "feet"
    assert held["preferences"]["camera_calibrated"] is True
    assert held["profile_used"] == ["logmar"]
    assert "0.83" not in str(held)
    assert "secret" not in str(held)
