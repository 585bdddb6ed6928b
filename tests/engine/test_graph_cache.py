"""The graph cache saves work and is never trusted blindly. A small real graph stands for the network."""

import logging
import shutil

import numpy as np
import openvino as ov
import openvino.opset13 as ops
import pytest

from maxsight_core.engine.runtimes import graph_cache


def small_graph() -> ov.Model:
    """uint8 [1, 8, 8, 3] in; a map [1, 4, 6, 6] and its mean [1, 4] out."""
    picture = ops.parameter([1, 8, 8, 3], np.uint8)
    planes = ops.transpose(ops.convert(picture, np.float32), [0, 3, 1, 2])
    kernel = np.random.default_rng(1).normal(0.0, 0.01, (4, 3, 3, 3)).astype(np.float32)
    maps = ops.convolution(planes, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    return ov.Model([maps, ops.reduce_mean(maps, [2, 3])], [picture])


@pytest.fixture
def graphs():
    def make():
        make.made += 1
        return small_graph()

    make.made = 0
    return make


def compiled(folder, make, precision="f32"):
    properties = {"INFERENCE_PRECISION_HINT": precision}
    return graph_cache.compile_cached(ov.Core(), properties, make, graph_cache.Kept(folder, precision))


def test_the_second_start_makes_no_graph_and_answers_the_same(tmp_path, graphs):
    first = graph_cache.probe(compiled(tmp_path / "g", graphs))
    second = graph_cache.probe(compiled(tmp_path / "g", graphs))
    assert graphs.made == 1
    assert [x.shape for x in first] == [(1, 4, 6, 6), (1, 4)]
    for ours, theirs in zip(second, first, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_a_cut_graph_is_made_again(tmp_path, graphs, caplog):
    expected = graph_cache.probe(compiled(tmp_path / "g", graphs))
    (tmp_path / "g" / "stage_a.xml").write_text("<net> cut sh")
    shutil.rmtree(tmp_path / "g" / "f32")
    with caplog.at_level(logging.WARNING):
        found = graph_cache.probe(compiled(tmp_path / "g", graphs))
    assert "unusable" in caplog.text
    assert graphs.made == 2
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)


@pytest.mark.parametrize("broken", ["other numbers", "other shapes", "nan", "cut", "another file"])
def test_a_model_that_no_longer_answers_as_it_did_is_made_again(tmp_path, graphs, caplog, broken):
    expected = graph_cache.probe(compiled(tmp_path / "g", graphs))
    answers = tmp_path / "g" / "f32" / "answers.npz"
    if broken == "cut":
        answers.write_bytes(answers.read_bytes()[:60])
    elif broken == "another file":
        answers.write_bytes(b"no archive")
    else:
        change = {"other numbers": lambda x: x * 1.2, "other shapes": lambda x: x[..., :2], "nan": lambda x: x * np.nan}
        np.savez(answers, *(change[broken](x) for x in expected))
    with caplog.at_level(logging.WARNING):
        found = graph_cache.probe(compiled(tmp_path / "g", graphs))
    assert "unusable" in caplog.text
    assert graphs.made == 2
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)
    compiled(tmp_path / "g", graphs)
    assert graphs.made == 2  # and from then on it is in order


def test_a_place_that_cannot_be_written_costs_time_but_not_the_model(tmp_path, graphs, caplog):
    (tmp_path / "file").write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        found = graph_cache.probe(compiled(tmp_path / "file" / "g", graphs))
    assert "cannot be kept" in caplog.text
    assert found[0].shape == (1, 4, 6, 6)


def test_only_the_newest_graphs_of_a_family_stay(tmp_path, graphs):
    for index in range(graph_cache.GRAPHS_KEPT + 2):
        compiled(tmp_path / f"stage_a-fused-8-{index:024x}", graphs)
    others = {"stage_a-pyramid-8-0", "stage_a-fused-8-map-0"}
    for name in others:
        compiled(tmp_path / name, graphs)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == graph_cache.GRAPHS_KEPT + len(others)
    assert others < set(left)
    assert f"stage_a-fused-8-{graph_cache.GRAPHS_KEPT + 1:024x}" in left


def test_a_graph_kept_in_16_bits_is_half_as_large_and_answers_nearly_the_same(tmp_path, graphs):
    whole = graph_cache.probe(compiled(tmp_path / "g", graphs))
    half = graph_cache.Kept(tmp_path / "half", "f32", graph_cache.SLICE_FILE, "f16")
    made = graph_cache.compile_cached(ov.Core(), {"INFERENCE_PRECISION_HINT": "f32"}, graphs, half)
    sizes = [path.with_suffix(".bin").stat().st_size for path in (half.graph, tmp_path / "g" / "stage_a.xml")]
    assert sizes[0] < 0.7 * sizes[1]
    np.testing.assert_allclose(graph_cache.probe(made)[0], whole[0], atol=0.01)
