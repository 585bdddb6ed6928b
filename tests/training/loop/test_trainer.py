"""The loop on real small data: it learns, goes on bit for bit after a kill, and stops before it spoils anything."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml
from support.data import REPOSITORY
from support.training_samples import painted, write_coco

from maxsight_core.engine.manifest import read_checkpoint, read_manifest
from maxsight_core.engine.runtimes import load_stage_a
from training import train
from training.loop import build, state
from training.loop.config import make_config
from training.loop.distributed import World
from training.loop.nan_guard import NonFiniteLossError
from training.loop.trainer import StoppedError, WorkerLostError

ONE = World(0, 1, 0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    pictures = []
    for number in range(12):
        column = number % 3 + 1
        where = 0.3 + 0.05 * (number % 8)
        pictures.append((f"{number}.png", painted([(column, where, 0.5, 0.3, 0.5)], outlines=False)))
    write_coco(root / "painted", pictures)
    return root


def config(root, **changes):
    body = {
        "grid": "fused", "input_size_px": 64, "fit": "stretch", "classes": ["person", "car", "door"], "seed": 3,
        "data": {"root": str(root), "coco": [{"path": "painted"}], "validation_share": 0.3, "workers": 0},
        "augment": {"mosaic": 0.5, "mixup": 0.2, "copy_paste": 0.0},
        "schedule": {"epochs": 2, "warmup_epochs": 1}, "batch": {"size": 2}, "optimiser": {"learning_rate": 5e-4},
        "run": {"precision": "f32", "tensorboard": False, "validate_every_epochs": 2, "ema_warmup_steps": 2},
    }
    for key, value in changes.items():
        body[key] = {**body[key], **value} if isinstance(body.get(key), dict) else value
    return make_config(body)


def trainer(root, out, **changes):
    torch.manual_seed(3)
    return build.build_trainer(config(root, **changes), out, CPU, ONE)


def weights(folder):
    return read_checkpoint(folder / state.LAST_FILE)[1]


@pytest.fixture(scope="module")
def whole_run(data, tmp_path_factory):
    """A run from its beginning to its end."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    figures = train.run(config(data), out)
    return out, figures


def test_a_run_leaves_a_checkpoint_that_the_engine_loads(whole_run):
    out, figures = whole_run
    manifest = read_manifest(out / state.LAST_FILE)
    assert manifest.trained_heads == {"objectness", "classification", "boxes", "distance_zones", "urgency"}
    assert manifest.classes[0] == 0 and len(manifest.classes) == 4 and manifest.data == "painted"
    assert figures["pictures"] > 0 and 0.0 <= figures["map50"] <= 1.0 and "map50" in manifest.metrics
    loaded = load_stage_a(checkpoint=out / state.LAST_FILE, runtime="torch", precision="f32")
    answer = loaded.runtime.infer(np.zeros((1, 64, 64, 3), np.uint8))
    assert answer["classification"].shape == (1, 16, 4)
    rows = [json.loads(line) for line in (out / state.METRICS_FILE).read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2] and rows[1]["validation"]["map50"] == figures["map50"]


def test_a_run_that_was_killed_in_an_epoch_ends_with_the_same_bits(data, whole_run, tmp_path, monkeypatch):
    out = tmp_path / "killed"
    first = trainer(data, out)
    after = 6  # in the second epoch
    learn = first._learn_from

    def killed(batch):
        losses = learn(batch)
        if first.step == after:
            first._stop = True
        return losses

    monkeypatch.setattr(first, "_learn_from", killed)
    with pytest.raises(StoppedError, match="Go on with --resume"):
        first.fit()
    assert first.batch > 0 and first.epoch == 1
    torch.manual_seed(99)  # another process has another state
    again = build.build_trainer(config(data), out, CPU, ONE)
    again.resume()
    again.fit()
    one, other = weights(whole_run[0]), weights(out)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_run_is_not_resumed_with_another_configuration_nor_overwritten(data, whole_run):
    out = whole_run[0]
    with pytest.raises(state.StateError, match=r"batch\.size: was 2, now 4"):
        trainer(data, out, batch={"size": 4}).resume()
    before = (out / state.STATE_FILE).read_bytes()
    with pytest.raises(state.StateError, match="already holds a run"):
        train.run(config(data), out)
    assert (out / state.STATE_FILE).read_bytes() == before


