"""Urgency by table: class x motion x time to contact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.scene_views import thing

from maxsight_core.perception import urgency

PERSON, BICYCLE, CAR, BUS, TRUCK, HYDRANT, STOP_SIGN, CHAIR = 1, 2, 3, 6, 8, 11, 13, 62


@pytest.mark.parametrize(("class_id", "moving", "seconds", "expected"), [
    (CAR, True, None, 3), (TRUCK, True, None, 3), (BUS, True, None, 3), (CAR, False, None, 2),
    (PERSON, True, None, 2), (BICYCLE, True, None, 2), (PERSON, False, None, 0), (BICYCLE, False, None, 2),
    (HYDRANT, False, None, 1), (STOP_SIGN, False, None, 1), (CHAIR, False, 2.4, 3), (CHAIR, False, 4.9, 2),
    (PERSON, True, 2.4, 3), (PERSON, True, 9.0, 2), (0, True, 2.0, 3), (0, True, 4.0, 2), (0, True, 7.0, 1),
    (999, False, None, 1),
])
def test_class_motion_and_time_decide(class_id, moving, seconds, expected):
    assert urgency.of_thing(class_id, moving, seconds) == expected


@pytest.mark.parametrize(("seconds", "on", "off"), [(2.0, 3, 2), (4.0, 2, 1), (7.0, 1, 1)])
def test_what_passes_by_warns_one_stage_lower(seconds, on, off):
    assert urgency.of_thing(0, True, seconds, on_course=True) == on
    assert urgency.of_thing(0, True, seconds, on_course=False) == off


def test_less_time_is_never_less_urgent():
    for class_id in (0, 1, 3, 62):
        levels = [urgency.of_thing(class_id, False, s) for s in np.arange(8.0, 0.1, -0.1)]
        assert levels == sorted(levels)


def test_a_walking_wearer_does_not_make_a_parked_car_move():
    car = thing("car", CAR, closing_mps=1.4)
    assert urgency.of_detection(car, camera_still=True) == 3
    assert urgency.of_detection(car, camera_still=False) == 2
    assert urgency.of_detection(replace(car, closing_mps=9.0), camera_still=False) == 3


def test_the_frame_is_as_urgent_as_its_most_urgent_credible_thing():
    danger = replace(thing(), urgency=3, score=0.9)
    doubtful = replace(danger, score=0.2, track_id=2)
    assert urgency.of_frame([danger]).argmax() == 3
    levels = urgency.of_frame([doubtful, replace(thing(), urgency=1, score=0.9, track_id=3)])
    assert levels.argmax() == 1 and levels[3] == pytest.approx(0.2)
    assert urgency.of_frame([]).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert urgency.value([danger]).value.shape == (1, 4)
    assert urgency.of_frame([danger, doubtful]).sum() == pytest.approx(1.0)
