"""Figures into a checkpoint's manifest, so that whoever loads the weights knows how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from maxsight_core.engine.manifest import CheckpointError, CheckpointManifest, read_checkpoint, save_checkpoint


def store_metrics(path: Path, figures: Mapping[str, float]) -> CheckpointManifest:
    """Put ``figures`` beside those that the manifest has; weights, and so their SHA-256, stay what they are.

    The file is replaced in one step.

    Raises:
        CheckpointError: not a safetensors checkpoint, damaged, or its weights would change by saving them again.
    """
    if path.suffix != ".safetensors":
        raise CheckpointError(f"{path}: figures can be stored in a .safetensors checkpoint only; "
                              "published weights carry no manifest. Leave --store out")
    manifest, state = read_checkpoint(path)
    storage = "f16" if _half(path) else "f32"
    metrics = {**manifest.metrics, **{name: round(float(value), 5) for name, value in figures.items()}}
    before = path.read_bytes()
    written = save_checkpoint(path, state, replace(manifest, metrics=metrics), storage=storage)
    if written.sha256 != manifest.sha256:
        path.write_bytes(before)
        raise CheckpointError(f"{path}: its weights are neither all f32 nor all f16, so saving them would change them; "
                              "the file was left as it was")
    return written


def _half(path: Path) -> bool:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return any(file.get_slice(name).get_dtype() == "F16" for name in file.keys())  # noqa: SIM118 (no mapping)


def plain_numbers(figures: Mapping[str, object]) -> dict[str, float]:
    """The entries that are finite numbers."""
    return {name: float(value) for name, value in figures.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)}
