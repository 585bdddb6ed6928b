"""Make the checkpoint that ships: eight bits, calibrated, and only for what its evaluation earned.

    python -m training.release --checkpoint runs/t0/last.safetensors --data datasets/coco_cc --held-out 0.15 \\
        --rendered 150 --about "1,700 photographs, ..." --out maxsight_core/checkpoints/t0_pyramid.safetensors

The eight-bit file is judged as the app will run it, on photographs that were not learned from. Scores are calibrated;
each class is reported from a score on above which enough detections are right, or not at all; people are left to the
measured detector where that is better. Verdicts and figures lie beside the file (``<out>.json``), and with ``--card``
in a model card. Without one earned class nothing is written.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maxsight_core import taxonomy
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, read_checkpoint, save_checkpoint
from maxsight_core.engine.manifest_fields import DETECTIONS
from maxsight_core.engine.runtimes import RuntimeUnavailableError, load_stage_a
from maxsight_core.engine.score_rule import ScoreRule
from maxsight_core.models.contract import DETECTING
from training.data.sample import ClassTable, SampleError
from training.evaluate import card, detection, earned, stage_a
from training.evaluate.measured import measured_pictures
from training.evaluate.pictures import NamedPictures, add_options
from training.evaluate.report import nested
from training.evaluate.store import plain_numbers

MOST_MEGABYTES = 50.0
PERSON = "person"
HEADLINE = ("map50", "map", "ece", "zone_accuracy", "urgency_accuracy", "false_reassurance")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when nothing was earned or the file cannot be made."""
    options = _parser().parse_args(argv)
    try:
        report = run(options)
    except (CheckpointError, SampleError, RuntimeUnavailableError, ValueError, ImportError, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report, indent=1))
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Judge, decide, write; the report.

    Raises:
        ValueError: no class was earned, or the file would be too large. CheckpointError: not a checkpoint.
    """
    if not (options.data or options.annotations):
        raise ValueError("name photographs that were not learned from: --data DIR with --held-out SHARE")
    if options.card is not None:
        card.MARKS.around(options.card)  # refused now, not after everything was judged
    manifest, state = read_checkpoint(options.checkpoint)
    classes = ClassTable(manifest.classes)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=".release-") as folder:
        trial = Path(folder) / "trial.safetensors"
        save_checkpoint(trial, state, replace(manifest, temperatures={}, score_thresholds={}), storage="i8")
        megabytes = trial.stat().st_size / 1e6
        if megabytes > MOST_MEGABYTES:
            raise ValueError(f"the file would have {megabytes:.0f} MB; at most {MOST_MEGABYTES:g} are shipped")
        photographs, rendered = _judged(trial, manifest, classes, options)
    real = stage_a.figures(photographs, classes)
    measured = detection.figures(list(measured_pictures(_only(options, rendered=0))), ClassTable.of_names([PERSON]))
    rule = ScoreRule(earned.temperature_of(photographs.pictures, classes))
    found = earned.verdicts(photographs.pictures, classes, rule, precision=options.precision,
                            measured_ap50={PERSON: measured.get(f"{PERSON}.ap50", 0.0)})
    thresholds = {taxonomy.by_name(name).id: round(one.threshold, 4) for name, one in found.items() if one.earned}
    report: dict[str, Any] = {
        "megabytes": round(megabytes, 1), "temperature": round(rule.temperature, 4),
        "precision_wanted": options.precision,
        "verdicts": {name: one.to_json() for name, one in found.items()},
        "measured_person_ap50": round(measured.get(f"{PERSON}.ap50", 0.0), 4), "photographs": nested(real, {})}
    if rendered is not None:
        report["rendered"] = nested(stage_a.figures(rendered, classes), {})
    if not thresholds:
        _write(options.out.with_name(options.out.name + ".refused.json"), report)
        raise ValueError("no class was earned: train longer. Verdicts are in "
                         f"{options.out.with_name(options.out.name + '.refused.json')}")
    metrics = {f"photographs.{key}": real[key] for key in HEADLINE if key in real}
    # nothing here compares learned zones and urgency with the measured ones, so these keep their job
    shipped = replace(
        manifest, trained_heads=manifest.trained_heads & DETECTING, metrics=plain_numbers(metrics),
        data=options.about or manifest.data, temperatures={DETECTIONS: round(rule.temperature, 4)},
        score_thresholds=thresholds)
    save_checkpoint(options.out, state, shipped, storage="i8")
    _write(options.out.with_name(options.out.name + ".json"), report)
    if options.card is not None:
        card.MARKS.put(options.card, card.body(report))
    return report


def _judged(
    trial: Path, manifest: CheckpointManifest, classes: ClassTable, options: argparse.Namespace,
) -> tuple[stage_a.Answers, stage_a.Answers | None]:
    loaded = load_stage_a(checkpoint=trial, runtime=options.runtime)
    try:
        def ask(named: argparse.Namespace) -> stage_a.Answers:
            return stage_a.ask(loaded.runtime.infer, NamedPictures(named, classes), classes, grid=manifest.grid,
                               input_size_px=manifest.input_size_px, fit=manifest.fit, heads=manifest.trained_heads)

        rendered = ask(_only(options, data=None, annotations=None)) if options.rendered else None
        return ask(_only(options, rendered=0)), rendered
    finally:
        loaded.runtime.close()


def _only(options: argparse.Namespace, **changes: object) -> argparse.Namespace:
    changed = copy.copy(options)
    vars(changed).update(changes)
    return changed


def _write(path: Path, body: dict[str, Any]) -> None:
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.release", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--about", help="what it learned from, one line for the manifest")
    parser.add_argument("--card", type=Path, metavar="FILE.md", help="also write the table into this model card")
    parser.add_argument("--precision", type=float, default=earned.PRECISION, help="share of right detections to reach")
    parser.add_argument("--runtime", default="auto", help="auto, torch or openvino")
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
