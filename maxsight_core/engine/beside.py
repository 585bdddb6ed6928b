"""What is measured in the picture runs beside Stage A's network, on the core that the network leaves free.

The two need nothing of each other. One after the other a frame takes their sum, side by side the longer of them
(docs/performance.md has the figures).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from maxsight_core.contracts import Camera, Frame, FrameQuality, MotionResult
from maxsight_core.engine.stopwatch import Stopwatch
from maxsight_core.perception import frame_quality
from maxsight_core.perception.motion import MotionTracker

Measured = tuple[FrameQuality, MotionResult, dict[str, float]]
"""Quality and motion of one frame, and what each took, ms."""


def network_threads(threads: int | None, grid: str) -> int:
    """CPU threads for Stage A's network: as asked for; else one per core, on ``fused`` less the one that measures.

    The fused network takes about as long as the measuring beside it and is quicker when nobody shares its cores. The
    pyramid takes four times as long: for most of that time the measuring core would idle.
    """
    cores = os.cpu_count() or 1
    return threads or (max(1, cores - 1) if grid == "fused" else cores)


def measure(tracker: MotionTracker, frame: Frame, camera: Camera) -> Measured:
    """Picture quality, then motion since the session's earlier frames."""
    watch = Stopwatch()
    quality = frame_quality.measure(frame.rgb)
    watch.split("quality")
    motion = tracker.update(frame, camera)
    watch.split("motion")
    return quality, motion, watch.parts


class Beside:
    """One thread for :func:`measure`. ``start`` belongs to lane A's thread, ``give_up`` to the watchdog."""

    def __init__(self) -> None:
        self._thread = _one_thread()

    def start(self, tracker: MotionTracker, frame: Frame, camera: Camera) -> Callable[[], Measured]:
        """Begin; calling what is returned waits for the end, and raises what the measurement raised."""
        begun: Future[Measured] = self._thread.submit(measure, tracker, frame, camera)
        return begun.result

    def give_up(self) -> None:
        """Lane A's thread hangs, perhaps waiting for this one: the next frame gets another thread."""
        abandoned, self._thread = self._thread, _one_thread()
        abandoned.shutdown(wait=False)


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="maxsight-motion")
