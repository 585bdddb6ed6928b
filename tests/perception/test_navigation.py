"""Cluttered, blocked or dark places are harder than open, even, lit ones."""

import cv2
import numpy as np
from support.scene_views import make_view, textured

from maxsight_core.contracts import Value
from maxsight_core.perception import navigation


def _difficulty(rgb, free_m=None, **more) -> float:
    so_far = {}
    if free_m is not None:
        sectors = [{"bearing_deg": 0.0, "free_m": free_m, "score": free_m / 8.0}]
        so_far["path_guidance"] = Value.measured("path_guidance", {"sectors": sectors}, "test")
    return navigation.estimate(make_view(rgb, so_far=so_far, **more))["navigation_difficulty"].value


def _clutter() -> np.ndarray:
    cells = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    return cv2.resize(cells, (640, 480), interpolation=cv2.INTER_NEAREST)


def test_clutter_is_harder_than_an_even_floor():
    plain = cv2.GaussianBlur(textured(), (0, 0), 15)
    assert _difficulty(_clutter()) > 0.6
    assert _difficulty(plain) < 0.3


def test_a_blocked_way_and_darkness_each_make_it_harder():
    picture = textured()
    free, blocked = _difficulty(picture, free_m=8.0), _difficulty(picture, free_m=1.0)
    assert blocked > free + 0.2
    dark = (picture * 0.15).astype(np.uint8)
    assert _difficulty(dark, free_m=8.0) > _difficulty(cv2.GaussianBlur(picture, (0, 0), 15), free_m=8.0)


def test_clutter_above_the_walking_part_does_not_count():
    rgb = np.full((480, 640, 3), 120, np.uint8)
    rgb[:150] = _clutter()[:150]
    assert navigation.edge_density(make_view(rgb).small) == 0.0


def test_unknown_free_space_is_left_out_and_said():
    value = navigation.estimate(make_view(textured()))["navigation_difficulty"]
    assert "free space unknown" in value.method
    assert 0.0 <= value.value <= 1.0
