"""Where Stage A's weights come from, and the command that fetches them.

    python -m maxsight_core.engine.weights fetch [--optional] [--connect-timeout 10]
    python -m maxsight_core.engine.weights list | verify | info [PATH]

The order: the checkpoint that ``MAXSIGHT_CHECKPOINT_PATH`` names; a checkpoint shipped in
``maxsight_core/checkpoints``; torchvision's published COCO weights in the weights folder (``MAXSIGHT_WEIGHTS_DIR``,
default ``instance/weights``).
Without any of them the network runs untrained and nothing it says is shown. Nothing is downloaded unasked.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maxsight_core.engine import download
from maxsight_core.engine.manifest import (
    CheckpointError,
    CheckpointManifest,
    coco_classes,
    load_torch_file,
    read_checkpoint,
    read_manifest,
)
from maxsight_core.models.grid import check_grid

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_VARIABLE = "MAXSIGHT_CHECKPOINT_PATH"
FOLDER_VARIABLE = "MAXSIGHT_WEIGHTS_DIR"
_REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = _REPOSITORY / "instance" / "weights"
SHIPPED_FOLDER = _REPOSITORY / "maxsight_core" / "checkpoints"
COCO_TRAINED: frozenset[str] = frozenset({"objectness", "classification", "boxes", "scene_embedding"})
"""What torchvision's FCOS has learned. The scene embedding is the mean of its feature maps, without parameters."""
UNTRAINED_NOTE = (
    "no trained weights found: the network's outputs are withheld. Run `python -m maxsight_core.engine.weights fetch` "
    f"or set {CHECKPOINT_VARIABLE}"
)
UNTRAINED_SEED = 20260000
"""The untrained network is the same on every start, so that its timings are."""
_PUBLISHED_NAME = re.compile(r"fcos_resnet50_fpn_coco-([0-9a-f]{8,64})\.pth")
_KINDS = {"given": "the checkpoint that was named", "shipped": "shipped with MaxSight",
          "coco": "published COCO weights of torchvision"}


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """Weights that were found, verified, and not yet loaded.

    Args:
        kind: ``given`` | ``shipped`` | ``coco`` | ``untrained``. path: the file, or None. manifest: what they are.
        note: one line for people. read_state: gives the tensors by name (imports torch), or None when untrained.
    """

    kind: str
    path: Path | None
    manifest: CheckpointManifest
    note: str
    read_state: Callable[[], dict[str, Tensor]] | None

    @property
    def key(self) -> str:
        """What tells these weights from all others, for caches."""
        return self.manifest.sha256 or f"untrained{UNTRAINED_SEED}"


def find(
    checkpoint: Path | None = None, grid: str | None = None, environ: Mapping[str, str] | None = None,
    shipped_folder: Path | None = None,
) -> WeightsSource:
    """The weights to use, by the order of this module.

    Args:
        checkpoint: a file to use before all others, as if the environment named it.
        grid: only weights of this grid; None: whatever comes first (untrained: ``fused``).
        environ: variables to read instead of the process's. shipped_folder: instead of ``maxsight_core/checkpoints``.

    Raises:
        CheckpointError: a file that was named or found is unusable. It is never skipped silently.
    """
    env = os.environ if environ is None else environ
    if grid is not None:
        check_grid(grid)
    named = checkpoint or (Path(env[CHECKPOINT_VARIABLE]) if env.get(CHECKPOINT_VARIABLE) else None)
    if named is not None:
        source = _open("given", named)
        if grid not in (None, source.manifest.grid):
            raise CheckpointError(f"{named} is for the {source.manifest.grid} grid, but {grid} was asked for; "
                                  f"leave the grid out or give another checkpoint")
        return source
    for kind, path in _candidates(env, shipped_folder or SHIPPED_FOLDER):
        if grid in (None, _grid_of(kind, path)):
            return _open(kind, path)
    manifest = CheckpointManifest(tier="T0", grid=grid or "fused", classes=coco_classes(),
                                  trained_heads=frozenset(), data="untrained")
    return WeightsSource("untrained", None, manifest, UNTRAINED_NOTE, None)


