"""What the engine remembers of one session between frames."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from maxsight_core.alerts.scheduler import AlertState
from maxsight_core.contracts import SessionSettings, Value
from maxsight_core.perception.motion import MotionTracker
from maxsight_core.perception.tracking import Tracker


@dataclass(slots=True)
class SessionState:
    """State of one session, owned by the engine; ``alert_lock`` guards what socket threads may touch too.

    ``scene`` and ``text`` hold the newest Stage B and lane C outputs with the frame time they belong to, so
    that a later question ("describe", "read", "find") is answered from perception and with its age.
    """

    settings: SessionSettings
    motion: MotionTracker = field(default_factory=MotionTracker)
    tracker: Tracker = field(default_factory=Tracker)
    alerts: AlertState = field(default_factory=AlertState)
    alert_lock: threading.RLock = field(default_factory=threading.RLock)
    stage_b_memory: dict[str, Any] = field(default_factory=dict)
    lane_c_memory: dict[str, Any] = field(default_factory=dict)
    scene: dict[str, tuple[Value, float]] = field(default_factory=dict)
    last_result: Any = None
    last_time_s: float | None = None
    last_text_s: float | None = None
    text_wanted: bool = False

    def reset_motion(self) -> None:
        """Forget motion and tracks (a gap, a new source); alerts keep their cooldowns."""
        self.motion = MotionTracker()
        self.tracker = Tracker()
