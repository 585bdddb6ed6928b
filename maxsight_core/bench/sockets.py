"""Scripted browsers against a running server: round trips, drops by reason, frames without a reply.

    python -m maxsight_core.bench.sockets --url http://127.0.0.1:5000 --sessions 4 --fps 5 --seconds 20 [--json FILE]

Each session logs in, opens a WebSocket, starts a session and sends real JPEGs (``--images DIR``, else the rendered
street) with one frame of credit, as the browser does. The login is ``--email`` and ``--password``, else the demo
developer of the instance folder this command is started beside: a patient has one session, and a second page takes it
over, but a developer may run several. Only a server on this machine is ever loaded.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import ipaddress
import json
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maxsight_core.bench.timing import percentiles

SCENE = "scene:street?seed={seed}&fps=10"
SCENE_FRAMES = 40
REPLY_WAIT_S = 5.0
DEMO_LOGINS = Path("instance/demo_logins.json")
PROTOCOL_VERSION = 1


class BenchError(RuntimeError):
    """The run cannot start; the message says what to give or to start."""


def require_loopback(url: str) -> None:
    """A load run is only ever pointed at this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        raise BenchError(f"{url}: the host {host!r} cannot be resolved; expected http://127.0.0.1:PORT") from None
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise BenchError(f"{url}: this command loads servers on this machine only; expected http://127.0.0.1:PORT")


def credentials(options: argparse.Namespace) -> tuple[str, str]:
    if options.email and options.password:
        return options.email, options.password
    try:
        developer = json.loads(DEMO_LOGINS.read_text(encoding="utf-8"))["developer"]
    except (OSError, ValueError, KeyError):
        raise BenchError(f"no login: give --email and --password ({DEMO_LOGINS} is not here)") from None
    return developer["email"], developer["password"]


