"""gunicorn's settings. One worker: sessions and the engine live in its memory; a thread for each connection."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '5000')}"
worker_class = "gthread"
workers = 1
threads = int(os.environ.get("MAXSIGHT_THREADS", "64"))
worker_connections = 1000
preload_app = False  # threads and compiled models do not survive a fork
timeout = 60
graceful_timeout = 12  # ending sessions takes 6 s at most, the engine 5
keepalive = 5
accesslog = None
errorlog = "-"
loglevel = os.environ.get("MAXSIGHT_LOG_LEVEL", "info")
limit_request_line = 4094
limit_request_field_size = 8190
forwarded_allow_ips = "127.0.0.1"
control_socket_disable = True  # it would be one file in the home folder for all servers of one user

POLL_S = 0.05
_told: queue.SimpleQueue = queue.SimpleQueue()  # its put() may be interrupted by another signal's put()
_stopped = threading.Event()
_stopper: threading.Thread | None = None


def _stop_when_told(worker) -> None:
    """End sessions as ``server_stopped``, write everything, close the sockets, stop the engine: once.

    The thread waits from the start. One that a signal handler had to start could be lost: Ctrl-C reaches the worker
    twice, from the terminal and from the master, and the second signal may interrupt the first at any instruction.
    """
    _told.get()
    try:
        from app import live_service

        application = getattr(worker, "wsgi", None)
        if application is not None:
            live_service(application).stop()
    finally:
        _stopped.set()


def _wait_until_stopped() -> None:
    """Polls: a lock taken here could be held already by the handler that this signal interrupted."""
    ends = time.monotonic() + graceful_timeout
    while _stopper is not None and not _stopped.is_set() and time.monotonic() < ends:
        time.sleep(POLL_S)


def post_worker_init(worker) -> None:
    """Begin to stop at the signal itself: open sockets hold their threads, and gunicorn would wait for them."""
    global _stopper
    _stopper = threading.Thread(target=_stop_when_told, args=(worker,), name="maxsight-stop", daemon=True)
    _stopper.start()
    inner = signal.getsignal(signal.SIGTERM)

    def stop_and_pass_on(signum, frame) -> None:
        _told.put(None)
        if callable(inner):
            inner(signum, frame)

    signal.signal(signal.SIGTERM, stop_and_pass_on)


def worker_int(worker) -> None:
    """Ctrl-C: gunicorn leaves right after this, so everything is stopped before it returns."""
    _told.put(None)
    _wait_until_stopped()


def worker_exit(server, worker) -> None:
    _told.put(None)
    _wait_until_stopped()
