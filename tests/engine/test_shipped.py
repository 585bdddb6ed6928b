"""The checkpoint that ships: what a fresh clone sees with, and what its card says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from maxsight_core import taxonomy
from maxsight_core.contracts import Frame, SessionSettings
from maxsight_core.engine import weights
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.manifest import read_manifest
from maxsight_core.models.contract import DETECTING
from maxsight_core.perception.geometry import iou
from maxsight_core.scenes import SceneRenderer, parse_spec
from training.data.coco_folder import CocoFolder, image_names
from training.data.sample import ClassTable
from training.data.splits import names_of_split

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY.parent / "shared" / "data"
HELD_OUT = 0.15
"""As in the configuration that it was trained with."""
CARD = REPOSITORY / "docs" / "model-card.md"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """What a fresh clone without fetched weights would use."""
    empty = tmp_path_factory.mktemp("weights")
    return weights.find(environ={weights.FOLDER_VARIABLE: str(empty)})


@pytest.fixture(scope="module")
def verdicts(shipped):
    return json.loads(shipped.path.with_name(shipped.path.name + ".json").read_text())


@pytest.fixture(scope="module")
def engine(shipped):
    return Engine(EngineConfig(checkpoint=shipped.path))


def test_a_fresh_clone_uses_it_and_it_is_small_enough_to_ship(shipped):
    assert shipped.kind == "shipped"
    assert shipped.path.stat().st_size < 50e6
    assert read_manifest(shipped.path).trained_heads <= DETECTING  # zones and urgency stay measured


def test_only_classes_that_the_photographs_proved_are_reported(shipped, verdicts, engine):
    earned = {name for name, verdict in verdicts["verdicts"].items() if verdict["earned"]}
    assert earned
    assert {taxonomy.by_id(number).name for number in shipped.manifest.score_thresholds} == earned
    assert set(engine.describe()["named_classes"]) == earned
    person = verdicts["verdicts"]["person"]
    assert person["earned"] == (person["ap50"] > verdicts["measured_person_ap50"] and not person["reason"])


def test_the_card_says_what_the_evaluation_said(verdicts):
    card = CARD.read_text(encoding="utf-8")
    for name, verdict in verdicts["verdicts"].items():
        row = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", card, re.MULTILINE)
        assert row, f"{name} is missing in the card"
        told, ap50, precision, recall, boxes = (cell.strip() for cell in row[1].split("|"))
        assert told == ("yes" if verdict["earned"] else "no")
        assert (ap50, boxes) == (f"{verdict['ap50']:.3f}", str(verdict["boxes"]))
        if verdict["earned"]:
            assert (precision, recall) == (f"{verdict['precision']:.2f}", f"{verdict['recall']:.2f}")
    assert f"{verdicts['megabytes']} MB" in card


def test_the_simulator_is_seen_by_it_and_everything_else_stays_measured(engine):
    renderer = SceneRenderer(parse_spec("scene:crossing?seed=2&seconds=2"))
    session = engine.new_session(SessionSettings())
    for index in range(3):
        frame = renderer.frame(index)
        result, values = engine.process(session, Frame(np.ascontiguousarray(frame.rgb), frame.time_s, index))
    assert {name: values[name].source for name in ("objectness", "classification", "boxes")} == dict.fromkeys(
        ("objectness", "classification", "boxes"), "learned")
    assert "learned" not in {values[name].source for name in ("urgency", "distance_zones", "uncertainty")}
    named = {taxonomy.by_id(number).name for number in engine.manifest.score_thresholds}
    assert {one.class_name for one in result.detections if one.source == "learned"} <= named


def test_it_finds_what_it_claims_on_photographs_it_has_not_seen(engine):
    """Through the engine itself; a thing must be seen in two frames on end before it is reported."""
    if not DATA.is_dir():
        pytest.skip("the shared photographs are not here")
    classes = ClassTable(engine.manifest.classes)
    right = wrong = 0
    folder = DATA / "train" / "street_vehicles"
    samples = CocoFolder(folder, classes, keep=names_of_split(image_names(folder), "val", HELD_OUT))
    for sample in (samples[index] for index in range(len(samples))):
        session = engine.new_session(SessionSettings())
        for seq in (0, 1):
            found, _ = engine.stage_a(session, Frame(sample.image, seq / 10.0, seq))
        for one in (one for one in found.detections if one.source == "learned"):
            column = classes.columns()[one.class_id]
            boxes = sample.boxes[sample.columns == column].tolist()
            hit = any(iou(one.box_cxcywh, tuple(box)) > 0.5 for box in boxes)
            right, wrong = right + hit, wrong + (not hit)
    assert right >= 10, "it was said to find one car in five"
    assert right / (right + wrong) > 0.5
