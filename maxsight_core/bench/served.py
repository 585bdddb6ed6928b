"""The real server under scripted browsers: frame to result over loopback, as a person's browser would see it.

Starts ``scripts/serve.sh`` on a free port with an instance folder of its own (and the compiled models of the usual
one), runs ``maxsight_core.bench.sockets`` against it, and stops it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maxsight_core.bench import sockets
from maxsight_core.engine.config import EngineConfig

START_WAIT_S = 120.0
STOP_WAIT_S = 20.0
_REPOSITORY = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def server(**environment: str) -> Iterator[tuple[str, str, str]]:
    """A server of its own; gives its address and a developer's email and password.

    Raises:
        RuntimeError: it did not become ready; the message holds the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="maxsight-bench-") as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url, log = f"http://127.0.0.1:{port}", Path(folder) / "server.log"
        binaries = Path(sys.executable).parent
        variables = {
            **os.environ, "MAXSIGHT_INSTANCE_DIR": folder, "PORT": str(port), "HOST": "127.0.0.1",
            "MAXSIGHT_CACHE_DIR": str(EngineConfig.from_environment().cache_dir),
            "PATH": f"{binaries}:{os.environ['PATH']}", **environment,
        }
        variables.pop("DATABASE_URL", None)
        with log.open("w") as out:
            process = subprocess.Popen(["scripts/serve.sh"], cwd=_REPOSITORY, env=variables, stdout=out,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        try:
            _wait_until_ready(url, process, log)
            login = json.loads((Path(folder) / "demo_logins.json").read_text(encoding="utf-8"))["developer"]
            yield url, login["email"], login["password"]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_ready(url: str, process: subprocess.Popen, log: Path) -> None:
    ends = time.monotonic() + START_WAIT_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server for the bench did not become ready: {log.read_text(errors='replace')[-1500:]}")


def load(url: str, email: str, password: str, sessions: int, fps: float, seconds: float) -> dict[str, Any]:
    """What ``python -m maxsight_core.bench.sockets`` measures, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sockets.json"
        done = subprocess.run(
            [sys.executable, "-m", sockets.__name__, "--url", url, f"--email={email}", f"--password={password}",
             "--sessions", str(sessions), "--fps", str(fps), "--seconds", str(seconds), "--json", str(out)],
            cwd=_REPOSITORY, capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"bench of {sessions} sessions: {done.stderr.strip()[-500:]}")
        return json.loads(out.read_text(encoding="utf-8"))


def measure(seconds: float) -> dict[str, Any]:
    """One session at 5 frames/s (both grids) and four at 10 frames/s, each against a server of its own grid."""
    with server() as login:
        load(*login, sessions=1, fps=5, seconds=2.0)  # first frames of a new server
        one, four = load(*login, 1, 5, seconds), load(*login, 4, 10, seconds)
    with server(MAXSIGHT_GRID="pyramid") as login:
        load(*login, sessions=1, fps=5, seconds=2.0)
        pyramid = load(*login, 1, 5, seconds)
    return {"fused_1x5": one, "fused_4x10": four, "pyramid_1x5": pyramid}
