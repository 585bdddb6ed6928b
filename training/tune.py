"""Search hyperparameters with Optuna; several workers, on one machine or many, share a study through its storage.

    python -m training.tune --config training/configs/t0_pyramid.yaml --out runs/tune --trials 40 schedule.epochs=12
    python -m training.tune ... --storage postgresql://user@host/optuna       (the same line on every worker)
    python -m training.train --config ... --hyperparameters runs/tune/best_hyperparameters.json

Every trial is a short run of its own; one that is worse than half of the others at the same epoch is given up (median
rule). A worker that dies is noticed, and its trial is tried again. ``best_hyperparameters.json`` is written after every
trial. Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from torch import nn

from training.data.sample import SampleError
from training.loop.build import build_trainer
from training.loop.config import ConfigError, TrainConfig, load_config, make_config
from training.loop.distributed import World
from training.loop.nan_guard import NonFiniteLossError
from training.loop.trainer import StoppedError

OPTUNA = "optuna==5.0.0"
RESULT_FILE, STUDY_FILE = "best_hyperparameters.json", "study.db"
STUDY_NAME = "maxsight"
METRIC = "map50"
STARTUP_TRIALS = 8
"""Random ones, before the sampler has something to learn from and the pruner something to compare with."""
HEARTBEAT_S, GRACE_S, RETRIES = 60, 300, 2
"""How often a worker shows that it lives, when it counts as dead, and how often its trial is tried again."""
RATE_REACH = 5.0
"""The learning rate is searched from a fifth of the configuration's to five times it."""


class Range(BaseModel):
    """Where one value is searched: numbers from ``low`` to ``high``, or one of ``choices``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Range:
        numbers = self.low is not None and self.high is not None and self.low < self.high
        if numbers == bool(self.choices) or (self.log and not (numbers and self.low > 0)):
            raise ValueError("expected low < high (above 0 with log), or choices")
        return self

    def suggest(self, trial: Any, name: str) -> Any:
        """This trial's value."""
        if self.choices:
            return trial.suggest_categorical(name, list(self.choices))
        return trial.suggest_float(name, self.low, self.high, log=self.log)


def default_space(config: TrainConfig) -> dict[str, Range]:
    """What matters first: the rate and what holds it back, the averaging, the augmentation, the weight of boxes."""
    rate = config.learning_rate
    return {
        "optimiser.learning_rate": Range(low=rate / RATE_REACH, high=rate * RATE_REACH, log=True),
        "optimiser.weight_decay": Range(low=1e-3, high=0.2, log=True),
        "optimiser.backbone_multiplier": Range(low=0.1, high=1.0, log=True),
        "augment.strength": Range(low=0.5, high=1.5),
        "augment.mosaic": Range(low=0.0, high=0.7),
        "augment.copy_paste": Range(low=0.0, high=0.7),
        "loss_weights.boxes": Range(low=0.5, high=5.0, log=True),
    }


def read_space(path: Path, config: TrainConfig) -> dict[str, Range]:
    """A space from YAML: ``optimiser.learning_rate: {low: 1e-4, high: 1e-2, log: true}``.

    Raises:
        ConfigError: no such file, no ranges, a wrong range, or a key that a configuration does not have.
    """
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        space = {str(name): Range(**given) for name, given in body.items()}
    except (OSError, yaml.YAMLError, ValidationError, AttributeError, TypeError) as error:
        raise ConfigError(f"--space {path}: expected keys with {{low, high, log}} or {{choices}} ({error})") from error
    for name, one in space.items():  # a wrong key shows before the first trial
        with_values(config, {name: one.choices[0] if one.choices else one.low})
    return space


def with_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """The configuration with dotted keys set; ConfigError when it does not have them."""
    body = config.to_json()
    for key, value in values.items():
        *path, last = key.split(".")
        place = body
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{key}: {part} has no keys of its own")
        place[last] = value
    return make_config(body, "hyperparameters")


def tune(
    config: TrainConfig, out: Path, *, trials: int, storage: str | None = None, study: str = STUDY_NAME,
    metric: str = METRIC, space: Mapping[str, Range] | None = None, device: torch.device | None = None,
) -> dict[str, Any]:
    """Search until the study has ``trials`` trials, those of other workers counted; the content of the result file.

    Args:
        config: of every trial, short. out: folder of this worker: result, trials' runs. storage: URL of a data base;
            None: a file in ``out``. metric: a validation figure, higher is better. space: None: the default one.

    Raises:
        ModuleNotFoundError: Optuna is not installed. ConfigError: the metric is not among the validation's figures.
            RuntimeError: no trial came to its end.
    """
    optuna = _optuna()
    space = dict(space or default_space(config))
    out.mkdir(parents=True, exist_ok=True)
    found = _study(storage or f"sqlite:///{(out / STUDY_FILE).absolute()}", study)
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    left = trials - len(found.get_trials(deepcopy=False, states=states))
    where = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def write(*_: Any) -> None:
        _write_result(out / RESULT_FILE, result_of(found, metric, study))

    if left > 0:
        found.optimize(lambda trial: _one_trial(trial, config, space, out, metric, where), callbacks=[
            optuna.study.MaxTrialsCallback(trials, states=states), write])
    body = result_of(found, metric, study)
    if not body["parameters"]:
        raise RuntimeError(f"tune: no trial of the study {study} came to its end ({body['trials']}). Look at their "
                           "messages, or lower the learning rate of the configuration")
    _write_result(out / RESULT_FILE, body)
    return body


