"""Stage B's network per tier: the whole of it and its longest slice, which is the most that a safety frame may wait."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from maxsight_core.bench.timing import percentiles
from maxsight_core.contracts import SessionSettings
from maxsight_core.engine import stage_b_values
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.runtimes import load_stage_b
from maxsight_core.models.stage_b_contract import MAP_HISTORY, MAP_SIDE, STAGE_A_CHANNELS

WARM_UP = 3


def measure(tier: str, iterations: int) -> dict[str, Any]:
    """p50 and p95 of one pass, ms, by slice too; weights as the engine would load them (untrained without a file)."""
    config = replace(EngineConfig.from_environment(), tier=tier)
    began = time.perf_counter()
    loaded = load_stage_b(tier=tier, runtime=config.runtime, threads=config.threads, cache_dir=config.cache_dir)
    load_s = time.perf_counter() - began
    given = _inputs(tier)
    totals: list[float] = []
    slices: dict[str, list[float]] = {}
    for turn in range(WARM_UP + iterations):
        timings: dict[str, float] = {}
        started = time.perf_counter()
        loaded.runtime.run(given, timings=timings)
        if turn < WARM_UP:
            continue
        totals.append((time.perf_counter() - started) * 1000.0)
        for name, ms in timings.items():
            slices.setdefault(name, []).append(ms)
    precision = loaded.runtime.precision
    loaded.runtime.close()
    found = percentiles(totals)
    by_slice = {name.removeprefix("stage_b."): percentiles(ms)["p50"] for name, ms in slices.items()}
    longest = max(by_slice, key=by_slice.get)
    return {
        "p50_ms": found["p50"], "p95_ms": found["p95"], "precision": precision, "load_s": round(load_s, 1),
        "slices_p50_ms": by_slice, "longest_slice": longest, "longest_slice_ms": by_slice[longest],
    }


def _inputs(tier: str) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    picture = draw.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    maps = [draw.normal(size=(STAGE_A_CHANNELS, MAP_SIDE, MAP_SIDE)).astype(np.float32)
            for _ in range(MAP_HISTORY[tier])]
    return stage_b_values.inputs(tier, picture, (), maps, SessionSettings(), None)
