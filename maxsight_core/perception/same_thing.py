"""Parts of one approaching thing put together: head and legs of a person often grow as two regions.

Two regions are one thing when one stands above (or over) the other, they all but touch, and they would arrive at the
same time. The older number is kept, so that the alerts know the thing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from maxsight_core.contracts import Camera, Detection
from maxsight_core.perception.geometry import centre_box, corners

SHARED_WIDTH = 0.5
"""Share of the narrower region's columns that the other one must cover."""
MAX_GAP = 0.25
"""Vertical gap between the parts, as a share of the taller one: regions end where texture does."""
CONTACT_RATIO = 1.5
"""Times to contact further apart than this belong to different things."""


def same_thing(a: Detection, b: Detection) -> bool:
    """True when the two regions are parts of one thing."""
    if a.time_to_contact_s is None or b.time_to_contact_s is None:
        return False
    sooner, later = sorted((a.time_to_contact_s, b.time_to_contact_s))
    if later > CONTACT_RATIO * max(sooner, 1e-3):
        return False
    al, at, ar, ab = corners(a.box_cxcywh)
    bl, bt, br, bb = corners(b.box_cxcywh)
    shared = min(ar, br) - max(al, bl)
    gap = max(at, bt) - min(ab, bb)
    return shared >= SHARED_WIDTH * min(ar - al, br - bl) and gap <= MAX_GAP * max(ab - at, bb - bt)


def put_together(regions: Sequence[Detection], camera: Camera) -> tuple[Detection, ...]:
    """The regions with parts of one thing merged; oldest number first."""
    things: list[Detection] = []
    for region in sorted(regions, key=lambda one: one.track_id):
        for index, thing in enumerate(things):
            if same_thing(thing, region):
                things[index] = _union(thing, region, camera)
                break
        else:
            things.append(region)
    return tuple(things)


def _union(a: Detection, b: Detection, camera: Camera) -> Detection:
    """Box around both; time, course and score of the surer part, the more urgent of both urgencies."""
    surer = max(a, b, key=lambda one: (one.time_to_contact_frames >= 3, one.score))
    al, at, ar, ab = corners(a.box_cxcywh)
    bl, bt, br, bb = corners(b.box_cxcywh)
    box = centre_box(min(al, bl), min(at, bt), max(ar, br), max(ab, bb))
    return replace(
        surer, track_id=min(a.track_id, b.track_id), box_cxcywh=box, bearing_deg=camera.bearing_deg(box[0]),
        urgency=max(a.urgency, b.urgency), on_course=a.on_course or b.on_course,
    )
