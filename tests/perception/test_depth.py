"""Depth follows the ground plane, things stand on their feet, and what is not known says so in metres."""

import numpy as np
import pytest
from support.scene_views import make_view, thing

from maxsight_core.contracts import Camera
from maxsight_core.perception import depth, path_guidance


def _floor_scene() -> np.ndarray:
    rgb = np.full((480, 640, 3), (190, 180, 160), np.uint8)
    rgb[240:] = (95, 95, 100)
    return np.clip(rgb + np.random.default_rng(0).normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)


def test_floor_cells_lie_where_their_ray_meets_the_ground():
    values = depth.estimate(make_view(_floor_scene()))
    found = values["depth_map"].value
    assert found.shape == (48, 64)
    rows = (np.arange(28, 48) + 0.5) / 48
    expected = path_guidance.ground_distance_m(rows, Camera(640, 480))
    assert found[28:, 32] == pytest.approx(expected, rel=1e-4)
    assert values["depth_map"].confidence <= 0.25


def test_a_thing_stands_on_its_foot():
    rgb = _floor_scene()
    rgb[120:384, 256:384] = (150, 40, 40)
    found = depth.estimate(make_view(rgb))["depth_map"].value
    foot = float(path_guidance.ground_distance_m(0.8, Camera(640, 480)))
    assert found[15:37, 32] == pytest.approx(np.full(22, foot), rel=0.12)
    assert found[20, 5] > foot * 2  # beside it the room goes on


def test_a_detections_own_distance_overwrites_its_box_and_the_nearer_one_wins():
    far = thing(box=(0.5, 0.5, 0.4, 0.4), track_id=1, distance_m=6.0, distance_sd_m=1.0)
    near = thing(box=(0.5, 0.5, 0.1, 0.1), track_id=2, distance_m=2.0, distance_sd_m=0.3)
    values = depth.estimate(make_view(_floor_scene(), detections=(near, far)))
    assert values["depth_map"].value[24, 32] == 2.0
    assert values["depth_map"].value[24, 22] == 6.0
    assert values["depth_uncertainty"].value[24, 32] == pytest.approx(0.3)


def test_uncertainty_grows_with_distance_and_the_sky_is_only_far():
    values = depth.estimate(make_view(_floor_scene()))
    spread = values["depth_uncertainty"].value[:, 32]
    assert spread[47] < spread[38] < spread[30]
    assert values["depth_map"].value[0, 32] == depth.FAR_M
    assert spread[0] == depth.FAR_M


def test_ground_uncertainty_covers_a_real_tilt_of_its_standard_deviation():
    level, tilted = Camera(640, 480), Camera(640, 480, pitch_deg=depth.PITCH_SD_DEG)
    row = 0.9
    error = abs(float(path_guidance.ground_distance_m(row, level) - path_guidance.ground_distance_m(row, tilted)))
    _, spread = depth.ground_map(level, 480, 4)
    assert error < float(spread[int(row * 480), 0]) < 3 * error


def test_maps_stay_finite_and_in_the_registrys_range_for_any_tilt():
    for pitch in (-60.0, -10.0, 0.0, 30.0, 80.0):
        values = depth.estimate(make_view(_floor_scene(), camera=Camera(640, 480, pitch_deg=pitch)))
        for name in depth.OUTPUTS:
            assert values[name].is_finite()
            assert 0.0 <= values[name].value.min() <= values[name].value.max() <= 100.0
