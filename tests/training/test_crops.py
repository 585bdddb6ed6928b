"""Things are cut out as they are, views keep what they show, and what is learned is a start for the detector."""

import json

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file
from support.training_samples import CLASSES, COLOURS, painted, write_coco

from training.crops.__main__ import main
from training.crops.cut import CUT_PX, Crops, cut
from training.crops.network import views
from training.loop.build import start_from
from training.loop.config import load_config
from training.loop.network import TrainedNetwork


class Listed:
    name = "listed"

    def __init__(self, *samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def share_of(image, column):
    return float((np.abs(image.astype(int) - COLOURS[column]) < 60).all(axis=2).mean())


def test_a_thing_is_in_the_middle_with_some_of_what_is_around_it():
    crops = cut(Listed(painted([(1, 0.3, 0.4, 0.2, 0.2), (3, 0.9, 0.9, 0.2, 0.2)])), seed=0)
    things = {int(column): image for image, column in zip(crops.images, crops.columns, strict=True) if column}
    assert set(things) == {1, 3} and crops.images.shape[1:] == (CUT_PX, CUT_PX, 3)
    assert share_of(things[1], 1) == pytest.approx(0.75 / 1.5**2, abs=0.03)  # 32 x 24 px in a square of 48
    assert (np.abs(things[3][CUT_PX // 2, CUT_PX // 2].astype(int) - COLOURS[3]) < 60).all()


def test_empty_pieces_show_nothing_and_come_only_from_pictures_that_were_labelled_whole():
    sample = painted([(1, 0.3, 0.4, 0.3, 0.3)])
    crops = cut(Listed(*[sample] * 10), seed=0)
    empty = crops.images[crops.columns == 0]
    assert len(empty) >= 5 and max(share_of(image, 1) for image in empty) == 0.0
    partly = painted([(1, 0.3, 0.4, 0.3, 0.3)], labelled=(True, False, False))
    assert 0 not in cut(Listed(*[partly] * 10), seed=0).columns


def test_specks_are_no_things():
    with pytest.raises(ValueError, match="no box is 10 px large"):
        cut(Listed(painted([(1, 0.5, 0.5, 0.04, 0.04)], labelled=(True, False, False))), seed=0)


def test_rare_classes_come_more_often_than_their_share():
    columns = np.array([1] * 900 + [2] * 100)
    chances = Crops(np.zeros((1000, 1, 1, 3), np.uint8), columns).weights()
    assert chances.sum() == pytest.approx(1.0) and chances[columns == 2].sum() == pytest.approx(0.25)


def test_views_vary_but_show_the_thing():
    red = np.full((CUT_PX, CUT_PX, 3), 120, np.uint8)
    red[32:64, 32:64] = COLOURS[1]
    images = torch.from_numpy(np.stack([red] * 32))
    seen = views(images, 64, torch.Generator().manual_seed(0))
    again = views(images, 64, torch.Generator().manual_seed(0))
    assert seen.shape == (32, 64, 64, 3) and torch.equal(seen, again) and seen.min() >= 0 and seen.max() <= 255
    reddish = (seen[..., 0] > seen[..., 1:].max(dim=-1).values + 25).float().mean(dim=(1, 2))
    assert (reddish > 0.02).float().mean() > 0.9  # nearly every view still shows it
    assert seen.flatten(1).std(dim=0).mean() > 5


@pytest.fixture
def config(tmp_path):
    pictures = [(f"{n}.png", painted([(1 + n % 3, 0.3 + 0.02 * n, 0.5, 0.3, 0.4)])) for n in range(20)]
    write_coco(tmp_path / "set", pictures)
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({
        "tier": "T0", "grid": "fused", "input_size_px": 64, "classes": list(CLASSES.names[1:]), "box_loss": "giou",
        "data": {"root": str(tmp_path), "coco": [{"path": "set"}], "validation_share": 0.3,
                 "heuristic_labels": False}}))
    return path


def test_what_it_writes_is_a_start_for_the_detector(config, tmp_path, capsys):
    out = tmp_path / "backbone.safetensors"
    assert main(["--config", str(config), "--out", str(out), "--steps", "2", "--batch-size", "8"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["held_out"] > 0 and 0 <= figures["named_rightly"] <= 1
    made = load_config(config, [f"init_backbone={out}"])
    torch.manual_seed(1)
    network = TrainedNetwork("T0", "fused", CLASSES.count)
    before = network.stage_a.backbone.body.layer4[0].conv1.weight.clone()
    start_from(network, made)
    assert not torch.equal(network.stage_a.backbone.body.layer4[0].conv1.weight, before)


def test_a_start_of_another_network_is_refused_and_not_passed_over(config, tmp_path, capsys):
    out, wrong = tmp_path / "backbone.safetensors", tmp_path / "wrong.safetensors"
    save_file({"backbone.body.conv1.weights": torch.zeros(3)}, wrong)
    assert main(["--config", str(config), "--out", str(out), "--init-backbone", str(wrong), "--steps", "1"]) == 2
    assert "tensors that this network does not have" in capsys.readouterr().err and not out.exists()


def test_a_wrong_name_is_refused_before_anything_is_read(config, tmp_path, capsys):
    assert main(["--config", str(config), "--out", str(tmp_path / "backbone.pt")]) == 2
    assert "expected a name that ends in .safetensors" in capsys.readouterr().err
