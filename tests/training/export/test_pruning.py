"""A pruned network is the original with those channels silenced, smaller, and can be saved, loaded and trained on."""

import copy
import json

import pytest
import torch
import yaml
from support.networks import calibrate_norms
from support.training_samples import CLASSES, painted, write_coco
from torchvision.models.resnet import Bottleneck

from maxsight_core.engine import weights
from maxsight_core.engine.manifest import CheckpointManifest, read_manifest, save_checkpoint
from maxsight_core.models.stage_a import StageA
from training import prune as command
from training.export import make
from training.export.narrow import build_stage_a
from training.export.pruning import ROUND_TO, channels_to_keep, prune

SIZE = 64
HEADS = frozenset({"objectness", "classification", "boxes"})


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = StageA("fused", CLASSES.count).eval()
    calibrate_norms(made.backbone.body, 0)
    return made


def save(model, path):
    manifest = CheckpointManifest(tier="T0", grid="fused", classes=CLASSES.ids, input_size_px=SIZE, data="none",
                                  trained_heads=HEADS, fit="stretch")
    save_checkpoint(path, model.state_dict(), manifest)
    return path


def silenced(model, share):
    """The slow reference: full width, but what goes is multiplied by nothing."""
    made = copy.deepcopy(model)
    for block in [one for one in made.modules() if isinstance(one, Bottleneck)]:
        for conv, norm, reader in ((block.conv1, block.bn1, block.conv2), (block.conv2, block.bn2, block.conv3)):
            gone = torch.ones(conv.out_channels, dtype=torch.bool)
            gone[channels_to_keep(conv, norm, reader, share)] = False
            with torch.no_grad():
                reader.weight[:, gone] = 0.0
    return made


def test_a_pruned_network_answers_as_the_silenced_one_and_is_smaller(model):
    narrow = copy.deepcopy(model)
    report = prune(narrow, 0.5)
    picture = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        wanted, found, before = silenced(model, 0.5)(picture), narrow(picture), model(picture)
    for name, tensor in wanted.items():
        assert torch.allclose(found[name], tensor, atol=2e-4 * max(1.0, float(tensor.abs().max()))), name
    assert not torch.allclose(found["sides"], before["sides"], atol=1e-3), "nothing went"
    assert report.parameters_after < 0.65 * report.parameters_before
    assert report.channels_removed == report.channels_before // 2
    assert all(block.conv1.out_channels % ROUND_TO == 0 for block in narrow.modules() if isinstance(block, Bottleneck))


def test_what_matters_least_goes():
    conv, norm, reader = torch.nn.Conv2d(3, 16, 1), torch.nn.BatchNorm2d(16), torch.nn.Conv2d(16, 4, 1)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(16) / 16)
        reader.weight.fill_(1.0)
        reader.weight[:, 1] = 100.0  # small itself, but read loudly
    assert channels_to_keep(conv, norm, reader, 0.5).tolist() == [1, *range(9, 16)]


@pytest.mark.parametrize("share", [0.0, 0.95])
def test_an_impossible_share_is_refused(model, share):
    with pytest.raises(ValueError, match="above 0"):
        prune(model, share)


@pytest.fixture
def config(tmp_path):
    write_coco(tmp_path / "data" / "set", [
        (f"{number}.png", painted([(1, 0.3 + number / 20, 0.5, 0.3, 0.5)], urgency=1)) for number in range(8)])
    body = {
        "tier": "T0", "grid": "fused", "input_size_px": SIZE, "fit": "stretch", "classes": list(CLASSES.names[1:]),
        "train_heads": sorted(HEADS), "data": {"root": str(tmp_path / "data"), "coco": [{"path": "set"}], "workers": 0,
                                               "validation_share": 0.4},
        "batch": {"size": 2}, "schedule": {"epochs": 1, "warmup_epochs": 0}, "optimiser": {"learning_rate": 1e-5},
        "augment": {"mosaic": 0.0, "mixup": 0.0, "copy_paste": 0.0},
        "run": {"tensorboard": False, "precision": "f32"},
    }
    path = tmp_path / "prune.yaml"
    path.write_text(yaml.safe_dump(body))
    return path


def test_the_command_prunes_trains_on_and_says_what_it_cost(model, config, tmp_path, capsys):
    checkpoint, out = save(model, tmp_path / "t0.safetensors"), tmp_path / "pruned"
    assert command.main(["--checkpoint", str(checkpoint), "--share", "0.5", "--config", str(config), "--out", str(out),
                         "--device", "cpu"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert all("map50" in report[moment] for moment in ("before", "after_pruning", "after_fine_tuning"))
    assert json.loads((out / "prune.json").read_text()) == report
    manifest = read_manifest(out / "pruned.safetensors")
    assert manifest.trained_heads == HEADS and "after_fine_tuning.map50" in manifest.metrics
    loaded = build_stage_a(weights.find(out / "pruned.safetensors"))
    assert sum(p.numel() for p in loaded.parameters()) == report["pruned"]["parameters_after"]
    assert not torch.equal(loaded.backbone.body.conv1.weight, model.backbone.body.conv1.weight), "it was not trained on"
    graph, _ = make.load(out / "pruned.safetensors")
    assert make.export(graph, "jit", tmp_path / "pruned.pt").max_error_share < 1e-3


def test_without_training_on_the_report_warns(model, tmp_path, capsys):
    checkpoint = save(model, tmp_path / "t0.safetensors")
    assert command.main(["--checkpoint", str(checkpoint), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert "far worse" in json.loads(capsys.readouterr().out)["note"]


def test_a_configuration_of_another_network_is_refused(model, config, tmp_path, capsys):
    checkpoint = save(model, tmp_path / "t0.safetensors")
    assert command.main(["--checkpoint", str(checkpoint), "--config", str(config), "--out", str(tmp_path / "out"),
                         "--device", "cpu", "grid=pyramid", "input_size_px=96"]) == 2
    assert "another network" in capsys.readouterr().err
