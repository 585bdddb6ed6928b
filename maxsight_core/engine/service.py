"""The engine with its lanes: sessions in, results out, from real OS threads.

Lane A answers frames and nothing else. Lane B works on the newest job of each session, one slice at a time, and
waits between slices while lane A has work. Lane C reads text in the background from a bounded queue. Every frame
that was submitted gets exactly one terminal call on its session's sink: ``on_result`` or ``on_dropped``.
"""

from __future__ import annotations

import logging
import threading

from maxsight_core.alerts.events import on_delivery, on_notice, on_request
from maxsight_core.contracts import FrameResult, SessionSettings
from maxsight_core.engine import answers, background_lane, stage_b
from maxsight_core.engine.background_lane import BackgroundLane
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.engine import Engine
from maxsight_core.engine.open_session import OpenSession, deliver
from maxsight_core.engine.packets import FramePacket, SessionLimitError, SessionSink, UnknownSessionError
from maxsight_core.engine.session_state import SessionState
from maxsight_core.engine.stage_a_lane import StageALane
from maxsight_core.engine.stage_b_lane import StageBLane

log = logging.getLogger(__name__)

WATCHDOG_INTERVAL_S = 0.5


class EngineService:
    """All sessions of one process over one engine. Thread-safe."""

    def __init__(self, config: EngineConfig | None = None, engine: Engine | None = None) -> None:
        self.config = config or EngineConfig()
        self.engine = engine or Engine(self.config)
        self._sessions: dict[str, OpenSession] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._background = BackgroundLane(self.engine)
        self._advice = StageBLane(self.engine, lambda: self._safety.wanted, self._background.offer)
        self._safety = StageALane(self.engine, lambda: len(self._sessions), self._answered)
        self._lanes = (self._safety.lane, self._advice.lane, self._background.lane)
        self._watchdog: threading.Thread | None = None

    # ---- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the lanes and the watchdog that replaces a lane which hangs or dies."""
        for lane in self._lanes:
            lane.start()
        self.engine.retrieval.start()
        self._watchdog = threading.Thread(target=self._watch, name="maxsight-watchdog", daemon=True)
        self._watchdog.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Answer what waits as ``session_stopped`` and end the threads."""
        self._stop.set()
        self._safety.stop(timeout_s)
        self._advice.stop(timeout_s)
        self._background.lane.stop(timeout_s)
        self.engine.retrieval.stop()

    def _watch(self) -> None:
        checks = (
            lambda: self._safety.lane.check(self.config.stall_s),
            lambda: self._advice.lane.check(self._advice.stall_s),
            lambda: self._background.lane.check(background_lane.STALL_S),
            self.engine.retrieval.check,
        )
        while not self._stop.wait(WATCHDOG_INTERVAL_S):
            for check in checks:
                try:
                    check()
                except Exception:  # without its watchdog a hanging lane would stay dead
                    log.exception("the watchdog could not look after a lane")

    # ---- sessions --------------------------------------------------------------------------------------------------

    def open_session(self, session_id: str, settings: SessionSettings, sink: SessionSink) -> None:
        """Begin a session.

        Raises:
            SessionLimitError: as many sessions are open as the configuration allows.
            ValueError: a session of this id is open.
        """
        with self._lock:
            if session_id in self._sessions:
                raise ValueError(f"session {session_id} is open already")
            if len(self._sessions) >= self.config.max_sessions:
                raise SessionLimitError(
                    f"{len(self._sessions)} of {self.config.max_sessions} sessions are running; "
                    "try again when one has ended"
                )
            self._sessions[session_id] = OpenSession(session_id, self.engine.new_session(settings), sink)

    def close_session(self, session_id: str) -> None:
        """End a session; a frame of it that still waits is answered. Closing twice is harmless."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
        if session is None:
            return
        session.closed = True
        self._safety.discard(session_id)
        self._advice.discard(session_id)
        self.engine.retrieval.forget(session_id)
        closing = self.engine.finish(session.state)
        if closing:
            deliver(session.sink.on_alerts, closing)

    def _session(self, session_id: str) -> OpenSession:
        session = self._sessions.get(session_id)
        if session is None:
            raise UnknownSessionError(session_id)
        return session

    def update_settings(self, session_id: str, settings: SessionSettings) -> None:
        self._session(session_id).change(settings)

    def submit(self, session_id: str, packet: FramePacket) -> None:
        """Leave a frame for lane A; one that still waited is answered ``superseded``. Never decodes, never blocks."""
        self._safety.submit(self._session(session_id), packet)

    def _answered(self, session: OpenSession, result: FrameResult, job: stage_b.SceneJob | None) -> None:
        """Lane A has answered a frame: what follows from it is advice, and none of it may block."""
        self._advice.decided(session, result, job)
        self.engine.retrieval.offer(session, result)

    def request(self, session_id: str, kind: str, what: str | None = None) -> None:
        """Answer describe / find / read from what was perceived; the decision goes to ``on_alerts``.

        Raises:
            ValueError: another kind of request.
        """
        if kind not in answers.REQUESTS:
            raise ValueError(f"request: expected one of {', '.join(answers.REQUESTS)}; got {kind!r}")
        session = self._session(session_id)
        state = session.state
        time_s = state.last_time_s or 0.0
        if kind == "read":
            state.text_wanted = True
        text = answers.reply(state, kind, what, time_s)
        with state.alert_lock:
            state.alerts, decisions = on_request(
                state.alerts, kind, text, _last_seq(state), time_s, state.settings, self.engine.policy
            )
        deliver(session.sink.on_alerts, decisions)

    def report_delivery(self, session_id: str, alert_id: str, fate: str, reason: str = "") -> None:
        """The browser says what it really did with an alert."""
        state = self._session(session_id).state
        with state.alert_lock:
            state.alerts = on_delivery(state.alerts, alert_id, fate, self.engine.policy)

    def report_notice(self, session_id: str, kind: str) -> None:
        """The browser paused or resumed seeing; what it told the person goes into the ledger."""
        session = self._session(session_id)
        state = session.state
        with state.alert_lock:
            state.alerts, decisions = on_notice(
                state.alerts, kind, _last_seq(state), state.last_time_s or 0.0, state.settings, self.engine.policy,
                said_by_browser=True,
            )
        deliver(session.sink.on_alerts, decisions)

    def health(self) -> dict[str, object]:
        """Liveness of the lanes, open sessions, what perceives, and what became of Stage B's frames.

        ``lanes``: A, B and C, each ``alive, done, restarts, errors, abandoned, busy_s``. ``stage_b``: ``tier``;
        ``network`` (``trained`` | ``untrained`` | ``none`` | ``off: <reason>``); of the frames that Stage A answered,
        how many ``ran``, were ``skipped`` or ``cancelled``, or ``failed``; ``reasons`` by kind; ``last_reason``;
        ``last_ms`` of a whole pass; ``slices_ms``. ``not_finite``: how often each output was withheld. ``retrieval``:
        the worker's own figures, where an index is loaded.
        """
        lanes = {lane.name: lane.health() for lane in self._lanes}
        retrieval = self.engine.retrieval.health()
        return {
            "alive": all(lane["alive"] for lane in lanes.values()) and not self._stop.is_set(),
            "lanes": lanes, "sessions": len(self._sessions), "max_sessions": self.config.max_sessions,
            "background_dropped": self._background.dropped,
            "stage_b_cancelled": self.engine.counters.count("cancelled"),
            "stage_b": self.engine.stage_b_health(), "not_finite": self.engine.counters.not_finite(),
            "engine": self.engine.describe(), **({} if retrieval is None else {"retrieval": retrieval}),
        }


def _last_seq(state: SessionState) -> int:
    return state.last_result.seq if state.last_result is not None else 0
