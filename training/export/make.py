"""From a checkpoint to checked files: one format, or a bundle for an iOS project."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from maxsight_core import taxonomy
from maxsight_core.engine import weights
from maxsight_core.engine.manifest import CheckpointManifest
from maxsight_core.engine.runtimes.load import stage_b_builder
from training.export import graph as graphs
from training.export.check import ExportReport, check
from training.export.formats import FORMATS
from training.export.graph import Exportable, ExportError
from training.export.narrow import build_stage_a

STAGES = ("a", "b")
BUNDLE_FORMATS = ("coreml", "executorch", "jit")
"""The primary target, the recommended runtime, and the fallback (system description, export formats)."""


def load(checkpoint: Path, stage: str = "a") -> tuple[Exportable, CheckpointManifest]:
    """A stage of a checkpoint, ready to be exported.

    Raises:
        CheckpointError: no usable file. ExportError: a tier without Stage B.
    """
    source = weights.find(checkpoint)
    manifest = source.manifest
    if stage == "a":
        return graphs.stage_a(build_stage_a(source), manifest.input_size_px), manifest
    if stage != "b":
        raise ExportError(f"stage: expected a or b; got {stage!r}")
    if manifest.tier == "T0":
        raise ExportError(f"{checkpoint}: T0 has no Stage B network to export; leave --stage out")
    return graphs.stage_b(stage_b_builder(source)()), manifest


def export(graph: Exportable, kind: str, output: Path) -> ExportReport:
    """Make a file, check it, and give it its name; its report lies beside it as ``<output>.json``.

    A file that fails its check does not take the place of an older one.

    Raises:
        ExportError: unknown format, wrong ending, a missing package, or other numbers than the network's.
    """
    if kind not in FORMATS:
        raise ExportError(f"--format: expected one of {', '.join(FORMATS)}; got {kind!r}")
    ending, make = FORMATS[kind]
    if output.suffix != ending:
        raise ExportError(f"--output: a {kind} file ends in {ending}; got {output.name}")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as folder:
        made = Path(folder) / output.name
        make(graph, made)
        report = check(graph, kind, made)
        install(made, output)
    write_report(output, report.to_json())
    return report


def install(made: Path, output: Path) -> None:
    """Move a finished file, or folder, to its place; OpenVINO's weights go with it."""
    if output.is_dir():
        shutil.rmtree(output)
    os.replace(made, output)
    if made.suffix == ".xml":
        os.replace(made.with_suffix(".bin"), output.with_suffix(".bin"))


def write_report(output: Path, body: dict[str, object]) -> None:
    """``<output>.json``."""
    output.with_name(output.name + ".json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def ios_bundle(checkpoint: Path, folder: Path) -> dict[str, ExportReport | str]:
    """A folder for an Xcode project: the network in every format for phones, what its numbers mean, and how to use it.

    Returns:
        Report per format, or why it was left out (a package is not installed).

    Raises:
        ExportError: nothing could be made.
    """
    graph, manifest = load(checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    reports: dict[str, ExportReport | str] = {}
    for kind in BUNDLE_FORMATS:
        try:
            reports[kind] = export(graph, kind, folder / f"MaxSight{FORMATS[kind][0]}")
        except ExportError as error:
            reports[kind] = str(error)
    if all(isinstance(one, str) for one in reports.values()):
        raise ExportError(f"no format could be made: {'; '.join(map(str, reports.values()))}")
    about = manifest.to_json() | {
        "class_names": ["background", *(taxonomy.by_id(number).name for number in manifest.classes[1:])],
        "formats": {kind: one if isinstance(one, str) else one.to_json() for kind, one in reports.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(manifest, graph, reports), encoding="utf-8")
    return reports


def _readme(manifest: CheckpointManifest, graph: Exportable, reports: dict[str, ExportReport | str]) -> str:
    size = manifest.input_size_px
    rows = [f"| MaxSight{FORMATS[kind][0]} | " + (f"not made: {one} |" if isinstance(one, str) else
            f"{one.megabytes:g} MB, {'run and compared' if one.ran else one.note} |") for kind, one in reports.items()]
    trained = ", ".join(sorted(manifest.trained_heads)) or "nothing: show none of its numbers"
    return "\n".join([
        "# MaxSight for iOS", "",
        f"Tier {manifest.tier}, {manifest.grid} grid, trained: {trained}.", "",
        "| file | |", "|---|---|", *rows, "",
        f"Input `picture`: one frame fitted into {size}x{size} (`{manifest.fit}`, see docs/weights.md), RGB, bytes "
        "0..255 as the camera gives them. Do not scale or normalise: the network does.",
        f"CoreML takes it as an image, the others as uint8 [1, {size}, {size}, 3]. All shapes are fixed.", "",
        f"Outputs: {', '.join(graph.outputs)}. Decoding and non-maximum suppression are outside the network; port "
        "`maxsight_core/engine/detect.py`. `manifest.json` names the classifier's columns and what was trained: an "
        "output that is not in `trained_heads` must never be shown.", ""])
