"""The way is free where the floor is seen, blocked where things stand, and unknown where nobody can tell."""

import cv2
import numpy as np
import pytest
from support.data import shared_data
from support.scene_views import load_rgb, make_view, thing

from maxsight_core.contracts import Camera, EgoMotion, MotionResult
from maxsight_core.perception import path_guidance


def _corridor(seed: int = 0) -> np.ndarray:
    """Grey floor up to the horizon, lighter walls above, with grain."""
    rgb = np.full((480, 640, 3), (190, 180, 160), np.uint8)
    rgb[240:] = (95, 95, 100)
    grain = np.random.default_rng(seed).normal(0, 3, rgb.shape)
    return np.clip(rgb + grain, 0, 255).astype(np.uint8)


def _guidance(rgb, **more):
    return path_guidance.estimate(make_view(rgb, **more))["path_guidance"]


def test_ground_distance_is_the_cameras_geometry():
    camera = Camera(640, 480, hfov_deg=66.0, height_m=1.4)
    # 45 degrees below a camera 1.4 m up, the ground is 1.4 m away.
    row = 0.5 + camera.focal_px / camera.height_px
    assert float(path_guidance.ground_distance_m(row, camera)) == pytest.approx(1.4, rel=1e-6)
    assert np.isinf(path_guidance.ground_distance_m(0.4, camera))
    tilted = Camera(640, 480, pitch_deg=20.0)
    assert path_guidance.horizon_row(tilted) < 0.2
    assert path_guidance.ground_distance_m(0.5, tilted) == pytest.approx(1.4 / np.tan(np.radians(20.0)))


def test_an_empty_floor_is_free_straight_ahead():
    value = _guidance(_corridor()).value
    assert value["free_bearing_deg"] == pytest.approx(0.0)
    assert value["words"] == "Most open floor is ahead"
    assert all(sector["free_m"] == path_guidance.MAX_RANGE_M for sector in value["sectors"])


def test_an_obstacle_ahead_turns_the_way_to_the_free_side():
    rgb = _corridor()
    cv2.rectangle(rgb, (0, 180), (420, 395), (40, 60, 150), -1)
    value = _guidance(rgb).value
    assert value["sectors"][-1]["free_m"] > value["sectors"][0]["free_m"]
    assert value["free_bearing_deg"] > 15.0
    assert value["words"] == "More open floor to the right"


def test_a_tall_obstacle_right_at_the_feet_is_never_called_free():
    rgb = _corridor()
    cv2.rectangle(rgb, (0, 100), (460, 479), (40, 60, 150), -1)  # it covers where the floor is learned
    found = _guidance(rgb)
    assert found.value["free_bearing_deg"] is None
    assert found.value["words"] != "Most open floor is ahead"


def test_the_foot_of_an_obstacle_gives_its_distance():
    rgb = _corridor()
    camera = Camera(640, 480)
    foot_row = 0.80
    rgb[200:int(foot_row * 480), 256:384] = (150, 40, 40)
    middle = _guidance(rgb).value["sectors"][2]
    assert middle["free_m"] == pytest.approx(float(path_guidance.ground_distance_m(foot_row, camera)), rel=0.15)


def test_detections_and_approaching_things_block_their_columns():
    person = thing(box=(0.5, 0.5, 0.25, 0.5), distance_m=2.0)
    blocked = _guidance(_corridor(), detections=(person,)).value
    assert blocked["sectors"][2]["free_m"] == 2.0
    assert blocked["free_bearing_deg"] != 0.0
    coming = MotionResult(None, None, EgoMotion(), approaching=(thing("something", 0, (0.9, 0.5, 0.3, 0.5)),))
    assert _guidance(_corridor(), motion=coming).value["sectors"][4]["free_m"] == 0.0


def test_a_wall_of_the_floors_colour_is_not_called_free():
    rgb = np.clip(np.full((480, 640, 3), 120.0) + np.random.default_rng(0).normal(0, 3, (480, 640, 3)), 0, 255)
    value = _guidance(rgb.astype(np.uint8)).value
    assert value["free_bearing_deg"] is None
    assert value["words"] == "Open floor unknown"
    assert all(sector["free_m"] is None for sector in value["sectors"])


@pytest.mark.parametrize("spoil", ["clutter", "dark"])
def test_without_a_visible_floor_there_is_no_guidance(spoil):
    rgb = np.zeros((480, 640, 3), np.uint8)
    if spoil == "clutter":
        cells = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
        rgb = cv2.resize(cells, (640, 480), interpolation=cv2.INTER_NEAREST)
    value = _guidance(rgb)
    assert value.source == "unavailable"
    assert value.reason


def test_the_floor_is_found_once_per_frame():
    memory: dict = {}
    first = path_guidance.floor_of(make_view(_corridor(), memory=memory, seq=5))
    assert path_guidance.floor_of(make_view(_corridor(1), memory=memory, seq=5)) is first
    assert path_guidance.floor_of(make_view(_corridor(1), memory=memory, seq=6)) is not first


def test_a_parked_car_on_a_real_street_ends_the_floor():
    rgb = load_rgb(shared_data("crosswatch_pan", "seq0", "00.jpg"))  # a car stands left, the crossing is free
    floor = path_guidance.floor_of(make_view(rgb))
    columns = path_guidance.COLUMNS
    assert np.median(floor.foot_row[: columns // 4]) > np.median(floor.foot_row[columns // 2:]) + 0.1
