"""Stage A's network as lane A uses it: one frame or a batch in, raw tensors out, contained whatever happens.

A network that raises, hangs or answers NaN never stops the measured path (motion, lighting, alerts): its frames go on
without it and say why. After hangs in a row it is left out for a while, so that frames are answered in time without it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from maxsight_core.contracts import Frame
from maxsight_core.engine import detect
from maxsight_core.engine.breaker import CircuitBreaker
from maxsight_core.engine.runtimes import LoadedStageA
from maxsight_core.models.contract import CONTRACT, SHARED_MAP

log = logging.getLogger(__name__)

UNTRAINED = "no trained head in this checkpoint"
DECODED = frozenset({
    "objectness", "classification", "boxes", "sides", "cls_logits", "bbox_regression", "bbox_ctrness",
})
"""Tensors that detections are decoded from, on either grid."""
COUNTED = frozenset({*CONTRACT, SHARED_MAP})
"""Tensors that are counted by name when they are not finite."""
GPU_BATCH = 8
"""Frames in one call on a GPU: one batch of eight takes little longer than one frame."""


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """What the network gave for one frame.

    Args:
        raw: tensors [1, ...] by name, or None. error: why there are none, or why detections cannot be decoded.
        spoilt: names of tensors that hold a NaN or an infinity. ms: time of the call (of the whole batch).
        waited_ms: time the frame spent on the other frames of its batch.
    """

    raw: dict[str, np.ndarray] | None
    error: str | None = None
    spoilt: frozenset[str] = frozenset()
    ms: float = 0.0
    waited_ms: float = 0.0

    @property
    def decodable(self) -> bool:
        """Whether detections can be decoded from it."""
        return self.raw is not None and self.error is None


class SafetyNetwork:
    """Runtime and manifest of Stage A.

    Args:
        loaded: of ``load_stage_a``. run_untrained: run it although nothing of it is trained. withhold: told the name
            of every output that is not finite.

    ``answer`` belongs to lane A's thread; ``give_up`` is called by the watchdog when that thread hangs.
    """

    def __init__(
        self, loaded: LoadedStageA, run_untrained: bool, withhold: Callable[[str], None],
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.runtime, self.manifest, self.source_note = loaded.runtime, loaded.manifest, loaded.source_note
        self.trained = frozenset(self.manifest.trained_heads) & frozenset(CONTRACT)
        self.breaker = breaker or CircuitBreaker()
        self._run_untrained, self._withhold = run_untrained, withhold
        self._calls = 0
        self._running: int | None = None
        self._lost = False
        self._remaker: threading.Thread | None = None

    @property
    def batch_max(self) -> int:
        """Most frames that are worth one call."""
        return GPU_BATCH if self.runtime.device == "cuda" else 1

    def answer(self, frames: Sequence[Frame]) -> list[NetworkAnswer]:
        """The network's answer to each frame, in order. Never raises."""
        if not self.trained and not self._run_untrained:
            return [NetworkAnswer(None, UNTRAINED)] * len(frames)
        refusal = self.breaker.refusal()
        if refusal is not None:
            return [NetworkAnswer(None, f"Stage A's network is off: {refusal}")] * len(frames)
        if self._lost:
            self._make_anew()
            return [NetworkAnswer(None, "Stage A's network is being made anew after a hang")] * len(frames)
        started = time.perf_counter()
        self._calls += 1
        call = self._running = self._calls
        found = self._guarded(frames)
        if len(frames) > 1 and self._running == call and any(isinstance(one, str) for one in found):
            found = [one for frame in frames for one in self._guarded([frame])]  # one bad frame spoils only itself
        if self._running == call:
            self._running = None
            self.breaker.succeeded()
        ms = (time.perf_counter() - started) * 1000.0
        return [NetworkAnswer(None, one, ms=ms) if isinstance(one, str) else self._checked(one, ms) for one in found]

    def _guarded(self, frames: Sequence[Frame]) -> list[dict[str, np.ndarray] | str]:
        """Raw tensors of each frame, or why there are none."""
        try:
            size, fit = self.runtime.input_size, self.manifest.fit
            raw = self.runtime.infer(np.concatenate([detect.prepare(frame.rgb, size, fit) for frame in frames]))
        except Exception as error:
            log.exception("Stage A's network failed")
            return [f"Stage A's network failed: {type(error).__name__}: {error}"] * len(frames)
        if len(frames) == 1:
            return [raw]
        return [{name: tensor[index : index + 1] for name, tensor in raw.items()} for index in range(len(frames))]

    def _checked(self, raw: dict[str, np.ndarray], ms: float) -> NetworkAnswer:
        spoilt = frozenset(name for name, tensor in raw.items() if not np.isfinite(tensor).all())
        for name in sorted(spoilt & COUNTED):
            self._withhold(name)
        error = None
        if spoilt & DECODED:
            error = f"NaN or infinity in {', '.join(sorted(spoilt & DECODED))} of Stage A's network"
        return NetworkAnswer(raw, error, spoilt, ms)

    def give_up(self) -> bool:
        """Lane A's thread hangs: the next one shares nothing with it.

        The network is made anew in a thread of its own; until that is done frames are answered without it.

        Returns:
            whether the thread was in here at all (it may hang in a decoder).
        """
        if self._running is None:
            return False
        self._running = None
        self.breaker.failed("it did not answer in time")
        self._lost = True
        self._make_anew()
        return True

    def _make_anew(self) -> None:
        if self._remaker is None or not self._remaker.is_alive():
            self._remaker = threading.Thread(target=self._remake, name="maxsight-remake", daemon=True)
            self._remaker.start()

    def _remake(self) -> None:
        size = self.runtime.input_size
        try:
            self.runtime.renew()
            self.runtime.infer(np.zeros((1, size, size, 3), np.uint8))  # what it needs is made here, not in lane A
        except Exception as error:  # the measured path goes on without it; the next frame after a while tries again
            log.exception("Stage A's network could not be made anew after a hang")
            self.breaker.failed(f"it could not be made anew: {type(error).__name__}: {error}")
            return
        self._lost = False
