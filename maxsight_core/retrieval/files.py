"""Files of a stored index: written in one step, named after their content, checked before they are used."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from maxsight_core.retrieval.errors import IndexStoreError

NAME_DIGITS = 12
"""Digits of the SHA-256 in a file's name: enough to tell versions apart; the manifest holds all 64."""
_OURS = re.compile(rf"(?:[a-z_]+-[0-9a-f]{{{NAME_DIGITS}}}\.(?:npy|jsonl|json)|\.writing-.*)")
_READ_BYTES = 1 << 20
BUILD_AGAIN = "Copy the folder again, or build it with `python -m maxsight_core.retrieval build`"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """``name`` within the folder, its size and SHA-256."""

    name: str
    size_bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "bytes": self.size_bytes, "sha256": self.sha256}

    @classmethod
    def from_json(cls, part: str, body: Any) -> StoredFile:
        """IndexStoreError when the entry is none, or names a file outside the folder."""
        if not (isinstance(body, dict) and isinstance(body.get("name"), str) and _OURS.fullmatch(body["name"])
                and isinstance(body.get("bytes"), int) and isinstance(body.get("sha256"), str)):
            raise IndexStoreError(f"manifest: files.{part} must have a name such as {part}-0123456789ab.npy, bytes and "
                                  f"sha256; got {body!r}. {BUILD_AGAIN}")
        return cls(body["name"], body["bytes"], body["sha256"])


class _Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest, self.size_bytes = file, hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)


def write_array(folder: Path, part: str, array: np.ndarray) -> StoredFile:
    """Write an array as ``PART-digest.npy``."""
    return _write(folder, part, "npy",
                  lambda file: np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False))


def write_bytes(folder: Path, part: str, suffix: str, data: np.ndarray | bytes) -> StoredFile:
    """Write bytes as ``PART-digest.SUFFIX``."""
    return _write(folder, part, suffix, lambda file: file.write(memoryview(data)))


def _temporary(folder: Path) -> Path:
    """A name that nobody uses; unlike those of ``tempfile`` its file can be read by whoever may read the folder."""
    return folder / f".writing-{secrets.token_hex(8)}"


def _write(folder: Path, part: str, suffix: str, fill: Callable[[Any], object]) -> StoredFile:
    temporary = _temporary(folder)
    try:
        with temporary.open("xb") as file:
            hashing = _Hashing(file)
            fill(hashing)
            file.flush()
            os.fsync(file.fileno())
        sha256 = hashing.digest.hexdigest()
        name = f"{part}-{sha256[:NAME_DIGITS]}.{suffix}"
        os.replace(temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    return StoredFile(name, hashing.size_bytes, sha256)


def commit(folder: Path, name: str, text: str) -> None:
    """Replace a small file in one step: a reader finds the old text or the new one, whenever the power goes."""
    temporary = _temporary(folder)
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not every system can sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_ours(name: str) -> bool:
    """Whether a file is named as a save (or a broken-off one) names its files."""
    return _OURS.fullmatch(name) is not None


def remove_others(folder: Path, kept: set[str]) -> None:
    """Delete files that earlier saves left behind; never one that is not named as ours are."""
    for path in folder.iterdir():
        if path.name not in kept and is_ours(path.name):
            with contextlib.suppress(OSError):  # on Windows a file in use stays until the next save
                path.unlink()


def check(folder: Path, part: str, stored: StoredFile, *, digest: bool) -> Path:
    """The file's path, once its size (and, with ``digest``, its SHA-256) are what the manifest says.

    Raises:
        IndexStoreError: missing, cut short or changed.
    """
    path = folder / stored.name
    if not path.is_file():
        raise IndexStoreError(f"{path}: expected the {part} of the index; nothing is there. {BUILD_AGAIN}")
    found = path.stat().st_size
    if found != stored.size_bytes:
        raise IndexStoreError(f"{path}: expected {stored.size_bytes} bytes; got {found}: it was cut short or replaced. "
                              f"{BUILD_AGAIN}")
    if digest and (sha256 := file_sha256(path)) != stored.sha256:
        raise IndexStoreError(f"{path}: expected SHA-256 {stored.sha256}; got {sha256}: it was damaged. {BUILD_AGAIN}")
    return path


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def read_array(path: Path, shape: tuple[int | None, ...], dtype: type, *, mapped: bool = False) -> np.ndarray:
    """The array of a ``.npy`` file, read-only from the disk with ``mapped``; None in ``shape``: any length.

    Raises:
        IndexStoreError: no array, or of another shape or type.
    """
    try:
        array = np.asarray(np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise IndexStoreError(f"{path}: expected an array; it cannot be read ({error}). {BUILD_AGAIN}") from None
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits or array.dtype != dtype:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise IndexStoreError(f"{path}: expected {np.dtype(dtype).name} of shape [{wanted}]; got {array.dtype} "
                              f"{list(array.shape)}. {BUILD_AGAIN}")
    return array


def map_bytes(path: Path) -> np.ndarray:
    """The bytes of a file, mapped read-only, as uint8 [size]."""
    if path.stat().st_size == 0:  # an empty file cannot be mapped
        return np.empty(0, np.uint8)
    return np.asarray(np.memmap(path, np.uint8, mode="r"))
