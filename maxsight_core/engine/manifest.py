"""Checkpoints: a file of tensors with a manifest that says what they are and what they have learned.

Only two formats are read, neither of which can run code: safetensors (what :func:`save_checkpoint` writes, manifest
inside) and torch files through ``torch.load(weights_only=True)`` that hold ``{"manifest": {...}, "state": {...}}``.
A safetensors checkpoint is read and verified without torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.engine.detect import FITS
from maxsight_core.models.contract import COCO_COLUMNS, CONTRACT
from maxsight_core.models.grid import DEFAULT_INPUT_PX, GRIDS, INPUT_MULTIPLE_PX

MANIFEST_FORMAT = 1
METADATA_KEY = "maxsight_manifest"
DEFAULT_FIT: dict[str, str] = {"fused": "stretch", "pyramid": "letterbox"}
STORAGE: tuple[str, ...] = ("f32", "f16")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TORCH_ZIP = b"PK\x03\x04"
_MOST_HEADER_BYTES = 100_000_000
"""safetensors' own limit for its header; a larger figure there means the file is something else."""


class CheckpointError(ValueError):
    """A file is no usable checkpoint; the message says what was expected, what arrived and what to do."""


@dataclass(frozen=True, slots=True)
class CheckpointManifest:
    """What a set of weights is.

    Args:
        tier: capability tier, ``T0``... grid: ``fused`` | ``pyramid``.
        classes: taxonomy id of every column of the classifier; column 0 is background.
        trained_heads: outputs of the contract that were trained. A head not named here is never shown as learned.
        data: what it was trained on, one line. metrics: name -> figure, as evaluated.
        git_revision: of the training code.
        sha256: of the weights (:func:`weights_sha256`); empty only while nothing was saved yet.
        input_size_px: side of the square input. fit: how a frame is made square (``maxsight_core.engine.detect``).

    Raises:
        CheckpointError: a field has another type or value.
    """

    tier: str
    grid: str
    classes: tuple[int, ...]
    trained_heads: frozenset[str]
    data: str
    metrics: dict[str, float] = field(default_factory=dict)
    git_revision: str = ""
    sha256: str = ""
    input_size_px: int = 0
    fit: str = ""

    def __post_init__(self) -> None:
        _expect(self.grid in GRIDS, "grid", f"one of {', '.join(GRIDS)}", self.grid)
        for name, default in (("input_size_px", DEFAULT_INPUT_PX[self.grid]), ("fit", DEFAULT_FIT[self.grid])):
            if not getattr(self, name):
                object.__setattr__(self, name, default)
        _expect(isinstance(self.tier, str) and bool(self.tier), "tier", "a tier such as T0", self.tier)
        _expect(len(self.classes) >= 2 and all(isinstance(c, int) and c >= 0 for c in self.classes),
                "classes", "at least two taxonomy ids, whole numbers from 0", self.classes)
        unknown = self.trained_heads - frozenset(CONTRACT)
        _expect(not unknown, "trained_heads", f"names among {', '.join(CONTRACT)}", sorted(unknown))
        _expect(self.sha256 == "" or bool(_SHA256.fullmatch(self.sha256)), "sha256", "64 hexadecimal digits",
                self.sha256)
        _expect(isinstance(self.input_size_px, int) and self.input_size_px >= INPUT_MULTIPLE_PX
                and self.input_size_px % INPUT_MULTIPLE_PX == 0,
                "input_size_px", f"a multiple of {INPUT_MULTIPLE_PX}", self.input_size_px)
        _expect(self.fit in FITS, "fit", " or ".join(FITS), self.fit)
        _expect(all(isinstance(k, str) and isinstance(v, (int, float)) for k, v in self.metrics.items()),
                "metrics", "names with numbers", self.metrics)

    def is_learned(self, output: str) -> bool:
        """True when ``output`` came out of training and may be shown as ``learned``."""
        return output in self.trained_heads

    def to_json(self) -> dict[str, Any]:
        return {
            "format": MANIFEST_FORMAT, "tier": self.tier, "grid": self.grid, "classes": list(self.classes),
            "trained_heads": sorted(self.trained_heads), "data": self.data, "metrics": dict(self.metrics),
            "git_revision": self.git_revision, "sha256": self.sha256, "input_size_px": self.input_size_px,
            "fit": self.fit,
        }

    @classmethod
    def from_json(cls, body: Any) -> CheckpointManifest:
        """The manifest that ``to_json`` gave; CheckpointError names the field that is missing or wrong."""
        if not isinstance(body, Mapping):
            raise CheckpointError(f"manifest: expected a JSON object; got {type(body).__name__}")
        if body.get("format") != MANIFEST_FORMAT:
            raise CheckpointError(f"manifest: expected format {MANIFEST_FORMAT}; got {body.get('format')!r}. "
                                  "It was written by another version: save the checkpoint again with this one")
        kinds = {"tier": str, "grid": str, "classes": list, "trained_heads": list, "data": str, "metrics": dict,
                 "git_revision": str, "sha256": str, "input_size_px": int, "fit": str}
        for name, kind in kinds.items():
            if not isinstance(body.get(name), kind):
                raise CheckpointError(f"manifest: {name} must be a {kind.__name__}; got {body.get(name)!r}")
        if not all(isinstance(head, str) for head in body["trained_heads"]):
            raise CheckpointError(f"manifest: trained_heads must be names; got {body['trained_heads']!r}")
        values = {name: body[name] for name in kinds}
        return cls(**{**values, "classes": tuple(body["classes"]), "trained_heads": frozenset(body["trained_heads"])})


