"""Remove channels of Stage A, train what is left on, and say what it cost.

    python -m training.prune --checkpoint runs/t0/best.safetensors --share 0.3 --out runs/t0_pruned \\
        --config training/configs/t0_pyramid.yaml data.root=datasets schedule.epochs=10 optimiser.learning_rate=1e-5

The configuration names data, epochs and learning rate of the training after pruning, and the pictures to validate on.
``pruned.safetensors`` is a checkpoint whose layers are narrower: ``python -m training.export`` reads it. The figures
before pruning, after it, and after training on are in its manifest and in ``prune.json``. A pruned network without
training on is worse by far; ``--no-fine-tuning`` makes one all the same and says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from maxsight_core.engine import weights
from maxsight_core.engine.manifest import CheckpointError, save_checkpoint
from training.data.sample import ClassTable, SampleError
from training.export.fine_tune import fine_tuner, judge
from training.export.narrow import build_stage_a
from training.export.pruning import prune
from training.loop import state as kept
from training.loop.config import ConfigError, TrainConfig, load_config
from training.loop.distributed import World
from training.loop.nan_guard import NonFiniteLossError
from training.loop.trainer import StoppedError, WorkerLostError

OUTPUT, REPORT = "pruned.safetensors", "prune.json"
SHOWN = ("map50", "map", "zone_accuracy", "urgency_accuracy", "false_reassurance")
_STOPPED_CODE = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when training failed; 2 when it could not begin; 130 when it was told to stop and can go on."""
    options = _parser().parse_args(argv)
    try:
        report = run(options)
    except StoppedError as stopped:
        print(stopped, file=sys.stderr)
        return _STOPPED_CODE
    except (NonFiniteLossError, WorkerLostError) as error:
        print(f"prune: {error}", file=sys.stderr)
        return 1
    except (ConfigError, CheckpointError, SampleError, kept.StateError, ValueError, OSError) as error:
        print(f"prune: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report, indent=1))
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Prune, train on, write; the report."""
    source = weights.find(options.checkpoint)
    if source.manifest.tier != "T0":
        raise CheckpointError(f"{options.checkpoint} is of tier {source.manifest.tier}: Stage B was trained on the "
                              "maps of the network as it is. Prune a T0")
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model = build_stage_a(source)
    config = None if options.config is None else _fitting(load_config(options.config, options.values), source)
    options.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"checkpoint": str(options.checkpoint), "share": options.share}
    if config is not None:
        report["before"] = _shown(judge(config, model, device))
    report["pruned"] = asdict(prune(model, options.share))
    manifest = source.manifest
    if config is not None:
        report["after_pruning"] = _shown(judge(config, model, device))
    if config is not None and not options.no_fine_tuning:
        trainer = fine_tuner(config, model, options.out, device, World(0, 1, 0))
        if options.resume:
            trainer.resume()
        report["after_fine_tuning"] = _shown(trainer.fit())
        trained = weights.find(options.out / kept.LAST_FILE)
        model, manifest = build_stage_a(trained), trained.manifest
    else:
        report["note"] = "not trained on after pruning: expect it to be far worse than before"
    metrics = {f"{moment}.{key}": value for moment in ("before", "after_pruning", "after_fine_tuning")
               for key, value in report.get(moment, {}).items()}
    save_checkpoint(options.out / OUTPUT, model.cpu().state_dict(),
                    replace(manifest, metrics={**manifest.metrics, **metrics}), storage="f16")
    (options.out / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _fitting(config: TrainConfig, source: weights.WeightsSource) -> TrainConfig:
    """The configuration, when it trains the network that is pruned."""
    manifest = source.manifest
    wanted = {"tier": manifest.tier, "grid": manifest.grid, "classes": manifest.classes}
    got = {"tier": config.tier, "grid": config.grid, "classes": ClassTable.of_names(config.classes).ids}
    wrong = [f"{name} {got[name]} for {wanted[name]}" for name in wanted if wanted[name] != got[name]]
    if wrong:
        raise ConfigError(f"--config trains another network than the checkpoint's: {'; '.join(wrong)}")
    return config


def _shown(figures: dict[str, float]) -> dict[str, float]:
    names = [prefix + name for prefix in ("", "rendered.") for name in SHOWN]
    return {name: round(figures[name], 5) for name in names if name in figures}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.prune", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.3, help="of the channels inside bottlenecks")
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--config", type=Path, help="of the training after pruning, and of the pictures to judge on")
    parser.add_argument("--no-fine-tuning", action="store_true", help="prune and judge only")
    parser.add_argument("--resume", action="store_true", help="go on with a training that was stopped")
    parser.add_argument("--device", help="cpu, cuda; default: the best there is")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