def log_in(url: str, email: str, password: str) -> str:
    """Log in through the form and return the Cookie header of the session."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    try:
        page = opener.open(f"{url}/login", timeout=10).read().decode("utf-8", "replace")
        token = re.search(r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"', page)
        form = {"email": email, "password": password, "csrf_token": token.group(1) if token else ""}
        request = urllib.request.Request(f"{url}/login", urllib.parse.urlencode(form).encode(), {"Referer": url})
        landed = opener.open(request, timeout=10).geturl()
    except (urllib.error.URLError, OSError) as error:
        raise BenchError(f"{url}: cannot log in ({error}); is the server running? (make run)") from None
    if landed.rstrip("/").endswith("/login"):
        raise BenchError(f"{url}: the login {email} was refused; check --email and --password")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


@dataclass(slots=True)
class Figures:
    """What one scripted browser saw."""

    sent: int = 0
    results: int = 0
    waits: int = 0
    alerts: int = 0
    rtt_ms: list[float] = field(default_factory=list)
    dropped: Counter = field(default_factory=Counter)
    twice_answered: int = 0


class ScriptedBrowser:
    """One session with one frame of credit."""

    def __init__(self, url: str, cookie: str, jpegs: list[bytes], size: tuple[int, int], number: int) -> None:
        import socketio

        self.figures = Figures()
        self._url, self._cookie, self._jpegs, self._size, self._number = url, cookie, jpegs, size, number
        self._waiting: dict[int, float] = {}
        self._credit = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._client = socketio.Client(reconnection=False, serializer="default")
        self._client.on("result", self._on_result)
        self._client.on("frame_dropped", self._on_dropped)

    def _reply(self, message: dict[str, Any]) -> float | None:
        with self._lock:
            sent = self._waiting.pop(message["seq"], None)
        if sent is None:
            self.figures.twice_answered += 1
            return None
        self._credit.release()
        return (time.perf_counter() - sent) * 1000.0

    def _on_result(self, message: dict[str, Any]) -> None:
        rtt = self._reply(message)
        if rtt is not None:
            self.figures.results += 1
            self.figures.alerts += len(message.get("alerts", ()))
            self.figures.rtt_ms.append(rtt)

    def _on_dropped(self, message: dict[str, Any]) -> None:
        if self._reply(message) is not None:
            self.figures.dropped[message["reason"]] += 1

    def start(self) -> None:
        self._client.connect(self._url, headers={"Cookie": self._cookie}, transports=["websocket"], wait_timeout=10)
        answer = self._client.call("session_start", {
            "v": PROTOCOL_VERSION, "source": "scene", "source_detail": f"bench {self._number}",
            "settings": {"verbosity": "normal"},
        }, timeout=30)
        if not answer.get("ok"):
            raise BenchError(f"session {self._number} was refused: {answer.get('error', {}).get('message', answer)}")

    def run(self, fps: float, seconds: float) -> None:
        ends = time.perf_counter() + seconds
        due = time.perf_counter() + self._number / max(1.0, fps * 4)  # spread the sessions over the frame interval
        while (now := time.perf_counter()) < ends:
            if now < due:
                time.sleep(min(due - now, 0.05))
                continue
            due += 1.0 / fps
            if not self._credit.acquire(blocking=False):
                self.figures.waits += 1
                continue
            self._send()
        deadline = time.perf_counter() + REPLY_WAIT_S
        while self._waiting and time.perf_counter() < deadline:
            time.sleep(0.02)
        self._client.call("session_stop", {"v": PROTOCOL_VERSION}, timeout=30)
        self._client.disconnect()

    def _send(self) -> None:
        seq = self.figures.sent
        width, height = self._size
        with self._lock:
            self._waiting[seq] = time.perf_counter()
        self.figures.sent += 1
        header = {"v": PROTOCOL_VERSION, "seq": seq, "t_cap": time.monotonic() * 1000.0, "w": width, "h": height}
        self._client.emit("frame", (header, self._jpegs[seq % len(self._jpegs)]))

    @property
    def without_reply(self) -> int:
        return len(self._waiting)


def pictures(folder: str | None, number: int) -> tuple[list[bytes], tuple[int, int]]:
    """JPEG frames for one session, and the size their header declares."""
    from maxsight_core.engine.decode import read_header

    if folder is None:
        from maxsight_core.scenes import light_jpeg

        jpegs = [light_jpeg(SCENE.format(seed=number + 1), i) for i in range(SCENE_FRAMES)]
    else:
        paths = sorted(Path(folder).glob("*.jpg"))
        if not paths:
            raise BenchError(f"{folder}: no .jpg files there")
        jpegs = [path.read_bytes() for path in paths]
    _, width, height = read_header(jpegs[0], max_pixels=50_000_000)
    return jpegs, (width, height)


def summary(browsers: list[ScriptedBrowser], options: argparse.Namespace) -> dict[str, Any]:
    each = [browser.figures for browser in browsers]
    dropped: Counter = Counter()
    for figures in each:
        dropped.update(figures.dropped)
    return {
        "sessions": options.sessions, "fps": options.fps, "seconds": options.seconds,
        "rtt_ms": percentiles([ms for figures in each for ms in figures.rtt_ms]),
        "frames_sent": sum(f.sent for f in each), "results": sum(f.results for f in each),
        "dropped": dict(dropped), "frames_without_reply": sum(b.without_reply for b in browsers),
        "frames_answered_twice": sum(f.twice_answered for f in each), "alerts": sum(f.alerts for f in each),
        "frames_held_back_for_credit": sum(f.waits for f in each),
        "results_per_session": [f.results for f in each],
    }


def main(arguments: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(
        prog="python -m maxsight_core.bench.sockets", description=__doc__.split("\n\n")[0])
    command.add_argument("--url", required=True)
    command.add_argument("--sessions", type=int, default=1)
    command.add_argument("--fps", type=float, default=5.0)
    command.add_argument("--seconds", type=float, default=20.0)
    command.add_argument("--json", metavar="FILE")
    command.add_argument("--images", metavar="DIR", help="send these JPEGs instead of the rendered street")
    command.add_argument("--email")
    command.add_argument("--password")
    options = command.parse_args(arguments)
    url = options.url.rstrip("/")
    try:
        require_loopback(url)
        cookie = log_in(url, *credentials(options))
        browsers = [ScriptedBrowser(url, cookie, *pictures(options.images, n), n) for n in range(options.sessions)]
        for browser in browsers:
            browser.start()
    except BenchError as error:
        print(f"maxsight: {error}", file=sys.stderr)
        return 2
    threads = [threading.Thread(target=b.run, args=(options.fps, options.seconds)) for b in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = summary(browsers, options)
    print(json.dumps(figures, indent=2))
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
