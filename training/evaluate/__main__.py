"""How good a checkpoint is, on annotated pictures.

    python -m training.evaluate --annotations instances.json --images DIR [--classes person,car] --json OUT
    python -m training.evaluate --data DIR [--data DIR ...] --checkpoint runs/t0/best.safetensors --html report.html
    python -m training.evaluate --rendered 200 --checkpoint runs/t1/best.safetensors --robustness --attacks --store

Without ``--checkpoint`` the weights that the app would use are judged, as the app runs them (runtime, precision too).
``--measured`` judges the measured people detector in its place.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maxsight_core.engine import weights
from maxsight_core.engine.detect import can_detect
from maxsight_core.engine.manifest import CheckpointError
from maxsight_core.engine.runtimes import LoadedStageA, RuntimeUnavailableError, load_stage_a, load_stage_b
from training.data.sample import ClassTable, Sample, SampleError
from training.evaluate import attack, robustness, stage_a
from training.evaluate.measured import measured_pictures
from training.evaluate.pictures import NamedPictures, add_options
from training.evaluate.report import details, nested, page
from training.evaluate.stage_b import evaluate_stage_b
from training.evaluate.store import plain_numbers, store_metrics


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when there is nothing to judge or to judge with."""
    options = _parser().parse_args(argv)
    try:
        report = _measured(options) if options.measured else _checkpoint(options)
        if options.html is not None:
            options.html.write_text(page(report), encoding="utf-8")
        if options.json is not None:
            options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except (SampleError, CheckpointError, RuntimeUnavailableError, ValueError, KeyError, ImportError, OSError) as error:
        print(f"evaluate: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2
    print(json.dumps({key: value for key, value in report.items() if key != "details"}, indent=1))
    return 0


def _checkpoint(options: argparse.Namespace) -> dict[str, Any]:
    if options.store and options.checkpoint is None:
        raise ValueError("--store writes into a checkpoint: name it with --checkpoint")
    loaded = load_stage_a(checkpoint=options.checkpoint, runtime=options.runtime, precision=options.precision,
                          with_map=None)
    try:
        manifest = loaded.manifest
        if not can_detect(manifest.trained_heads):
            trained = ", ".join(sorted(manifest.trained_heads)) or "nothing"
            raise ValueError(f"{_name(options, loaded)}: its detection heads were never trained (trained: {trained}); "
                             "there is nothing to judge. Name another --checkpoint, or use --measured")
        judge = _Judge(loaded, ClassTable(_asked(manifest.classes, options.classes)))
        samples = NamedPictures(options, judge.classes)
        answers = judge.ask(samples)
        figures = stage_a.figures(answers, judge.classes) | _stage_b(options, loaded, samples)
    finally:
        loaded.runtime.close()
    about = {"checkpoint": _name(options, loaded), "runtime": loaded.runtime.name,
             "precision": loaded.runtime.precision}
    report = nested(figures, about)
    report |= _robustness(options, judge, samples)
    if options.store:
        store_metrics(options.checkpoint, plain_numbers(figures))
    return report | {"details": details(answers, judge.classes)}


@dataclass(frozen=True, slots=True)
class _Judge:
    """A loaded network and what it is asked about."""

    loaded: LoadedStageA
    classes: ClassTable

    def ask(self, samples: Iterator[Sample], infer: stage_a.Infer | None = None) -> stage_a.Answers:
        manifest = self.loaded.manifest
        return stage_a.ask(
            infer or self.loaded.runtime.infer, samples, self.classes, grid=manifest.grid,
            input_size_px=manifest.input_size_px, fit=manifest.fit, heads=manifest.trained_heads,
            network_classes=manifest.classes)


def _stage_b(options: argparse.Namespace, loaded: LoadedStageA, samples: NamedPictures) -> dict[str, float]:
    """Depth, distances and motion, where the checkpoint learned them and rendered frames were asked for."""
    if not options.rendered or not loaded.manifest.trained_in_stage_b:
        return {}
    runtime = load_stage_b(checkpoint=options.checkpoint, runtime=options.runtime, precision=options.precision)
    try:
        return evaluate_stage_b(loaded, runtime.runtime, samples)
    finally:
        runtime.runtime.close()


def _robustness(options: argparse.Namespace, judge: _Judge, samples: NamedPictures) -> dict[str, Any]:
    """The same figures on changed pictures, by the torch network in 32 bits: an attack needs its gradients."""
    if not (options.robustness or options.conditions or options.attacks):
        return {}
    from maxsight_core.engine.runtimes.load import build_network

    manifest = judge.loaded.manifest
    model = build_network(weights.find(options.checkpoint)).to(_torch_device())
    infer = stage_a.network_infer(model, _torch_device())
    sets: dict[str, Callable[[], Iterator[Sample]]] = {}
    changes = (robustness.CHANGES if options.robustness else {}) | (
        robustness.CONDITION_CHANGES if options.conditions else {})
    sets |= {name: lambda change=change: robustness.changed(samples, change) for name, change in changes.items()}
    if options.attacks:
        sets |= {name: lambda kind=kind: attack.attacked(
            model, samples, kind, classes=judge.classes, network_classes=manifest.classes,
            input_size_px=manifest.input_size_px, fit=manifest.fit, heads=manifest.trained_heads)
            for name, kind in attack.ATTACKS.items()}
    found = {}
    for name, make in sets.items():
        figures = stage_a.figures(judge.ask(make(), infer), judge.classes)
        found[name] = {key: round(value, 5) for key, value in figures.items() if "." not in key}
    return {"robustness": found}


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    classes = ClassTable.of_names(["person"])
    pictures = list(measured_pictures(options))
    answers = stage_a.Answers(pictures)
    report = nested(stage_a.figures(answers, classes), {"checkpoint": "measured: HOG people detector"})
    return report | {"details": details(answers, classes)}


def _asked(known: tuple[int, ...], names: str | None) -> tuple[int, ...]:
    if not names:
        return known
    asked = ClassTable.of_names([name.strip() for name in names.split(",")])
    missing = [name for name, number in zip(asked.names, asked.ids, strict=True) if number not in known]
    if missing:
        raise ValueError(f"--classes: this checkpoint does not know {', '.join(missing)}")
    return asked.ids


def _torch_device():
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _name(options: argparse.Namespace, loaded: LoadedStageA) -> str:
    return str(options.checkpoint) if options.checkpoint is not None else loaded.source_note


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="default: what the app would use")
    add_options(parser)
    parser.add_argument("--classes", help="names, divided by commas; default: all that the checkpoint knows")
    parser.add_argument("--measured", action="store_true", help="the measured people detector instead of a checkpoint")
    parser.add_argument("--robustness", action="store_true", help="also with noise, blur, JPEG, other light")
    parser.add_argument("--conditions", action="store_true", help="also as each vision condition may show them")
    parser.add_argument("--attacks", action="store_true", help="also under attack: FGSM and PGD")
    parser.add_argument("--runtime", default="auto", help="auto, torch or openvino")
    parser.add_argument("--precision", default="auto", help="auto, f32, bf16 or int8")
    parser.add_argument("--json", type=Path, help="write the report here too")
    parser.add_argument("--html", type=Path, help="write a page with plots here")
    parser.add_argument("--store", action="store_true", help="put the figures into the checkpoint's manifest")
    return parser


if __name__ == "__main__":
    sys.exit(main())
