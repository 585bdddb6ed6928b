"""Glare is clipped light with a veil around it, not just something white."""

import cv2
import numpy as np
import pytest
from support.scene_views import make_view, textured

from maxsight_core.perception import glare


def _lamp(radius: int, veil: bool, background: float = 0.08) -> np.ndarray:
    rows, columns = np.mgrid[0:120, 0:160]
    distance = np.hypot(rows - 50, columns - 80)
    light = np.full((120, 160), background, np.float32)
    if veil:
        light += 0.9 * np.exp(-np.maximum(distance - radius, 0) / 8.0)
    light[distance <= radius] = 1.0
    return np.clip(light, 0, 1).astype(np.float32)


def test_a_veil_around_clipped_light_is_glare_and_a_sharp_white_patch_is_less():
    lamp, patch = glare.measure(_lamp(22, veil=True)), glare.measure(_lamp(22, veil=False))
    assert lamp["veil"] > 0.3 > patch["veil"]
    assert lamp["score"] > patch["score"] + 0.1


def test_levels_run_from_none_to_high():
    levels = [int(glare.level_probabilities(score).argmax()) for score in (0.0, 0.15, 0.35, 0.9)]
    assert levels == [0, 1, 2, 3]
    for score in np.linspace(0, 1, 21):
        assert glare.level_probabilities(float(score)).sum() == pytest.approx(1.0)


def test_an_ordinary_scene_has_no_glare_and_a_blinding_one_has():
    plain = textured()
    calm = glare.estimate(make_view(np.clip(plain, 0, 220)))
    light = cv2.resize(_lamp(35, veil=True), (640, 480))
    rgb = (np.repeat(light[..., None], 3, axis=2) ** (1 / 2.2) * 255).astype(np.uint8)
    blinded = glare.estimate(make_view(rgb))
    assert calm["glare_risk"].value.argmax() == 0
    assert blinded["glare_risk"].value.argmax() == 3
    assert blinded["glare_confidence"].value == pytest.approx(float(blinded["glare_risk"].value.max()))
