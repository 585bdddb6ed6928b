"""Faint, small and crowded things are hard to find, more so for weak eyes; danger comes first in the order."""

import numpy as np
import pytest
from support.scene_views import make_view, thing

from maxsight_core.contracts import SessionSettings
from maxsight_core.perception import findability

NORMAL = SessionSettings()
WEAK = SessionSettings(patient_profile={"logmar": 1.3, "log_cs": 0.6})


def _square(side: int, level: int, background: int = 128, noise: float = 0.0) -> tuple[np.ndarray, object]:
    rgb = np.full((480, 640, 3), float(background))
    rgb += np.random.default_rng(0).normal(0, noise, (480, 640, 1)) if noise else 0.0
    top, left = 240 - side // 2, 320 - side // 2
    rgb[top:top + side, left:left + side] = level
    return np.clip(rgb, 0, 255).astype(np.uint8), thing(box=(0.5, 0.5, side / 640, side / 480))


def _score(side, level, settings=NORMAL, **more) -> float:
    rgb, box = _square(side, level, **more)
    value = findability.estimate(make_view(rgb, detections=(box,), settings=settings))["findability"].value
    return value["detections"][0]["value"]


def test_contrast_size_and_quiet_surroundings_make_things_findable():
    assert _score(100, 230) > _score(100, 140) > _score(100, 129)
    assert _score(100, 133, settings=WEAK) > _score(12, 133, settings=WEAK)
    assert _score(60, 200) > _score(60, 200, noise=60.0)


def test_weak_eyes_find_less():
    assert _score(20, 170, settings=WEAK) < 0.5 < _score(20, 170)


def test_colour_alone_makes_a_thing_findable():
    rgb, box = _square(100, 128)
    rgb[190:290, 270:370] = (160, 108, 140)  # about the surround's luminance, clearly purplish
    value = findability.estimate(make_view(rgb, detections=(box,)))["findability"].value
    assert value["detections"][0]["value"] > 2 * _score(100, 129)


def test_roi_priority_puts_danger_then_the_middle_first():
    rgb, _ = _square(100, 230)
    things = (
        thing("car", 3, (0.1, 0.5, 0.1, 0.1), 1, urgency=3), thing("chair", 62, (0.5, 0.5, 0.1, 0.1), 2),
        thing("chair", 62, (0.1, 0.5, 0.1, 0.1), 3),
    )
    order = findability.estimate(make_view(rgb, detections=things))["roi_priority"].value
    assert order[0] > order[1] > order[2]
    assert ((order >= 0) & (order <= 1)).all()


def test_what_this_person_would_miss_comes_before_what_they_see():
    box = thing()
    assert findability.priority(box, 0.1, 33.0) > findability.priority(box, 0.9, 33.0)


def test_map_is_high_only_where_there_is_something_to_see():
    rgb, _ = _square(120, 240)
    grid = findability.estimate(make_view(rgb))["findability"].value["map"]
    assert grid.shape == (14, 14)
    assert grid[4:10, 4:10].max() > 0.5
    assert grid[0, 0] < 0.1


def test_nothing_detected_has_no_order():
    rgb, _ = _square(100, 230)
    value = findability.estimate(make_view(rgb))["roi_priority"]
    assert value.source == "unavailable"
    assert "nothing detected" in value.reason


def test_no_contrast_is_never_noticed():
    assert findability.chance_of_noticing(0.0, 5.0, 0.0, findability.observer(NORMAL)) == pytest.approx(0.0)
