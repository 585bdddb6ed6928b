"""gunicorn's settings. One worker: sessions and the engine live in its memory; a thread for each connection."""

from __future__ import annotations

import os
import signal
import threading

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
control_socket_disable = True  # a socket through which this server could be told things is one too many

_began = threading.Event()
_stopped = threading.Event()


def _begin_to_stop(worker) -> None:
    """End sessions as ``server_stopped``, write everything, close the sockets, stop the engine: once, in a thread.

    In a thread, because a signal handler may be interrupted by the next signal, and gunicorn leaves from there.
    """
    if _began.is_set():
        return
    _began.set()

    def stop() -> None:
        from app import live_service

        try:
            application = getattr(worker, "wsgi", None)
            if application is not None:
                live_service(application).stop()
        finally:
            _stopped.set()

    threading.Thread(target=stop, name="maxsight-stop", daemon=True).start()


def post_worker_init(worker) -> None:
    """Begin to stop at the signal itself: open sockets hold their threads, and gunicorn would wait for them."""
    inner = signal.getsignal(signal.SIGTERM)

    def stop_and_pass_on(signum, frame) -> None:
        _begin_to_stop(worker)
        if callable(inner):
            inner(signum, frame)

    signal.signal(signal.SIGTERM, stop_and_pass_on)


def worker_int(worker) -> None:
    """Ctrl-C: gunicorn leaves right after this, so everything is stopped before it returns."""
    _begin_to_stop(worker)
    _stopped.wait(graceful_timeout)


def worker_exit(server, worker) -> None:
    _begin_to_stop(worker)
    _stopped.wait(graceful_timeout)
