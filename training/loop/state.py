"""What a run is kept in: its state for going on, and checkpoints to use.

A run's folder holds ``config.json``, ``last.pt`` (everything to go on from, bit for bit on a CPU), ``last.safetensors``
and ``best.safetensors`` (averaged weights with a manifest, as the app reads them) and ``metrics.jsonl``. A file is
written beside its old version and takes its name only when it is whole: a full disk or a kill leaves the old one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

STATE_FORMAT = 1
STATE_FILE, CONFIG_FILE, METRICS_FILE = "last.pt", "config.json", "metrics.jsonl"
LAST_FILE, BEST_FILE = "last.safetensors", "best.safetensors"
FREE_FACTOR = 2.5
"""Free space asked for, in sizes of the state: it, its old version, and the checkpoints beside it."""
MAY_CHANGE = frozenset({
    "run.checkpoint_minutes", "run.validate_every_epochs", "run.tensorboard", "run.threads", "data.workers",
    "data.root",
})
"""What a resumed run may set otherwise: how it is kept and loaded, not what it learns."""


class StateError(RuntimeError):
    """A run cannot be continued or kept; the message says why and what to do."""


def require_space(folder: Path, state_bytes: int) -> None:
    """StateError before hours are wasted, when the disk cannot hold the run's files."""
    folder.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(folder).free, int(state_bytes * FREE_FACTOR)
    if free < needed:
        raise StateError(f"{folder}: {free / 2**20:.0f} MiB are free and a run of this size needs "
                         f"{needed / 2**20:.0f} MiB. Make room, or choose another --out")


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write the state in one step. StateError when the disk is full; the state of before stays."""
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save({"format": STATE_FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise StateError(f"{path}: the state could not be written ({error}). The one of before is untouched; make room "
                         "and resume from it") from error


def load_state(path: Path) -> dict[str, Any]:
    """The state that :func:`save_state` wrote. Nothing in it can run code (``weights_only``)."""
    if not path.exists():
        raise StateError(f"{path}: there is no state to resume from. Start without --resume, or name the run's folder")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise StateError(f"{path}: is no readable state ({error}). If a copy was cut off, use another copy; the "
                         f"averaged weights in {LAST_FILE} can start a new run through init_checkpoint") from error
    if not isinstance(state, dict) or state.get("format") != STATE_FORMAT:
        raise StateError(f"{path}: expected a state of format {STATE_FORMAT}; it was written by another version")
    return state


def require_same_run(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """StateError naming every setting that differs between the run that is resumed and what was asked for."""
    old, new = _flat(before), _flat(now)
    different = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key) and key not in MAY_CHANGE)
    if different:
        lines = [f"  {key}: was {old.get(key)!r}, now {new.get(key)!r}" for key in different]
        raise StateError("This state belongs to another run; resume with its own configuration, or start anew in "
                         "another folder:\n" + "\n".join(lines))


def append_metrics(folder: Path, row: Mapping[str, Any]) -> None:
    """One line of JSON at the end of the run's metrics."""
    with (folder / METRICS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
