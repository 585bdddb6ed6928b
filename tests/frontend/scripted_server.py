"""A peer that speaks the socket protocol to the real pages and can be told to fall silent, to refuse or to hang up.

It perceives nothing: the tests of this folder are about the browser's side, and need faults at exact moments. The
real server is met in tests/browser.
"""

from __future__ import annotations

import io
import logging
import threading
import wave
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, Response, jsonify, render_template, request
from flask_socketio import SocketIO
from PIL import Image
from werkzeug.serving import make_server

from app.headers import CONTENT_SECURITY_POLICY

REPOSITORY = Path(__file__).resolve().parents[2]
BOOT: dict[str, Any] = {
    "user": {"id": "u", "name": "Test", "role": "patient"},
    "preferences": {"verbosity": "normal", "speech_wpm": 180, "units": "metres", "directions": "left_right",
                    "condition": None, "theme": "auto"},
    "conditions": [{"id": "glaucoma", "name": "Glaucoma"}],
    "scenes": [{"spec": "scene:corridor?seed=1", "name": "Corridor"}],
    "limits": {"max_bytes": 600_000, "max_side_px": 1280, "credit": 1},
    "urls": {"settings": "/patient/settings", "speech": "/patient/speech", "scene": "/patient/scene.jpg"},
}
SECONDS_PER_WORD = 0.2
PAGES = {"/patient/": "patient/home.html", "/patient/look": "patient/look.html",
         "/patient/settings": "patient/settings.html",
         "/login": "accounts/login.html", "/error": "errors/error.html"}


class _SignedIn:
    is_authenticated = True
    role = "patient"


def jpeg(index: int = 0) -> bytes:
    """A grey picture with one light column that moves with ``index``."""
    pixels = np.full((120, 160, 3), 60, np.uint8)
    pixels[:, index % 160] = 220
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def wav(seconds: float) -> bytes:
    """A quiet tone, as long as the words would take."""
    buffer = io.BytesIO()
    samples = (800 * np.sin(np.arange(int(16_000 * seconds)) / 10)).astype("<i2")
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(samples.tobytes())
    return buffer.getvalue()


def detection(**changes: Any) -> dict[str, Any]:
    return {"id": 7, "class_id": 2, "class": "bicycle", "box": [0.4, 0.5, 0.2, 0.4], "score": 0.9, "source": "measured",
            "method": "test", "zone": "near", "distance_m": 2.6, "distance_sd_m": None, "urgency": "danger",
            "bearing_deg": -20.0, "time_to_contact_s": 2.0, "closing_mps": 1.2, "on_course": True, "colour": None,
            **changes}


def alert(alert_id: str, stage: str, text: str, time_s: float, valid_s: float, **changes: Any) -> dict[str, Any]:
    return {"id": alert_id, "stage": stage, "kind": "approach", "text": text, "fate": "spoken", "reason": "", "seq": 1,
            "time_s": time_s, "expires_s": time_s + valid_s, "track_id": 7, "class": "bicycle", "bearing_deg": -20.0,
            "distance_m": 2.6, "time_to_contact_s": 2.0, "urgency": "danger", "haptic": None, "earcon": None,
            "interrupts": False, "source": "measured", **changes}


class ScriptedServer:
    """``heard`` holds every message of the browser; ``alerts`` go out with the next result."""

    def __init__(self) -> None:
        self.app = Flask("scripted", template_folder=str(REPOSITORY / "templates"),
                         static_folder=str(REPOSITORY / "static"))
        self.socketio = SocketIO(self.app, async_mode="threading")
        self.reset()
        self._pages()
        self._events()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> ScriptedServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()

    def reset(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.spoken: list[str] = []
        self.alerts: list[dict[str, Any]] = []
        self.detections = [detection()]
        self.silent = False
        self.has_voice = True
        self.refuse_start: dict[str, Any] | None = None
        self.refuse_settings = False

    def of(self, event: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.heard if name == event]

    def hang_up(self) -> None:
        """Break every socket, as a lost network does."""
        for eio_sid in list(self.socketio.server.eio.sockets):
            self.socketio.server.eio.sockets[eio_sid].close(wait=False)

    def give(self, alert_id: str, stage: str, text: str, valid_s: float, **changes: Any) -> None:
        """Send an alert with the next result; its clock is that frame's."""
        self.alerts.append({"id": alert_id, "stage": stage, "text": text, "valid_s": valid_s, **changes})

    def _pages(self) -> None:
        @self.app.context_processor
        def _context():
            return {"csrf_token": lambda: "token", "current_user": _SignedIn()}

        @self.app.after_request
        def _headers(response: Response) -> Response:
            response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
            return response

        for address, template in PAGES.items():
            self.app.add_url_rule(address, address, lambda template=template: render_template(
                template, boot=BOOT, form=None, title="Page not found", message="There is no page at this address.",
                what_to_do="Go to the first page.", code=404))
        self.app.add_url_rule("/blank", "blank", lambda: "<!doctype html><title>blank</title><body></body>")
        self.app.add_url_rule("/patient/scene.jpg", "scene", lambda: Response(
            jpeg(int(request.args["i"])), mimetype="image/jpeg"))
        self.app.add_url_rule("/patient/speech", "speech", self._speech, methods=["POST"])
        self.app.add_url_rule("/patient/settings", "settings", self._settings, methods=["POST"])

    def _speech(self):
        self.spoken.append(request.json["text"])
        if not self.has_voice:
            return jsonify(ok=False, error={"code": "speech_unavailable", "message": "Install espeak-ng."}), 503
        return Response(wav(SECONDS_PER_WORD * len(request.json["text"].split())), mimetype="audio/wav")

    def _settings(self):
        self.heard.append(("kept", {"csrf": request.headers.get("X-CSRFToken"), **request.json}))
        if self.refuse_settings:
            return jsonify(ok=False, error={"code": "bad_message", "message": "The database is away."}), 503
        return jsonify(ok=True, settings=request.json)

    def _events(self) -> None:
        for event in ("session_stop", "settings", "request", "delivery", "notice"):
            self.socketio.on_event(event, lambda payload, event=event: self._take(event, payload))
        self.socketio.on_event("session_start", self._start)
        self.socketio.on_event("frame", self._frame)

    def _take(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.heard.append((event, payload))
        if event == "request":
            answer = alert(f"r-{len(self.heard)}", "P3", "Door, right, 6 metres.", 1.0, 10.0, kind="answer")
            self.socketio.emit("alert", {"v": 1, "alerts": [answer]}, to=request.sid)
        return {"ok": True}

    def _start(self, payload: dict[str, Any]) -> dict[str, Any]:
        self.heard.append(("session_start", payload))
        if self.refuse_start:
            return {"ok": False, "error": self.refuse_start}
        return {"ok": True, "session_id": f"s{len(self.of('session_start'))}", "credit": 1, "limits": {}}

    def _frame(self, header: dict[str, Any], data: bytes) -> None:
        self.heard.append(("frame", {**header, "bytes": len(data), "magic": bytes(data[:3]).hex()}))
        if self.silent:
            return
        time_s = header["t_cap"] / 1000.0
        now, self.alerts = self.alerts, []
        self.socketio.emit("result", {
            "v": 1, "seq": header["seq"], "t_cap": header["t_cap"], "w": header["w"], "h": header["h"],
            "time_s": time_s, "stage_b": {"run": False, "reason": ""}, "timings_ms": {}, "credit": 1,
            "detections": self.detections, "uncertainty": 0.1, "urgency": "danger", "lighting": None,
            "alerts": [alert(time_s=time_s, alert_id=a.pop("id"), **a) for a in now],
        }, to=request.sid)
