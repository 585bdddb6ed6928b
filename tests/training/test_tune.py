"""The search: one study for all workers, bad values are findings, and its result is what training takes."""

import json

import pytest
import yaml
from support.training_samples import painted, write_coco

from training import train, tune
from training.loop.config import ConfigError, load_config
from training.loop.nan_guard import NonFiniteLossError
from training.tune import Range, default_space, read_space, with_values

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)
SPACE = {"optimiser.learning_rate": Range(low=1e-4, high=1e-2, log=True),
         "box_loss": Range(choices=("giou", "smooth_l1"))}


@pytest.fixture
def config(tmp_path):
    write_coco(tmp_path / "painted", [(f"{n}.png", painted([(1, 0.5, 0.5, 0.4, 0.4)], outlines=False))
                                      for n in range(6)])
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({
        "grid": "fused", "input_size_px": 32, "fit": "stretch", "classes": ["person"],
        "data": {"root": str(tmp_path), "coco": [{"path": "painted"}], "validation_share": 0.4, "workers": 0,
                 "samples_per_epoch": 2},
        "batch": {"size": 2}, "schedule": {"epochs": 1, "warmup_epochs": 0},
        "run": {"precision": "f32", "tensorboard": False}}))
    return file


class FakeRun:
    """A run that is as good as its learning rate is near 1e-3; the real trainer's face, without its network."""

    def __init__(self, config):
        self.config, self.epoch = config, 0
        rate = config.optimiser.learning_rate
        self.validate = lambda network: {"map50": 1.0 - abs(rate - 1e-3) * 50 + 0.01 * self.epoch}

    def fit(self):
        if self.config.optimiser.learning_rate > 8e-3:
            raise NonFiniteLossError("boxes = nan")
        for _ in range(self.config.schedule.epochs):
            self.epoch += 1
            figures = self.validate(None)
        return figures


@pytest.fixture
def fake(monkeypatch):
    made = []

    def build(config, *_):
        made.append(FakeRun(config))
        return made[-1]

    monkeypatch.setattr(tune, "build_trainer", build)
    return made


def test_one_real_trial_ends_with_a_result_that_training_takes(config, tmp_path, capsys):
    out = tmp_path / "tune"
    space = tmp_path / "space.yaml"
    space.write_text("optimiser.learning_rate: {low: 1.0e-4, high: 1.0e-3, log: true}\n"
                     "box_loss: {choices: [giou, smooth_l1]}\n")
    options = ["--config", str(config), "--out", str(out), "--trials", "1", "--space", str(space)]
    assert tune.main(options) == 0
    body = json.loads((out / tune.RESULT_FILE).read_text())
    assert body["trials"] == {"complete": 1} and body["metric"] == "map50" and 0 <= body["value"] <= 1
    assert not list((out / "trials").iterdir())
    parsed = train._parser().parse_args(["--config", str(config), "--out", "x", "--hyperparameters",
                                         str(out / tune.RESULT_FILE)])
    tuned = train._config(parsed)
    assert tuned.optimiser.learning_rate == body["parameters"]["optimiser.learning_rate"]
    assert tuned.box_loss == body["parameters"]["box_loss"]
    assert tune.main(options) == 0  # the study has its trial: nothing more to do
    assert json.loads((out / tune.RESULT_FILE).read_text())["trials"] == {"complete": 1}


def test_workers_share_one_study_through_its_storage(config, tmp_path, fake):
    made, url = load_config(config), f"sqlite:///{tmp_path / 'shared.db'}"
    tune.tune(made, tmp_path / "one", trials=6, storage=url, space=SPACE)
    assert len(fake) == 6
    body = tune.tune(made, tmp_path / "two", trials=10, storage=url, space=SPACE)
    assert len(fake) == 10 and sum(body["trials"].values()) == 10
    best = min(abs(run.config.optimiser.learning_rate - 1e-3) for run in fake
               if run.config.optimiser.learning_rate <= 8e-3)
    assert abs(body["parameters"]["optimiser.learning_rate"] - 1e-3) == pytest.approx(best)


def test_values_that_do_not_train_are_findings_and_end_nothing(config, tmp_path, fake):
    space = {"optimiser.learning_rate": Range(choices=(9e-3, 1e-3))}
    body = tune.tune(load_config(config), tmp_path / "out", trials=8, space=space)
    assert body["parameters"] == {"optimiser.learning_rate": 1e-3}
    assert body["trials"]["pruned"] > 0 and body["trials"]["complete"] > 0


def test_a_trial_that_is_behind_is_given_up_early(config, tmp_path, fake, monkeypatch):
    monkeypatch.setattr(tune, "STARTUP_TRIALS", 2)
    made = load_config(config, ["schedule.epochs=10"])
    body = tune.tune(made, tmp_path / "out", trials=12, space={"optimiser.learning_rate": Range(low=1e-3, high=7e-3)})
    assert body["trials"].get("pruned", 0) > 0
    assert min(run.epoch for run in fake) < 10 == max(run.epoch for run in fake)


def test_a_search_without_an_end_says_so(config, tmp_path, fake):
    with pytest.raises(RuntimeError, match=r"no trial .* came to its end"):
        tune.tune(load_config(config), tmp_path / "out", trials=2,
                  space={"optimiser.learning_rate": Range(choices=(9e-3,))})


def test_a_figure_that_validation_does_not_give_is_refused(config, tmp_path, fake):
    with pytest.raises(ConfigError, match="--metric taste: expected one of map50"):
        tune.tune(load_config(config), tmp_path / "out", trials=1, metric="taste", space=SPACE)


def test_the_default_space_fits_the_configuration(config):
    made = load_config(config)
    for name, one in default_space(made).items():
        for value in (one.low, one.high):
            with_values(made, {name: value})
    rates = default_space(made)["optimiser.learning_rate"]
    assert rates.low < made.learning_rate < rates.high


@pytest.mark.parametrize(("text", "words"), [
    ("optimiser.rate: {low: 1, high: 2}", r"optimiser\.rate: unknown key"),
    ("optimiser.learning_rate: {low: 2, high: 1}", "low < high"),
    ("optimiser.learning_rate: {low: 0, high: 1, log: true}", "above 0 with log"),
    ("just text", "expected keys"),
    ("box_loss.more: {choices: [1]}", "box_loss has no keys"),
])
def test_a_wrong_space_is_named_before_the_first_trial(config, tmp_path, text, words):
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_space(tmp_path / "space.yaml", load_config(config))
