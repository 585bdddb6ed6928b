"""How far every output of Stage A's network is from torch in 32 bits, per runtime and precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.bench.network import REFERENCE, VARIANTS
from maxsight_core.engine import detect
from maxsight_core.engine.runtimes import RuntimeUnavailableError, load_stage_a
from maxsight_core.models.contract import CONTRACT


def measure(pictures: list[np.ndarray], cache_dir: Path | None, grid: str = "fused") -> dict[str, Any]:
    """``{output: {variant: largest difference as a share of the reference's range}}`` over the pictures.

    With untrained weights the ranges are small and the shares large; the figure that counts for INT8 is the verdict on
    detections (docs/weights.md), which needs trained heads.
    """
    answers: dict[str, list[dict[str, np.ndarray]]] = {}
    for name, runtime, precision in VARIANTS:
        try:
            made = load_stage_a(runtime=runtime, precision=precision, grid=grid, cache_dir=cache_dir)
        except RuntimeUnavailableError:
            continue
        batches = (detect.prepare(rgb, made.runtime.input_size, made.manifest.fit) for rgb in pictures)
        answers[name] = [made.runtime.infer(batch) for batch in batches]
        made.runtime.close()
    reference = answers.pop(REFERENCE)
    return {output: {name: _apart(found, reference, output) for name, found in answers.items()}
            for output in CONTRACT}


def _apart(found: list[dict[str, np.ndarray]], reference: list[dict[str, np.ndarray]], output: str) -> float:
    spread = max(float(np.ptp(np.stack([answer[output] for answer in reference]))), 1e-6)
    worst = max(float(np.abs(ours[output] - theirs[output]).max())
                for ours, theirs in zip(found, reference, strict=True))
    return round(worst / spread, 5)
