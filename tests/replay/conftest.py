"""Truths made by hand, so that a test says what is there."""

from __future__ import annotations

import pytest

from maxsight_core.scenes.geometry import Pose
from maxsight_core.scenes.truth import CameraTruth, ObjectTruth, SceneTruth


def thing(number: int = 1, name: str = "person", **changes) -> ObjectTruth:
    from maxsight_core import taxonomy

    fields = {
        "id": number, "class_id": taxonomy.by_name(name).id, "class_name": name, "box_cxcywh": (0.5, 0.5, 0.1, 0.4),
        "visible_share": 1.0, "distance_m": 4.0, "depth_m": 4.0, "bearing_deg": 0.0, "zone": "medium", "urgency": 0,
        "time_to_contact_s": None, "closing_mps": 0.0, "on_course": False, "velocity_mps": (0.0, 0.0)}
    return ObjectTruth(**{**fields, **changes})


def frames_of(*contents, fps: float = 10.0, speed_mps: float = 1.2, calm: bool | None = None) -> list[SceneTruth]:
    """One frame per entry, each a list of things; calm where nothing is on course."""
    camera = CameraTruth(66.0, 640, 480, Pose(0.0, 1.4, 0.0, 0.0, 0.0, 0.0), speed_mps)
    return [SceneTruth(index, index / fps, "street", "day", tuple(things), camera,
                       not any(item.on_course for item in things) if calm is None else calm)
            for index, things in enumerate(contents)]


@pytest.fixture
def made():
    """``thing`` and ``frames_of`` of this file."""
    return thing, frames_of
