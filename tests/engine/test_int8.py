"""INT8 is used only when it was prepared for these weights and judged good enough."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from support.networks import calibrate_norms

from maxsight_core.engine.manifest import CheckpointManifest
from maxsight_core.engine.quantize import main
from maxsight_core.engine.runtimes import int8
from maxsight_core.engine.runtimes.base import RuntimeUnavailableError
from maxsight_core.engine.runtimes.load import load_stage_a

HEADS = frozenset({"objectness", "classification", "boxes"})


def manifest(heads=HEADS):
    return CheckpointManifest(tier="T0", grid="fused", classes=tuple(range(91)), trained_heads=heads, data="test")


def answers(monkeypatch, reference, found):
    """Make ``judge`` see these detections, one list a picture."""
    lists = iter([*(item for pair in zip(found, reference, strict=True) for item in pair)])
    monkeypatch.setattr(int8.detect, "decode", lambda *args, **kwargs: next(lists))
    raw = [{"objectness": np.linspace(0, 1, 4, dtype=np.float32)} for _ in reference]
    return int8.judge(raw, raw, manifest(), 224)


def boxes(count, shift=0.0, class_id=1):
    return [int8.RawDetection(class_id, 0.9, (0.05 + 0.9 * i / count + shift, 0.5, 0.2, 0.4)) for i in range(count)]


def test_the_same_detections_are_accepted_and_moved_or_renamed_ones_refused(monkeypatch):
    assert answers(monkeypatch, [boxes(30), boxes(30)], [boxes(30), boxes(30)]).usable
    moved = answers(monkeypatch, [boxes(30), boxes(30)], [boxes(30, 0.02), boxes(30, 0.02)])
    assert not moved.usable
    assert moved.same_share == 0.0
    renamed = answers(monkeypatch, [boxes(30), boxes(30)], [boxes(30), boxes(30, class_id=3)])
    assert not renamed.usable
    assert "50.0%" in renamed.reason


def test_too_few_detections_judge_nothing(monkeypatch):
    verdict = answers(monkeypatch, [boxes(5)], [boxes(5)])
    assert not verdict.usable
    assert "--images" in verdict.reason


def test_untrained_weights_are_judged_by_their_outputs_alone():
    raw = [{"objectness": np.linspace(0, 1, 8, dtype=np.float32)}]
    off = [{"objectness": np.linspace(0, 1, 8, dtype=np.float32) + 0.1}]
    verdict = int8.judge(raw, off, manifest(frozenset()), 224)
    assert verdict.usable
    assert verdict.same_share is None
    assert verdict.output_error == pytest.approx(0.1, rel=1e-3)


def test_int8_that_was_not_prepared_is_refused_when_asked_for_and_passed_over_otherwise(tmp_path, engine):
    with pytest.raises(RuntimeUnavailableError, match=r"maxsight_core\.engine\.quantize"):
        load_stage_a(precision="int8", cache_dir=tmp_path)
    assert engine.runtime.precision in ("bf16", "f32")


def test_a_damaged_verdict_counts_as_none(tmp_path):
    (tmp_path / int8.QUALITY_FILE).write_text("{broken")
    assert int8.quality_of(tmp_path) is None
    (tmp_path / int8.QUALITY_FILE).write_text(json.dumps({"usable": True}))
    assert int8.quality_of(tmp_path) is None


@pytest.mark.slow
def test_a_prepared_graph_is_used_by_the_next_start_and_answers_like_full_precision(
    tmp_path, monkeypatch, capsys, engine
):
    monkeypatch.setenv("MAXSIGHT_CACHE_DIR", str(tmp_path))
    assert main(["--samples", "16"]) == 0
    if "gains nothing" in capsys.readouterr().out:
        pytest.skip("this CPU has no INT8 arithmetic")
    loaded = load_stage_a(cache_dir=tmp_path)
    assert loaded.runtime.precision == "int8"
    picture = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    exact, quick = engine.runtime.infer(picture), loaded.runtime.infer(picture)
    loaded.runtime.close()
    assert set(exact) == set(quick)
    for name, tensor in exact.items():
        assert quick[name].shape == tensor.shape
        scale = max(float(np.ptp(tensor)), 1.0 if tensor.size == 1 else 1e-3)
        assert np.abs(quick[name] - tensor).mean() / scale < 0.25, name


@pytest.mark.slow
def test_the_map_for_stage_b_survives_quantization_and_has_a_graph_of_its_own(tmp_path):
    from maxsight_core.engine.runtimes import openvino
    from maxsight_core.models.assemble import build_stage_a
    from maxsight_core.models.contract import SHARED_MAP

    torch.manual_seed(0)
    model = build_stage_a().eval()
    calibrate_norms(model.backbone)
    pictures = [np.random.default_rng(seed).integers(0, 256, (1, 96, 96, 3), dtype=np.uint8) for seed in range(8)]
    quantized = int8.quantize(openvino.convert(model, 96, with_map=True), pictures)
    plain, mapped = (int8.folder_of(tmp_path, "fused", 96, "key", with_map) for with_map in (False, True))
    assert plain != mapped
    int8.keep(quantized, int8.Int8Quality(True, "a test", 8, 0, None, 0.0), mapped)

    def made(**options):
        return openvino.OpenVinoRuntime(lambda: model, weights_key="key", grid="fused", input_size=96,
                                        cache_dir=tmp_path, **options)

    quick = made(with_map=True)
    assert quick.precision == "int8"
    found, expected = quick.infer(pictures[0]), made(with_map=True, precision="f32").infer(pictures[0])
    error = np.abs(found[SHARED_MAP] - expected[SHARED_MAP]).mean() / np.ptp(expected[SHARED_MAP])
    assert 0.0 < error < 0.05
    with pytest.raises(RuntimeUnavailableError, match="no INT8 graph is prepared"):
        made(with_map=False, precision="int8")
