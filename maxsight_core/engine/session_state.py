"""What the engine remembers of one session between frames."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import Any

from maxsight_core.alerts.inputs import ContextItem
from maxsight_core.alerts.state import AlertState
from maxsight_core.contracts import Camera, EgoMotion, SessionSettings, Value
from maxsight_core.perception.motion import MotionTracker
from maxsight_core.perception.tracking import Tracker


@dataclass(slots=True)
class SessionState:
    """State of one session, owned by the engine; ``alert_lock`` guards what socket threads may touch too.

    ``scene`` and ``text`` hold the newest Stage B and lane C outputs with the frame time they belong to, so
    that a later question ("describe", "read", "find") is answered from perception and with its age. ``context``
    collects what they add for the alerts until the next frame takes it.
    """

    settings: SessionSettings
    motion: MotionTracker = field(default_factory=MotionTracker)
    tracker: Tracker = field(default_factory=Tracker)
    alerts: AlertState = field(default_factory=AlertState)
    alert_lock: threading.RLock = field(default_factory=threading.RLock)
    stage_b_memory: dict[str, Any] = field(default_factory=dict)
    lane_c_memory: dict[str, Any] = field(default_factory=dict)
    scene: dict[str, tuple[Value, float]] = field(default_factory=dict)
    context: list[ContextItem] = field(default_factory=list)
    last_result: Any = None
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

    def reset_motion(self) -> None:
        """Forget motion and tracks (a gap, a new source); alerts keep their cooldowns."""
        self.motion = MotionTracker()
        self.tracker = Tracker()
