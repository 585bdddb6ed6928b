"""One thread that writes what running sessions produce, in batches, and says what is committed.

Sockets and engine lanes only put things into a bounded queue. An alert is never lost silently: a full queue is
waited for briefly, and a row that still does not fit is counted in the session it belongs to. ``saved`` is emitted
after the commit, never before.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from app.live.figures import SecondFigures
from app.live.protocol import Delivery
from app.records import ledger
from app.records.base import utc_now
from maxsight_core.contracts import AlertDecision

log = logging.getLogger(__name__)

QUEUE_ITEMS = 20_000
"""Some minutes of work for a full server: a database that is away longer than this loses rows, and says so."""
MAX_BATCH_ITEMS = 2_000
COMMIT_EVERY_S = 0.5
ALERT_PATIENCE_S = 0.02
"""How long lane A may wait for a place in the queue: an alert's row is worth 20 ms, a frame's delay no more."""
END_PATIENCE_S = 5.0
RETRY_S = 0.5

SavedCallback = Callable[[str, list[str], int | None], None]


@dataclass(slots=True)
class _Alerts:
    session_id: str
    decisions: tuple[AlertDecision, ...]
    at: datetime

    def write(self, connection: Connection) -> None:
        ledger.put_alerts(connection, [ledger.alert_row(self.session_id, d, self.at) for d in self.decisions])


@dataclass(slots=True)
class _Figures:
    session_id: str
    figures: tuple[SecondFigures, ...]

    def write(self, connection: Connection) -> None:
        ledger.put_figures(connection, [ledger.figure_row(self.session_id, second) for second in self.figures])


@dataclass(slots=True)
class _Delivered:
    session_id: str
    delivery: Delivery
    repeat: bool
    at: datetime

    def write(self, connection: Connection) -> None:
        told = self.delivery
        if self.repeat:
            ledger.put_repeat(connection, self.session_id, told.alert_id)
        else:
            ledger.put_delivery(
                connection, self.session_id, told.alert_id, told.fate, told.reason, told.latency_ms, self.at
            )


@dataclass(slots=True)
class _End:
    session_id: str
    reason: str
    at: datetime
    done: Future = field(default_factory=Future)

    def write(self, connection: Connection) -> None:
        ledger.put_end(connection, self.session_id, self.reason, self.at)


_Item = _Alerts | _Figures | _Delivered | _End


class Writer:
    """The one writer of a server process."""

    def __init__(self, engine: Engine, on_saved: SavedCallback, queue_items: int = QUEUE_ITEMS) -> None:
        self._engine = engine
        self._on_saved = on_saved
        self._queue: queue.Queue[_Item] = queue.Queue(queue_items)
        self._lost: dict[str, Counter[str]] = {}
        self._lost_lock = threading.Lock()
        self._stop = threading.Event()
        self._give_up_at = 0.0
        self._thread: threading.Thread | None = None
        self.commits = self.rows_refused = self.lost_total = 0
        self.last_error: str | None = None

    # ---- putting things in: any thread, no SQL ---------------------------------------------------

    def alerts(self, session_id: str, decisions: Iterable[AlertDecision]) -> bool:
        """Queue decisions for the ledger; False when they were lost (counted, and kept with the session)."""
        kept = tuple(decisions)
        if not kept:
            return True
        return self._put(_Alerts(session_id, kept, utc_now()), ALERT_PATIENCE_S, "alerts", len(kept))

    def figures(self, session_id: str, figures: Iterable[SecondFigures]) -> bool:
        kept = tuple(figures)
        return not kept or self._put(_Figures(session_id, kept), 0.0, "figures", len(kept))

    def delivery(self, session_id: str, delivery: Delivery, *, repeat: bool) -> bool:
        return self._put(_Delivered(session_id, delivery, repeat, utc_now()), ALERT_PATIENCE_S, "alerts", 1)

    def end(self, session_id: str, reason: str) -> Future:
        """Queue the end of a session behind everything it produced; the future is done after the commit."""
        item = _End(session_id, reason, utc_now())
        if not self._put(item, END_PATIENCE_S, "alerts", 0):
            item.done.set_exception(TimeoutError("the database does not keep up; the end is not written yet"))
        return item.done

    def _put(self, item: _Item, patience_s: float, what: str, rows: int) -> bool:
        try:
            if patience_s > 0.0:
                self._queue.put(item, timeout=patience_s)
            else:
                self._queue.put_nowait(item)
        except queue.Full:
            self._count_lost(item.session_id, what, rows)
            return False
        return True

    def _count_lost(self, session_id: str, what: str, rows: int) -> None:
        with self._lost_lock:
            self._lost.setdefault(session_id, Counter())[what] += rows
            self.lost_total += rows
        log.error("the writer's queue is full: %d %s rows of a session are lost", rows, what)

    # ---- the thread ------------------------------------------------------------------------------

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="maxsight-writer", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Write what is queued and end the thread; False when the database did not let it finish in time."""
        self._give_up_at = time.monotonic() + timeout_s - RETRY_S
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def health(self) -> dict[str, object]:
        alive = self._thread is not None and self._thread.is_alive()
        return {
            "alive": alive, "queued": self._queue.qsize(), "commits": self.commits, "lost": self.lost_total,
            "refused": self.rows_refused, "last_error": self.last_error,
        }

    def _run(self) -> None:
        while not (self._stop.is_set() and self._queue.empty()):
            batch = self._gather()
            if not batch:
                continue
            try:
                self._commit(batch)
            except Exception:  # the loop must outlive anything: without it nothing is ever saved again
                log.exception("the writer failed on a batch of %d", len(batch))

    def _gather(self) -> list[_Item]:
        """Everything that comes within COMMIT_EVERY_S of the first item; a session's end is not kept waiting."""
        try:
            batch = [self._queue.get(timeout=0.1)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + COMMIT_EVERY_S
        while len(batch) < MAX_BATCH_ITEMS and not isinstance(batch[-1], _End):
            left = deadline - time.monotonic()
            if left <= 0.0 or self._stop.is_set():
                try:
                    batch.append(self._queue.get_nowait())
                    continue
                except queue.Empty:
                    break
            try:
                batch.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: list[_Item]) -> None:
        """One transaction; retried while the database is locked, item by item when one of them cannot be written."""
        while True:
            try:
                with self._engine.begin() as connection:
                    for item in batch:
                        item.write(connection)
                    self._write_losses(connection)
            except OperationalError as error:
                self.last_error = str(error.orig)
                log.warning("the database did not take a batch (%s); trying again", error.orig)
                if self._stop.is_set() and time.monotonic() >= self._give_up_at:
                    self._fail(batch, error)
                    return
                time.sleep(RETRY_S)
                continue
            except Exception as error:
                self.last_error = str(error)
                if len(batch) == 1:
                    self.rows_refused += 1
                    log.exception("a row cannot be written and is left out")
                    self._fail(batch, error)
                    return
                for item in batch:
                    self._commit([item])
                return
            self.commits += 1
            self.last_error = None
            self._announce(batch)
            return

    def _write_losses(self, connection: Connection) -> None:
        with self._lost_lock:
            lost, self._lost = self._lost, {}
        try:
            for session_id, count in lost.items():
                ledger.put_losses(connection, session_id, count["alerts"], count["figures"])
        except Exception:
            with self._lost_lock:
                for session_id, count in lost.items():
                    self._lost.setdefault(session_id, Counter()).update(count)
            raise

    def _announce(self, batch: list[_Item]) -> None:
        saved: dict[str, tuple[list[str], list[int]]] = {}
        for item in batch:
            alert_ids, seconds = saved.setdefault(item.session_id, ([], []))
            if isinstance(item, _Alerts):
                alert_ids.extend(decision.alert_id for decision in item.decisions)
            elif isinstance(item, _Figures):
                seconds.extend(second.second for second in item.figures)
        for session_id, (alert_ids, seconds) in saved.items():
            if alert_ids or seconds:
                try:
                    self._on_saved(session_id, alert_ids, max(seconds) + 1 if seconds else None)
                except Exception:
                    log.exception("telling a browser what is saved failed")
        for item in batch:
            if isinstance(item, _End):
                item.done.set_result(True)

    @staticmethod
    def _fail(batch: list[_Item], error: Exception) -> None:
        for item in batch:
            if isinstance(item, _End):
                item.done.set_exception(error)
