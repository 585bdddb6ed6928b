"""One command from data to exported files: environment, data, a look into the data, training, export.

    python -m training.run_production --config training/configs/t0_pyramid.yaml --out runs/t0 --dry-run
    DATA_DIR=datasets EPOCHS=60 python -m training.run_production --config training/configs/t0_pyramid.yaml --out t0

``--dry-run`` prints the plan and what is missing, and does nothing. A run that was stopped goes on where it was when
the same command is given again. These variables of the environment are put over the configuration: DATA_DIR
(data.root), EPOCHS, BATCH_SIZE, LR; DEVICE and HYPERPARAMETERS (a best_hyperparameters.json) are handed to training.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from training.loop import state as kept
from training.loop.config import ConfigError, load_config
from training.production_checks import content_problems, data_problems, environment_problems, export_problems

OVERRIDES: dict[str, str] = {
    "DATA_DIR": "data.root", "EPOCHS": "schedule.epochs", "BATCH_SIZE": "batch.size", "LR": "optimiser.learning_rate",
}
"""Variables of the environment, and the key of the configuration that each sets."""
SUFFIXES: dict[str, str] = {"jit": ".pt", "onnx": ".onnx", "openvino": ".xml", "coreml": ".mlpackage",
                            "executorch": ".pte"}
MISSING_CODE = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the plan: a check that gives problems, or a command to run."""

    name: str
    check: Callable[[], list[str]] | None = None
    command: Callable[[], tuple[str, ...]] = tuple


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 when something is missing or a check fails (then nothing was trained); else the command's own."""
    options = _parser().parse_args(argv)
    try:
        stages = plan(options)
    except ConfigError as error:
        print(f"run_production: {error}", file=sys.stderr)
        return MISSING_CODE
    problems = 0
    for number, stage in enumerate(stages, start=1):
        print(f"[{number}/{len(stages)}] {stage.name} {shlex.join(stage.command())}".rstrip(), flush=True)
        if stage.check is not None:
            found = stage.check()
            problems += len(found)
            for words in found:
                print(f"    missing: {words}")
            if found and not options.dry_run:
                print(f"run_production: {stage.name}: {len(found)} problems; nothing was trained", file=sys.stderr)
                return MISSING_CODE
        elif not options.dry_run:
            code = _run(stage.command())
            if code:
                print(f"run_production: {stage.name} ended with code {code}; mend it and give the same command again",
                      file=sys.stderr)
                return code if code > 0 else 1
    if options.dry_run:
        print(f"dry run: {problems} problems" if problems else "dry run: everything is there")
    return MISSING_CODE if problems else 0


def plan(options: argparse.Namespace) -> list[Stage]:
    """The steps of a run, checks first: what can go wrong in the export shows before the training.

    Raises:
        ConfigError: the configuration cannot be used, or a variable of the environment names no file.
    """
    values = [f"{key}={os.environ[name]}" for name, key in OVERRIDES.items() if os.environ.get(name)] + options.values
    config = load_config(options.config, values)
    device, tuned = os.environ.get("DEVICE") or None, os.environ.get("HYPERPARAMETERS") or None
    if tuned is not None and not Path(tuned).is_file():
        raise ConfigError(f"HYPERPARAMETERS={tuned}: expected the file that python -m training.tune writes; it is not "
                          "there")
    formats = () if options.no_export else tuple(options.format or ("onnx",))
    stages = []
    if not options.skip_env:
        stages.append(Stage("environment", lambda: environment_problems(config, options.out, device)))
    if formats:
        stages.append(Stage("export packages", lambda: export_problems(formats)))
    if not options.skip_data_check:
        stages.append(Stage("data", lambda: data_problems(config)))
        stages.append(Stage("look into the data", lambda: [] if data_problems(config) else content_problems(config)))
    stages.append(Stage("train", command=lambda: _train(options, values, device, tuned)))
    return stages + [Stage(f"export {name}", command=partial(_export, options.out, name)) for name in formats]


def _train(
    options: argparse.Namespace, values: Sequence[str], device: str | None, tuned: str | None,
) -> tuple[str, ...]:
    command = [sys.executable, "-m", "training.train", "--config", str(options.config), "--out", str(options.out)]
    if (options.out / kept.STATE_FILE).exists():
        command.append("--resume")
    command += ["--device", device] if device else []
    command += ["--hyperparameters", tuned] if tuned else []
    return (*command, *values)


def _export(out: Path, name: str) -> tuple[str, ...]:
    """Of the checkpoint that validated best, where there was a validation that could tell."""
    checkpoint = out / kept.BEST_FILE if (out / kept.BEST_FILE).exists() else out / kept.LAST_FILE
    return (sys.executable, "-m", "training.export", "--checkpoint", str(checkpoint), "--format", name, "--output",
            str(out / "exported" / f"model{SUFFIXES[name]}"))


def _run(command: Sequence[str]) -> int:
    """Exit code of a command. Ctrl-C and SIGTERM are its to handle: training saves its state before it ends."""
    child = subprocess.Popen(command)
    before = {number: signal.signal(number, lambda got, _: child.send_signal(got))
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.run_production", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="YAML; see training/configs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--format", action="append", choices=sorted(SUFFIXES), help="to export; repeatable; "
                        "default: onnx")
    parser.add_argument("--skip-env", action="store_true", help="do not look at packages, device and space")
    parser.add_argument("--skip-data-check", action="store_true", help="do not look at the data")
    parser.add_argument("--no-export", action="store_true", help="end with the checkpoint")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and what is missing, do nothing")
    parser.add_argument("values", nargs="*", metavar="section.key=value", help="over the configuration's values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
