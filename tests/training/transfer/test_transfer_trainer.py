"""The loop of a transfer on a small T0: what sleeps keeps its bits, groups have their rate, a teacher is heard."""

import json

import pytest
import torch
import yaml
from support.training_samples import painted, write_coco

from maxsight_core.engine.manifest import read_checkpoint, read_manifest
from maxsight_core.models.layers.dynamic_convolution import DynamicConvolution
from training.balance.groups import GROUP_OF
from training.data.sample import ClassTable
from training.loop import build, state
from training.loop.config import ConfigError, make_config
from training.loop.distributed import World
from training.transfer.__main__ import main
from training.transfer.build import TransferPlan, build_transfer, load_network
from training.transfer.ewc import EwcPenalty
from training.transfer.freeze import FreezeSchedule
from training.transfer.t2_to_t5 import RATE_SHARES, TransferError, group_of
from training.transfer.trainer import Penalised, TransferBalancer, TransferTrainer

ONE = World(0, 1, 0)
CPU = torch.device("cpu")


def body(root, **changes):
    made = {
        "grid": "fused", "input_size_px": 64, "fit": "stretch", "classes": ["person", "car"], "seed": 3,
        "data": {"root": str(root), "coco": [{"path": "painted"}], "validation_share": 0.0, "workers": 0},
        "augment": {"mosaic": 0.0, "mixup": 0.0, "copy_paste": 0.0},
        "schedule": {"epochs": 2, "warmup_epochs": 0}, "batch": {"size": 2}, "optimiser": {"learning_rate": 1e-3},
        "run": {"precision": "f32", "tensorboard": False, "ema_warmup_steps": 1},
    }
    return {**made, **{key: {**made.get(key, {}), **value} if isinstance(value, dict) else value
                       for key, value in changes.items()}}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    pictures = [(f"{n}.png", painted([(n % 2 + 1, 0.4, 0.5, 0.3, 0.5)], outlines=False)) for n in range(4)]
    write_coco(folder / "painted", pictures)
    return folder


