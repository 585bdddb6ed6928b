"""The running sessions of this process, in memory: where frames go in and every answer comes out."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from app.live import views
from app.live.figures import SecondCounter
from app.live.outbox import Outbox
from app.live.protocol import VERSION, Delivery, FrameHeader, ProtocolError
from app.live.watchers import Watchers
from app.live.writer import Writer
from app.records.base import utc_now
from maxsight_core.contracts import AlertDecision, FrameResult, SceneResult, SessionSettings

KNOWN_ALERTS = 1024
"""Delivered alerts a browser may still report on; it reports within seconds, this is minutes of the busiest street."""
REPEAT = "repeat"
"""A delivery whose reason begins so is the person asking to hear it again, not a first delivery."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is, and where."""

    user_id: str
    clinic_id: str
    patient_id: str | None
    patient_name: str | None

    @property
    def purpose(self) -> str:
        return "dev" if self.patient_id is None else "patient"


@dataclass(frozen=True, slots=True)
class Pipes:
    """What every session shares: the sending side, the writer, the live views."""

    outbox: Outbox
    writer: Writer
    watchers: Watchers


@dataclass(eq=False)
class RunningSession:
    """One running session. It is the engine's sink, so its ``on_*`` methods run in the engine's threads.

    Every frame noted by :meth:`frame_in` leaves :attr:`_pending` exactly once, and whoever takes it out answers it:
    a result, a drop, or the end of the session. So a frame has one terminal reply, whatever races with what.
    """

    session_id: str
    sid: str
    owner: Owner
    source: str
    source_detail: str | None
    settings: SessionSettings
    pipes: Pipes
    started_at: datetime = field(default_factory=utc_now)
    counter: SecondCounter = field(default_factory=SecondCounter)
    ended: bool = False

    def __post_init__(self) -> None:
        self._pending: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._last_seq = -1
        self._lock = threading.Lock()
        self._reporting: int | None = None
        self.unknown_deliveries = 0

    # ---- frames in -------------------------------------------------------------------------------

    def frame_in(self, header: FrameHeader) -> bool:
        """Note a frame; False when its number is not greater than the last one's, or the session has ended."""
        with self._lock:
            if self.ended or header.seq <= self._last_seq:
                return False
            self._last_seq = header.seq
            self._pending[header.seq] = (time.monotonic(), header.t_cap_ms)
        self.counter.frame()
        return True

    def refuse(self, seq: int | None, t_cap_ms: float | None, reason: str, explanation: str) -> None:
        """Answer a frame that never went in."""
        self.counter.dropped(reason)
        self.pipes.outbox.emit("frame_dropped", views.dropped(seq, t_cap_ms, reason, explanation), self.sid)

    def _take(self, seq: int) -> tuple[float, float] | None:
        with self._lock:
            return self._pending.pop(seq, None)

    # ---- the engine's answers --------------------------------------------------------------------

    def on_result(self, result: FrameResult) -> None:
        held = self._take(result.seq)
        if held is None:
            return  # answered already, when the session ended
        age_ms = (time.monotonic() - held[0]) * 1000.0
        self._keep(result.alerts)
        self.pipes.outbox.emit("result", views.patient_result(result), self.sid)
        self.counter.result(age_ms, result.uncertainty, sum(a.delivered for a in result.alerts))
        self.pipes.watchers.result(self.session_id, result, age_ms)

    def on_dropped(self, seq: int, t_cap_ms: float, reason: str) -> None:
        if self._take(seq) is None:
            return
        self.counter.dropped(reason)
        self.pipes.outbox.emit("frame_dropped", views.dropped(seq, t_cap_ms, reason), self.sid)
        self.pipes.watchers.dropped(self.session_id, seq, reason)

    def on_scene(self, result: SceneResult) -> None:
        if self.ended:
            return
        self._keep(result.alerts)
        self.pipes.outbox.emit("scene", views.patient_scene(result), self.sid)
        self.counter.alerts(sum(a.delivered for a in result.alerts))
        self.pipes.watchers.scene(self.session_id, result)

    def on_alerts(self, decisions: tuple[AlertDecision, ...]) -> None:
        """Decisions made outside a frame. What the browser itself reports is kept but not sent back to it."""
        if self.ended or not decisions:
            return
        self._keep(decisions)
        told = [d for d in decisions if d.delivered]
        if told and self._reporting != threading.get_ident():
            self.pipes.outbox.emit("alert", {"v": VERSION, "alerts": views.alerts_json(told)}, self.sid)
        self.counter.alerts(sum(d.delivered for d in decisions))
        self.pipes.watchers.alerts(self.session_id, decisions)

    def _keep(self, decisions: tuple[AlertDecision, ...]) -> None:
        """Into the ledger's queue before anything is sent: a browser's report may be faster than this thread."""
        self.roll()
        if not decisions:
            return
        with self._lock:
            for decision in decisions:
                if decision.delivered:
                    self._known[decision.alert_id] = None
            while len(self._known) > KNOWN_ALERTS:
                self._known.popitem(last=False)
        self.pipes.writer.alerts(self.session_id, decisions)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """While this thread hands the browser's own notice to the engine: the browser has said it already."""
        self._reporting = threading.get_ident()
        try:
            yield
        finally:
            self._reporting = None

    # ---- reports, figures, end -------------------------------------------------------------------

    def delivered(self, told: Delivery) -> bool:
        """What the browser did with an alert; False when this session never sent that alert."""
        with self._lock:
            known = told.alert_id in self._known
        if not known:
            self.unknown_deliveries += 1
            return False
        repeat = told.reason.startswith(REPEAT)
        if told.latency_ms is not None and not repeat:
            self.counter.delivered(told.latency_ms)
        self.pipes.writer.delivery(self.session_id, told, repeat=repeat)
        self.pipes.watchers.delivery(self.session_id, {
            "v": VERSION, "session_id": self.session_id, "alert_id": told.alert_id, "fate": told.fate,
            "reason": told.reason, "latency_ms": told.latency_ms,
        })
        return True

    def roll(self) -> None:
        """Hand finished seconds to the writer."""
        self.pipes.writer.figures(self.session_id, self.counter.roll())

    def finish(self) -> None:
        """Answer what is still pending and hand over the last second. Nothing is sent for this session afterwards."""
        with self._lock:
            self.ended = True
            pending, self._pending = list(self._pending.items()), OrderedDict()
        for seq, (_, t_cap_ms) in pending:
            self.counter.dropped("session_stopped")
            self.pipes.outbox.emit("frame_dropped", views.dropped(seq, t_cap_ms, "session_stopped"), self.sid)
        self.pipes.writer.figures(self.session_id, self.counter.roll(finish=True))

    def to_json(self) -> dict[str, object]:
        """What a clinician or developer sees of it before the first frame."""
        owner = self.owner
        return {
            "id": self.session_id, "purpose": owner.purpose, "source": self.source,
            "source_detail": self.source_detail, "started_at": self.started_at.isoformat(),
            "running_s": round((utc_now() - self.started_at).total_seconds(), 1),
            "patient": None if owner.patient_id is None else {"id": owner.patient_id, "name": owner.patient_name},
            "settings": views.settings_json(self.settings),
        }


