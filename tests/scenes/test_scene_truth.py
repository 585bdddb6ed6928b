"""The truth agrees with the picture, with plane geometry and with itself over time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maxsight_core.scenes import SCENE_NAMES
from maxsight_core.scenes.canvas import Canvas
from maxsight_core.scenes.truth import CALM_TTC_S

UPRIGHT = ("person", "runner", "cyclist", "traffic light", "bollard", "wet floor sign", "child", "potted plant", "cat")
SPARSE = ("room", "stairwell", "crossing")
"""Scenes where few people meet the walker: more frames are looked at."""
SMALL = "size=240x180&seconds=30"
STEADY = "seconds=40&fps=10&shake=0&size=640x480"


def _spec(scene: str, more: str = "") -> str:
    return f"scene:{scene}?{STEADY}{more}"


def _canvas(scene, index: int) -> Canvas:
    return scene._paint(index / scene.spec.fps, True)


def _owned(canvas: Canvas, identity: int) -> np.ndarray:
    numbers = [n for n, thing in enumerate(canvas.things, start=1) if thing.number == identity]
    return canvas.owners == numbers[0]


@pytest.mark.parametrize("scene", SCENE_NAMES)
@pytest.mark.parametrize("index", [20, 80, 220, 330])
def test_box_edges_are_where_the_pixels_of_the_thing_end(scene, index, renderer):
    walk = renderer(_spec(scene))
    canvas, truth = _canvas(walk, index), walk.frame(index).truth
    assert len(truth.objects) >= 5
    errors = []
    for item in truth.objects:
        columns, rows = (np.flatnonzero(_owned(canvas, item.id).any(axis=axis)) for axis in (0, 1))
        cx, cy, w, h = item.box_cxcywh
        box = ((cx - w / 2) * 640, (cy - h / 2) * 480, (cx + w / 2) * 640, (cy + h / 2) * 480)
        seen = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        errors.append(np.subtract(box, seen))
        assert np.abs(errors[-1]).max() <= 2.0, f"{item.class_name}: box {box}, pixels {seen}"
        assert min(box) > -1e-6 and box[2] < 640 + 1e-6 and box[3] < 480 + 1e-6
    assert np.abs(np.mean(errors, axis=0)).max() < 0.6, "boxes must not be too wide or too narrow as a rule"


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_depth_in_a_persons_box_is_its_distance(scene, renderer):
    walk, checked = renderer(_spec(scene)), 0
    for index in range(5, 400, 20 if scene in SPARSE else 40):
        frame, canvas = walk.frame(index, depth=True), _canvas(walk, index)
        for item in frame.truth.objects:
            if item.class_name not in UPRIGHT:
                continue
            depth = float(np.median(frame.depth[_owned(canvas, item.id)]))
            assert depth == pytest.approx(item.depth_m, rel=0.03), item.class_name
            pitch = math.radians(frame.truth.camera.pose.pitch_deg)
            assert item.depth_m == pytest.approx(
                item.distance_m * math.cos(math.radians(item.bearing_deg)) * math.cos(pitch), rel=0.05, abs=0.15)
            checked += 1
    assert checked >= 10


def test_depth_of_the_floor_is_that_of_a_plane_below_a_pinhole_camera(renderer):
    walk = renderer(_spec("corridor"))
    frame = walk.frame(0, depth=True)
    camera = frame.truth.camera
    focal = 320 / math.tan(math.radians(camera.hfov_deg) / 2)
    v = (479.5 - 240) / focal
    pitch = math.radians(camera.pose.pitch_deg)
    expected = camera.pose.y / (math.sin(pitch) + v * math.cos(pitch))
    assert np.median(frame.depth[479, 280:360]) == pytest.approx(expected, rel=0.01)


def test_box_height_of_a_person_follows_the_pinhole_model(renderer):
    walk, checked = renderer(_spec("corridor")), 0
    heights = {thing.number: 2 * thing.height_m for thing in walk.world.things if thing.class_name == "person"}
    for index in range(0, 90, 10):
        for item in walk.frame(index).truth.objects:
            if item.class_name == "person" and item.visible_share > 0.97:
                focal = 320 / math.tan(math.radians(33.0))
                assert item.box_cxcywh[3] * 480 == pytest.approx(focal * heights[item.id] / item.depth_m, rel=0.03)
                checked += 1
    assert checked >= 5


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_time_to_contact_is_distance_over_closing_speed(scene, renderer):
    walk, checked = renderer(f"scene:{scene}?{SMALL}&seed=1"), 0
    for index in range(0, 290, 10 if scene not in SPARSE else 5):
        now, later = walk.frame(index).truth, {o.id: o for o in walk.frame(index + 1).truth.objects}
        for item in now.objects:
            if item.time_to_contact_s is None or item.id not in later:
                continue
            assert item.time_to_contact_s == pytest.approx(item.distance_m / item.closing_mps)
            if item.distance_m > 4 and item.on_course:
                measured = (item.distance_m - later[item.id].distance_m) * walk.spec.fps
                assert measured == pytest.approx(item.closing_mps, rel=0.15, abs=0.15), item.class_name
                checked += 1
    assert checked >= 3


@pytest.mark.parametrize(("scene", "class_name", "closing_mps"),
                         [("corridor", "person", 2.3), ("street", "cyclist", 4.0)])
def test_the_growth_of_the_box_gives_the_same_time_to_contact(scene, class_name, closing_mps, renderer):
    """h / (dh/dt) over five frames, for the thing that comes straight at the walker in the first 20 s."""
    walk, track = renderer(_spec(scene)), {}
    for index in range(40, 100):
        for item in walk.frame(index).truth.objects:
            if item.class_name == class_name and item.on_course and item.visible_share > 0.97:
                track.setdefault(item.id, []).append((index, item))
    rows = max(track.values(), key=len)
    checked = 0
    for (i0, a), (i1, middle), (i2, b) in zip(rows[:-4], rows[2:-2], rows[4:], strict=True):
        if (i1 - i0, i2 - i1) != (2, 2) or max(abs(x.closing_mps - middle.closing_mps) for x in (a, b)) > 0.2:
            continue
        h0, h2 = a.box_cxcywh[3], b.box_cxcywh[3]
        # for constant closing speed 1/h shrinks linearly, which makes this exact
        ttc = (4 / walk.spec.fps) / (1 - h0 / h2) - 2 / walk.spec.fps
        assert ttc == pytest.approx(middle.time_to_contact_s, rel=0.05), f"frame {i1}"
        checked += 1
    assert checked >= 8
    assert max(item.closing_mps for _, item in rows) > closing_mps


def test_somebody_stops_an_arms_length_in_front_and_closing_ends(renderer):
    walk = renderer(_spec("corridor", "&seed=4").replace("seconds=40", "seconds=50"))
    nearest = [min((o for o in walk.frame(i).truth.objects if o.class_name == "person" and abs(o.bearing_deg) < 15),
                   key=lambda o: o.distance_m) for i in range(400, 410)]
    assert all(0.7 < o.distance_m < 1.6 and o.time_to_contact_s is None for o in nearest)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_the_first_twenty_seconds_hold_danger_and_calm(scene, seed, renderer):
    walk = renderer(f"scene:{scene}?{SMALL}&seed={seed}")
    truths = [walk.frame(i).truth for i in range(0, 200, 4)]
    assert sum(truth.urgency == 3 for truth in truths) >= 2, "something must be about to collide"
    calm = "".join("c" if truth.calm else "-" for truth in truths)
    assert "c" * 8 in calm, "and for three seconds on end nothing may approach"


@pytest.mark.parametrize("scene", SCENE_NAMES)
def test_calm_means_that_nothing_in_view_is_on_course(scene, renderer):
    walk = renderer(f"scene:{scene}?{SMALL}&seed=1")
    for index in range(0, 300, 12):
        truth = walk.frame(index).truth
        soon = [o for o in truth.objects if o.on_course and o.time_to_contact_s < CALM_TTC_S]
        assert not (truth.calm and soon)


def test_true_flow_predicts_the_next_picture(renderer):
    """Warping the next frame back along the flow must give this frame, far better than not warping."""
    import cv2

    walk = renderer("scene:corridor?seconds=40&fps=25&size=320x240")
    now, later = walk.frame(250, flow=True), walk.frame(251)
    v, u = np.mgrid[0:240, 0:320].astype(np.float32)
    warped = cv2.remap(later.rgb, u + now.flow[0], v + now.flow[1], cv2.INTER_LINEAR)
    known = np.isfinite(now.flow).all(axis=0)
    known[:25], known[-25:], known[:, :25], known[:, -25:] = False, False, False, False
    with_flow = np.abs(warped.astype(int) - now.rgb)[known].mean()
    without = np.abs(later.rgb.astype(int) - now.rgb)[known].mean()
    assert with_flow < 0.6 * without


def test_writing_in_the_scene_is_in_the_truth(renderer):
    texts = {o.text for i in (0, 60, 120, 200) for o in renderer(_spec("corridor")).frame(i).truth.objects if o.text}
    assert "EXIT" in texts and any(text.isdigit() for text in texts)
    texts = {o.text for i in (0, 60, 120) for o in renderer(_spec("street")).frame(i).truth.objects
             if o.class_name == "shop sign"}
    assert texts - {None}
