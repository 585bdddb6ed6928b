"""Stage A's network alone: every runtime in alternation, against torchvision's FCOS and the machine's own limit.

All ratios are of medians from one run in which the variants take turns, so that a noisy machine treats them alike.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from maxsight_core.bench.timing import alternate, percentiles
from maxsight_core.engine import detect
from maxsight_core.engine.runtimes import RuntimeUnavailableError, load_stage_a
from maxsight_core.models.grid import DEFAULT_INPUT_PX

MATMUL_SIDE = 2048
"""Large enough that memory does not bind: 8.6 G multiply-adds over 12 MB."""
PEAK_ROUNDS = 12
VARIANTS: tuple[tuple[str, str, str], ...] = (
    ("torch_f32", "torch", "f32"), ("torch_bf16", "torch", "bf16"), ("openvino_f32", "openvino", "f32"),
    ("openvino_bf16", "openvino", "bf16"), ("openvino_int8", "openvino", "int8"),
)
REFERENCE = "torch_f32"
"""Torch eager, what everything is compared with (10-performance)."""


def measure(iterations: int, rgb: np.ndarray, cache_dir: Path | None, grid: str = "fused") -> dict[str, Any]:
    """p50 and p95 of every runtime and precision that this machine has, in ms, and what is missing and why.

    Returns:
        ``{"variants": {name: {"p50_ms", "p95_ms", "against_torch_eager"}}, "missing": {name: reason},
        "input_size_px"}``; ``torchvision_fcos`` is torchvision's own model on a picture of the same size.
    """
    runs, loaded, missing = {}, [], {}
    for name, runtime, precision in VARIANTS:
        try:
            made = load_stage_a(runtime=runtime, precision=precision, grid=grid, cache_dir=cache_dir)
        except RuntimeUnavailableError as error:
            missing[name] = str(error)
            continue
        batch = detect.prepare(rgb, made.runtime.input_size, made.manifest.fit)
        runs[name] = lambda r=made.runtime, b=batch: r.infer(b)
        loaded.append(made)
    runs["torchvision_fcos"] = _torchvision_fcos(rgb, DEFAULT_INPUT_PX[grid])
    samples = alternate(runs, iterations)
    for made in loaded:
        made.runtime.close()
    reference = float(np.median(samples[REFERENCE]))
    return {
        "input_size_px": DEFAULT_INPUT_PX[grid], "missing": missing,
        "variants": {name: {**_in_ms(ms), "against_torch_eager": round(reference / float(np.median(ms)), 2)}
                     for name, ms in samples.items()},
    }


def _in_ms(samples: list[float]) -> dict[str, float]:
    found = percentiles(samples)
    return {"p50_ms": found["p50"], "p95_ms": found["p95"]}


def _torchvision_fcos(rgb: np.ndarray, side_px: int):
    """torchvision's detector as it ships, untrained, at one picture size; decoding and NMS are part of it."""
    import torch
    from torchvision.models.detection import fcos_resnet50_fpn

    model = fcos_resnet50_fpn(weights=None, weights_backbone=None, min_size=side_px, max_size=side_px).eval()
    picture = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1).float() / 255.0

    def run() -> None:
        with torch.inference_mode():
            model([picture])

    return run


def stage_a_macs(grid: str = "fused") -> int:
    """Multiply-adds of one picture through Stage A's network, counted by torch on the meta device."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from maxsight_core.models.assemble import build_stage_a

    side = DEFAULT_INPUT_PX[grid]
    with torch.device("meta"), torch.no_grad():
        model = build_stage_a(grid).eval()
        counter = FlopCounterMode(display=False)
        with counter:
            model(torch.empty(1, 3, side, side))
    return counter.get_total_flops() // 2


def peak_int8_macs_per_s() -> float:
    """Multiply-adds a second of the best of several large INT8 matrix products: the machine's arithmetic limit.

    ``torch._int_mm`` is oneDNN's integer product, the same library that OpenVINO's CPU plugin computes with.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randint(-128, 127, (MATMUL_SIDE, MATMUL_SIDE), dtype=torch.int8, generator=generator)
                   for _ in range(2))
    best = float("inf")
    for _ in range(PEAK_ROUNDS):
        started = time.perf_counter()
        torch._int_mm(left, right)
        best = min(best, time.perf_counter() - started)
    return MATMUL_SIDE**3 / best


def threads() -> dict[str, int | None]:
    """The thread counts that the figures hold for."""
    import torch

    return {"cores": os.cpu_count(), "torch": torch.get_num_threads()}
