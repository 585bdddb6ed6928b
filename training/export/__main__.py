"""Write a checkpoint as a file for another runtime, and check it.

    python -m training.export --checkpoint runs/t0/best.safetensors --format onnx --output exports/maxsight.onnx
    python -m training.export --checkpoint runs/t0/best.safetensors --ios-bundle exports/ios

Shapes are fixed. Every file that can run here is run and compared with the network; the report lies beside the file
(``<output>.json``). One that gives other numbers is not kept. The packages are in training/requirements-export.txt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from maxsight_core.engine.manifest import CheckpointError
from training.export.formats import FORMATS
from training.export.graph import ExportError
from training.export.make import STAGES, export, ios_bundle, load


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 2 with a message when a file cannot be made or does not give the network's numbers."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.ios_bundle is None and (options.format is None or options.output is None):
        parser.error("name --format and --output, or --ios-bundle")
    try:
        if options.ios_bundle is not None:
            reports = ios_bundle(options.checkpoint, options.ios_bundle)
            body: object = {kind: one if isinstance(one, str) else one.to_json() for kind, one in reports.items()}
        else:
            graph, _ = load(options.checkpoint, options.stage)
            body = export(graph, options.format, options.output).to_json()
    except (ExportError, CheckpointError, OSError, ImportError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    print(json.dumps(body, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--format", choices=sorted(FORMATS))
    parser.add_argument("--output", type=Path,
                        help=f"file; ends in {', '.join(f'{end} ({name})' for name, (end, _) in FORMATS.items())}")
    parser.add_argument("--stage", choices=STAGES, default="a", help="which network: a (safety) or b (context)")
    parser.add_argument("--ios-bundle", type=Path, metavar="DIR", help="a folder for an Xcode project")
    return parser


if __name__ == "__main__":
    sys.exit(main())
