"""The command: a report with the issue's keys, of a checkpoint as the app would run it, or of the measured detector."""

import json

import pytest
import torch
from support.data import shared_data
from support.training_samples import CLASSES, painted, write_coco

from maxsight_core.engine import weights
from maxsight_core.engine.manifest import CheckpointManifest, read_manifest, save_checkpoint
from maxsight_core.models.stage_a import StageA
from training.evaluate.__main__ import main


@pytest.fixture
def data(tmp_path):
    return write_coco(tmp_path / "set", [("a.png", painted([(1, 0.5, 0.5, 0.5, 0.5)])), ("b.png", painted([]))])


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    manifest = CheckpointManifest(
        tier="T0", grid="fused", classes=CLASSES.ids, input_size_px=64, data="none",
        trained_heads=frozenset({"objectness", "classification", "boxes"}))
    path = tmp_path / "t0.safetensors"
    save_checkpoint(path, StageA("fused", CLASSES.count).state_dict(), manifest)
    return path


def test_a_checkpoint_is_judged_on_the_classes_that_were_asked_for(data, checkpoint, tmp_path, capsys):
    out = tmp_path / "report.json"
    options = ["--checkpoint", str(checkpoint), "--annotations", str(data / "instances.json"), "--images",
               str(data / "images"), "--classes", "door,person", "--runtime", "torch", "--precision", "f32"]
    assert main([*options, "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report.pop("details")["precision_recall"].keys() <= {"person", "door"}
    assert json.loads(capsys.readouterr().out) == report
    assert set(report["per_class"]) == {"person"} and report["per_class"]["person"]["boxes"] == 1
    assert report["pictures"] == 2 and 0 <= report["map"] <= report["map50"] <= 1
    assert report["checkpoint"] == str(checkpoint) and report["precision"] == "f32"


def test_one_command_judges_changed_pictures_draws_a_page_and_stores_the_figures(data, checkpoint, tmp_path, capsys):
    page = tmp_path / "report.html"
    options = ["--checkpoint", str(checkpoint), "--data", str(data), "--runtime", "torch", "--precision", "f32"]
    assert main([*options, "--robustness", "--conditions", "--attacks", "--html", str(page), "--store"]) == 0
    report = json.loads(capsys.readouterr().out)
    changes = {"noise", "blur", "jpeg", "dark", "bright", "fgsm", "pgd", "glaucoma", "amd", "cataracts"}
    assert changes <= set(report["robustness"])
    assert "Changed pictures" in page.read_text()
    assert read_manifest(checkpoint).metrics["map50"] == report["map50"]


def test_the_measured_detector_is_judged_on_the_same_pictures(capsys):
    assert main(["--measured", "--data", str(shared_data("coco_cc"))]) == 0
    person = json.loads(capsys.readouterr().out)["per_class"]["person"]
    assert person["boxes"] > 300 and 0.005 < person["ap50"] < 0.2


@pytest.mark.parametrize(("options", "words"), [
    ([], "name pictures"),
    (["--data", "nowhere"], "nowhere"),
    (["--data", "DATA", "--classes", "unicorn"], "no class is called 'unicorn'"),
    (["--data", "DATA", "--classes", "bus"], "does not know bus"),
])
def test_what_cannot_be_judged_says_why(data, checkpoint, capsys, options, words):
    options = [str(data) if one == "DATA" else one for one in options]
    assert main(["--checkpoint", str(checkpoint), "--runtime", "torch", "--precision", "f32", *options]) == 2
    assert words in capsys.readouterr().err


def test_without_trained_weights_there_is_nothing_to_judge(data, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", tmp_path / "none")
    monkeypatch.delenv(weights.CHECKPOINT_VARIABLE, raising=False)
    assert main(["--data", str(data), "--runtime", "torch"]) == 2
    assert "never trained" in capsys.readouterr().err