class RunningSessions:
    """All running sessions, by id. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._sessions: dict[str, RunningSession] = {}
        self._lock = threading.Lock()

    def add(self, session: RunningSession) -> None:
        """Raises:
            ProtocolError: ``too_many_sessions``.
        """
        with self._lock:
            if len(self._sessions) >= self.limit:
                raise ProtocolError(
                    "too_many_sessions",
                    f"{len(self._sessions)} of {self.limit} sessions are running on this server. "
                    "Try again in a few minutes.",
                )
            self._sessions[session.session_id] = session

    def remove(self, session_id: str) -> RunningSession | None:
        """Take a session out; only the first caller gets it, so a session ends once."""
        with self._lock:
            return self._sessions.pop(session_id, None)

    def get(self, session_id: str) -> RunningSession | None:
        return self._sessions.get(session_id)

    def all(self) -> list[RunningSession]:
        with self._lock:
            return list(self._sessions.values())

    def of_patient(self, patient_id: str) -> list[RunningSession]:
        return [session for session in self.all() if session.owner.patient_id == patient_id]

    def of_clinic(self, clinic_id: str, *, patients_only: bool) -> list[RunningSession]:
        """Running sessions a member of this clinic may see."""
        return [
            session for session in self.all()
            if session.owner.clinic_id == clinic_id and (session.owner.patient_id is not None or not patients_only)
        ]

    def __len__(self) -> int:
        return len(self._sessions)
