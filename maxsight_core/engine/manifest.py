"""Checkpoints: a file of tensors with a manifest that says what they are and what they have learned.

Only two formats are read, neither of which can run code: safetensors (what :func:`save_checkpoint` writes, manifest
inside) and torch files through ``torch.load(weights_only=True)`` that hold ``{"manifest": {...}, "state": {...}}``.
A safetensors checkpoint is read and verified without torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from maxsight_core.engine import eight_bits
from maxsight_core.engine.manifest_fields import (
    MANIFEST_FORMAT,
    CheckpointError,
    CheckpointManifest,
    coco_classes,
    stage_b_outputs,
    words_digest_of,
)
from maxsight_core.models.contract import STAGE_B_PREFIX
from maxsight_core.models.tiers import TIERS

__all__ = [
    "MANIFEST_FORMAT", "METADATA_KEY", "CheckpointError", "CheckpointManifest", "coco_classes",
    "load_torch_file", "read_checkpoint", "read_manifest", "save_checkpoint", "stage_b_outputs", "tensor_sizes",
    "weights_sha256",
]

METADATA_KEY = "maxsight_manifest"
STORAGE: tuple[str, ...] = ("f32", "f16", "i8")
_TORCH_ZIP = b"PK\x03\x04"
_MOST_HEADER_BYTES = 100_000_000
"""safetensors' own limit for its header; a larger figure there means the file is something else."""
Read = TypeVar("Read")


def weights_sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes of all tensors, in the order of their names."""
    return _sha256_of(tensors, tensors.__getitem__)


def _sha256_of(names: Iterable[str], tensor: Callable[[str], np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        array = np.asarray(tensor(name), order="C")
        digest.update(f"{name}\0{array.dtype.name}\0{list(array.shape)}\0".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def save_checkpoint(
    path: Path, state: Mapping[str, Any], manifest: CheckpointManifest, *, storage: str = "f32",
) -> CheckpointManifest:
    """Write ``state`` and its manifest as one safetensors file, in one step: a broken save leaves the old file.

    Args:
        path: ends in ``.safetensors``. state: name -> torch tensor or NumPy array.
        storage: ``f16`` halves the file, ``i8`` quarters it (:mod:`eight_bits`); both are read back as 32 bits.

    Returns:
        The manifest as written, with its ``sha256``.
    """
    from safetensors.numpy import save_file

    if path.suffix != ".safetensors":
        raise CheckpointError(f"save_checkpoint: expected a path that ends in .safetensors; got {path}")
    if storage not in STORAGE:
        raise CheckpointError(f"save_checkpoint: storage must be one of {', '.join(STORAGE)}; got {storage!r}")
    arrays = {name: _stored(value, storage) for name, value in state.items()}
    if storage == "i8":
        arrays = {key: part for name, array in arrays.items() for key, part in eight_bits.pack(name, array).items()}
    written = replace(manifest, sha256=weights_sha256(arrays), words_digest=words_digest_of(manifest.tier))
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

    A file that was verified is not hashed again by this process as long as its size and time of writing stay.

    Raises:
        CheckpointError: not a checkpoint, damaged, or without a manifest.
    """
    if _kind(path) == "torch":
        return _read_torch(path)[0]
    return _verified(path) if verify else _open_safetensors(path, lambda file, manifest: manifest)


def read_checkpoint(path: Path, stage: str | None = None) -> tuple[CheckpointManifest, dict[str, np.ndarray]]:
    """Manifest and tensors of a checkpoint, hashed and compared; floating tensors as float32.

    Args:
        stage: ``a`` or ``b`` for the tensors of one stage only (Stage B's begin with ``stage_b.``), None for all.

    Raises:
        CheckpointError: not a checkpoint, damaged, or without a manifest.
    """
    if _kind(path) == "torch":
        manifest, arrays = _read_torch(path)
        arrays = {name: array for name, array in arrays.items() if _is_of(stage, name)}
    else:
        manifest = _verified(path)
        arrays = _open_safetensors(path, lambda file, _: {
            name: file.get_tensor(name) for name in file.keys() if _is_of(stage, name)})  # noqa: SIM118 (no mapping)
    return manifest, {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in eight_bits.unpack(arrays).items()
    }


def tensor_sizes(path: Path) -> dict[str, int]:
    """How many numbers each tensor of a checkpoint holds; the tensors of a safetensors file are not read."""
    if _kind(path) == "torch":
        return {name: array.size for name, array in _read_torch(path)[1].items()}
    return _open_safetensors(path, lambda file, _: {
        name: math.prod(file.get_slice(name).get_shape()) for name in file.keys()  # noqa: SIM118 (no mapping)
        if not name.endswith(eight_bits.SCALE_SUFFIX)})


def _is_of(stage: str | None, name: str) -> bool:
    return stage is None or name.startswith(STAGE_B_PREFIX) == (stage == "b")


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


def _open_safetensors(path: Path, read: Callable[[Any, CheckpointManifest], Read]) -> Read:
    """What ``read`` finds in an open file, given its manifest."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return read(file, _manifest_in(path, file.metadata() or {}, file.keys()))
    except CheckpointError:
        raise
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or cut short ({error}); copy or download it again") from None


def _manifest_in(path: Path, metadata: Mapping[str, str], names: Iterable[str]) -> CheckpointManifest:
    if METADATA_KEY not in metadata:
        raise CheckpointError(f"{path} holds tensors but no MaxSight manifest, so nobody knows what they have "
                              "learned; save it with maxsight_core.engine.manifest.save_checkpoint")
    try:
        body = json.loads(metadata[METADATA_KEY])
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: its manifest is not JSON ({error}); save the checkpoint again") from None
    manifest = CheckpointManifest.from_json(body)
    _require_no_stage_b(path, manifest, names)
    return manifest


def _require_no_stage_b(path: Path, manifest: CheckpointManifest, names: Iterable[str]) -> None:
    """A tier without a Stage B network must not bring tensors for one: they would be dropped without a word."""
    surplus = [name for name in names if name.startswith(STAGE_B_PREFIX)]
    if surplus and not TIERS[manifest.tier].trunk:
        raise CheckpointError(f"{path}: expected no Stage B in a checkpoint of tier {manifest.tier}; got "
                              f"{len(surplus)} tensors such as {surplus[0]}. Save it with the tier it was trained for")


def _verified(path: Path) -> CheckpointManifest:
    """The manifest, after all weights were hashed and compared."""
    about = path.stat()
    return _verify(path.resolve(), about.st_size, about.st_mtime_ns, path)


@lru_cache(maxsize=8)
def _verify(_resolved: Path, _bytes: int, _mtime_ns: int, path: Path) -> CheckpointManifest:
    def check(file, manifest: CheckpointManifest) -> CheckpointManifest:
        _require_hash(path, manifest, _sha256_of(file.keys(), file.get_tensor))
        return manifest

    return _open_safetensors(path, check)


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
    _require_no_stage_b(path, manifest, arrays)
    _require_hash(path, manifest, weights_sha256(arrays))
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


def _require_hash(path: Path, manifest: CheckpointManifest, found: str) -> None:
    if found != manifest.sha256:
        raise CheckpointError(f"{path}: the weights were changed after they were saved: SHA-256 expected "
                              f"{manifest.sha256 or 'one in the manifest'}, got {found}. Copy or download it again")
