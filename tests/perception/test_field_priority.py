"""Priority lies where the patient's field is lost, in the picture's own directions."""

import numpy as np
import pytest
from support.scene_views import make_view

from maxsight_core.contracts import Camera, SessionSettings
from maxsight_core.perception import field_priority

PICTURE = np.full((480, 640, 3), 128, np.uint8)
GRID_24_2 = [(x, y) for x in range(-27, 28, 6) for y in range(-21, 22, 6) if np.hypot(x, y) < 28]


def _map(settings: SessionSettings):
    return field_priority.estimate(make_view(PICTURE, settings=settings))["field_priority"]


def test_a_measured_loss_up_right_is_up_right_in_the_picture():
    rows = [[x, y, -25.0 if x > 0 and y > 0 else 0.0] for x, y in GRID_24_2]
    value = _map(SessionSettings(patient_profile={"visual_field": rows}))
    assert "54" not in value.method or "points" in value.method
    assert value.value[2, 11] > 0.9
    for row, column in ((2, 2), (11, 2), (11, 11)):
        assert value.value[row, column] < 0.1


def test_priority_is_the_share_of_sensitivity_lost():
    rows = [[x, y, -10.0] for x, y in GRID_24_2]
    value = _map(SessionSettings(patient_profile={"visual_field": {"points": rows}})).value
    assert value == pytest.approx(np.full((14, 14), 0.9), abs=1e-6)


def test_a_measured_field_beats_the_conditions_default():
    rows = [[x, y, 0.0] for x, y in GRID_24_2]
    value = _map(SessionSettings(condition="glaucoma", patient_profile={"visual_field": rows}))
    assert value.value.max() == 0.0


@pytest.mark.parametrize("condition", ["glaucoma", "retinitis_pigmentosa", "amd"])
def test_the_default_of_a_condition_is_its_periphery_and_says_that_it_is_a_default(condition):
    value = _map(SessionSettings(condition=condition))
    assert value.value[7, 7] == 0.0
    assert value.value[0, 0] > 0.9
    assert "default" in value.method
    assert value.confidence <= 0.3


@pytest.mark.parametrize("condition", [None, "myopia"])
def test_without_field_or_field_condition_it_is_unavailable(condition):
    value = _map(SessionSettings(condition=condition))
    assert value.source == "unavailable"
    assert "no visual field" in value.reason


@pytest.mark.parametrize("field", [[[1, 2]], "left", [[0, 0, -90]], [[0, 0, float("nan")]]])
def test_a_malformed_field_is_refused(field):
    with pytest.raises(ValueError, match="visual_field"):
        field_priority.field_points({"visual_field": field})


def test_eccentricities_are_the_cameras():
    right, up = field_priority.eccentricities(Camera(640, 480), grid=641)
    assert right[320, -1] == pytest.approx(33.0, abs=0.1)
    assert up[0, 0] == pytest.approx(np.degrees(np.arctan(240 / Camera(640, 480).focal_px)), abs=0.1)
