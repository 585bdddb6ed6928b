"""Live views for clinicians and developers, sent from a thread of their own so that lane A never waits for them.

Results: the newest of each session only. Scenes, alerts and ends: all of them, from a bounded queue; a Dev view also
hears of every frame that was dropped or passed over. A watcher whose connection does not keep up is skipped for
results until it does.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from app.live import views
from app.live.outbox import Outbox
from app.live.protocol import DEV_VIEW
from maxsight_core.contracts import AlertDecision, FrameResult, SceneResult

log = logging.getLogger(__name__)

MAX_WAITING_PACKETS = 8
"""A watcher with this many unsent packets gets no further results until it has caught up."""
MAX_EVENTS = 500
"""Scenes and alerts that may wait for the thread; the oldest go first. The ledger has them all."""

Maker = Callable[[str], "dict[str, Any] | None"]
"""Makes the message for a view; None: this view is not told."""


class Watchers:
    """Who watches which session, and the thread that tells them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._watching: dict[str, dict[str, str]] = {}
        self._results: OrderedDict[str, tuple[FrameResult, float]] = OrderedDict()
        self._events: deque[tuple[str, str, Maker]] = deque(maxlen=MAX_EVENTS)
        self._change = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    # ---- who -------------------------------------------------------------------------------------

    def add(self, session_id: str, sid: str, view: str) -> None:
        with self._change:
            self._watching[session_id] = {**self._watching.get(session_id, {}), sid: view}

    def remove(self, session_id: str, sid: str) -> None:
        with self._change:
            left = {other: view for other, view in self._watching.get(session_id, {}).items() if other != sid}
            if left:
                self._watching[session_id] = left
            else:
                self._watching.pop(session_id, None)

    def forget_socket(self, sid: str) -> None:
        for session_id in [key for key, sids in list(self._watching.items()) if sid in sids]:
            self.remove(session_id, sid)

    def forget_session(self, session_id: str, reason: str) -> None:
        """Tell the watchers that the session ended, then let go of them."""
        sids = self._watching.get(session_id, {})
        with self._change:
            self._watching.pop(session_id, None)
            self._results.pop(session_id, None)
        for sid in sids:
            self._outbox.emit("live", views.live_ended(session_id, reason), sid)

    def any(self, session_id: str) -> bool:
        return session_id in self._watching

    def is_watching(self, sid: str) -> bool:
        return any(sid in sids for sids in list(self._watching.values()))

    # ---- what: from lane threads, so only a note is left here ------------------------------------

    def result(self, session_id: str, result: FrameResult, age_ms: float) -> None:
        if self.any(session_id):
            with self._change:
                passed_over = self._results.get(session_id)
                if passed_over is not None:  # its boxes are old news, its alerts and what was decided are not
                    if passed_over[0].alerts:
                        self._events.append((session_id, "live", _alerts_maker(session_id, passed_over[0].alerts)))
                    self._events.append((session_id, "live", _decision_maker(session_id, passed_over[0])))
                self._results[session_id] = (result, age_ms)
                self._change.notify()

    def scene(self, session_id: str, result: SceneResult) -> None:
        self._event(session_id, "live", lambda view: views.live_scene(session_id, result, view))

    def dropped(self, session_id: str, seq: int, reason: str) -> None:
        self._event(session_id, "live", _for_dev(lambda: views.live_dropped(session_id, seq, reason)))

    def alerts(self, session_id: str, decisions: tuple[AlertDecision, ...]) -> None:
        self._event(session_id, "live", _alerts_maker(session_id, decisions))

    def delivery(self, session_id: str, body: dict[str, Any]) -> None:
        self._event(session_id, "delivery", lambda view: body)

    def _event(self, session_id: str, event: str, make: Maker) -> None:
        if self.any(session_id):
            with self._change:
                self._events.append((session_id, event, make))
                self._change.notify()

    # ---- the thread ------------------------------------------------------------------------------

    def start(self) -> None:
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="maxsight-watchers", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._change:
                while not (self._results or self._events or self._stopped):
                    self._change.wait()
                if self._stopped:
                    return
                events, results = list(self._events), list(self._results.items())
                self._events.clear()
                self._results.clear()
            try:
                for session_id, event, make in events:
                    self._send(session_id, event, make)
                for session_id, (result, age_ms) in results:
                    self._send(
                        session_id, "live", _result_maker(session_id, result, age_ms),
                        for_slow=_alerts_maker(session_id, result.alerts) if result.alerts else None, result=True,
                    )
            except Exception:
                log.exception("a live view could not be sent")

    def _send(
        self, session_id: str, event: str, make: Maker, *, result: bool = False, for_slow: Maker | None = None,
    ) -> None:
        """Send to every watcher; one that does not keep up gets ``for_slow`` (or nothing) in place of a result."""
        made: dict[str, dict[str, Any] | None] = {}
        for sid, view in self._watching.get(session_id, {}).items():
            if result and self._outbox.waiting(sid) >= MAX_WAITING_PACKETS:
                if for_slow is not None:
                    self._outbox.emit(event, for_slow(view), sid)
                continue
            if view not in made:
                made[view] = make(view)
            if made[view] is not None:
                self._outbox.emit(event, made[view], sid)


def _result_maker(session_id: str, result: FrameResult, age_ms: float) -> Maker:
    return lambda view: views.live_result(session_id, result, age_ms, view)


def _alerts_maker(session_id: str, decisions: tuple[AlertDecision, ...]) -> Maker:
    return lambda view: views.live_alerts(session_id, decisions)


def _decision_maker(session_id: str, result: FrameResult) -> Maker:
    return _for_dev(lambda: views.live_decision(session_id, result))


def _for_dev(make: Callable[[], dict[str, Any]]) -> Maker:
    return lambda view: make() if view == DEV_VIEW else None
