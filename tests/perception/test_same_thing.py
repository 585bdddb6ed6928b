from __future__ import annotations

import pytest
from support.scene_views import thing

from maxsight_core.contracts import Camera
from maxsight_core.perception.same_thing import put_together

CAMERA = Camera(640, 480)


def part(track_id, box, seconds=3.0, **more):
    return thing("something", 0, box, track_id, time_to_contact_s=seconds, time_to_contact_frames=5, **more)


def test_head_and_legs_of_one_person_are_one_thing_with_the_older_number():
    head, legs = part(8, (0.5, 0.35, 0.10, 0.30)), part(7, (0.5, 0.68, 0.10, 0.32), on_course=True)
    (whole,) = put_together([head, legs], CAMERA)
    assert whole.track_id == 7
    assert whole.on_course
    assert whole.box_cxcywh == pytest.approx((0.5, 0.52, 0.10, 0.64))
    assert whole.bearing_deg == pytest.approx(0.0)


def test_three_parts_become_one_thing():
    parts = [part(1, (0.5, 0.2, 0.1, 0.2)), part(2, (0.5, 0.42, 0.1, 0.2)), part(3, (0.51, 0.65, 0.1, 0.2))]
    assert len(put_together(parts, CAMERA)) == 1


@pytest.mark.parametrize("other", [
    part(2, (0.75, 0.5, 0.1, 0.3)),  # beside it
    part(2, (0.5, 0.9, 0.1, 0.1)),  # far below it
    part(2, (0.5, 0.68, 0.1, 0.32), seconds=6.0),  # behind it: arrives much later
    part(2, (0.5, 0.68, 0.1, 0.32), seconds=None),  # does not approach
])
def test_other_things_stay_apart(other):
    assert len(put_together([part(1, (0.5, 0.35, 0.10, 0.30)), other], CAMERA)) == 2
