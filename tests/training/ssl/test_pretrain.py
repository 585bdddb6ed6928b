"""The command: it learns, goes on with the same bits, leaves what training starts from, and refuses with words."""

import json

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from maxsight_core.models.assemble import build_stage_b
from maxsight_core.models.stage_a import StageA
from training import pretrain
from training.loop import build, state
from training.loop.config import ConfigError, make_config
from training.loop.nan_guard import NonFiniteLossError
from training.loop.network import TrainedNetwork
from training.loop.trainer import StoppedError
from training.ssl.config import PretrainConfig
from training.ssl.loop import Pretrainer
from training.ssl.mae import VitMae
from training.ssl.pictures import FolderPictures, PictureFeed, pictures_of
from training.ssl.start import learned_tensors, load_start

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Eight pictures of waves, some in a subfolder."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "deep").mkdir()
    across = np.arange(80)[None, :, None]
    for number in range(8):
        wave = 127 + 120 * np.sin(across * (number + 1) / 12 + np.arange(3) * number) * np.ones((60, 1, 1))
        cv2.imwrite(str(folder / ("deep" if number % 2 else ".") / f"{number}.png"), wave.astype(np.uint8))
    return folder


def config(images, **changes):
    body = {"method": "mae", "images": [images], "input_size_px": 64, "epochs": 1, "batch_size": 2, "precision": "f32",
            "warmup_epochs": 0.5, "seed": 5}
    return PretrainConfig(**body | changes)


def pretrainer(made, out):
    return Pretrainer(made, PictureFeed(pictures_of(made), made, 0), out, CPU)


@pytest.fixture(scope="module")
def whole_run(images, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole.safetensors"
    options = ["--method", "mae", "--images", str(images), "--input-px", "64", "--epochs", "1", "--seed", "5",
               "--batch-size", "2", "--precision", "f32", "--warmup-epochs", "0.5", "--workers", "1"]
    assert pretrain.main([*options, "--out", str(out)]) == 0
    return out


def test_a_run_that_was_stopped_in_an_epoch_ends_with_the_same_bits(images, whole_run, tmp_path, monkeypatch):
    first = pretrainer(config(images), tmp_path / "stopped.safetensors")
    learn = first.learn_from

    def stopped(views, names):
        first._stop = first.step == 1
        return learn(views, names)

    monkeypatch.setattr(first, "learn_from", stopped)
    with pytest.raises(StoppedError, match="--resume"):
        first.fit()
    assert (first.epoch, first.batch) == (0, 2)
    again = pretrainer(config(images), tmp_path / "stopped.safetensors")
    again.resume()
    again.fit()
    one, other = load_file(whole_run), load_file(tmp_path / "stopped.safetensors")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_training_starts_from_what_it_leaves(whole_run):
    body = {"classes": ["person"], "data": {"coco": [{"path": "none"}]}, "init_backbone": str(whole_run)}
    made = make_config(body)
    network = TrainedNetwork("T0", "pyramid", 2, frozen_norm=True)
    build.start_from(network, made)
    left = load_file(whole_run)
    own = network.stage_a.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in left.items())
    wanted = {name for name in own if name.startswith("backbone.") and "extra_blocks" not in name}
    assert left.keys() == wanted
    with pytest.raises(ConfigError, match="another grid"):
        build.start_from(TrainedNetwork("T0", "fused", 2), make_config({**body, "grid": "fused"}))


