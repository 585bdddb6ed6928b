"""Train a tier from a configuration.

    python -m training.train --config training/configs/t0_pyramid.yaml --out runs/t0 data.root=datasets
    python -m training.train --config training/configs/t0_pyramid.yaml --out runs/t0 --resume
    torchrun --nproc-per-node 4 -m training.train --config training/configs/t2.yaml --out runs/t2

Values of the configuration can be given behind the options as ``section.key=value``. ``Ctrl-C`` or SIGTERM ends the
run after the batch in work and keeps its state; ``--resume`` goes on from there, on a CPU bit for bit. The run's folder
then holds ``last.safetensors`` and ``best.safetensors``, which the app reads through MAXSIGHT_CHECKPOINT_PATH.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.data.sample import ClassTable, SampleError
from training.loop import state as kept
from training.loop.build import build_trainer
from training.loop.config import ConfigError, TrainConfig, load_config, make_config
from training.loop.distributed import World, join, leave
from training.loop.nan_guard import NonFiniteLossError
from training.loop.trainer import StoppedError, WorkerLostError

STOPPED_CODE = 130
"""Exit code of a run that was told to stop, as shells give it for Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when the run failed; 2 when it could not begin; 130 when it was told to stop and can go on."""
    options = _parser().parse_args(argv)
    world = join()
    try:
        config = _config(options)
        torch.set_num_threads(config.run.threads or torch.get_num_threads())
        figures = run(config, options.out, resume=options.resume, device=options.device, world=world)
    except StoppedError as stopped:
        _tell(world, str(stopped))
        return STOPPED_CODE
    except (NonFiniteLossError, WorkerLostError) as error:
        _tell(world, f"training stopped: {error}")
        return 1
    except (ConfigError, SampleError, kept.StateError, ValueError, OSError) as error:
        _tell(world, f"training cannot begin: {error}")
        return 2
    finally:
        leave()
    if world.first:
        print(json.dumps(figures))
    return 0


def run(config: TrainConfig, out: Path, *, resume: bool = False, device: str | None = None,
        world: World | None = None) -> dict[str, float]:
    """Train to the end; the figures of the last validation.

    Args:
        out: folder of the run. resume: go on from its state. device: ``cpu``, ``cuda``, ...; None: the best there is.

    Raises:
        StateError: the folder holds another run, or cannot be written. ConfigError, SampleError: of the data.
    """
    world = world or World(0, 1, 0)
    if world.first:
        _claim(config, out, resume)
    world.barrier()
    torch.manual_seed(config.seed)
    trainer = build_trainer(config, out, _device(device, world), world)
    if resume:
        trainer.resume()
    return trainer.fit()


def _claim(config: TrainConfig, out: Path, resume: bool) -> None:
    """A new run takes an empty folder; nothing that was trained is overwritten."""
    if (out / kept.STATE_FILE).exists() and not resume:
        raise kept.StateError(f"{out} already holds a run. Go on with --resume, or name another --out")
    out.mkdir(parents=True, exist_ok=True)
    (out / kept.CONFIG_FILE).write_text(json.dumps(config.to_json(), indent=1) + "\n", encoding="utf-8")


def _device(name: str | None, world: World) -> torch.device:
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("--device cuda: this machine has no CUDA device that torch can use; leave the option out")
    return torch.device(f"cuda:{world.local_rank}" if name == "cuda" else name)


def _config(options: argparse.Namespace) -> TrainConfig:
    config = load_config(options.config, options.values)
    if options.hyperparameters is None:
        return config
    return make_config(_over(config.to_json(), _tuned(options.hyperparameters)), str(options.hyperparameters))


def _tuned(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(f"--hyperparameters {path}: expected the JSON that python -m training.tune writes ({error})"
                          ) from error
    return body.get("parameters", body)


def _over(under: dict[str, Any], dotted: dict[str, Any]) -> dict[str, Any]:
    """``dotted`` ("optimiser.learning_rate": 0.001) put over nested values."""
    for key, value in dotted.items():
        place = under
        *path, last = key.split(".")
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return under


def _tell(world: World, words: str) -> None:
    if world.first:
        print(words, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="YAML; see training/configs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on from the run's state")
    parser.add_argument("--hyperparameters", type=Path, help="best_hyperparameters.json of python -m training.tune")
    parser.add_argument("--device", help="cpu, cuda, cuda:1; default: the best there is")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


def classes_of(config: TrainConfig) -> ClassTable:
    """The classifier's columns of a run."""
    return ClassTable.of_names(config.classes)


if __name__ == "__main__":
    sys.exit(main())
