"""Speed of the engine on this machine: one table, and JSON with ``--json``.

    python -m maxsight_core.bench [--quick] [--json FILE]

Every figure is a median (and p95) of at least 30 iterations after warm-up (``--quick``: 10), on frames of the
rendered street. Runtimes are compared in alternation, in this one process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from maxsight_core.bench.timing import alternate, percentiles
from maxsight_core.contracts import SessionSettings
from maxsight_core.engine import detect, stage_b
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.runtimes import load_stage_a
from maxsight_core.perception.stage_b_estimators import STAGE_B

SCENE = "scene:street?seed=1&fps=10"
ITERATIONS, QUICK_ITERATIONS = 40, 10


def frame_path(engine: Engine, jpegs: list[bytes]) -> dict[str, Any]:
    """JPEG in, alert decisions out: Stage A as lane A runs it, by part."""
    state = engine.new_session(SessionSettings())
    totals: list[float] = []
    parts: dict[str, list[float]] = {}
    for seq, jpeg in enumerate(tqdm(jpegs, desc="frame path", unit="frame", leave=False)):
        started = time.perf_counter()
        rgb = decode_rgb(jpeg)
        decode_ms = (time.perf_counter() - started) * 1000.0
        result, _ = engine.stage_a(state, as_frame(rgb, seq / 10.0, seq), decode_ms=decode_ms)
        if seq >= 5:  # the first frames compile and warm caches
            totals.append((time.perf_counter() - started) * 1000.0)
            for part, ms in result.timings_ms.items():
                parts.setdefault(part, []).append(ms)
    return {"total_ms": percentiles(totals), "parts_ms": {part: percentiles(ms) for part, ms in parts.items()}}


def stage_b_slices(engine: Engine, jpegs: list[bytes]) -> dict[str, Any]:
    """Every Stage B estimator's slice, and the longest one: the most that lane A may have to wait."""
    state = engine.new_session(SessionSettings())
    slices: dict[str, list[float]] = {}
    for seq, jpeg in enumerate(jpegs):
        _, job = engine.stage_a(state, as_frame(decode_rgb(jpeg), seq / 10.0, seq))
        if job is None:
            continue
        _, timings, _ = stage_b.run_slices(stage_b.make_view(job, state.stage_b_memory), STAGE_B)
        for name, ms in timings.items():
            slices.setdefault(name, []).append(ms)
    return {name: percentiles(ms) for name, ms in slices.items()}


def runtimes(iterations: int, rgb) -> dict[str, Any]:
    """Stage A's network in torch eager and in OpenVINO, in alternation, and the ratio of their medians."""
    variants, loaded = {}, []
    for runtime, precision in (("torch", "f32"), ("openvino", "f32"), ("openvino", "bf16")):
        stage_a = load_stage_a(runtime=runtime, precision=precision, grid="fused")
        batch = detect.prepare(rgb, stage_a.runtime.input_size, stage_a.manifest.fit)
        variants[f"{runtime} {stage_a.runtime.precision}"] = lambda r=stage_a.runtime, b=batch: r.infer(b)
        loaded.append(stage_a)
    samples = alternate(variants, iterations)
    medians = {name: percentiles(ms) for name, ms in samples.items()}
    reference = next(iter(medians.values()))["p50"]
    for stage_a in loaded:
        stage_a.runtime.close()
    return {name: {**figures, "speed_up": round(reference / figures["p50"], 2)} for name, figures in medians.items()}


def measure(quick: bool) -> dict[str, Any]:
    from maxsight_core.scenes import light_jpeg

    iterations = QUICK_ITERATIONS if quick else ITERATIONS
    jpegs = [light_jpeg(SCENE, i) for i in range(iterations + 5)]
    started = time.perf_counter()
    engine = Engine(EngineConfig.from_environment())
    load_s = time.perf_counter() - started
    figures = {
        "machine": {"cpu_count": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()},
        "engine": engine.describe(), "iterations": iterations, "engine_load_s": round(load_s, 2),
        "frame_path": frame_path(engine, jpegs),
        "stage_b_slices_ms": stage_b_slices(engine, jpegs[: max(8, iterations // 4)]),
        "network_ms": runtimes(iterations, decode_rgb(jpegs[0])),
    }
    figures["rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1)
    return figures


def table(figures: dict[str, Any]) -> str:
    lines = [f"engine: {figures['engine']['runtime']} {figures['engine']['precision']}, {figures['engine']['grid']} "
             f"grid, weights: {figures['engine']['weights']}",
             f"{'':34}{'p50 ms':>9}{'p95 ms':>9}"]

    def row(name: str, ms: dict[str, float], note: str = "") -> None:
        if ms:
            lines.append(f"{name:34}{ms['p50']:9.1f}{ms['p95']:9.1f}  {note}")

    row("JPEG to alert decision", figures["frame_path"]["total_ms"])
    for part, ms in figures["frame_path"]["parts_ms"].items():
        row(f"  {part}", ms)
    for name, ms in figures["network_ms"].items():
        row(f"network, {name}", ms, f"x{ms['speed_up']} against torch")
    for name, ms in figures["stage_b_slices_ms"].items():
        row(f"Stage B: {name}", ms)
    lines.append(f"engine load {figures['engine_load_s']} s, peak memory {figures['rss_mb']} MB")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.bench", description=__doc__.split("\n\n")[0])
    command.add_argument("--quick", action="store_true", help="10 iterations instead of 40")
    command.add_argument("--json", metavar="FILE", help="also write the figures as JSON")
    options = command.parse_args(arguments)
    figures = measure(options.quick)
    print(table(figures))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
