"""The page needs nothing but itself and shows what there is; figures in a manifest leave the weights alone."""

import re
from xml.dom import minidom

import numpy as np
import pytest
import torch
from support.training_samples import CLASSES, painted

from maxsight_core.contracts import RawDetection
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, read_checkpoint, save_checkpoint
from training.evaluate.detection import Picture
from training.evaluate.report import details, nested, page
from training.evaluate.stage_a import Answers, figures
from training.evaluate.store import store_metrics


@pytest.fixture
def report():
    box = (0.4, 0.5, 0.3, 0.6)
    pictures = [Picture([RawDetection(1, 0.9, box)], painted([(1, *box)], outlines=False)),
                Picture([RawDetection(1, 0.4, (0.8, 0.8, 0.1, 0.1))], painted([], outlines=False))]
    answers = Answers(pictures, zones=[(0, 1, np.array([0.1, 0.8, 0.1]))],
                      urgencies=[(0, 3, np.array([0.7, 0.1, 0.1, 0.1])), (1, 0, np.array([0.9, 0.1, 0.0, 0.0]))])
    body = nested(figures(answers, CLASSES), {"checkpoint": "<script>alert(1)</script>"})
    return body | {"details": details(answers, CLASSES), "robustness": {"noise": {"map50": 0.25}}}


def test_the_report_holds_what_the_plots_show(report):
    assert report["false_reassurance"] == 1.0 and report["per_class"]["person"]["f1"] > 0
    assert report["details"]["precision_recall"]["person"][0] == [1.0, 1.0]
    assert report["details"]["urgency_confusion"][3][0] == 1 and report["details"]["zones_confusion"][1][1] == 1
    assert sum(count for _, _, count in report["details"]["reliability"]["detections"]) == 2


def test_the_page_is_whole_and_needs_no_other_file(report):
    html = page(report)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not re.search(r"""(src|href)=|url\(|@import""", html)
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        minidom.parseString(drawing)
    assert "danger answered with safe" in html and "mAP50 on changed pictures" in html


def test_a_page_of_little_is_a_page():
    assert "Per class" in page(nested({"pictures": 0.0}, {"checkpoint": "x"}))


@pytest.mark.parametrize("storage", ["f16", "f32"])
def test_stored_figures_leave_the_weights_alone(tmp_path, storage):
    path = tmp_path / "a.safetensors"
    manifest = CheckpointManifest(tier="T0", grid="fused", classes=CLASSES.ids, trained_heads=frozenset(), data="x",
                                  metrics={"map50": 0.1, "kept": 1.0})
    before = save_checkpoint(path, {"w": torch.rand(3), "n": torch.tensor(4)}, manifest, storage=storage)
    size = path.stat().st_size
    store_metrics(path, {"map50": 0.5})
    after, _ = read_checkpoint(path)
    assert after.metrics == {"map50": 0.5, "kept": 1.0} and after.sha256 == before.sha256
    assert abs(path.stat().st_size - size) < 64


def test_published_weights_have_no_place_for_figures(tmp_path):
    with pytest.raises(CheckpointError, match="safetensors"):
        store_metrics(tmp_path / "fcos.pth", {})
