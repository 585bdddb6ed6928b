"""Lane A: answers frames and nothing else, exactly once each, on a GPU several sessions' frames at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from maxsight_core.contracts import Frame, FrameResult
from maxsight_core.engine.decode import ImageError, decode_rgb
from maxsight_core.engine.engine import Engine, as_frame
from maxsight_core.engine.lanes import Lane, LaneToken
from maxsight_core.engine.mailbox import FairMailbox
from maxsight_core.engine.open_session import OpenSession, deliver
from maxsight_core.engine.packets import FramePacket
from maxsight_core.engine.safety_network import NetworkAnswer
from maxsight_core.engine.session_state import SessionState
from maxsight_core.engine.stage_b import SceneJob

log = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.2


@dataclass(slots=True)
class _Turn:
    """One frame of a batch on its way. ``state``: as it was when the frame began; a lost thread never sees another."""

    session: OpenSession
    packet: FramePacket
    state: SessionState
    waited_s: float
    frame: Frame
    decode_ms: float


def _with_wait(answer: NetworkAnswer, turn: _Turn, started: float) -> NetworkAnswer:
    """The answer with the time its frame has spent on the other frames of its batch."""
    spent_ms = (time.perf_counter() - started) * 1000.0
    return replace(answer, waited_ms=max(0.0, spent_ms - answer.ms - turn.decode_ms))


class StageALane:
    """Takes the newest frame of each session in turn and answers it.

    Args:
        engine: perceives. sessions_open: how many sessions there are, so that a lone one never waits for others.
        after: told of every delivered result with its Stage B job (None: skipped), in lane A's thread.
    """

    def __init__(
        self, engine: Engine, sessions_open: Callable[[], int],
        after: Callable[[OpenSession, FrameResult, SceneJob | None], None],
    ) -> None:
        self._engine, self._sessions_open, self._after = engine, sessions_open, after
        self._frames: FairMailbox[tuple[OpenSession, FramePacket]] = FairMailbox()
        self._in_work: tuple[OpenSession, ...] = ()
        self.lane = Lane("A", self._step, self._hang)

    @property
    def wanted(self) -> bool:
        """True while a frame waits or is in work: the other lanes then stand back."""
        return self.lane.busy or len(self._frames) > 0

    def submit(self, session: OpenSession, packet: FramePacket) -> None:
        """Leave a frame; one that still waited is answered ``superseded``. Never decodes, never blocks."""
        replaced = self._frames.put(session.session_id, (session, packet))
        if replaced is not None:
            reason = "session_stopped" if replaced[1] is packet else "superseded"
            replaced[0].drop(replaced[1], reason)

    def discard(self, session_id: str) -> None:
        """Answer the frame of a session that still waits: the session has ended."""
        waiting = self._frames.discard(session_id)
        if waiting is not None:
            waiting[0].drop(waiting[1], "session_stopped")

    def stop(self, timeout_s: float) -> None:
        """Answer everything that waits or is in work as ``session_stopped``, and end the thread."""
        self._frames.close()
        self._frames.drain(lambda _, item: item[0].drop(item[1], "session_stopped"))
        self.lane.stop(timeout_s)
        self._claim_all("session_stopped")

    # ---- the lane's thread -----------------------------------------------------------------------------------------

    def _step(self, token: LaneToken) -> None:
        most = min(self._engine.batch_max, max(1, self._sessions_open()))
        taken = self._frames.take_some(most, self._engine.config.batch_gather_s if most > 1 else 0.0, TAKE_TIMEOUT_S)
        live = []
        for _, (session, packet) in taken:
            if session.closed:  # it ended between the frame's arrival and its turn
                session.drop(packet, "session_stopped")
            else:
                live.append((session, packet))
        if not live:
            return
        for session, packet in live:
            session.begin(packet)
        self._in_work = tuple(session for session, _ in live)
        token.begin()
        self._answer([(session, packet, session.state) for session, packet in live], token)
        if not token.stale:
            self._in_work = ()

    def _answer(self, batch: list[tuple[OpenSession, FramePacket, SessionState]], token: LaneToken) -> None:
        """Decode, ask the network once, then Stage A's rest session by session: each frame is answered once."""
        started = time.perf_counter()
        turns = [turn for one in batch if (turn := self._decoded(*one)) is not None]
        if not turns or token.stale:
            return
        # One frame alone is given to the network by Stage A itself, which measures beside it.
        answers = self._engine.infer([turn.frame for turn in turns]) if len(turns) > 1 else [None]
        for turn, answer in zip(turns, answers, strict=True):
            if token.stale:  # the watchdog has answered these frames
                return
            self._finish(turn, answer and _with_wait(answer, turn, started))

    def _decoded(self, session: OpenSession, packet: FramePacket, state: SessionState) -> _Turn | None:
        """The frame ready for the network; None when it was answered with why it cannot be."""
        waited_s = max(0.0, time.monotonic() - packet.received_s)
        started = time.perf_counter()
        try:
            frame = as_frame(decode_rgb(packet.data), packet.t_cap_ms / 1000.0, packet.seq)
        except ImageError as error:
            log.info("a frame was refused: %s", error)
            self._refuse(session, packet, "bad_image")
            return None
        except Exception:
            self._failed(session, packet, "a frame could not be decoded")
            return None
        return _Turn(session, packet, state, waited_s, frame, (time.perf_counter() - started) * 1000.0)

    def _finish(self, turn: _Turn, answer: NetworkAnswer | None) -> None:
        session, packet = turn.session, turn.packet
        try:
            result, job = self._engine.stage_a(
                turn.state, turn.frame, packet.t_cap_ms, turn.decode_ms, turn.waited_s, answer
            )
        except Exception:
            self._failed(session, packet, "Stage A failed on a frame")
            return
        if session.claim(packet) is None:
            return  # the watchdog answered this frame when it replaced the lane
        deliver(session.sink.on_result, result)
        try:
            self._after(session, result, job)
        except Exception:
            self.lane.failed()
            log.exception("a frame was answered, but its job could not be handed on")

    def _failed(self, session: OpenSession, packet: FramePacket, what: str) -> None:
        log.exception(what)
        if self._refuse(session, packet, "engine_error"):
            self.lane.failed()

    @staticmethod
    def _refuse(session: OpenSession, packet: FramePacket, reason: str) -> bool:
        if session.claim(packet) is None:
            return False
        session.drop(packet, reason)
        return True

    # ---- the watchdog's thread ---------------------------------------------------------------------------------------

    def _hang(self) -> None:
        """The thread is given up: its frames are answered, and nothing it may still write to is used again."""
        self._engine.give_up_stage_a()
        for session in self._in_work:
            session.leave_state_to_lost_thread()
        self._claim_all("engine_restarting")

    def _claim_all(self, reason: str) -> None:
        for session in self._in_work:
            packet = session.claim()
            if packet is not None:
                session.drop(packet, reason)
