"""The parts of the bench and the order they run in; each part is measured by a module of its own."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from maxsight_core.bench import child, frame_path, lanes, network, parity, retrieval, served, stage_b
from maxsight_core.engine import quantize, weights
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb, read_header
from maxsight_core.engine.runtimes import int8
from maxsight_core.models.tiers import TIERS

SCENE = "scene:street?seed=1&fps=10"
ITERATIONS, QUICK_ITERATIONS = 40, 10
PARITY_PICTURES = 4
RETRIEVAL_VECTORS, QUICK_RETRIEVAL_VECTORS = 1_000_000, 20_000
LOAD_S, QUICK_LOAD_S = 20.0, 3.0
CPU_S, QUICK_CPU_S = 20.0, 4.0
MAX_PIXELS = 50_000_000
QUICK_TIERS = 2
STAGE_B_TIERS = tuple(key for key, row in TIERS.items() if row.trunk)


class Run:
    """One run of the bench: its sizes and its frames."""

    def __init__(self, quick: bool, tiers: tuple[str, ...] = ()) -> None:
        from maxsight_core.scenes import light_jpeg

        self.quick = quick
        self.iterations = QUICK_ITERATIONS if quick else ITERATIONS
        self.jpegs = [light_jpeg(SCENE, i) for i in range(self.iterations + 5)]
        _, width, height = read_header(self.jpegs[0], max_pixels=MAX_PIXELS)
        self.size = (width, height)
        self.cache_dir = EngineConfig.from_environment().cache_dir
        self.tiers = tiers or STAGE_B_TIERS[: QUICK_TIERS if quick else None]

    def int8(self) -> dict[str, Any]:
        """What ``make run`` prepares for one grid and tier, for all that are measured here; quick when it is there."""
        config = EngineConfig.from_environment()
        wanted = [("T0", "pyramid"), ("T0", "fused"), *((tier, "fused") for tier in self.tiers)]
        return {f"{tier} {grid}": quantize.prepare(
            replace(config, tier=tier, grid=grid), None, quantize.DEFAULT_SAMPLES, if_needed=True)
            for tier, grid in wanted}

    def networks(self) -> dict[str, Any]:
        rgb = decode_rgb(self.jpegs[0])
        peak = network.peak_int8_macs_per_s()
        found = {grid: network.measure(self.iterations, rgb, self.cache_dir, grid) for grid in ("fused", "pyramid")}
        return {**found, "macs": network.stage_a_macs(), "peak_int8_macs_per_s": max(
            peak, network.peak_int8_macs_per_s()), "threads": network.threads()}

    def parity(self) -> dict[str, Any]:
        pictures = [decode_rgb(jpeg) for jpeg in self.jpegs[:: max(1, len(self.jpegs) // PARITY_PICTURES)]]
        return parity.measure(pictures, self.cache_dir)

    def frame_path(self) -> dict[str, Any]:
        return frame_path.measure(self.jpegs)

    def stage_b(self) -> dict[str, Any]:
        return {key: stage_b.measure(key, self.iterations) for key in self.tiers}

    def lanes(self) -> dict[str, Any]:
        blocks = 1 if self.quick else 4
        return {tier: lanes.measure(tier, blocks, self.jpegs, self.size) for tier in ("T0", "T2")}

    def process(self) -> dict[str, Any]:
        seconds = str(QUICK_CPU_S if self.quick else CPU_S)
        child.run("start")  # whatever is not cached yet is made now
        return {
            **child.run("start"), **child.run("memory"), "int8_file_mb": _int8_file_mb(),
            "cpu_s_per_minute": {
                "stage_a_only": child.run("cpu", "--seconds", seconds)["cpu_s_per_minute"],
                "with_stage_b_every_10th": child.run(
                    "cpu", "--seconds", seconds, "--stage-b-every", "10")["cpu_s_per_minute"],
            },
        }

    def served(self) -> dict[str, Any]:
        return served.measure(QUICK_LOAD_S if self.quick else LOAD_S)

    def retrieval(self) -> dict[str, Any]:
        return retrieval.measure(QUICK_RETRIEVAL_VECTORS if self.quick else RETRIEVAL_VECTORS)


PARTS: tuple[str, ...] = (
    "int8", "networks", "parity", "frame_path", "stage_b", "lanes", "process", "served", "retrieval",
)


def measure(quick: bool, parts: tuple[str, ...] = PARTS, tiers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run ``parts``; a part that fails leaves its reason, and the others still run. ``tiers``: of Stage B's network."""
    run = Run(quick, tiers)
    figures: dict[str, Any] = {"machine": machine(), "quick": quick, "iterations": run.iterations}
    for part in tqdm(parts, desc="bench", unit="part", leave=False):
        started = time.perf_counter()
        figures[part] = _guarded(getattr(run, part))
        figures[part]["took_s"] = round(time.perf_counter() - started, 1)
    return figures


def _guarded(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return part()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import openvino as ov

    source = weights.find()
    return {
        "processor": ov.Core().get_property("CPU", "FULL_DEVICE_NAME"), "platform": platform.platform(),
        "python": platform.python_version(), "openvino": ov.__version__, "weights": source.note,
    }


def _int8_file_mb() -> float | None:
    """Size of the INT8 graph in use on disk; None when none is prepared."""
    config = EngineConfig.from_environment()
    if config.cache_dir is None:
        return None
    source = weights.find(config.checkpoint, config.grid)
    folder = int8.folder_of(config.cache_dir, source.manifest.grid, source.manifest.input_size_px, source.key)
    files = [path for path in (folder / "stage_a.bin", folder / "stage_a.xml") if path.exists()]
    return round(sum(path.stat().st_size for path in files) / 2**20, 1) if files else None
