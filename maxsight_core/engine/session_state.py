"""What the engine remembers of one session between frames."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from maxsight_core.alerts.inputs import AlertInputs, ContextItem
from maxsight_core.alerts.state import AlertState
from maxsight_core.contracts import Camera, EgoMotion, SessionSettings, Value
from maxsight_core.perception.motion import MotionTracker
from maxsight_core.perception.tracking import Tracker


@dataclass(slots=True)
class SessionState:
    """State of one session, owned by the engine; ``alert_lock`` guards what socket threads may touch too.

    ``scene`` holds the newest Stage B and lane C outputs with the frame time they belong to, so that a later question
    ("describe", "read", "find") is answered from perception and with its age. ``context`` collects what they add for
    the alerts until the next frame takes it. ``maps`` are Stage A's last fused maps, [768, 14, 14] each and newest
    last, for Stage B's temporal parts; lane A writes them, Stage B gets a copy of the list with each job.
    ``last_inputs`` is what the alerts of the newest frame were decided on, for recordings.
    """

    settings: SessionSettings
    motion: MotionTracker = field(default_factory=MotionTracker)
    tracker: Tracker = field(default_factory=Tracker)
    maps: deque[np.ndarray] = field(default_factory=deque)
    alerts: AlertState = field(default_factory=AlertState)
    alert_lock: threading.RLock = field(default_factory=threading.RLock)
    stage_b_memory: dict[str, Any] = field(default_factory=dict)
    lane_c_memory: dict[str, Any] = field(default_factory=dict)
    scene: dict[str, tuple[Value, float]] = field(default_factory=dict)
    context: list[ContextItem] = field(default_factory=list)
    last_result: Any = None
    last_inputs: AlertInputs | None = None
    last_time_s: float | None = None
    heading_deg: float = 0.0
    last_text_s: float | None = None
    text_wanted: bool = False

    def take_context(self) -> tuple[ContextItem, ...]:
        """What Stage B and lane C found since the last frame."""
        with self.alert_lock:
            items, self.context = tuple(self.context), []
        return items

    def turn_with(self, ego: EgoMotion, step_s: float, camera: Camera) -> None:
        """Sum the camera's turning: the picture moves left when the camera turns right.

        ``ego`` holds for ``ego.dt_s``, which may span several frames; only this frame's share is added.
        """
        if ego.cut or ego.still or ego.dt_s <= 0.0:
            return
        share = min(1.0, step_s / ego.dt_s)
        self.heading_deg -= math.degrees(math.atan2(ego.dx_px, camera.focal_px)) * share

    def remember_map(self, fused_map: np.ndarray | None, most: int) -> None:
        """Keep Stage A's newest map [1, 768, 14, 14]; None (a frame without one) begins the history anew.

        The maps must be those of successive frames: what lies across a hole would be read as motion.
        """
        if fused_map is None or most < 1:
            self.maps.clear()
            return
        newest = fused_map[0].copy()  # alone: a view would keep a whole batch in memory
        newest.flags.writeable = False
        self.maps.append(newest)
        while len(self.maps) > most:
            self.maps.popleft()

    def reset_motion(self) -> None:
        """Forget motion, tracks and maps (a gap, a new source); alerts keep their cooldowns."""
        self.motion = MotionTracker()
        self.tracker = Tracker()
        self.maps.clear()

    def without_lost_thread(self) -> SessionState:
        """A state to go on with, while a thread that hangs in Stage A keeps this one and may still write to it.

        Motion, tracks and maps begin anew, as after a gap; alerts, settings and what Stage B found are carried over.
        """
        return replace(
            self, motion=MotionTracker(), tracker=Tracker(), maps=deque(), alert_lock=threading.RLock(),
            context=list(self.context),
        )
