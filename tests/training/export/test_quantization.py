"""Eight bits: smaller, near the network's numbers, and refused when they cost too much."""

import json

import numpy as np
import pytest
import torch
from support.networks import calibrate_norms
from support.tiny_graph import SIDE_PX, tiny_graph
from support.training_samples import CLASSES, painted, write_coco

from maxsight_core.engine.manifest import CheckpointManifest, save_checkpoint
from maxsight_core.models.stage_a import StageA
from training import quantize as command
from training.export.check import compare, megabytes, open_file
from training.export.formats import openvino_model, to_openvino
from training.export.graph import ExportError
from training.export.quantization import ENDINGS, quantize

NEEDS = {"openvino": "nncf", "executorch": "torchao"}


@pytest.mark.parametrize("kind", ENDINGS)
def test_eight_bits_are_smaller_and_near(kind, tmp_path):
    pytest.importorskip(NEEDS[kind], reason=f"{NEEDS[kind]} is not installed (training/requirements-export.txt)")
    if kind == "executorch":
        pytest.importorskip("executorch", reason="executorch is not installed (training/requirements-export.txt)")
    graph = tiny_graph()
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (1, SIDE_PX, SIDE_PX, 3), dtype=np.uint8) for _ in range(8)]
    quantized, full = tmp_path / f"int8{ENDINGS[kind]}", tmp_path / "full.xml"
    quantize(graph, kind, pictures, quantized)
    _, share = compare(graph, open_file(graph, kind, quantized))
    assert 1e-5 < share < 0.1  # rounded, and not another network
    if kind == "openvino":
        to_openvino(graph, full)
        assert megabytes(quantized.with_suffix(".bin")) < 0.6 * megabytes(full.with_suffix(".bin"))


def test_what_cannot_be_quantized_says_why(tmp_path):
    with pytest.raises(ExportError, match="expected one of openvino"):
        quantize(tiny_graph(), "coreml", [], tmp_path / "a")
    with pytest.raises(ExportError, match="got none"):
        quantize(tiny_graph(), "openvino", [], tmp_path / "a.xml")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = StageA("fused", CLASSES.count).eval()
    calibrate_norms(model.backbone.body, 0)
    path = tmp_path_factory.mktemp("checkpoint") / "t0.safetensors"
    save_checkpoint(path, model.state_dict(), CheckpointManifest(
        tier="T0", grid="fused", classes=CLASSES.ids, input_size_px=64, data="none", fit="stretch",
        trained_heads=frozenset({"objectness", "classification", "boxes"})))
    return path


def test_the_command_measures_the_drop_and_keeps_a_small_file(checkpoint, tmp_path, capsys, monkeypatch):
    def halved(graph, kind, pictures, output):  # NNCF takes a minute for a whole Stage A; it has its test above
        assert (kind, len(pictures)) == ("openvino", 8)
        ov = pytest.importorskip("openvino")
        ov.save_model(openvino_model(graph), output, compress_to_fp16=True)

    monkeypatch.setattr(command, "quantize", halved)
    monkeypatch.setattr(command, "MOST_MEGABYTES", 60.0)
    data = write_coco(tmp_path / "set", [(f"{n}.png", painted([(1, 0.5, 0.5, 0.4, 0.6)])) for n in range(16)])
    output = tmp_path / "out" / "int8.xml"
    options = ["--checkpoint", str(checkpoint), "--output", str(output), "--calibrate", str(data / "images"),
               "--samples", "16", "--data", str(data)]
    assert command.main(options) == 0
    report = json.loads(capsys.readouterr().out)
    assert 50 < report["megabytes"] < 60 and output.exists() and output.with_suffix(".bin").exists()
    assert report["drop"]["map50"] == pytest.approx(report["before"]["map50"] - report["after"]["map50"], abs=1e-4)
    assert json.loads((output.parent / "int8.xml.json").read_text()) == report


def test_a_file_that_costs_too_much_is_refused():
    report = {"file": "a.xml", "megabytes": 28.0, "drop": {"map50": 0.05}, "before": {"map50": 0.4},
              "after": {"map50": 0.35}}
    with pytest.raises(ExportError, match=r"from 0\.400 to 0\.350"):
        command._require_good(report, 0.02)
    command._require_good(report, 0.06)
    with pytest.raises(ExportError, match="at most 50"):
        command._require_good(report | {"megabytes": 51.0}, 0.06)
