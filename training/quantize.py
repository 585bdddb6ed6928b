"""Stage A of a checkpoint in eight bits, for OpenVINO or ExecuTorch, with what it costs.

    python -m training.quantize --checkpoint runs/t0/best.safetensors --calibrate PHOTOS --format openvino \\
        --output exports/maxsight_int8.xml --data coco_cc

Half of the calibration pictures calibrate, the others compare: how many detections come back the same. With annotated
pictures (``--data``, ``--rendered``) the metrics are measured before and after, and the file is refused when mAP50
drops by more than ``--most-drop``. The report lies beside the file (``<output>.json``). The app prepares its own INT8
graph with ``python -m maxsight_core.engine.quantize``; this is for other machines.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.engine import calibration
from maxsight_core.engine.detect import can_detect
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest
from maxsight_core.engine.runtimes import int8
from maxsight_core.sources import SourceError
from training.data.sample import ClassTable, SampleError
from training.evaluate import pictures, stage_a
from training.export import make
from training.export.check import megabytes, open_file
from training.export.graph import Exportable, ExportError
from training.export.quantization import ENDINGS, MOST_MEGABYTES, quantize

DEFAULT_SAMPLES = 64
MOST_DROP = 0.02
"""Of mAP50, absolute."""
COMPARED = ("map", "map50", "zone_accuracy", "urgency_accuracy", "false_reassurance", "ece")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when the file cannot be made, is too large, or costs too much."""
    options = _parser().parse_args(argv)
    try:
        report = run(options)
    except (ExportError, CheckpointError, SampleError, SourceError, ValueError, OSError, ImportError) as error:
        print(f"quantize: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report, indent=1))
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make, measure and keep the file; its report.

    Raises:
        ExportError: larger than 50 MB, or worse than allowed: then no file is left.
    """
    if options.output.suffix != ENDINGS[options.format]:
        raise ExportError(f"--output: an {options.format} file ends in {ENDINGS[options.format]}; "
                          f"got {options.output.name}")
    graph, manifest = make.load(options.checkpoint)
    shown = calibration.pictures(options.calibrate, options.samples, manifest.input_size_px, manifest.fit)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output.parent, prefix=".quantize-") as folder:
        made = Path(folder) / options.output.name
        quantize(graph, options.format, shown[::2], made)
        report = _judged(graph, manifest, made, shown[1::2], options)
        _require_good(report, options.most_drop)
        make.install(made, options.output)
    make.write_report(options.output, report)
    return report


def _judged(
    graph: Exportable, manifest: CheckpointManifest, made: Path, held_out: list[np.ndarray],
    options: argparse.Namespace,
) -> dict[str, Any]:
    run_file = open_file(graph, options.format, made)
    answers = [[answer([picture]) for picture in held_out] for answer in (graph.answer, run_file)]
    verdict = int8.judge(*answers, manifest, manifest.input_size_px)
    report: dict[str, Any] = {
        "format": options.format, "file": made.name, "megabytes": megabytes(made), "detections": asdict(verdict),
        "compared_pictures": len(held_out)}
    if not pictures.named(options):
        return report | {"note": "no annotated pictures were named, so the drop of the metrics was not measured"}
    if not can_detect(manifest.trained_heads):
        raise ValueError(f"{options.checkpoint}: its detection heads were never trained; there is no metric to lose. "
                         "Leave --data out")
    samples = pictures.NamedPictures(options, ClassTable(manifest.classes))
    before, after = (_figures(answer, samples, manifest) for answer in (graph.answer, run_file))
    drop = {key: round(before[key] - after[key], 5) for key in before if key in after}
    return report | {"before": before, "after": after, "drop": drop}


def _figures(
    answer: Callable[[Sequence[np.ndarray]], dict[str, np.ndarray]], samples: pictures.NamedPictures,
    manifest: CheckpointManifest,
) -> dict[str, float]:
    found = stage_a.evaluate(
        lambda picture: answer([picture]), samples, ClassTable(manifest.classes), grid=manifest.grid,
        input_size_px=manifest.input_size_px, fit=manifest.fit, heads=manifest.trained_heads)
    return {key: round(found[key], 5) for key in COMPARED if key in found}


def _require_good(report: dict[str, Any], most_drop: float) -> None:
    if report["megabytes"] > MOST_MEGABYTES:
        raise ExportError(f"{report['file']} has {report['megabytes']:.1f} MB; at most {MOST_MEGABYTES:g} are allowed")
    drop = report.get("drop", {}).get("map50", 0.0)
    if drop > most_drop:
        raise ExportError(f"{report['file']}: mAP50 falls from {report['before']['map50']:.3f} to "
                          f"{report['after']['map50']:.3f}, by more than {most_drop}; the file was not kept. Calibrate "
                          "with more pictures like those it will see, or allow more with --most-drop")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.quantize", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--format", choices=sorted(ENDINGS), default="openvino")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--calibrate", metavar="DIR", help="pictures like the camera's; default: rendered frames")
    parser.add_argument("--samples", type=int, default=DEFAULT_SAMPLES, help="how many (half for each purpose)")
    parser.add_argument("--most-drop", type=float, default=MOST_DROP, help="of mAP50, absolute")
    pictures.add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
