"""gunicorn's settings. One worker: sessions and the engine live in its memory; a thread for each connection."""

from __future__ import annotations

import os
import signal
import socket
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
WAKE_AFTER_S = (0.5, 1.5)
STOP_SIGNALS = {signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
_stopped = threading.Event()
_stopper: threading.Thread | None = None
_tell: socket.socket | None = None


def _stop_when_told(worker, told: socket.socket) -> None:
    """End sessions as ``server_stopped``, write everything, close the sockets, stop the engine: once.

    The thread waits from the start, and hears of signals from Python's wake-up socket, at the moment they arrive: a
    handler runs only when the main thread gets to it, and may be interrupted by the next signal at any instruction.
    """
    while not (heard := STOP_SIGNALS & set(told.recv(64))):
        pass
    try:
        from app import live_service

        application = getattr(worker, "wsgi", None)
        if application is not None:
            live_service(application).stop()
    finally:
        _stopped.set()
    for wait_s in WAKE_AFTER_S:  # the main thread may sleep through a signal that another thread was given
        time.sleep(wait_s)
        signal.pthread_kill(threading.main_thread().ident, min(heard))


def _wait_until_stopped() -> None:
    """Polls: a lock taken here could be held already by the handler that this signal interrupted."""
    ends = time.monotonic() + graceful_timeout
    while _stopper is not None and not _stopped.is_set() and time.monotonic() < ends:
        time.sleep(POLL_S)


def post_worker_init(worker) -> None:
    """Begin to stop at the signal itself: open sockets hold their threads, and gunicorn would wait for them."""
    global _stopper, _tell
    told, _tell = socket.socketpair()
    _tell.setblocking(False)
    signal.set_wakeup_fd(_tell.fileno())
    _stopper = threading.Thread(target=_stop_when_told, args=(worker, told), name="maxsight-stop", daemon=True)
    _stopper.start()


def worker_int(worker) -> None:
    """Ctrl-C: gunicorn leaves right after this, so everything is stopped before it returns."""
    _wait_until_stopped()


def worker_exit(server, worker) -> None:
    if _tell is not None:
        _tell.send(bytes([signal.SIGTERM]))  # it may leave for another reason than a signal
    _wait_until_stopped()