def _study(storage: str, name: str) -> Any:
    """The study of this name, new or with the trials it has."""
    optuna = _optuna()
    with warnings.catch_warnings():  # the heartbeat is called experimental since Optuna 2.8
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        kept = optuna.storages.RDBStorage(
            storage, heartbeat_interval=HEARTBEAT_S, grace_period=GRACE_S,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES))
        sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP_TRIALS, multivariate=True, constant_liar=True)
    return optuna.create_study(
        study_name=name, storage=kept, sampler=sampler, direction="maximize", load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS))


def result_of(study: Any, metric: str, name: str) -> dict[str, Any]:
    """Parameters and value of the best trial so far, and how the trials ended."""
    counts: dict[str, int] = {}
    for trial in study.get_trials(deepcopy=False):
        counts[trial.state.name.lower()] = counts.get(trial.state.name.lower(), 0) + 1
    done = counts.get("complete", 0) > 0
    return {"parameters": dict(study.best_params) if done else {}, "value": study.best_value if done else None,
            "metric": metric, "study": name, "trial": study.best_trial.number if done else None, "trials": counts}


def _one_trial(trial: Any, config: TrainConfig, space: Mapping[str, Range], out: Path, metric: str,
               device: torch.device) -> float:
    """Train once; the metric of the last validation. Its folder is removed: weights of a search are not kept."""
    optuna = _optuna()
    values = {name: one.suggest(trial, name) for name, one in space.items()}
    made = with_values(config, {**values, "run.validate_every_epochs": 1, "run.tensorboard": False})
    folder = out / "trials" / f"{trial.number:04d}-{os.getpid()}"
    torch.manual_seed(made.seed)
    trainer = build_trainer(made, folder, device, World(0, 1, 0))
    if trainer.validate is None:
        raise ConfigError("tune: the configuration has no validation; set data.validation_share or "
                          "data.validation_rendered")
    trainer.validate = _reporting(trainer.validate, trial, metric, lambda: trainer.epoch)
    try:
        figures = trainer.fit()
    except NonFiniteLossError as error:
        raise optuna.TrialPruned(str(error)) from error  # these values do not train: that is a finding
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures[metric]


def _reporting(validate: Callable[[nn.Module], dict[str, float]], trial: Any, metric: str,
               epoch: Callable[[], int]) -> Callable[[nn.Module], dict[str, float]]:
    """``validate`` that tells the study, and gives up a trial that is behind."""
    optuna = _optuna()

    def told(network: nn.Module) -> dict[str, float]:
        figures = validate(network)
        if metric not in figures:
            raise ConfigError(f"--metric {metric}: expected one of {', '.join(sorted(figures))}")
        trial.report(figures[metric], epoch())
        if trial.should_prune():
            raise optuna.TrialPruned(f"{metric} {figures[metric]:.4f} after epoch {epoch()}")
        return figures

    return told


def _write_result(path: Path, body: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"tuning needs Optuna: pip install {OPTUNA}") from error
    return optuna


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when no trial came to its end; 2 when the search could not begin; 130 when it was stopped."""
    options = _parser().parse_args(argv)
    try:
        config = load_config(options.config, options.values)
        space = None if options.space is None else read_space(options.space, config)
        body = tune(config, options.out, trials=options.trials, storage=options.storage, study=options.study,
                    metric=options.metric, space=space,
                    device=None if options.device is None else torch.device(options.device))
    except StoppedError as stopped:
        print(f"tune: {stopped}. The study is kept: the same command goes on with new trials", file=sys.stderr)
        return 130
    except (ConfigError, SampleError, ValueError, OSError, ModuleNotFoundError) as error:
        print(f"tune cannot begin: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(body))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.tune", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="YAML of every trial; make its runs short")
    parser.add_argument("--out", type=Path, required=True, help=f"folder of {RESULT_FILE}")
    parser.add_argument("--trials", type=int, default=30, help="of the whole study, all workers together")
    parser.add_argument("--storage", help="URL of the study's data base; default: a file in --out")
    parser.add_argument("--study", default=STUDY_NAME, help="name of the study in its storage")
    parser.add_argument("--metric", default=METRIC, help="validation figure, higher is better (rendered.map50)")
    parser.add_argument("--space", type=Path, help="YAML: key to {low, high, log} or {choices}")
    parser.add_argument("--device", help="cpu, cuda; default: the best there is")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
