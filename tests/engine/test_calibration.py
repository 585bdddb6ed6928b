"""What quantization is calibrated with is what the engine would see."""

import cv2
import numpy as np
import pytest

from maxsight_core.engine import calibration, detect
from maxsight_core.engine.runtimes import load_stage_a
from maxsight_core.engine.runtimes.stage_b_base import check_inputs
from maxsight_core.models.contract import SHARED_MAP
from maxsight_core.sources import SourceError, open_source

MOVING = "scene:corridor?seed=3&fps=5&seconds=2"


@pytest.fixture(scope="module")
def stage_a():
    return load_stage_a(tier="T2", grid="fused", runtime="torch", precision="f32", input_size=64, with_map=None)


@pytest.fixture
def folder(tmp_path):
    def filled(count):
        draw = np.random.default_rng(0)
        for number in range(count):
            cv2.imwrite(str(tmp_path / f"{number:02}.png"), draw.integers(0, 256, (48, 64, 3), dtype=np.uint8))
        return str(tmp_path)

    return filled


def test_unrelated_pictures_have_no_history_and_boxes_lie_inside(stage_a, folder):
    found = calibration.stage_b_samples("T2", stage_a, folder(9), 8)
    assert len(found) == 8
    for inputs in found:
        check_inputs(inputs, "T2")
        np.testing.assert_array_equal(inputs["map_valid"], [[0, 1]])
        assert not inputs["stage_a_maps"][0, 0].any()
        assert inputs["box_valid"].all()  # an untrained detector gives none, and parts that read boxes must see some
        x, y, width, height = inputs["boxes"][0].T
        assert (x - width / 2 >= -1e-6).all() and (y + height / 2 <= 1 + 1e-6).all()
    assert np.abs(found[0]["picture"].astype(int) - found[1]["picture"]).max() > 10


def test_successive_frames_keep_stage_as_last_maps_newest_last(stage_a, monkeypatch):
    monkeypatch.setattr(calibration, "MOVING_SCENES", (MOVING,))
    found = calibration.stage_b_samples("T2", stage_a, None, calibration.MIN_SAMPLES)[-1]
    np.testing.assert_array_equal(found["map_valid"], [[1, 1]])
    last = {}
    for frame in open_source(MOVING).frames():
        picture = detect.prepare(frame.rgb, 64, stage_a.manifest.fit)
        last[detect.prepare(frame.rgb, 224, "stretch").tobytes()] = (frame.seq, picture)
    seq, picture = last[found["picture"].tobytes()]
    assert seq > 0
    np.testing.assert_allclose(found["stage_a_maps"][0, -1], stage_a.runtime.infer(picture)[SHARED_MAP][0], atol=1e-5)
    assert np.abs(found["stage_a_maps"][0, 0] - found["stage_a_maps"][0, 1]).max() > 0


def test_a_tier_without_motion_needs_no_maps(stage_a, folder):
    assert set(calibration.stage_b_samples("T1", stage_a, folder(8), 8)[0]) == {"picture", "boxes", "box_valid"}


def test_too_few_pictures_are_refused_with_how_many_are_needed(stage_a, folder):
    few = folder(3)
    with pytest.raises(SourceError, match="3 pictures; at least 8 are needed"):
        calibration.stage_b_samples("T1", stage_a, few, 8)
    with pytest.raises(SourceError, match="3 pictures; at least 8 are needed"):
        calibration.pictures(few, 8, 64, "stretch")
