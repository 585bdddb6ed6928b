"""What ships: eight bits, what was earned and nothing else, and a file only where something was earned."""

import json

import pytest
from support.constant_detector import HEADS, constant_detector
from support.training_samples import CLASSES, painted, write_coco

from maxsight_core.engine import weights
from maxsight_core.engine.manifest import read_manifest
from training.evaluate.card import MARKS
from training.release import main


def pictures(folder, side):
    """One person, 24 times, whose box has this share of the picture's sides."""
    return write_coco(folder, [(f"{n}.png", painted([(1, 0.5, 0.5, side, side)], size=(120, 120))) for n in range(24)])


@pytest.fixture
def data(tmp_path):
    return pictures(tmp_path / "set", 0.95)


@pytest.fixture
def checkpoint(tmp_path):
    return constant_detector(tmp_path / "t0.safetensors", CLASSES.ids)


def released(checkpoint, data, out, *more):
    return main(["--checkpoint", str(checkpoint), "--data", str(data), "--out", str(out), "--runtime", "torch", *more])


def test_what_was_earned_ships_in_eight_bits_with_its_thresholds(checkpoint, data, tmp_path, capsys):
    out, card = tmp_path / "shipped" / "t0.safetensors", tmp_path / "card.md"
    card.write_text(f"# Card\n{MARKS.begin}\n{MARKS.end}\nLimits\n")
    assert released(checkpoint, data, out, "--about", "24 paintings", "--card", str(card)) == 0
    manifest, report = read_manifest(out), json.loads((out.parent / "t0.safetensors.json").read_text())
    assert out.stat().st_size < 0.3 * checkpoint.stat().st_size
    assert manifest.data == "24 paintings" and set(manifest.score_thresholds) == {1}
    assert manifest.trained_heads == HEADS - {"distance_zones"}  # nothing was earned against measured zones
    assert report["verdicts"]["person"]["earned"] and not report["verdicts"]["car"]["earned"]
    assert manifest.metrics["photographs.map50"] == pytest.approx(report["photographs"]["map50"], abs=1e-4)
    assert json.loads(capsys.readouterr().out) == report
    assert weights.find(environ={}, shipped_folder=out.parent).kind == "shipped"
    row = f"| person | yes | {report['verdicts']['person']['ap50']:.3f} |"
    assert row in card.read_text() and card.read_text().endswith("\nLimits\n")


def test_without_an_earned_class_nothing_is_written(checkpoint, tmp_path, capsys):
    out = tmp_path / "shipped" / "t0.safetensors"
    assert released(checkpoint, pictures(tmp_path / "small", 0.5), out) == 2
    assert "no class was earned: train longer" in capsys.readouterr().err
    assert not out.exists()
    refused = json.loads((out.parent / "t0.safetensors.refused.json").read_text())
    assert refused["verdicts"]["person"]["reason"].startswith("what is measured does it better (AP50 0.000)")


def test_a_card_without_marks_is_refused_before_anything_is_judged(checkpoint, data, tmp_path, capsys):
    out, card = tmp_path / "out.safetensors", tmp_path / "card.md"
    card.write_text("# Card\n")
    assert released(checkpoint, data, out, "--card", str(card)) == 2
    assert "expected the lines <!-- verdicts: begin -->" in capsys.readouterr().err
    assert not out.exists() and card.read_text() == "# Card\n"


def test_photographs_must_be_named(checkpoint, tmp_path, capsys):
    assert main(["--checkpoint", str(checkpoint), "--out", str(tmp_path / "o.safetensors"), "--rendered", "3"]) == 2
    assert "name photographs that were not learned from" in capsys.readouterr().err
