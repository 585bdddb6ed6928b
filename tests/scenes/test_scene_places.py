"""What rooms, stairs, stations and crossings are for: doors that open, ground that rises, signals that are kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maxsight_core import taxonomy
from maxsight_core.scenes import PAINTED_UNNAMED, SCENE_NAMES
from maxsight_core.scenes.crossing import signal_states
from maxsight_core.scenes.crossing_ground import ROAD_M, ZEBRA_HALF_M
from maxsight_core.scenes.doors import SwingDoor
from maxsight_core.scenes.level_changes import DOWN, UP, height_of, segments_of
from maxsight_core.scenes.things import LongPlane
from maxsight_core.scenes.traffic import lane

SMALL = "size=240x180&seconds=30"
VEHICLES = ("car", "van", "bus", "truck", "taxi")
EXPECTED = {
    "room": {"door", "door handle", "door knob", "person", "window", "potted plant", "chair", "couch", "cupboard",
             "sink", "refrigerator", "dining table", "cup", "bottle", "tv", "bed", "desk"},
    "stairwell": {"stairs up", "stairs down", "handrail", "single step", "ramp", "door", "person"},
    "station": {"platform edge", "tactile paving", "train", "rail track", "bench", "person", "suitcase", "ticket gate",
                "platform number sign", "door"},
    "crossing": {"crosswalk", "traffic light", "pedestrian signal", "kerb", "tactile paving", "car", "person", "bus",
                 "truck", "bicycle", "motorcycle", "pedestrian crossing sign", "stop sign", "speed limit sign",
                 "bollard", "tree", "litter bin", "pushchair"},
}


def _walk(scene: str, renderer, more: str = ""):
    return renderer(f"scene:{scene}?{SMALL}{more}")


@pytest.mark.parametrize("scene", EXPECTED)
def test_a_few_seeds_hold_what_the_scene_is_for(scene, renderer):
    names = {thing.class_name for seed in range(1, 5) for thing in _walk(scene, renderer, f"&seed={seed}").world.things}
    assert EXPECTED[scene] <= names, f"missing: {EXPECTED[scene] - names}"


def test_classes_without_a_box_are_named_for_every_scene():
    assert set(PAINTED_UNNAMED) == set(SCENE_NAMES)
    for names in PAINTED_UNNAMED.values():
        assert all(taxonomy.by_name(name).name == name for name in names)


def test_a_closed_door_hides_the_next_room_and_an_open_one_shows_it(renderer):
    walk = _walk("room", renderer, "&seed=2")
    world, fps = walk.world, walk.spec.fps
    doors = [part for part in world.parts if isinstance(part, SwingDoor)]
    opens = [door._opens_at_s for door in doors if 2.0 < door._opens_at_s < 26.0]
    assert opens
    beyond_z = {door._opens_at_s: door.reference(0.0)[1] for door in doors}
    places = {thing.number: thing.place for thing in world.things}
    shown_later = 0
    for at in opens:
        def farther(time_s: float, z: float = beyond_z[at]) -> int:
            frame = walk.frame(round(time_s * fps))
            return sum(places[o.id](time_s)[1] > z + 0.3 for o in frame.truth.objects)

        assert farther(np.floor((at - 0.15) * fps) / fps) == 0
        shown_later += farther(np.ceil((at + 1.5) * fps) / fps)
    assert shown_later > 0


def test_a_leaf_fills_its_opening_until_it_swings_away(renderer):
    walk = _walk("room", renderer, "&seed=2&shake=0")
    door = next(p for p in walk.world.parts if isinstance(p, SwingDoor) and 2.0 < p._opens_at_s < 26.0)
    focal, boxes = 120 / np.tan(np.radians(33.0)), []
    for time_s in (door._opens_at_s - 0.2, door._opens_at_s + 1.4):
        truth = walk.frame(round(time_s * 10)).truth
        item = next(o for o in truth.objects if o.id == door.thing.number)
        boxes.append(item.box_cxcywh[2] * 240 * item.depth_m / focal)
    assert boxes[0] == pytest.approx(2 * door.thing.half_x_m, rel=0.12)
    assert boxes[1] < 0.6 * boxes[0]


def test_the_walker_goes_through_the_doorways(renderer):
    for seed in (1, 2, 3):
        world = _walk("room", renderer, f"&seed={seed}").world
        for door in (part for part in world.parts if isinstance(part, SwingDoor)):
            x, z = door.reference(0.0)
            passed_s = world.path.time_at(z)
            if passed_s < 29.0:
                assert abs(world.path.ground(passed_s)[0] - x) < 0.02
                assert door._opens_at_s < passed_s - 1.0


def test_the_camera_rises_and_falls_with_the_stairs(renderer):
    walk = _walk("stairwell", renderer, "&shake=0")
    for index in range(0, 300, 20):
        pose = walk.frame(index).truth.camera.pose
        assert pose.y == pytest.approx(walk.world.path.height_m + walk.world.floor(0.0, pose.z), abs=1e-6)
    heights = [walk.world.floor(0.0, z) for z in np.arange(0.0, 20.0, 0.5)]
    assert np.ptp(heights) > 0.3


@pytest.mark.parametrize("seed", range(5))
def test_a_way_is_without_gaps_and_stairs_have_rises_that_people_can_climb(seed):
    way = segments_of(np.random.default_rng(seed), 60.0, -3.0)
    height = height_of(way)
    for before, after in itertools.pairwise(way):
        assert before.z1 == after.z0 and before.y1 == after.y0
    for segment in way:
        assert abs(height(segment.z0)) < 3.2
        if segment.kind in (UP, DOWN):
            assert abs(segment.y1 - segment.y0) == pytest.approx(segment.steps * segment.rise_m)
            assert 0.15 <= segment.rise_m <= 0.18 and 0.26 < (segment.z1 - segment.z0) / segment.steps < 0.33


def test_depth_of_the_landing_is_that_of_its_height(renderer):
    """On level ground between flights the floor is below the camera by the height of its eyes."""
    walk = _walk("stairwell", renderer, "&shake=0")
    frame = walk.frame(0, depth=True)
    pitch, focal = np.radians(frame.truth.camera.pose.pitch_deg), 120 / np.tan(np.radians(33.0))
    v = (179.5 - 90) / focal
    expected = walk.world.path.height_m / (np.sin(pitch) + v * np.cos(pitch))
    assert np.median(frame.depth[179, 100:140]) == pytest.approx(expected, rel=0.01)


def test_the_walker_is_on_the_road_only_while_people_have_green_and_cars_are_held(renderer):
    for seed in (1, 2, 3):
        world = _walk("crossing", renderer, f"&seed={seed}").world
        for number, kerb in enumerate(world.cells):
            cars, people = signal_states(20.0 * (number + 1))
            for time_s in np.arange(0.0, 46.0, 0.5):
                if kerb < world.path.ground(time_s)[1] < kerb + ROAD_M:
                    assert cars(time_s) == "red"
                    assert people(time_s) == "green" or world.path.ground(time_s)[1] > kerb + ROAD_M / 2
                    _assert_crossing_free(world, kerb, time_s)


def _assert_crossing_free(world, kerb: float, time_s: float) -> None:
    for thing in world.things:
        if thing.class_name in VEHICLES and thing.visible(time_s):
            x, z = thing.place(time_s)
            if kerb < z < kerb + ROAD_M:
                assert abs(x) - thing.half_x_m > ZEBRA_HALF_M - 1.0, f"{thing.class_name} at {x:.1f}, {time_s} s"


@pytest.mark.parametrize("seed", range(6))
def test_vehicles_of_a_lane_keep_apart(seed):
    passages = lane(np.random.default_rng(seed), 0.0, 80.0, [(12.0, 24.0), (32.0, 44.0), (52.0, 64.0)])
    assert len(passages) > 8 and any(p.held_until_s is not None for p in passages)
    tracks = [np.array(p.track()) for p in passages]
    for time_s in np.arange(0.0, 80.0, 0.5):
        fronts = [(float(np.interp(time_s, t[:, 0], t[:, 1])), p) for t, p in zip(tracks, passages, strict=True)
                  if t[0, 0] < time_s < t[-1, 0]]
        for (ahead, leader), (behind, _) in itertools.pairwise(fronts):
            assert ahead - leader.shape.length_m > behind, f"{time_s} s"


def test_signals_say_in_the_truth_what_they_show(renderer):
    walk, seen = _walk("crossing", renderer, "&seed=4"), set()
    for index in range(120, 240, 10):
        frame = walk.frame(index)
        for item in frame.truth.objects:
            if item.class_name == "pedestrian signal" and item.visible_share > 0.95 and item.box_cxcywh[3] > 0.15:
                cx, cy, _, height = item.box_cxcywh
                row = {"red": cy - height / 2 + 0.06 * height, "green": cy - height / 2 + 0.175 * height}[item.state]
                y, x = int(row * 180), int(cx * 240)
                lit = frame.rgb[y - 1:y + 2, x - 1:x + 2].astype(int).reshape(-1, 3).max(axis=0)
                assert lit[0 if item.state == "red" else 1] > lit[1 if item.state == "red" else 0] + 40
                seen.add(item.state)
    assert seen == {"red", "green"}
    states = {o.state for i in range(0, 300, 10) for o in _walk("street", renderer).frame(i).truth.objects}
    assert states <= {None, "red", "green"} and len(states) == 3


def test_a_train_comes_in_beside_the_platform_and_stands_still(renderer):
    world = _walk("station", renderer).world
    train = next(thing for thing in world.things if thing.class_name == "train")
    assert not train.visible(5.0) and train.visible(20.5)
    assert abs(train.velocity(26.0)[1]) < 1e-6 < abs(train.velocity(16.0)[1])
    assert all(train.place(t)[0] - train.half_x_m > 1.7 for t in (14.0, 20.0, 30.0)), "never over the platform"


def test_houses_hide_the_vehicles_behind_them(renderer):
    """A ray to anything on the road must leave the block of houses at the kerb, not through a front."""
    checked = 0
    for seed in (1, 2, 3, 4):
        walk = _walk("crossing", renderer, f"&seed={seed}")
        world, kerb = walk.world, walk.world.cells[0]
        half = min(abs(part.start[0]) for part in world.parts
                   if isinstance(part, LongPlane) and part.cell == 0 and part.along_v[1] < 0)
        places = {thing.number: thing.place for thing in world.things}
        for index in range(0, 90, 20):
            truth = walk.frame(index).truth
            pose, focal = truth.camera.pose, 120 / np.tan(np.radians(33.0))
            for item in truth.objects:
                if item.class_name not in VEHICLES or places[item.id](truth.time_s)[1] < kerb:
                    continue
                for side in (-0.5, 0.5):
                    column = (item.box_cxcywh[0] + side * item.box_cxcywh[2] - 0.5) * 240
                    bearing = np.radians(pose.yaw_deg) + np.arctan(column / focal)
                    leaves_x = pose.x + np.tan(bearing) * (kerb - pose.z)
                    assert abs(leaves_x) < half + 0.4, f"{item.class_name}, frame {index}"
                    checked += 1
    assert checked > 20
