"""Figures that need a process of their own: start, memory and processor time, free of what the bench itself loaded.

    python -m maxsight_core.bench.child start|memory|cpu [--tier T0] [--seconds 20] [--stage-b-every 10]

Prints one JSON object.
"""

from __future__ import annotations

import time

_STARTED = time.perf_counter()  # before the imports: they are part of a start

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

MEMORY_FRAMES = 150
FPS = 5.0
_REPOSITORY = Path(__file__).resolve().parents[2]


def run(what: str, *options: str) -> dict[str, Any]:
    """Run one figure in a new process and return what it printed."""
    done = subprocess.run([sys.executable, "-m", "maxsight_core.bench.child", what, *options], cwd=_REPOSITORY,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"bench {what}: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _engine(tier: str):
    from maxsight_core.engine.config import EngineConfig
    from maxsight_core.engine.engine import Engine

    return Engine(replace(EngineConfig.from_environment(), tier=tier))


def _frames(count: int):
    from maxsight_core.engine.decode import decode_rgb
    from maxsight_core.engine.engine import as_frame
    from maxsight_core.scenes import light_jpeg

    for seq in range(count):
        yield as_frame(decode_rgb(light_jpeg("scene:street?seed=1&fps=10", seq % 40)), seq / FPS, seq)


def start(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from the start of Python to the first answer."""
    import numpy as np

    from maxsight_core.contracts import SessionSettings
    from maxsight_core.engine.engine import as_frame

    engine = _engine(options.tier)
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    engine.stage_a(engine.new_session(SessionSettings()), as_frame(picture, 0.0, 0))
    return {"start_s": round(time.perf_counter() - _STARTED, 2)}


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Resident memory after some frames with Stage B, and how much it grew over the second half of them."""
    from maxsight_core.contracts import SessionSettings

    engine = _engine(options.tier)
    state = engine.new_session(SessionSettings())
    half = 0.0
    for frame in _frames(MEMORY_FRAMES):
        _, job = engine.stage_a(state, frame)
        if job is not None and frame.seq % 5 == 0:
            engine.stage_b(state, job)
        if frame.seq == MEMORY_FRAMES // 2:
            half = _rss_mb()
    return {"rss_mb": round(_rss_mb(), 1), "growth_mb": round(_rss_mb() - half, 1), "frames": MEMORY_FRAMES}


def _rss_mb() -> float:
    """Resident memory now; where the system does not tell, the most it has been."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 if sys.platform != "darwin" else 1024.0**2)


def cpu(options: argparse.Namespace) -> dict[str, Any]:
    """Processor seconds a minute at 5 frames a second, Stage A only or with Stage B in every N-th frame."""
    from maxsight_core.contracts import SessionSettings

    engine = _engine(options.tier)
    state = engine.new_session(SessionSettings())
    frames = list(_frames(40))
    for frame in frames[:5]:  # warm-up
        engine.stage_a(state, frame)
    count = int(options.seconds * FPS)
    before = time.process_time()
    for seq in range(count):
        _, job = engine.stage_a(state, replace(frames[seq % len(frames)], time_s=(seq + 10) / FPS, seq=seq + 10))
        if options.stage_b_every and job is not None and seq % options.stage_b_every == 0:
            engine.stage_b(state, job)
    used = time.process_time() - before
    return {"cpu_s_per_minute": round(used * 60.0 / (count / FPS), 2), "frames": count}


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="python -m maxsight_core.bench.child",
                                      description=__doc__.split("\n\n")[0])
    figures = {"start": start, "memory": memory, "cpu": cpu}
    command.add_argument("figure", choices=figures)
    command.add_argument("--tier", default="T0")
    command.add_argument("--seconds", type=float, default=20.0)
    command.add_argument("--stage-b-every", type=int, default=0)
    options = command.parse_args(arguments)
    print(json.dumps(figures[options.figure](options)))
    return 0


if __name__ == "__main__":
    os.chdir(_REPOSITORY)
    sys.exit(main())
