"""The command ``python -m maxsight_core.engine.weights``: fetch, list, verify and explain weights."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from maxsight_core.engine import download, weights
from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, tensor_sizes
from maxsight_core.models.contract import STAGE_B_PREFIX
from maxsight_core.models.tiers import tier as tier_row


def _fetch(arguments: argparse.Namespace) -> int:
    wanted = weights.published_coco()
    target = weights.weights_folder() / wanted.file_name
    if target.exists() and download.file_sha256(target).startswith(wanted.sha256_prefix):
        print(f"already there: {target}")
        return 0
    url = arguments.url or wanted.url
    print(f"{url}\n  -> {target} (SHA-256 begins with {wanted.sha256_prefix})")
    try:
        download.fetch(url, target, wanted.sha256_prefix, timeout_s=arguments.connect_timeout, progress=_Bar())
    except download.DownloadError as error:
        if arguments.optional and not isinstance(error, download.ChecksumError):
            print(f"not fetched: {error}. MaxSight runs without: what needs trained weights says it is unavailable.")
            return 0
        raise
    print(f"verified: {target}")
    return 0


class _Bar:
    """tqdm on standard error, opened when the size is known, so that a refused connection draws no bar."""

    def __init__(self) -> None:
        self._bar = None

    def __call__(self, done: int, total: int | None) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, unit_divisor=1024)
        else:
            self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()


def _list(_: argparse.Namespace) -> int:
    chosen = weights.find(tier=os.environ.get(weights.TIER_VARIABLE) or None)
    rows = [(name, os.environ.get(name) or "not set") for name in (weights.CHECKPOINT_VARIABLE, weights.TIER_VARIABLE)]
    found = weights.candidates(os.environ)
    places = (("shipped", "shipped", weights.SHIPPED_FOLDER), ("COCO", "coco", weights.weights_folder()))
    for title, kind, folder in places:
        paths = [str(path) for k, path in found if k == kind]
        rows += [(title, path) for path in paths] or [(title, f"none in {folder}")]
    for title, text in rows:
        print(f"{title:24} {text}")
    print(f"{'used':24} {chosen.path or 'no weights'} ({chosen.note})")
    print(f"{'tier':24} {_tier_line(chosen.manifest)}")
    return 0


def _tier_line(manifest: CheckpointManifest) -> str:
    """The tier's name, and how much of its Stage B was trained."""
    row = tier_row(manifest.tier)
    if not row.trunk:
        return f"{row.name}: no Stage B network, its outputs are measured"
    outputs = [output for head in row.heads for output in head.outputs]
    return f"{row.name}: {len(manifest.trained_in_stage_b)} of {len(outputs)} outputs of Stage B are trained"


def _verify(_: argparse.Namespace) -> int:
    named = os.environ.get(weights.CHECKPOINT_VARIABLE)
    files = [("given", Path(named))] if named and named != weights.NO_CHECKPOINT else []
    files += weights.candidates(os.environ)
    bad = 0
    for kind, path in files:
        try:
            manifest = weights.open_file(kind, path).manifest
            print(f"ok    {path}  SHA-256 {manifest.sha256}")
            print(f"      {_tier_line(manifest)}")
        except CheckpointError as error:
            bad += 1
            print(f"bad   {error}")
    if not files:
        print(weights.UNTRAINED_NOTE)
    return 1 if bad else 0


def _info(arguments: argparse.Namespace) -> int:
    tier = None if arguments.path else os.environ.get(weights.TIER_VARIABLE) or None
    source = weights.find(arguments.path, tier=tier)
    print(source.note)
    manifest = source.manifest
    print(json.dumps(manifest.to_json() | {"classes": len(manifest.classes)} | _stages(source), indent=2))
    return 0


def _stages(source: weights.WeightsSource) -> dict[str, object]:
    """Per stage: what was trained, and how many numbers the file holds for it."""
    manifest, row = source.manifest, tier_row(source.manifest.tier)
    sizes = {} if source.path is None or source.published else tensor_sizes(source.path)
    numbers = {stage: sum(size for name, size in sizes.items() if name.startswith(STAGE_B_PREFIX) == (stage == "b"))
               for stage in ("a", "b")}
    return {
        "tier_name": row.name,
        "stage_a": {"trained": sorted(manifest.trained_heads - manifest.trained_in_stage_b),
                    "numbers_in_file": numbers["a"]},
        "stage_b": {"trained": sorted(manifest.trained_in_stage_b), "numbers_in_file": numbers["b"],
                    "parts": [*row.trunk, *(head.name for head in row.heads)]},
    }


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit status is 0 when it did what it says, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m maxsight_core.engine.weights", description=weights.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="fetch|list|verify|info")
    fetch = commands.add_parser("fetch", help="download torchvision's published COCO weights (124 MB), resumable")
    fetch.add_argument("--connect-timeout", type=float, default=download.DEFAULT_CONNECT_TIMEOUT_S, metavar="SECONDS",
                       help="how long to wait for the server (default: %(default)s)")
    fetch.add_argument("--optional", action="store_true", help="exit with 0 when there is no internet")
    fetch.add_argument("--url", help="a mirror of the same file; its checksum must be the published one")
    fetch.set_defaults(run=_fetch)
    commands.add_parser("list", help="what is there and what would be used").set_defaults(run=_list)
    commands.add_parser("verify", help="check the hash of every file that is there").set_defaults(run=_verify)
    info = commands.add_parser("info", help="the manifest of the weights in use, or of PATH")
    info.add_argument("path", type=Path, nargs="?")
    info.set_defaults(run=_info)
    arguments = parser.parse_args(argv)
    try:
        return arguments.run(arguments)
    except (ValueError, OSError) as error:  # CheckpointError, or a tier that does not exist
        print(f"error: {error}", file=sys.stderr)
        return 1
