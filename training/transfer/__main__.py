"""Train a network that does not begin at nothing: T2's weights moved into a T5, or a teacher beside the truth.

    python -m training.transfer --source runs/t2/best.safetensors --config training/configs/t5.yaml --out runs/t5
    python -m training.transfer --teacher runs/t5/best.safetensors --config training/configs/t2.yaml --out runs/t2b

With ``--source`` the parts that T2 knew sleep at first and wake up one after the other (epochs 5, 15, 30 and 45), at
their own share of the learning rate; ``--ewc`` also holds them near what they were. With ``--teacher`` the last
``--truth-epochs`` see the truth alone. Everything else is as in ``python -m training.train``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from training.data.sample import SampleError
from training.loop import state as kept
from training.loop.config import ConfigError, TrainConfig, load_config
from training.loop.distributed import World, join, leave
from training.loop.nan_guard import NonFiniteLossError
from training.loop.trainer import StoppedError, WorkerLostError
from training.train import STOPPED_CODE
from training.transfer.build import TransferPlan, build_transfer


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when the run failed; 2 when it could not begin; 130 when it was told to stop and can go on."""
    options = _parser().parse_args(argv)
    world = join()
    plan = TransferPlan(options.source, options.teacher, options.temperature, options.teacher_share,
                        options.truth_epochs, options.ewc, options.ewc_pictures)
    try:
        config = load_config(options.config, options.values)
        torch.set_num_threads(config.run.threads or torch.get_num_threads())
        figures = run(config, plan, options.out, resume=options.resume, device=options.device, world=world)
    except StoppedError as stopped:
        _tell(world, str(stopped))
        return STOPPED_CODE
    except (NonFiniteLossError, WorkerLostError) as error:
        _tell(world, f"transfer stopped: {error}")
        return 1
    except (ConfigError, SampleError, kept.StateError, ValueError, OSError) as error:
        _tell(world, f"transfer cannot begin: {error}")
        return 2
    finally:
        leave()
    if world.first:
        print(json.dumps(figures))
    return 0


def run(config: TrainConfig, plan: TransferPlan, out: Path, *, resume: bool = False, device: str | None = None,
        world: World | None = None) -> dict[str, float]:
    """Train to the end; the figures of the last validation.

    Raises:
        StateError: the folder holds another run. ConfigError, TransferError, CheckpointError, SampleError: see
            :func:`training.transfer.build.build_transfer`.
    """
    world = world or World(0, 1, 0)
    if (out / kept.STATE_FILE).exists() and not resume:
        raise kept.StateError(f"{out} already holds a run. Go on with --resume, or name another --out")
    if plan.source is not None and config.schedule.unlock:
        _tell(world, "transfer: schedule.unlock counts detection alone at first, and detection sleeps until epoch 5: "
                     "the first five epochs change nothing")
    torch.manual_seed(config.seed)
    trainer = build_transfer(config, plan, out, _device(device, world), world)
    if world.first:
        (out / kept.CONFIG_FILE).write_text(json.dumps(config.to_json(), indent=1) + "\n", encoding="utf-8")
    world.barrier()
    if resume:
        trainer.resume()
    return trainer.fit()


def _device(name: str | None, world: World) -> torch.device:
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("--device cuda: this machine has no CUDA device that torch can use; leave the option out")
    return torch.device(f"cuda:{world.local_rank}" if name == "cuda" else name)


def _tell(world: World, words: str) -> None:
    if world.first:
        print(words, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.transfer", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    plan = TransferPlan()
    parser.add_argument("--config", type=Path, required=True, help="YAML of the network to train")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--source", type=Path, help="a T2 checkpoint whose weights move into the T5")
    parser.add_argument("--teacher", type=Path, help="a checkpoint of the same grid and classes to learn from")
    parser.add_argument("--temperature", type=float, default=plan.temperature, help="of the teacher's answers")
    parser.add_argument("--teacher-share", type=float, default=plan.teacher_share, help="0..1; the rest is the truth's")
    parser.add_argument("--truth-epochs", type=int, default=plan.truth_epochs, help="last epochs without the teacher")
    parser.add_argument("--ewc", type=float, default=plan.ewc, metavar="STRENGTH", help="hold what T2 knew; 0: not")
    parser.add_argument("--ewc-pictures", type=int, default=plan.ewc_pictures, help="to estimate what mattered")
    parser.add_argument("--resume", action="store_true", help="go on from the run's state")
    parser.add_argument("--device", help="cpu, cuda, cuda:1; default: the best there is")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
