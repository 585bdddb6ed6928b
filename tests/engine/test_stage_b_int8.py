"""Stage B in INT8: slices are judged one by one, the whole by its trained outputs, and nothing is used unjudged."""

import json

import numpy as np
import pytest
from support.small_stage_b import OUTPUTS, SLICES, example_inputs, small_stage_b

from maxsight_core.engine.runtimes import RuntimeUnavailableError, int8_stage_b
from maxsight_core.engine.runtimes.int8 import QUALITY_FILE
from maxsight_core.engine.runtimes.openvino_stage_b import OpenVinoStageBRuntime
from maxsight_core.engine.runtimes.stage_b_graphs import Converter
from maxsight_core.models.stage_b_contract import heads_of

INT8_MEAN_TOLERANCE = 0.03
"""Of an output's range: eight bits through three slices, calibrated on eight pictures."""
HEADS = heads_of("T1")


def runtime(cache_dir, precision="auto"):
    return OpenVinoStageBRuntime(small_stage_b, weights_key="small", tier="T1", precision=precision, threads=1,
                                 cache_dir=cache_dir)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    samples = [example_inputs(seed=seed) for seed in range(12)]
    folder = int8_stage_b.folder_of(cache, "T1", "small")
    quality = int8_stage_b.prepare(Converter(small_stage_b), samples[:8], samples[8:], {"depth_map"}, HEADS, folder)
    return cache, folder, quality


def test_a_prepared_network_is_used_and_answers_like_32_bits(prepared):
    cache, folder, quality = prepared
    assert quality == int8_stage_b.quality_of(folder)
    assert quality.usable, quality.reason
    assert set(quality.errors) == set(OUTPUTS)
    assert "low" in quality.quantized  # the convolutions
    made = runtime(cache)
    assert made.precision == "int8"
    picture = example_inputs(seed=40)
    found, expected = made.run(picture), runtime(None, "f32").run(picture)
    for name, array in expected.items():
        error = float(np.abs(found[name] - array).mean()) / float(np.ptp(array))
        assert error < INT8_MEAN_TOLERANCE, name
    assert np.abs(found["depth_map"] - expected["depth_map"]).max() > 1e-4  # other arithmetic indeed


def test_its_graphs_hold_whole_numbers(prepared):
    _, folder, quality = prepared
    for name in SLICES:
        text = (folder / name / "slice.xml").read_text()
        assert ("FakeQuantize" in text) == (name in quality.quantized), name


def test_a_refused_network_is_used_only_when_asked_for(prepared):
    cache, folder, quality = prepared
    body = json.loads((folder / QUALITY_FILE).read_text())
    try:
        (folder / QUALITY_FILE).write_text(json.dumps(body | {"usable": False}))
        assert runtime(cache).precision in ("bf16", "f32")
        assert runtime(cache, "int8").precision == "int8"
        (folder / QUALITY_FILE).write_text("{broken")
        assert runtime(cache).precision in ("bf16", "f32")
        with pytest.raises(RuntimeUnavailableError, match="no INT8 graph is prepared"):
            runtime(cache, "int8")
    finally:
        (folder / QUALITY_FILE).write_text(json.dumps(body))
    assert int8_stage_b.quality_of(folder) == quality


def test_a_trained_output_that_moves_too_far_is_refused_by_name():
    errors = {"depth_map": 0.01, "glare_risk": 0.2}
    assert int8_stage_b.judge(errors, ["depth_map"], 4, ("low",)).usable
    refused = int8_stage_b.judge(errors, ["depth_map", "glare_risk"], 4, ("low",))
    assert not refused.usable
    assert "refused: glare_risk is 20.0% of its range" in refused.reason
    assert int8_stage_b.judge(errors, [], 4, ("low",)).reason == "no trained heads: the numbers are withheld"
    assert not int8_stage_b.judge(errors, [], 4, ()).usable
    assert not int8_stage_b.judge({"depth_map": float("inf")}, ["depth_map"], 4, ("low",)).usable


def test_a_slice_that_loses_its_numbers_stays_in_floating_point(tmp_path, monkeypatch):
    monkeypatch.setattr(int8_stage_b, "SLICE_TOLERANCE", 0.0)
    samples = [example_inputs(seed=seed) for seed in range(2)]
    folder = int8_stage_b.folder_of(tmp_path, "T1", "small")
    quality = int8_stage_b.prepare(Converter(small_stage_b), samples[:1], samples[1:], set(), HEADS, folder)
    assert quality.quantized == ()
    assert not quality.usable
    assert max(quality.errors.values()) < INT8_MEAN_TOLERANCE
