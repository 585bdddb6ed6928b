"""Every format gives the network's numbers; a file that does not is not kept."""

import json

import numpy as np
import pytest
import torch
from support.small_stage_b import small_stage_b
from support.tiny_graph import SIDE_PX, tiny_graph
from support.training_samples import CLASSES

from maxsight_core.engine.manifest import CheckpointManifest, save_checkpoint
from maxsight_core.models.stage_a import StageA
from training.export import formats, graph, make
from training.export.__main__ import main
from training.export.check import check, compare, open_file
from training.export.graph import Exportable, ExportError

NEEDS = {"onnx": "onnxscript", "openvino": "openvino", "executorch": "executorch", "coreml": "coremltools"}
RUN_HERE = ("jit", "onnx", "openvino", "executorch")


@pytest.fixture(scope="module")
def tiny():
    return tiny_graph()


def exported(kind, network, folder):
    if kind in NEEDS:
        pytest.importorskip(NEEDS[kind], reason=f"{NEEDS[kind]} is not installed (training/requirements-export.txt)")
    output = folder / f"out{formats.FORMATS[kind][0]}"
    return output, make.export(network, kind, output)


@pytest.mark.parametrize("kind", RUN_HERE)
def test_a_file_gives_the_networks_numbers(kind, tiny, tmp_path):
    output, report = exported(kind, tiny, tmp_path)
    assert report.ran and 0 <= report.max_error_share < 1e-4 and set(report.max_abs_error) == set(tiny.outputs)
    assert report.inputs == {"picture": [1, SIDE_PX, SIDE_PX, 3]} and report.outputs["sides"] == [1, 64, 4]
    assert json.loads((tmp_path / (output.name + ".json")).read_text())["megabytes"] == report.megabytes > 0
    picture = np.full((1, SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    found = open_file(tiny, kind, output)([picture])
    assert np.abs(found["scores"] - tiny.answer([picture])["scores"]).max() < 1e-4
    assert {path.name for path in tmp_path.iterdir()} <= {output.name, "out.bin", output.name + ".json"}


def test_a_coreml_program_has_fixed_shapes_and_takes_camera_bytes(tiny, tmp_path):
    output, report = exported("coreml", tiny, tmp_path)
    assert not report.ran and "macOS" in report.note
    import coremltools as ct

    spec = ct.utils.load_spec(str(output))
    image = spec.description.input[0].type.imageType
    assert (image.width, image.height) == (SIDE_PX, SIDE_PX) and image.WhichOneof("SizeFlexibility") is None
    assert [one.name for one in spec.description.output] == list(tiny.outputs)


def test_a_coreml_program_with_a_variable_shape_is_refused(tiny, tmp_path):
    ct = pytest.importorskip("coremltools", reason="coremltools is not installed (training/requirements-export.txt)")
    output, _ = exported("coreml", tiny, tmp_path)
    spec = ct.utils.load_spec(str(output))
    ct.models.neural_network.flexible_shape_utils.update_image_size_range(
        spec, "picture", ct.models.neural_network.flexible_shape_utils.NeuralNetworkImageSizeRange((16, 64), (16, 64)))
    ct.models.MLModel(spec, weights_dir=str(output / "Data/com.apple.CoreML/weights"), skip_model_load=True).save(
        str(tmp_path / "variable.mlpackage"))
    with pytest.raises(ExportError, match="variable shape"):
        check(tiny, "coreml", tmp_path / "variable.mlpackage")


def test_a_file_with_other_numbers_does_not_replace_a_good_one(tiny, tmp_path, monkeypatch):
    output, _ = exported("jit", tiny, tmp_path)
    good = output.read_bytes()

    def wrong(network, path):
        other = tiny_graph()
        with torch.no_grad():
            other.module.out.bias += 0.1
        formats.to_jit(other, path)

    monkeypatch.setitem(formats.FORMATS, "jit", (".pt", wrong))
    with pytest.raises(ExportError, match="does not give the network's numbers: s"):
        make.export(tiny, "jit", output)
    assert output.read_bytes() == good and len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_made_says_why(tiny, tmp_path, monkeypatch):
    with pytest.raises(ExportError, match=r"ends in \.onnx"):
        make.export(tiny, "onnx", tmp_path / "a.pt")
    with pytest.raises(ExportError, match="expected one of jit"):
        make.export(tiny, "tflite", tmp_path / "a.tflite")
    with pytest.raises(ExportError, match=r"nothing_like_it.*pip install"):
        formats.require("nothing_like_it")


def test_stage_b_leaves_in_one_piece(tmp_path):
    network = graph.stage_b(small_stage_b())
    _, report = exported("jit", network, tmp_path)
    assert report.max_error_share < 1e-4 and set(report.outputs) == set(network.outputs)
    assert next(iter(report.inputs)) == "picture"


def test_shapes_that_differ_are_told(tiny):
    def short(given):
        return {name: array[:, :1] for name, array in tiny.answer(given).items()}

    with pytest.raises(ExportError, match="of shape"):
        compare(Exportable(tiny.module, tiny.inputs, tiny.outputs), short)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "t0.safetensors"
    manifest = CheckpointManifest(
        tier="T0", grid="pyramid", classes=CLASSES.ids, input_size_px=64, data="none",
        trained_heads=frozenset({"objectness", "classification", "boxes"}))
    save_checkpoint(path, StageA("pyramid", CLASSES.count).state_dict(), manifest)
    return path


def test_the_command_exports_a_checkpoint(checkpoint, tmp_path, capsys):
    output = tmp_path / "t0.pt"
    assert main(["--checkpoint", str(checkpoint), "--format", "jit", "--output", str(output)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ran"] and report["outputs"]["cls_logits"][2] == CLASSES.count and output.exists()
    assert main(["--checkpoint", str(checkpoint), "--stage", "b", "--format", "jit", "--output", str(output)]) == 2
    assert "T0 has no Stage B" in capsys.readouterr().err


def test_an_ios_bundle_says_what_it_holds_and_what_it_lacks(checkpoint, tmp_path, monkeypatch):
    def absent(network, path):
        raise ExportError("this format needs executorch")

    monkeypatch.setattr(make, "BUNDLE_FORMATS", ("jit", "executorch"))
    monkeypatch.setitem(formats.FORMATS, "executorch", (".pte", absent))
    reports = make.ios_bundle(checkpoint, tmp_path / "ios")
    assert reports["jit"].ran and reports["executorch"] == "this format needs executorch"
    about = json.loads((tmp_path / "ios" / "manifest.json").read_text())
    assert about["class_names"] == list(CLASSES.names) and about["formats"]["jit"]["ran"]
    readme = (tmp_path / "ios" / "README.md").read_text()
    assert "not made: this format needs executorch" in readme and "64x64" in readme and "boxes" in readme


def test_a_network_that_coreml_cannot_express_is_told_in_words(tmp_path):
    pytest.importorskip("coremltools", reason="coremltools is not installed (training/requirements-export.txt)")

    class Odd(torch.nn.Module):
        def forward(self, numbers):
            return (torch.special.i0(numbers),)

    network = Exportable(Odd().eval(), (("numbers", torch.ones(1, 4)),), ("bessel",))
    with pytest.raises(ExportError, match="cannot convert this network"):
        make.export(network, "coreml", tmp_path / "odd.mlpackage")
