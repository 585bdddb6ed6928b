"""Stage B and lane C: advisory outputs for one frame, one estimator a slice.

Stage B reads the raw frame and Stage A's finished result. It holds no reference through which it could change
them: Stage A's values are frozen, and its arrays are made read-only before they are handed over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from maxsight_core import outputs as registry
from maxsight_core.contracts import (
    Camera,
    Detection,
    Frame,
    FrameQuality,
    MotionResult,
    SceneView,
    SessionSettings,
    Value,
)

log = logging.getLogger(__name__)

SMALL_WIDTH_PX = 256
"""Width of the reduced grey picture that most estimators work on."""

SOUND_OUTPUTS = ("sound_events", "sound_direction", "sound_urgency")
NO_SOUND = "no audio: the microphone is not connected to this session"


@dataclass(frozen=True, slots=True)
class SceneJob:
    """What Stage B and lane C need of one frame; nothing of it changes any more.

    ``maps``: Stage A's last fused maps [768, 14, 14], newest last, for the temporal parts only. ``audio``: MFCC of the
    last second, [128], or None without sound.
    """

    frame: Frame
    t_cap_ms: float
    camera: Camera
    detections: tuple[Detection, ...]
    motion: MotionResult
    quality: FrameQuality
    settings: SessionSettings
    heading_deg: float = 0.0
    maps: tuple[np.ndarray, ...] = ()
    audio: np.ndarray | None = None


def make_view(job: SceneJob, memory: dict, earlier: dict[str, Value] | None = None) -> SceneView:
    """The read-only view of one frame that every estimator gets; ``earlier``: what lane C found just before."""
    grey8 = cv2.cvtColor(job.frame.rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey8.shape
    scale = min(1.0, SMALL_WIDTH_PX / width)
    small8 = cv2.resize(grey8, (round(width * scale), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    grey, small = (plane.astype(np.float32) / 255.0 for plane in (grey8, small8))
    for plane in (job.frame.rgb, grey, small):
        plane.flags.writeable = False
    return SceneView(
        frame=job.frame, grey=grey, small=small, camera=job.camera, detections=job.detections, motion=job.motion,
        quality=job.quality, settings=job.settings, so_far=dict(earlier or {}), memory=memory,
        heading_deg=job.heading_deg,
    )


def run_slices(
    view: SceneView, estimators: Iterable, between: Callable[[], bool] = lambda: True,
    learned: Collection[str] = (), notes: SliceNotes | None = None,
) -> tuple[dict[str, Value], dict[str, float], bool]:
    """Run the estimators in order, asking ``between`` before each one.

    Args:
        learned: outputs that a trained head has given in this pass. They are in ``view.so_far`` and stay as they are;
            an estimator that measures nothing else is left out.
        notes: told of what begins, what fails and what is not finite.

    Returns:
        the measured outputs, the time of each slice in ms, and whether all of them ran (False: ``between`` said stop).
    """
    timings: dict[str, float] = {}
    found: dict[str, Value] = {}
    for estimator in estimators:
        if learned and set(estimator.outputs) <= set(learned):
            continue
        if not between():
            return found, timings, False
        started = time.perf_counter()
        if notes is not None:
            notes.begins(estimator.name)
        values = _guarded(estimator, view, notes)
        values = {name: value for name, value in values.items() if name not in learned}
        found.update(values)
        view.so_far.update(values)
        timings[estimator.name] = (time.perf_counter() - started) * 1000.0
    return found, timings, True


class SliceNotes(Protocol):
    """What is told how the slices fare (:class:`maxsight_core.engine.counters.PassNotes`)."""

    def begins(self, name: str) -> None: ...

    def estimator_failed(self, name: str, words: str) -> None: ...

    def withhold(self, name: str) -> None: ...


def _guarded(estimator, view: SceneView, notes: SliceNotes | None) -> dict[str, Value]:
    """One estimator's outputs; whatever goes wrong inside it stays inside it, and is visible."""
    try:
        given = estimator.estimate(view)
        values = {name: given.get(name) or Value.unavailable(name, "the estimator gave nothing")
                  for name in estimator.outputs}
    except Exception as error:  # an advisory estimator must never take the lane down
        log.exception("estimator %s failed", estimator.name)
        words = f"estimator failed: {type(error).__name__}: {error}"
        if notes is not None:
            notes.estimator_failed(estimator.name, words)
        return {name: Value.unavailable(name, words) for name in estimator.outputs}
    kept = {name: finite(value) for name, value in values.items()}
    if notes is not None:
        for name, value in values.items():
            if kept[name] is not value:
                notes.withhold(name)
    return kept


def finite(value: Value) -> Value:
    """The value, or ``unavailable`` when it holds a NaN or an infinity (03-outputs, rules)."""
    if value.source == "unavailable" or value.is_finite():
        return value
    return Value.unavailable(value.name, "NaN or infinity in the value; withheld for this frame")


def no_sound() -> dict[str, Value]:
    """Lane C's outputs of sound, which nothing measures, with the reason a person reads."""
    return {name: Value.unavailable(name, NO_SOUND) for name in SOUND_OUTPUTS}


def skipped(reason: str) -> dict[str, Value]:
    """Every Stage B output as unavailable, with the decision point's reason."""
    return {spec.name: Value.unavailable(spec.name, reason) for spec in registry.REGISTRY if spec.stage == "B"}