def weights_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where fetched weights are kept."""
    env = os.environ if environ is None else environ
    return Path(env.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


def _candidates(env: Mapping[str, str], shipped_folder: Path) -> list[tuple[str, Path]]:
    """Files that were not named but lie where weights lie, in order; the last of several shipped ones first."""
    shipped = sorted(shipped_folder.glob("*.safetensors"), reverse=True)
    fetched = sorted(path for path in weights_folder(env).glob("*.pth") if _PUBLISHED_NAME.fullmatch(path.name))
    return [*(("shipped", path) for path in shipped), *(("coco", path) for path in fetched)]


def _grid_of(kind: str, path: Path) -> str:
    return "pyramid" if kind == "coco" else read_manifest(path, verify=False).grid


def _open(kind: str, path: Path) -> WeightsSource:
    published = _PUBLISHED_NAME.fullmatch(path.name)
    if published:
        manifest = _published_manifest(path, published.group(1))
        return WeightsSource(kind, path, manifest, _note("coco", path), lambda: _published_state(path))
    manifest = read_manifest(path)
    return WeightsSource(kind, path, manifest, _note(kind, path), lambda: _checkpoint_state(path))


def _note(kind: str, path: Path) -> str:
    return f"{path.name}: {_KINDS[kind]}"


def _published_manifest(path: Path, sha256_prefix: str) -> CheckpointManifest:
    if not path.is_file():
        raise CheckpointError(f"expected a checkpoint file at {path}; nothing is there. Check the path")
    found = download.file_sha256(path)
    if not found.startswith(sha256_prefix):
        raise CheckpointError(f"{path} is damaged: SHA-256 expected to begin with {sha256_prefix}, got {found}. "
                              "Delete it and run `python -m maxsight_core.engine.weights fetch`")
    return CheckpointManifest(
        tier="T0", grid="pyramid", classes=coco_classes(), trained_heads=COCO_TRAINED,
        data="COCO 2017 train; torchvision fcos_resnet50_fpn COCO_V1",
        metrics={"COCO-val2017 box mAP at 800 px (published by torchvision)": 39.2}, sha256=found,
    )


def _published_state(path: Path) -> dict[str, Tensor]:
    state = load_torch_file(path)
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path}: expected a table of tensors; got {type(state).__name__}. Fetch it again")
    return dict(state)


def _checkpoint_state(path: Path) -> dict[str, Tensor]:
    import torch

    return {name: torch.from_numpy(array) for name, array in read_checkpoint(path)[1].items()}


@dataclass(frozen=True, slots=True)
class Published:
    """A file that torchvision publishes: its address and the beginning of its SHA-256."""

    url: str
    sha256_prefix: str

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


def published_coco() -> Published:
    """torchvision's own entry for its COCO-trained FCOS; the hash is part of the file's name."""
    from torchvision.models.detection import FCOS_ResNet50_FPN_Weights

    url = FCOS_ResNet50_FPN_Weights.COCO_V1.url
    name = _PUBLISHED_NAME.fullmatch(url.rsplit("/", 1)[-1])
    if name is None:
        raise CheckpointError(f"torchvision's address has another form than expected: {url}. "
                              "Install the torchvision version of requirements.txt")
    return Published(url, name.group(1))


# ---- the command ----------------------------------------------------------------------------------------------------


def _fetch(arguments: argparse.Namespace) -> int:
    wanted = published_coco()
    target = weights_folder() / wanted.file_name
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
    chosen = find()
    rows = [(f"{CHECKPOINT_VARIABLE}", os.environ.get(CHECKPOINT_VARIABLE) or "not set")]
    found = _candidates(os.environ, SHIPPED_FOLDER)
    for title, kind, folder in (("shipped", "shipped", SHIPPED_FOLDER), ("COCO", "coco", weights_folder())):
        paths = [str(path) for k, path in found if k == kind]
        rows += [(title, path) for path in paths] or [(title, f"none in {folder}")]
    for title, text in rows:
        print(f"{title:24} {text}")
    print(f"{'used':24} {chosen.path or 'no weights'} ({chosen.note})")
    return 0


def _verify(_: argparse.Namespace) -> int:
    named = os.environ.get(CHECKPOINT_VARIABLE)
    files = [("given", Path(named))] if named else []
    files += _candidates(os.environ, SHIPPED_FOLDER)
    bad = 0
    for kind, path in files:
        try:
            print(f"ok    {path}  SHA-256 {_open(kind, path).manifest.sha256}")
        except CheckpointError as error:
            bad += 1
            print(f"bad   {error}")
    if not files:
        print(UNTRAINED_NOTE)
    return 1 if bad else 0


def _info(arguments: argparse.Namespace) -> int:
    source = find(arguments.path)
    print(source.note)
    print(json.dumps(source.manifest.to_json() | {"classes": len(source.manifest.classes)}, indent=2))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit status is 0 when it did what it says, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m maxsight_core.engine.weights", description=__doc__,
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
    except (CheckpointError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