def coco_classes() -> tuple[int, ...]:
    """Background and COCO's ids 1..90: what a 91-column classifier means by its columns."""
    return tuple(range(COCO_COLUMNS))


def _expect(ok: bool, name: str, expected: str, got: object) -> None:
    if not ok:
        raise CheckpointError(f"manifest: {name} must be {expected}; got {got!r}")


def weights_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        digest.update(f"{name}\0{array.dtype.name}\0{list(array.shape)}\0".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def save_checkpoint(
    path: Path, state: Mapping[str, Any], manifest: CheckpointManifest, *, storage: str = "f32",
) -> CheckpointManifest:
    """Write ``state`` and its manifest as one safetensors file, in one step: a broken save leaves the old file.

    Args:
        path: ends in ``.safetensors``. state: name -> torch tensor or NumPy array.
        storage: ``f16`` halves the file; it is read back as 32 bits.

    Returns:
        The manifest as written, with its ``sha256``.
    """
    from safetensors.numpy import save_file

    if path.suffix != ".safetensors":
        raise CheckpointError(f"save_checkpoint: expected a path that ends in .safetensors; got {path}")
    if storage not in STORAGE:
        raise CheckpointError(f"save_checkpoint: storage must be {' or '.join(STORAGE)}; got {storage!r}")
    arrays = {name: _stored(value, storage) for name, value in state.items()}
    written = replace(manifest, sha256=weights_sha256(arrays))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    os.close(handle)
    try:
        save_file(arrays, temporary, metadata={METADATA_KEY: json.dumps(written.to_json())})
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return written


def _stored(value: Any, storage: str) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    array = np.asarray(value, order="C")  # ascontiguousarray would turn a counter into a list of one
    return array.astype(np.float16 if storage == "f16" else np.float32) if array.dtype.kind == "f" else array


def read_manifest(path: Path, *, verify: bool = True) -> CheckpointManifest:
    """The manifest of a checkpoint file; with ``verify`` its weights are hashed and compared.

    Raises:
        CheckpointError: not a checkpoint, damaged, or without a manifest.
    """
    if _kind(path) == "torch":
        return read_checkpoint(path)[0]
    return _read_safetensors(path, tensors=verify)[0]


def read_checkpoint(path: Path) -> tuple[CheckpointManifest, dict[str, np.ndarray]]:
    """Manifest and tensors of a checkpoint, hashed and compared; floating tensors as float32.

    Raises:
        CheckpointError: not a checkpoint, damaged, or without a manifest.
    """
    manifest, arrays = _read_torch(path) if _kind(path) == "torch" else _read_safetensors(path, tensors=True)
    return manifest, {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in arrays.items()
    }


def _kind(path: Path) -> str:
    """``safetensors`` or ``torch``, judged by the file's first bytes, whatever its name."""
    if not path.is_file():
        raise CheckpointError(f"expected a checkpoint file at {path}; "
                              f"{'that is a folder' if path.is_dir() else 'nothing is there'}. Check the path")
    with path.open("rb") as file:
        head = file.read(9)
    if head.startswith(_TORCH_ZIP):
        return "torch"
    header_bytes = int.from_bytes(head[:8], "little") if len(head) == 9 else 0
    if head[8:] == b"{" and 2 <= header_bytes <= _MOST_HEADER_BYTES:
        return "safetensors"
    raise CheckpointError(
        f"{path} is not a checkpoint: expected a safetensors or torch file; it has {path.stat().st_size} bytes and "
        f"begins with {head!r}. Give a file saved by training, or run `python -m maxsight_core.engine.weights fetch`"
    )


def _read_safetensors(path: Path, *, tensors: bool) -> tuple[CheckpointManifest, dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    arrays: dict[str, np.ndarray] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if tensors:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or cut short ({error}); copy or download it again") from None
    if METADATA_KEY not in metadata:
        raise CheckpointError(f"{path} holds tensors but no MaxSight manifest, so nobody knows what they have "
                              "learned; save it with maxsight_core.engine.manifest.save_checkpoint")
    try:
        body = json.loads(metadata[METADATA_KEY])
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: its manifest is not JSON ({error}); save the checkpoint again") from None
    manifest = CheckpointManifest.from_json(body)
    if tensors:
        _require_same_hash(path, manifest, arrays)
    return manifest, arrays


def _read_torch(path: Path) -> tuple[CheckpointManifest, dict[str, np.ndarray]]:
    state = load_torch_file(path)
    if not isinstance(state, Mapping) or not {"manifest", "state"} <= set(state):
        found = sorted(map(str, state))[:5] if isinstance(state, Mapping) else type(state).__name__
        raise CheckpointError(f"{path}: expected a torch file with the entries manifest and state; got {found}. "
                              "Save it with maxsight_core.engine.manifest.save_checkpoint")
    manifest = CheckpointManifest.from_json(state["manifest"])
    entries = state["state"]
    odd = [str(k) for k, v in entries.items() if not hasattr(v, "numpy")] if isinstance(entries, Mapping) else ["state"]
    if odd:
        raise CheckpointError(f"{path}: expected a tensor under every name of state; got something else under "
                              f"{', '.join(odd[:5])}. Save model.state_dict()")
    # NumPy has no bfloat16; the hash is then that of the same numbers in 32 bits
    arrays = {name: (t.float() if t.is_floating_point() else t).numpy() for name, t in entries.items()}
    _require_same_hash(path, manifest, arrays)
    return manifest, arrays


def load_torch_file(path: Path) -> Any:
    """What a torch file holds, without ever running code from it; CheckpointError when it cannot be read so."""
    import pickle

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"{path} cannot be read as plain tensors ({reason}); it is damaged, or it holds "
                              "objects that would have to run code, which is never done. Save it again") from None


def _require_same_hash(path: Path, manifest: CheckpointManifest, arrays: Mapping[str, np.ndarray]) -> None:
    found = weights_sha256(arrays)
    if found != manifest.sha256:
        raise CheckpointError(f"{path}: the weights were changed after they were saved: SHA-256 expected "
                              f"{manifest.sha256 or 'one in the manifest'}, got {found}. Copy or download it again")
