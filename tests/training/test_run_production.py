"""The one command: its plan, what it finds missing before hours are lost, and that it trains."""

import sys

import cv2
import numpy as np
import pytest
import yaml
from support.training_samples import painted, write_coco

from training import production_checks, run_production
from training.loop import state
from training.loop.config import load_config


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in (*run_production.OVERRIDES, "DEVICE", "HYPERPARAMETERS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path):
    write_coco(tmp_path / "painted", [(f"{n}.png", painted([(n % 3 + 1, 0.5, 0.5, 0.4, 0.4)], outlines=False))
                                      for n in range(3)])
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({
        "grid": "fused", "input_size_px": 32, "fit": "stretch", "classes": ["person", "car", "door"],
        "data": {"root": str(tmp_path), "coco": [{"path": "painted"}], "validation_share": 0.0, "workers": 0},
        "batch": {"size": 2}, "schedule": {"epochs": 1, "warmup_epochs": 0},
        "run": {"precision": "f32", "tensorboard": False}}))
    return file


def run(config, tmp_path, *options):
    return run_production.main(["--config", str(config), "--out", str(tmp_path / "run"), *options])


def test_a_dry_run_prints_every_step_and_does_nothing(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(production_checks, "EXPORT_PACKAGES", {"jit": ()})
    monkeypatch.setattr(run_production, "export_problems", lambda formats: [])
    assert run(config, tmp_path, "--dry-run", "--format", "jit") == 0
    told = capsys.readouterr().out
    steps = ["environment", "export packages", "data", "look into the data", "training.train", "training.export"]
    places = [told.index(step) for step in steps]
    assert places == sorted(places) and "everything is there" in told
    assert not (tmp_path / "run").exists()


def test_a_dry_run_lists_all_that_is_missing(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run_production, "export_problems", lambda formats: ["format jit needs the package x"])
    assert run(config, tmp_path, "--dry-run", "--format", "jit", "data.coco=[{path: nowhere}]") == 2
    told = capsys.readouterr().out
    assert "missing: format jit needs the package x" in told and "missing: data.coco nowhere:" in told
    assert "training.train" in told and "dry run: 3 problems" in told


def test_it_trains_and_a_second_call_goes_on(config, tmp_path, capfd):
    assert run(config, tmp_path, "--no-export") == 0
    assert (tmp_path / "run" / state.LAST_FILE).exists()
    assert run(config, tmp_path, "--no-export", "--dry-run") == 0
    assert "--resume" in capfd.readouterr().out


def test_nothing_is_trained_when_the_data_are_broken(config, tmp_path, capsys):
    (tmp_path / "painted" / "images" / "1.png").write_bytes(b"no picture")
    assert run(config, tmp_path, "--no-export") == 2
    told = capsys.readouterr()
    assert "1.png" in told.out and "nothing was trained" in told.err
    assert not (tmp_path / "run").exists()


def test_the_environment_sets_values_of_the_configuration(config, tmp_path, capsys, monkeypatch):
    for name, value in (("DATA_DIR", str(tmp_path)), ("EPOCHS", "7"), ("BATCH_SIZE", "3"), ("LR", "0.002"),
                        ("DEVICE", "cpu")):
        monkeypatch.setenv(name, value)
    assert run(config, tmp_path, "--no-export", "--dry-run") == 0
    told = capsys.readouterr().out
    for words in ("schedule.epochs=7", "batch.size=3", "optimiser.learning_rate=0.002", "--device cpu"):
        assert words in told
    monkeypatch.setenv("HYPERPARAMETERS", "none.json")
    assert run(config, tmp_path, "--dry-run") == 2
    assert "HYPERPARAMETERS=none.json" in capsys.readouterr().err


def test_a_failed_step_ends_the_run_with_its_code(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run_production, "_train", lambda *_: (sys.executable, "-c", "raise SystemExit(5)"))
    assert run(config, tmp_path, "--no-export", "--skip-env", "--skip-data-check") == 5
    assert "train ended with code 5" in capsys.readouterr().err


def test_the_checkpoint_that_validated_best_is_exported(tmp_path):
    assert "last.safetensors" in " ".join(run_production._export(tmp_path, "onnx"))
    (tmp_path / state.BEST_FILE).touch()
    command = run_production._export(tmp_path, "onnx")
    assert str(tmp_path / state.BEST_FILE) in command and command[-1].endswith("exported/model.onnx")


def test_checks_name_what_is_wrong(config, tmp_path, monkeypatch):
    made = load_config(config)
    assert production_checks.environment_problems(made, tmp_path / "deep" / "run", "cpu") == []
    monkeypatch.setattr(production_checks, "PARAMETERS_MILLIONS", {"T0": 1e9})
    assert "GiB are free" in production_checks.environment_problems(made, tmp_path, None)[0]
    assert "expected one of jit" in " ".join(production_checks.export_problems(["gif"]))
    more = load_config(config, ["classes=[person,car,door,bus]", "batch.size=4"])
    assert "less than a batch of 4" in production_checks.data_problems(more)[0]
    assert "without a single box found: bus" in production_checks.content_problems(more)[0]
    cv2.imwrite(str(tmp_path / "painted" / "images" / "0.png"), np.zeros((120, 160, 3), np.uint8))
    assert production_checks.content_problems(made) == []