def test_figures_of_every_epoch_are_kept_and_the_run_is_not_overwritten(whole_run, images, capsys):
    rows = [json.loads(line) for line in whole_run.with_suffix(".jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1] and rows[0]["step"] == 4 and rows[0]["pixels"] > 0
    before = whole_run.read_bytes()
    options = ["--method", "mae", "--images", str(images), "--batch-size", "2"]
    assert pretrain.main([*options, "--out", str(whole_run)]) == 2
    assert "already holds a run" in capsys.readouterr().err and whole_run.read_bytes() == before


def test_another_configuration_does_not_resume(whole_run, images):
    with pytest.raises(state.StateError, match="epochs: was 1, now 3"):
        pretrainer(config(images, epochs=3), whole_run).resume()


def test_it_learns_to_tell_pictures_apart(images, tmp_path):
    made = config(images, method="simclr", epochs=100, learning_rate=3e-4, batch_size=8, warmup_epochs=0,
                  input_size_px=32)
    one = pretrainer(made, tmp_path / "learns.safetensors")
    views, names = next(one.feed.epoch(0, 0))
    losses = [float(one.learn_from(views, names)["contrast"].detach()) for _ in range(7)]
    assert losses[-1] < 0.3 * losses[0]


def test_a_loss_that_is_no_number_stops_by_name_with_the_pictures(images, tmp_path):
    one = pretrainer(config(images), tmp_path / "nan.safetensors")
    with torch.no_grad():
        next(one.model.head.parameters()).fill_(float("nan"))
    with pytest.raises(NonFiniteLossError, match=r"step 0: pixels = nan.*\.png.*--learning-rate"):
        one.fit()
    assert not one.out.exists()


def test_the_transformers_tensors_are_stage_bs(tmp_path):
    with torch.device("meta"):
        wanted = build_stage_b("T2").state_dict()
    left = learned_tensors(VitMae())
    own = {f"stage_b.{name.removeprefix('parts.')}": tensor.shape for name, tensor in wanted.items()}
    assert all(own[name] == tensor.shape for name, tensor in left.items())
    parts = [name for name in own if name.startswith("stage_b.vit_") and "injection" not in name]
    assert left.keys() == set(parts)


def test_a_start_is_loaded_whole_or_not_at_all(tmp_path):
    stage_a = StageA("pyramid", 2)
    name = "backbone.body.conv1.weight"
    good = torch.ones_like(stage_a.state_dict()[name])
    save_file({name: good}, tmp_path / "good.safetensors")
    assert load_start(tmp_path / "good.safetensors", stage_a, None) == (name,)
    assert torch.equal(stage_a.backbone.body.conv1.weight, good)
    for tensors, words in (({name: good[:1].contiguous()}, "another shape"), ({name: good / 0}, "infinite"),
                           ({"stage_b.vit_1.norm.weight": good}, "T2 on")):
        save_file(tensors, tmp_path / "bad.safetensors")
        with pytest.raises(ValueError, match=words):
            load_start(tmp_path / "bad.safetensors", stage_a, None)


@pytest.mark.parametrize(("options", "words"), [
    (["--images", "nowhere"], "expected a folder"),
    (["--images", "IMAGES", "--batch-size", "9"], "lower --batch-size"),
    (["--images", "IMAGES", "--input-px", "50"], "input_size_px"),
    ([], "name folders of images"),
    (["--images", "IMAGES", "--part", "vit", "--input-px", "64"], "224 px"),
    (["--images", "IMAGES", "--batch-size", "4", "--resume"], "no state to resume"),
])
def test_what_cannot_begin_says_why(images, tmp_path, capsys, options, words):
    given = [str(images) if option == "IMAGES" else option for option in options]
    assert pretrain.main(["--method", "mae", *given, "--out", str(tmp_path / "x.safetensors")]) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_no_image_is_named_before_the_run(images, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(Exception, match=r"1 files hold no image: .*broken\.jpg"):
        FolderPictures(tmp_path)


def test_rendered_scenes_are_pictures_too(tmp_path, monkeypatch):
    monkeypatch.setenv("MAXSIGHT_TRAINING_CACHE", str(tmp_path))
    made = PretrainConfig(method="simclr", scenes=("corridor",), frames=2, batch_size=2, input_size_px=32)
    views, names = next(iter(PictureFeed(pictures_of(made), made, 0).epoch(0, 0)))
    assert views.shape == (2, 2, 32, 32, 3) and names[0].startswith("rendered/")
