"""The real server as a process of its own: gunicorn, a fresh instance folder, real migrations, a demo clinic."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from support.data import REPOSITORY

START_TIMEOUT_S = 120
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningServer:
    """A server on loopback that can be stopped, killed and started again on the same instance folder."""

    def __init__(self, instance: Path, **environment: str) -> None:
        self.instance, self.port = instance, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = instance / "server.log"
        cache = Path(os.environ.get("MAXSIGHT_TEST_CACHE", REPOSITORY / "instance" / "test-cache"))
        self.environment = {
            **os.environ, "MAXSIGHT_INSTANCE_DIR": str(instance), "PORT": str(self.port), "HOST": "127.0.0.1",
            "MAXSIGHT_CACHE_DIR": str(cache), "PATH": f"{BIN}:{os.environ['PATH']}", **environment,
        }
        self.environment.pop("DATABASE_URL", None)
        self.process: subprocess.Popen | None = None
        instance.mkdir(parents=True, exist_ok=True)
        self._prepare()

    def _prepare(self) -> None:
        subprocess.run([sys.executable, "-m", "app.config"], cwd=REPOSITORY, env=self.environment, check=True,
                       capture_output=True)
        done = subprocess.run(["scripts/prepare.sh"], cwd=REPOSITORY, env=self.environment, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.prepared = done.stdout

    @property
    def logins(self) -> dict[str, dict[str, str]]:
        """Email and password of the demo clinic's three users, by role."""
        return json.loads((self.instance / "demo_logins.json").read_text(encoding="utf-8"))

    def start(self) -> RunningServer:
        out = self.log.open("a")
        self.process = subprocess.Popen(
            [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"], cwd=REPOSITORY, env=self.environment,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )
        ends = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise AssertionError(f"the server did not become ready:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """kill -9 of master and worker, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return -1 if self.process is None else self.process.returncode
        os.kill(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(20)
        finally:
            if self.process.poll() is None:
                self.kill()
