"""Times wait for the device; the command times answering and learning."""

import json

import pytest

from maxsight_core.engine import device
from maxsight_core.engine import weights as engine_weights
from training import benchmark


def test_every_time_waits_for_the_device_at_both_ends(monkeypatch):
    events = []
    monkeypatch.setattr(device, "synchronize", events.append)
    times = benchmark.time_calls(lambda: events.append("work"), "cuda", iterations=2, warm_up=1)
    assert events == ["work", "cuda", "work", "cuda", "cuda", "work", "cuda"] and len(times) == 2


@pytest.mark.parametrize("train", [False, True])
def test_the_command_times_each_batch_size(train, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(engine_weights.FOLDER_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(engine_weights, "SHIPPED_FOLDER", tmp_path / "none")
    monkeypatch.delenv(engine_weights.CHECKPOINT_VARIABLE, raising=False)
    options = ["--grid", "fused", "--input-px", "64", "--batch", "1", "--batch", "2", "--iterations", "1",
               "--precision", "f32", *(["--train", "--device", "cpu"] if train else ["--runtime", "torch"])]
    assert benchmark.main(options) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["batch"]) == {"1", "2"} and report["batch"]["2"]["pictures_per_s"] > 0
    assert report["input_px"] == 64 and ("training" in report["what"]) == train


def test_what_cannot_be_timed_says_why(capsys):
    assert benchmark.main(["--batch", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
