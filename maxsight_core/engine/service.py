"""The engine with its lanes: sessions in, results out, from real OS threads.

Lane A answers frames and nothing else. Lane B works on the newest job of each session, one slice at a time, and
waits between slices while lane A has work. Lane C reads text in the background from a bounded queue. Every frame
that was submitted gets exactly one terminal call on its session's sink: ``on_result`` or ``on_dropped``.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass, field

from maxsight_core.alerts.events import on_delivery, on_notice, on_request
from maxsight_core.contracts import SessionSettings
from maxsight_core.engine import answers, stage_b
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.decode import ImageError, decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.lanes import Lane, LaneToken
from maxsight_core.engine.mailbox import FairMailbox
from maxsight_core.engine.packets import FramePacket, SessionLimitError, SessionSink, UnknownSessionError
from maxsight_core.engine.session_state import SessionState

log = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.2
WATCHDOG_INTERVAL_S = 0.5
BACKGROUND_QUEUE = 8
"""Lane C holds at most this many jobs; further ones are dropped, because they are only advice (02-architecture)."""
BACKGROUND_STALL_S = 60.0
"""Lane C may take this long: its first reading loads the OCR models, and nobody waits for it."""
STAGE_B_NICENESS, BACKGROUND_NICENESS = 10, 19
"""Lanes B and C stand back behind lane A: a reading of text takes 0.3 s of a core and cannot be sliced."""
YIELD_S = 0.002
MAX_YIELD_S = 0.5
"""How long one Stage B slice may wait for lane A before its job is given up as too old."""


@dataclass(slots=True)
class OpenSession:
    """One open session: its state, where its answers go, and the frame lane A is at."""

    session_id: str
    state: SessionState
    sink: SessionSink
    closed: bool = False
    _in_work: FramePacket | None = None
    _claims: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, packet: FramePacket) -> None:
        with self._claims:
            self._in_work = packet

    def claim(self, packet: FramePacket | None = None) -> FramePacket | None:
        """The right to answer the frame in work: whoever asks first gets it, so it is answered once.

        Lane A and the watchdog that replaces a hanging lane both ask; ``packet`` limits it to that frame.
        """
        with self._claims:
            held = self._in_work
            if held is None or (packet is not None and held is not packet):
                return None
            self._in_work = None
            return held

    def drop(self, packet: FramePacket, reason: str) -> None:
        _deliver(self.sink.on_dropped, packet.seq, packet.t_cap_ms, reason)


def _deliver(call, *args) -> None:
    """A sink that raises must not take the lane with it."""
    try:
        call(*args)
    except Exception:
        log.exception("a session's sink failed")


class EngineService:
    """All sessions of one process over one engine. Thread-safe."""

    def __init__(self, config: EngineConfig | None = None, engine: Engine | None = None) -> None:
        self.config = config or EngineConfig()
        self.engine = engine or Engine(self.config)
        self._sessions: dict[str, OpenSession] = {}
        self._lock = threading.Lock()
        self._frames: FairMailbox[tuple[OpenSession, FramePacket]] = FairMailbox()
        self._jobs: FairMailbox[stage_b.SceneJob] = FairMailbox()
        self._background: queue.Queue[tuple[str, stage_b.SceneJob]] = queue.Queue(BACKGROUND_QUEUE)
        self._stop = threading.Event()
        self._lane_a = Lane("A", self._step_a, self._hang_a)
        self._lane_b = Lane("B", self._step_b, niceness=STAGE_B_NICENESS)
        self._lane_c = Lane("C", self._step_c, niceness=BACKGROUND_NICENESS)
        self._watchdog: threading.Thread | None = None
        self.background_dropped = self.stage_b_cancelled = 0

    # ---- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the lanes and the watchdog that replaces a lane which hangs or dies."""
        for lane in (self._lane_a, self._lane_b, self._lane_c):
            lane.start()
        self._watchdog = threading.Thread(target=self._watch, name="maxsight-watchdog", daemon=True)
        self._watchdog.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Answer what waits as ``session_stopped`` and end the threads."""
        self._stop.set()
        self._frames.drain(lambda _, item: item[0].drop(item[1], "session_stopped"))
        self._frames.close()
        self._jobs.close()
        for lane in (self._lane_a, self._lane_b, self._lane_c):
            lane.stop(timeout_s)

    def _watch(self) -> None:
        while not self._stop.wait(WATCHDOG_INTERVAL_S):
            self._lane_a.check(self.config.stall_s)
            self._lane_b.check(self.config.stall_s)
            self._lane_c.check(BACKGROUND_STALL_S)

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
        waiting = self._frames.discard(session_id)
        if waiting is not None:
            session.drop(waiting[1], "session_stopped")
        self._jobs.discard(session_id)
        closing = self.engine.finish(session.state)
        if closing:
            _deliver(session.sink.on_alerts, closing)

    def _session(self, session_id: str) -> OpenSession:
        session = self._sessions.get(session_id)
        if session is None:
            raise UnknownSessionError(session_id)
        return session

    def update_settings(self, session_id: str, settings: SessionSettings) -> None:
        self._session(session_id).state.settings = settings

    def submit(self, session_id: str, packet: FramePacket) -> None:
        """Leave a frame for lane A; one that still waited is answered ``superseded``. Never decodes, never blocks."""
        session = self._session(session_id)
        replaced = self._frames.put(session_id, (session, packet))
        if replaced is not None:
            session.drop(replaced[1], "superseded")

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
        _deliver(session.sink.on_alerts, decisions)

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
        _deliver(session.sink.on_alerts, decisions)

    def health(self) -> dict[str, object]:
        """Liveness of the lanes, open sessions, and what perceives."""
        lanes = {lane.name: lane.health() for lane in (self._lane_a, self._lane_b, self._lane_c)}
        return {
            "alive": all(lane["alive"] for lane in lanes.values()) and not self._stop.is_set(),
            "lanes": lanes, "sessions": len(self._sessions), "max_sessions": self.config.max_sessions,
            "background_dropped": self.background_dropped, "stage_b_cancelled": self.stage_b_cancelled,
            "engine": self.engine.describe(),
        }

    # ---- lane A ----------------------------------------------------------------------------------------------------

    def _step_a(self, token: LaneToken) -> None:
        taken = self._frames.take(TAKE_TIMEOUT_S)
        if taken is None:
            return
        session, packet = taken[1]
        if session.closed:  # it ended between the frame's arrival and its turn
            session.drop(packet, "session_stopped")
            return
        token.begin()
        session.begin(packet)
        self._answer(session, packet)

    def _answer(self, session: OpenSession, packet: FramePacket) -> None:
        """Decode, run Stage A, and answer: exactly once, whatever happens on the way."""
        result, job, reason = None, None, "engine_error"
        try:
            started = time.perf_counter()
            waited_s = max(0.0, time.monotonic() - packet.received_s)
            rgb = decode_rgb(packet.data)
            decode_ms = (time.perf_counter() - started) * 1000.0
            frame = as_frame(rgb, packet.t_cap_ms / 1000.0, packet.seq)
            result, job = self.engine.stage_a(session.state, frame, packet.t_cap_ms, decode_ms, waited_s)
        except ImageError as error:
            reason = "bad_image"
            log.info("a frame was refused: %s", error)
        except Exception:
            log.exception("Stage A failed on a frame")
        if session.claim(packet) is None:
            return  # the watchdog answered this frame when it replaced the lane
        if result is None:
            session.drop(packet, reason)
            return
        _deliver(session.sink.on_result, result)
        if job is not None and not session.closed:
            self._jobs.put(session.session_id, job)

    def _hang_a(self) -> None:
        for session in list(self._sessions.values()):
            packet = session.claim()
            if packet is not None:
                session.state.reset_motion()
                session.drop(packet, "engine_restarting")

    # ---- lanes B and C ---------------------------------------------------------------------------------------------

    def _step_b(self, token: LaneToken) -> None:
        taken = self._jobs.take(TAKE_TIMEOUT_S)
        if taken is None:
            return
        session_id, job = taken
        session = self._sessions.get(session_id)
        if session is None:
            return
        token.begin()
        result = self.engine.stage_b(session.state, job, lambda: self._may_go_on(token))
        if result is None:
            self.stage_b_cancelled += 1
            return
        if not token.stale and session_id in self._sessions:
            _deliver(session.sink.on_scene, result)
        if self.engine.text_due(session.state, job.frame.time_s):
            self._queue_background(session_id, job)

    def _may_go_on(self, token: LaneToken) -> bool:
        """Wait while lane A has work; False when it had for so long that this job is not worth finishing."""
        waited_until = time.monotonic() + MAX_YIELD_S
        while (self._lane_a.busy or len(self._frames)) and not token.stale:
            if time.monotonic() > waited_until:
                return False
            time.sleep(YIELD_S)
        return not token.stale

    def _queue_background(self, session_id: str, job: stage_b.SceneJob) -> None:
        try:
            self._background.put_nowait((session_id, job))
        except queue.Full:
            self.background_dropped += 1
            return
        state = self._sessions[session_id].state if session_id in self._sessions else None
        if state is not None:
            state.last_text_s, state.text_wanted = job.frame.time_s, False

    def _step_c(self, token: LaneToken) -> None:
        try:
            session_id, job = self._background.get(timeout=TAKE_TIMEOUT_S)
        except queue.Empty:
            return
        session = self._sessions.get(session_id)
        if session is None:
            return
        token.begin()
        result = self.engine.lane_c(session.state, job)
        if not token.stale and session_id in self._sessions:
            _deliver(session.sink.on_scene, result)


def _last_seq(state: SessionState) -> int:
    return state.last_result.seq if state.last_result is not None else 0