@pytest.fixture(scope="module")
def yaml_file(root, tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "run.yaml"
    file.write_text(yaml.safe_dump(body(root, schedule={"epochs": 1})))
    return file


@pytest.fixture(scope="module")
def checkpoint(root, tmp_path_factory):
    """A T0 as training saves it."""
    file = tmp_path_factory.mktemp("teacher") / "t0.safetensors"
    config = make_config(body(root))
    torch.manual_seed(1)
    classes = ClassTable.of_names(config.classes)
    network = build.TrainedNetwork("T0", "fused", classes.count)
    build.checkpoint_writer(config, classes)(network, file, {}, frozenset(GROUP_OF))
    return file


def first_epoch(name):
    return 1 if group_of(name) == "cnn" else 0


def transfer_trainer(root, out, **changes):
    torch.manual_seed(3)
    config = make_config(body(root, **changes))
    base = build.build_trainer(config, out, CPU, ONE)
    balancer = TransferBalancer(config.run.balance, base.network, base.weights)
    return TransferTrainer(config, base.network, base.objective, balancer, base.feed, out, CPU, ONE, None, base.save,
                           group_of=group_of, shares=RATE_SHARES, freeze=FreezeSchedule(base.network, first_epoch))


def test_what_sleeps_keeps_its_bits_and_wakes_up(root, tmp_path):
    one = transfer_trainer(root, tmp_path / "run")
    before = {name: tensor.clone() for name, tensor in one.network.state_dict().items()}
    one._end_of_epoch = lambda journal, losses: seen.append(
        {name: tensor.clone() for name, tensor in one.network.state_dict().items()})
    seen = []
    one.fit()
    first, second = seen
    asleep = [name for name in before if group_of(name) == "cnn"]
    assert asleep and all(torch.equal(before[name], first[name]) for name in asleep)  # batch statistics too
    assert any(not torch.equal(before[name], first[name]) for name in before if name not in asleep)
    assert any(not torch.equal(first[name], second[name]) for name in asleep if "body.conv1" in name)
    assert not torch.equal(first["stage_a.backbone.body.bn1.running_mean"],
                           second["stage_a.backbone.body.bn1.running_mean"])


def test_groups_learn_at_their_share_of_the_rate(root, tmp_path):
    one = transfer_trainer(root, tmp_path / "run", schedule={"epochs": 1})
    one._end_of_epoch = lambda journal, losses: None
    one.fit()
    rates = {group["name"]: group["lr"] for group in one.optimiser.param_groups}
    assert rates["detection.decay"] == pytest.approx(3 * rates["cnn.decay"])
    count = sum(len(group["params"]) for group in one.optimiser.param_groups)
    assert count == len(list(one.network.parameters()))
    assert {group["name"]: group["weight_decay"] for group in one.optimiser.param_groups}["cnn.plain"] == 0.0


def test_dynamic_convolutions_that_came_with_the_weights_are_not_heated_again(root, tmp_path):
    one = transfer_trainer(root, tmp_path / "run")
    one.network.stage_a.dynamic = DynamicConvolution(4)
    one.network.stage_a.dynamic.set_temperature(1.0)
    one.network.cool(0.0)  # what the loop says at its first step
    assert float(one.network.stage_a.dynamic.temperature) == 1.0


@pytest.mark.parametrize("method", ["none", "gradnorm", "pcgrad"])
def test_losses_beside_the_tasks_reach_the_weights_whatever_the_balance(method):
    network = torch.nn.Module()
    network.stage_a = torch.nn.Module()
    network.stage_a.backbone = torch.nn.Module()
    network.stage_a.backbone.fpn = torch.nn.Module()
    network.stage_a.backbone.fpn.layer_blocks = torch.nn.Linear(2, 1, bias=False)
    weight = network.stage_a.backbone.fpn.layer_blocks.weight
    balancer = TransferBalancer(method, network, {})
    if method == "pcgrad":
        pytest.importorskip("torchjd")
    alone, both = [], []
    for grads, extra in ((alone, {}), (both, {"ewc": weight.sum() * 5.0})):
        weight.grad = None
        balancer.backward({"urgency": weight.square().sum(), **extra}, 0)
        grads.append(weight.grad.clone())
    torch.testing.assert_close(both[0] - alone[0], torch.full((1, 2), 5.0))


def test_a_batch_that_teaches_nothing_changes_nothing():
    network = torch.nn.Linear(2, 1)
    TransferBalancer("none", network, {}).backward({"urgency": torch.tensor(3.0)}, 0)
    assert not network.weight.grad.any()


def test_ewc_holds_the_weights_in_the_loop(root, tmp_path):
    one = transfer_trainer(root, tmp_path / "run", schedule={"epochs": 1})
    name = next(found for found, _ in one.network.named_parameters() if found.startswith("stage_a.urgency."))
    start = dict(one.network.named_parameters())[name].detach().clone()
    one.objective = Penalised(one.objective, one.network, EwcPenalty(
        {name: start}, {name: torch.ones_like(start)}, strength=1.0))
    batch = next(iter(one.feed.epoch(0, 0)))
    assert one._learn_from(batch)["ewc"].item() == 0.0
    assert one._learn_from(batch)["ewc"].item() > 0.0


def test_the_command_learns_from_a_teacher(yaml_file, checkpoint, tmp_path):
    out = tmp_path / "run"
    options = ["--config", str(yaml_file), "--teacher", str(checkpoint), "--truth-epochs", "1", "--out", str(out)]
    assert main([*options, "schedule.epochs=2"]) == 0
    rows = [json.loads(line)["losses"] for line in (out / state.METRICS_FILE).read_text().splitlines()]
    assert rows[0]["distilled_urgency"] > 0 and rows[0]["distilled_features"] > 0
    assert not any(name.startswith("distilled_") for name in rows[1])
    assert read_manifest(out / state.LAST_FILE).tier == "T0"
    assert main([*options, "schedule.epochs=2"]) == 2  # never overwritten


@pytest.mark.parametrize(("options", "words"), [
    ([], "name a --source"),
    (["--source", "CHECKPOINT"], "from T2 to T5; the configuration's tier is T0"),
    (["--teacher", "CHECKPOINT", "--ewc", "1"], "--ewc holds the weights of a --source"),
    (["--teacher", "CHECKPOINT", "--truth-epochs", "3"], "must be 0..1"),
    (["--teacher", "CHECKPOINT", "--truth-epochs", "0", "classes=[person,door]"], "expected classes"),
    (["--teacher", "none.safetensors", "--truth-epochs", "0"], "none.safetensors"),
])
def test_what_cannot_begin_says_why(yaml_file, checkpoint, tmp_path, capsys, options, words):
    given = [str(checkpoint) if option == "CHECKPOINT" else option for option in options]
    assert main(["--config", str(yaml_file), "--out", str(tmp_path / "run"), *given]) == 2
    assert words in capsys.readouterr().err


def test_a_network_is_loaded_whole(checkpoint, root):
    classes = ClassTable.of_names(["person", "car"])
    network = load_network(checkpoint, "fused", classes)
    saved = read_checkpoint(checkpoint)[1]
    own = network.stage_a.state_dict()
    assert all(torch.allclose(own[name], torch.from_numpy(array)) for name, array in saved.items() if name in own)
    with pytest.raises(TransferError, match="expected tier T2"):
        load_network(checkpoint, "fused", classes, "T2")


def test_a_source_needs_a_t5(root, tmp_path):
    with pytest.raises(ConfigError, match="tier=T5"):
        build_transfer(make_config(body(root)), TransferPlan(source=tmp_path / "t2"), tmp_path / "run", CPU, ONE)
