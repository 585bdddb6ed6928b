"""One frame through Stage A as lane A runs it, by part, and Stage B's measured estimators, slice by slice."""

from __future__ import annotations

import time
from typing import Any

from maxsight_core.bench.timing import percentiles
from maxsight_core.contracts import SessionSettings
from maxsight_core.engine import stage_b
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.perception.stage_b_estimators import STAGE_B

WARM_UP = 5
FPS = 10.0


def measure(jpegs: list[bytes]) -> dict[str, Any]:
    """JPEG in, alert decisions out, ms; and the measured part of Stage B."""
    engine = Engine(EngineConfig.from_environment())
    state = engine.new_session(SessionSettings())
    totals: list[float] = []
    parts: dict[str, list[float]] = {}
    slices: dict[str, list[float]] = {}
    warm = False
    for seq, jpeg in enumerate(jpegs):
        started = time.perf_counter()
        rgb = decode_rgb(jpeg)
        decode_ms = (time.perf_counter() - started) * 1000.0
        result, job = engine.stage_a(state, as_frame(rgb, seq / FPS, seq), decode_ms=decode_ms)
        if seq < WARM_UP:
            continue
        totals.append((time.perf_counter() - started) * 1000.0)
        for part, ms in result.timings_ms.items():
            parts.setdefault(part, []).append(ms)
        if job is not None and seq % 4 == 0:
            _, timings, _ = stage_b.run_slices(stage_b.make_view(job, state.stage_b_memory), STAGE_B)
            for name, ms in timings.items() if warm else ():  # the first pass fills tables that stay
                slices.setdefault(name, []).append(ms)
            warm = True
    return {
        "engine": engine.describe(), "total_ms": percentiles(totals),
        "parts_ms": {part: percentiles(ms) for part, ms in parts.items()},
        "measured_stage_b_ms": {name: percentiles(ms) for name, ms in slices.items()},
    }
