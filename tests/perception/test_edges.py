"""Edges have a known gradient and lie where the step is."""

import numpy as np
from support.scene_views import make_view

from maxsight_core.perception import edges


def test_a_ramp_has_its_slope_as_gradient_in_every_direction():
    across = np.tile(np.linspace(0.0, 1.0, 101, dtype=np.float32), (60, 1))
    assert np.allclose(edges.gradient(across)[2:-2, 2:-2], 0.01, atol=1e-5)
    assert np.allclose(edges.gradient(np.ascontiguousarray(across.T))[2:-2, 2:-2], 0.01, atol=1e-5)


def test_edge_map_is_small_and_highest_on_the_edge():
    rgb = np.full((480, 640, 3), 40, np.uint8)
    rgb[:, 320:] = 200
    found = edges.estimate(make_view(rgb))["edge_map"].value
    assert found.shape == (192, 256)
    assert abs(int(found.mean(axis=0).argmax()) - 128) <= 1