def test_a_loss_that_is_no_number_stops_the_run_by_name_and_keeps_the_state(data, tmp_path, monkeypatch):
    one = trainer(data, tmp_path / "nan")
    one._keep()
    kept = (tmp_path / "nan" / state.STATE_FILE).read_bytes()
    objective = one.objective

    def broken(found, batch):
        losses = objective(found, batch)
        return {**losses, "boxes": losses["boxes"] * float("nan")} if one.step == 1 else losses

    one.objective = broken
    with pytest.raises(NonFiniteLossError, match=r"step 1: boxes = nan.*painted/"):
        one.fit()
    assert (tmp_path / "nan" / state.STATE_FILE).read_bytes() == kept


def test_a_loading_process_that_is_killed_ends_the_run_with_words(data, tmp_path):
    one = trainer(data, tmp_path / "lost", data={"workers": 1})
    one.feed.augmenter = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    with pytest.raises(WorkerLostError, match=r"died in epoch 1 .*lower data\.workers or batch\.size.*--resume"):
        one.fit()


def test_accumulated_batches_make_one_step(data, tmp_path):
    one = trainer(data, tmp_path / "sum", batch={"size": 2, "accumulate": 2}, schedule={"epochs": 1})
    one.fit()
    assert one.step == one.feed.batches_per_epoch // 2


def test_it_learns(data, tmp_path):
    """A few dozen steps on six coloured rectangles: what is red and where is found."""
    changes = {"schedule": {"epochs": 3, "warmup_epochs": 0.5},
               "data": {"validation_share": 0.0, "samples_per_epoch": 80},
               "augment": {"mosaic": 0, "mixup": 0, "geometric": 0, "crop": 0, "cutout": 0, "photometric": 0},
               "batch": {"size": 8}, "optimiser": {"learning_rate": 1e-3}}
    one = trainer(data, tmp_path / "learns", **changes)
    one.fit()
    rows = [json.loads(line) for line in (tmp_path / "learns" / state.METRICS_FILE).read_text().splitlines()]
    first, last = rows[0]["losses"], rows[-1]["losses"]
    assert last["objectness"] < 0.5 * first["objectness"]
    assert last["classification"] < 0.3 * first["classification"]


def test_the_first_epochs_may_be_smaller(data, tmp_path):
    one = trainer(data, tmp_path / "sizes", schedule={"epochs": 2, "stages": [{"epochs": 1, "px": 32}]})
    sizes = [next(iter(one.feed.epoch(epoch, 0))).images.shape[1] for epoch in (0, 1)]
    assert sizes == [32, 64]


@pytest.fixture
def yaml_file(data, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(json.loads(config(data).model_dump_json(exclude_defaults=True))))
    return file


def test_the_command_stops_when_told_and_goes_on_with_resume(yaml_file, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "training.train", "--config", str(yaml_file), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "schedule.epochs=500", "data.workers=1"], cwd=REPOSITORY, env=environment,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (out / state.LAST_FILE).exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)  # as service managers do it: the loading processes are told too
    told = process.communicate(timeout=60)[1]
    assert process.returncode == train.STOPPED_CODE, told
    assert "Go on with --resume" in told
    reached = state.load_state(out / state.STATE_FILE)
    assert reached["step"] > 0
    refused = subprocess.run([*command, "--resume"], cwd=REPOSITORY, env=environment, capture_output=True, text=True,
                             check=False)
    assert refused.returncode == 2 and "schedule.epochs: was 500, now 2" in refused.stderr


@pytest.mark.parametrize(("options", "words"), [
    (["schedule.epoch=1"], "schedule.epoch: unknown key"),
    (["data.root=nowhere"], "nowhere"),
    (["train_heads=[smell]"], "train_heads: expected outputs of"),
    (["--device", "cuda"], "no CUDA device"),
    (["--hyperparameters", "none.json"], "python -m training.tune"),
    (["init_checkpoint=none.safetensors"], "none.safetensors"),
])
def test_what_cannot_begin_says_why_in_words(yaml_file, tmp_path, capsys, options, words):
    if "--device" in options and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert train.main(["--config", str(yaml_file), "--out", str(tmp_path / "run"), *options]) == 2
    assert words in capsys.readouterr().err
