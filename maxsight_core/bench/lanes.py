"""Stage A beside Stage B: the real lanes, one session, the same frames with Stage B at work and without.

The two cases take turns in blocks within one run; a frame is answered by the lanes exactly as in the server.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from maxsight_core.bench.timing import percentiles
from maxsight_core.contracts import SessionSettings
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decision import DecisionThresholds
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.packets import FramePacket
from maxsight_core.engine.service import EngineService

FPS = 5.0
BLOCK_FRAMES = 15
ANSWER_WAIT_S = 10.0
NEVER = DecisionThresholds(stage_a_ms=1e-3)
"""Every frame is slower than this, so Stage B is always skipped: the idle case."""


class _Sink:
    def __init__(self) -> None:
        self.answered = threading.Event()
        self.scenes = self.dropped = 0

    def on_result(self, result) -> None:
        self.answered.set()

    def on_dropped(self, seq, t_cap_ms, reason) -> None:
        self.dropped += 1
        self.answered.set()

    def on_scene(self, result) -> None:
        self.scenes += 1

    def on_alerts(self, decisions) -> None: ...


def measure(tier: str, blocks: int, jpegs: list[bytes], size: tuple[int, int]) -> dict[str, Any]:
    """p50 and p95 of frame to result, ms, idle and with Stage B, and the ratio of the p95.

    Args:
        tier: whose Stage B runs. blocks: pairs of blocks of 15 frames at 5 frames a second.
    """
    config = replace(EngineConfig.from_environment(), tier=tier)
    service = EngineService(config, Engine(config))
    service.start()
    times: dict[str, list[float]] = {"idle": [], "with_b": []}
    scenes = 0
    try:
        for block in range(-2, blocks * 2):  # the first block of each case is warm-up
            name = "idle" if block % 2 == 0 else "with_b"
            service.engine.config = replace(config, thresholds=NEVER if name == "idle" else config.thresholds)
            sink = _Sink()
            session_id = f"bench-{block}"
            service.open_session(session_id, SessionSettings(), sink)
            found = _run_block(service, session_id, sink, jpegs, size)
            service.close_session(session_id)
            if block >= 0:
                times[name] += found[2:]  # the first two frames of a session start everything
                scenes += sink.scenes
    finally:
        service.stop()
    figures = {name: percentiles(ms) for name, ms in times.items()}
    return {
        "tier": tier, "scenes": scenes,
        **{name: {"p50_ms": found["p50"], "p95_ms": found["p95"]} for name, found in figures.items()},
        "ratio_p95": round(figures["with_b"]["p95"] / figures["idle"]["p95"], 2),
    }


def _run_block(service, session_id: str, sink: _Sink, jpegs, size) -> list[float]:
    found: list[float] = []
    due = time.perf_counter()
    for seq in range(BLOCK_FRAMES):
        time.sleep(max(0.0, due - time.perf_counter()))
        due += 1.0 / FPS
        sink.answered.clear()
        sent = time.perf_counter()
        service.submit(session_id, FramePacket(seq, seq * 1000.0 / FPS, *size, jpegs[seq % len(jpegs)]))
        if not sink.answered.wait(ANSWER_WAIT_S):
            raise RuntimeError(f"frame {seq} of {session_id} got no answer within {ANSWER_WAIT_S:.0f} s")
        found.append((time.perf_counter() - sent) * 1000.0)
    return found
