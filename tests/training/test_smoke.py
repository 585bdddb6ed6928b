"""The proof of life, as its command runs it, small."""

import json

import pytest

from maxsight_core.engine.manifest import read_manifest
from training import smoke


@pytest.mark.parametrize("grid", ["fused", "pyramid"])
def test_t0_trains_and_its_checkpoint_answers(grid, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MAXSIGHT_TRAINING_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "run"
    options = ["--tier", "T0_BASELINE_CNN", "--grid", grid, "--epochs", "2", "--batches", "1", "--input-px", "96"]
    assert smoke.main([*options, "--out", str(out)]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[0])
    assert figures["epochs"] == 2 and figures["last_loss"] > 0
    assert read_manifest(out / "last.safetensors").grid == grid


def test_t1_trains_the_heads_of_stage_b_whose_truth_a_rendered_frame_knows(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MAXSIGHT_TRAINING_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "run"
    options = ["--tier", "T1", "--epochs", "1", "--batches", "1", "--input-px", "64"]
    assert smoke.main([*options, "--out", str(out)]) == 0
    trained = set(json.loads(capsys.readouterr().out.splitlines()[0])["trained"])
    assert {"depth_map", "precise_distances", "urgency", "boxes"} <= trained
    assert "navigation_difficulty" not in trained  # nobody told its truth: it is not claimed
    losses = json.loads((out / "metrics.jsonl").read_text().splitlines()[0])["losses"]
    assert losses["depth"] != 0 and "navigation_difficulty" not in losses


def test_an_unknown_tier_is_named(capsys):
    assert smoke.main(["--tier", "T9"]) == 1
    assert "T0_BASELINE_CNN" in capsys.readouterr().err
