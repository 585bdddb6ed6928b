"""A real gunicorn with the repository's own settings, and real WebSocket clients for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import socketio
from app_support import KEY, PASSWORD

from app.config import REPOSITORY

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """One gunicorn process over ``folder``; ``module`` is what it serves."""

    def __init__(self, folder: Path, module: str = "app_double_wsgi:app", ready_within_s: float = 60.0) -> None:
        self.folder, self.module, self.ready_within_s = folder, module, ready_within_s
        self.port = free_port()
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> Served:
        self.start()
        return self

    def __exit__(self, *_exc) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def start(self) -> None:
        environment = {
            **os.environ, "SECRET_KEY": KEY, "MAXSIGHT_INSTANCE_DIR": str(self.folder), "PORT": str(self.port),
            "HOST": "127.0.0.1", "MAXSIGHT_THREADS": "24", "PYTHONPATH": f"{REPOSITORY}:{HERE}", "OMP_NUM_THREADS": "1",
            "DATABASE_URL": "",
        }
        log = open(self.folder / "server.log", "ab")  # noqa: SIM115  (the process writes to it for its whole life)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", str(REPOSITORY / "gunicorn.conf.py"), self.module],
            cwd=REPOSITORY, env=environment, stdout=log, stderr=log, start_new_session=True,
        )
        deadline = time.monotonic() + self.ready_within_s
        while True:
            with contextlib.suppress(OSError):
                if self.get("/readyz")[0] == 200:
                    return
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return (self.folder / "server.log").read_text()[-4000:]

    def kill(self) -> None:
        """kill -9 for the master and its worker at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def request(self, method: str, path: str, body: str | None = None, headers: dict | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def get(self, path: str, cookie: str = ""):
        return self.request("GET", path, headers={"Cookie": cookie} if cookie else {})

    def log_in(self, name: str) -> str:
        """The cookie of a login through the real form."""
        _, headers, page = self.get("/login")
        cookie = headers["Set-Cookie"].split(";")[0]
        token = re.search(r'name="csrf-token" content="([^"]+)"', page).group(1)
        form = urlencode({"email": f"{name}@example.org", "password": PASSWORD, "csrf_token": token})
        status, headers, page = self.request("POST", "/login", form, {
            "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
        assert status == 302, (status, page[:500])
        return headers["Set-Cookie"].split(";")[0]

    def json(self, path: str, cookie: str):
        status, _, body = self.get(path, cookie)
        assert status == 200, (status, body[:500])
        return json.loads(body)


class Browser:
    """A real Socket.IO client over a real WebSocket, with a memory of events."""

    def __init__(self, server: Served, cookie: str, origin: str | None = None) -> None:
        self.events: list[tuple[str, dict]] = []
        self.seq = 0
        self._news = threading.Condition()
        own = f"http://127.0.0.1:{server.port}"
        self.inner = socketio.Client(reconnection=False, websocket_extra_options={"origin": origin or own})
        for name in ("result", "frame_dropped", "saved", "session_ended", "alert", "scene", "live", "delivery"):
            self.inner.on(name, lambda body, name=name: self._keep(name, body))
        self.inner.connect(
            own, headers={"Cookie": cookie}, transports=["websocket"], wait_timeout=5,
        )

    def _keep(self, name: str, body: dict) -> None:
        with self._news:
            self.events.append((name, body))
            self._news.notify_all()

    def all(self, name: str) -> list[dict]:
        return [body for event, body in self.events if event == name]

    def wait(self, name: str, count: int = 1, within_s: float = 5.0) -> list[dict]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.all(name)) >= count, within_s), (
                f"expected {count} {name}; got {[event for event, _ in self.events]}")
            return self.all(name)

    def wait_any(self, names: tuple[str, ...], count: int, within_s: float) -> list[dict]:
        """Wait until ``count`` events of these names have come; they, in order."""

        def found() -> list[dict]:
            return [body for event, body in self.events if event in names]

        with self._news:
            assert self._news.wait_for(lambda: len(found()) >= count, within_s), (
                f"expected {count} of {names}; got {[event for event, _ in self.events][-10:]}")
            return found()

    def ask(self, event: str, **fields):
        return self.inner.call(event, {"v": 1, **fields}, timeout=12)

    def frame(self, data: bytes, **changes) -> None:
        self.seq += 1
        header = {"v": 1, "seq": self.seq, "t_cap": self.seq * 100.0, "w": 64, "h": 48, **changes}
        self.inner.emit("frame", (header, data))

    def gone(self, within_s: float = 5.0) -> bool:
        deadline = time.monotonic() + within_s
        while self.inner.connected and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.inner.connected

    def close(self) -> None:
        self.inner.disconnect()
