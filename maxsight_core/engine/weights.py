"""Where the weights of both stages come from, and the command that fetches them.

    python -m maxsight_core.engine.weights fetch [--optional] [--connect-timeout 10]
    python -m maxsight_core.engine.weights list | verify | info [PATH]

The order: the checkpoint that ``MAXSIGHT_CHECKPOINT_PATH`` names; torchvision's published COCO weights in the weights
folder (``MAXSIGHT_WEIGHTS_DIR``, default ``instance/weights``), which somebody fetched and which learned from sixty
times as many pictures; a checkpoint shipped in ``maxsight_core/checkpoints``.
Without any of them the network runs untrained and nothing it says is shown; ``MAXSIGHT_CHECKPOINT_PATH=none`` asks for
that although there are weights. Nothing is downloaded unasked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
from maxsight_core.models.tiers import tier as tier_row

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_VARIABLE = "MAXSIGHT_CHECKPOINT_PATH"
NO_CHECKPOINT = "none"
"""Value of the variable that leaves all weights out."""
FOLDER_VARIABLE = "MAXSIGHT_WEIGHTS_DIR"
TIER_VARIABLE = "MAXSIGHT_TIER"
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
        note: one line for people. read_state: gives the tensors of stage ``a`` or ``b`` by their names in the file
            (imports torch), or None when untrained.
        published: the file is torchvision's, which knows of no Stage B.
    """

    kind: str
    path: Path | None
    manifest: CheckpointManifest
    note: str
    read_state: Callable[[str], dict[str, Tensor]] | None
    published: bool = False

    @property
    def key(self) -> str:
        """What tells Stage A's weights from all others, for caches."""
        return self.manifest.sha256 or f"untrained{UNTRAINED_SEED}"

    @property
    def stage_b_key(self) -> str:
        """What tells Stage B's weights from all others, for caches."""
        return f"untrained{UNTRAINED_SEED}" if self.published else self.key


def find(
    checkpoint: Path | None = None, grid: str | None = None, environ: Mapping[str, str] | None = None,
    shipped_folder: Path | None = None, tier: str | None = None,
) -> WeightsSource:
    """The weights to use, by the order of this module.

    Args:
        checkpoint: a file to use before all others, as if the environment named it; ``none``: no weights at all.
        grid: only weights of this grid; None: whatever comes first (untrained: ``fused``).
        environ: variables to read instead of the process's. shipped_folder: instead of ``maxsight_core/checkpoints``.
        tier: only a checkpoint of this tier, by any of its names; None: that of the checkpoint, and T0 without one.
            Published weights are Stage A's and serve every tier, whose Stage B then has not learned anything.

    Raises:
        CheckpointError: a file that was named or found is unusable. It is never skipped silently.
        ValueError: there is no such grid or tier.
    """
    env = os.environ if environ is None else environ
    if grid is not None:
        check_grid(grid)
    wanted = None if tier is None else tier_row(tier).key
    named = checkpoint or (Path(env[CHECKPOINT_VARIABLE]) if env.get(CHECKPOINT_VARIABLE) else None)
    left_out = named == Path(NO_CHECKPOINT)
    if named is not None and not left_out:
        source = open_file("given", named, wanted)
        for what, asked, got in (("grid", grid, source.manifest.grid), ("tier", wanted, source.manifest.tier)):
            if asked not in (None, got):
                raise CheckpointError(f"{named} is for the {what} {got}, but {asked} was asked for; "
                                      f"leave the {what} out or give another checkpoint")
        return source
    for kind, path in () if left_out else candidates(env, shipped_folder):
        found_grid, found_tier = _grid_and_tier(kind, path)
        if grid in (None, found_grid) and (found_tier is None or wanted in (None, found_tier)):
            return open_file(kind, path, wanted)
    manifest = CheckpointManifest(tier=wanted or "T0", grid=grid or "fused", classes=coco_classes(),
                                  trained_heads=frozenset(), data="untrained")
    return WeightsSource("untrained", None, manifest, UNTRAINED_NOTE, None)


def weights_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Where fetched weights are kept."""
    env = os.environ if environ is None else environ
    return Path(env.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


def candidates(env: Mapping[str, str], shipped_folder: Path | None = None) -> list[tuple[str, Path]]:
    """Files that were not named but lie where weights lie, in order; of several shipped ones the last by name first."""
    shipped = sorted((shipped_folder or SHIPPED_FOLDER).glob("*.safetensors"), reverse=True)
    fetched = sorted(path for path in weights_folder(env).glob("*.pth") if _PUBLISHED_NAME.fullmatch(path.name))
    return [*(("coco", path) for path in fetched), *(("shipped", path) for path in shipped)]


def _grid_and_tier(kind: str, path: Path) -> tuple[str, str | None]:
    """What a file was made for, by its manifest alone; published weights serve every tier."""
    if kind == "coco":
        return "pyramid", None
    manifest = read_manifest(path, verify=False)
    return manifest.grid, manifest.tier


def open_file(kind: str, path: Path, tier: str | None = None) -> WeightsSource:
    """The weights in one file, verified; published ones are given the tier that was asked for.

    Raises:
        CheckpointError: nothing there, or not usable.
    """
    published = _PUBLISHED_NAME.fullmatch(path.name)
    if published:
        manifest = replace(_published_manifest(path, published.group(1)), tier=tier or "T0")
        return WeightsSource(kind, path, manifest, _note("coco", path), lambda stage: _published_state(path, stage),
                             published=True)
    manifest = read_manifest(path)
    return WeightsSource(kind, path, manifest, _note(kind, path), lambda stage: _checkpoint_state(path, stage))


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


def _published_state(path: Path, stage: str) -> dict[str, Tensor]:
    if stage == "b":
        return {}
    state = load_torch_file(path)
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path}: expected a table of tensors; got {type(state).__name__}. Fetch it again")
    return dict(state)


def _checkpoint_state(path: Path, stage: str) -> dict[str, Tensor]:
    import torch

    return {name: torch.from_numpy(array) for name, array in read_checkpoint(path, stage)[1].items()}


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


def main(argv: list[str] | None = None) -> int:
    """Run the command of this module; the exit status is 0 when it did what it says, 1 otherwise."""
    from maxsight_core.engine.weights_command import main as run

    return run(argv)


if __name__ == "__main__":
    raise SystemExit(main())
