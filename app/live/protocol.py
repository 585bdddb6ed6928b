"""The wire: what a message may hold. Everything that comes from a browser is checked here, before anything else.

docs/protocol.md is the contract. Nothing here decodes a picture: format is judged by its first bytes only, the
engine reads the header before it decodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from maxsight_core.contracts import CONDITIONS, SessionSettings

VERSION = 1
MAX_FRAME_BYTES = 600_000
"""A 640 px JPEG at quality 0.7 has 30..120 kB; a 1280 px one of a busy street stays below this."""
MAX_SIDE_PX = 1280
MAX_EVENT_BYTES = 700_000
"""Largest socket message. Above MAX_FRAME_BYTES, so that a slightly too large frame gets an answer, not a cut."""
CREDIT = 1
"""Frames a browser may have in flight."""

SOURCES = ("webcam", "upload", "scene")
REQUESTS = ("describe", "find", "read")
NOTICES = ("vision_paused", "vision_resumed", "camera_lost")
DELIVERIES = ("spoken", "haptic_only", "expired", "interrupted")
DEV_VIEW = "dev"
VIEWS = ("clinician", DEV_VIEW)
ACTIONS = ("stop",)
CHANGEABLE = (
    "condition", "verbosity", "speech_wpm", "units", "directions", "silenced", "masked", "hfov_deg",
    "camera_height_m",
)
"""Settings a browser may send. ``patient_profile`` comes from the records, never from a browser."""

MAX_SEQ = 2**31 - 1
MAX_T_CAP_MS = 1e13
MAX_LATENCY_MS = 600_000.0
MAX_TEXT = 200
MAX_WHAT = 80
MAX_ID = 64

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"


class ProtocolError(ValueError):
    """A message is refused. ``code`` is one of docs/protocol.md; the text says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, Any]:
        return {"ok": False, "error": {"code": self.code, "message": self.message}}


class FrameRefusedError(ValueError):
    """A frame is dropped before the engine sees it. ``reason`` is one of docs/protocol.md."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The checked header of a frame: number, capture time (browser's clock, ms), declared size in pixels."""

    seq: int
    t_cap_ms: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A checked ``session_start``."""

    source: str
    source_detail: str | None
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A checked ``delivery``: what the browser did with an alert, ``latency_ms`` after the frame's capture."""

    alert_id: str
    fate: str
    reason: str
    latency_ms: float | None


def message(payload: Any) -> dict[str, Any]:
    """The payload as a dict of the version spoken here.

    Raises:
        ProtocolError: not an object, or another version.
    """
    if not isinstance(payload, dict):
        raise ProtocolError("bad_message", f"expected an object with v: {VERSION}; got {_kind(payload)}")
    if payload.get("v") != VERSION or isinstance(payload.get("v"), bool):
        raise ProtocolError(
            "unsupported_version",
            f"v: expected {VERSION}; got {payload.get('v')!r:.40}. Reload the page to get the current version.",
        )
    return payload


def frame_header(payload: Any, data: Any) -> FrameHeader:
    """Check a frame's header and its first bytes; nothing is decoded.

    Raises:
        FrameRefusedError: with the reason that ``frame_dropped`` carries.
    """
    try:
        body = message(payload)
    except ProtocolError as error:
        raise FrameRefusedError("bad_header", error.message) from None
    seq, t_cap, width, height = (body.get(name) for name in ("seq", "t_cap", "w", "h"))
    if not _is_whole(seq) or not 0 <= seq <= MAX_SEQ:
        raise FrameRefusedError("bad_header", f"seq: expected a whole number from 0 to {MAX_SEQ}; got {seq!r:.40}")
    if not _is_number(t_cap) or not 0 <= t_cap <= MAX_T_CAP_MS:
        raise FrameRefusedError("bad_header", f"t_cap: expected milliseconds, 0 or more; got {t_cap!r:.40}")
    for name, side in (("w", width), ("h", height)):
        if not _is_whole(side) or side < 1:
            raise FrameRefusedError("bad_header", f"{name}: expected a whole number of pixels; got {side!r:.40}")
        if side > MAX_SIDE_PX:
            raise FrameRefusedError("too_large", f"{name}: at most {MAX_SIDE_PX} pixels; got {side}. Reduce the frame.")
    if not isinstance(data, (bytes, bytearray)):
        raise FrameRefusedError("bad_header", f"expected the picture as binary after the header; got {_kind(data)}")
    if len(data) > MAX_FRAME_BYTES:
        raise FrameRefusedError(
            "too_large", f"at most {MAX_FRAME_BYTES} bytes a frame; got {len(data)}. Lower the size or quality."
        )
    if not looks_like_picture(data):
        raise FrameRefusedError("bad_image", f"expected JPEG, PNG or WebP; the {len(data)} bytes begin otherwise")
    return FrameHeader(seq, float(t_cap), width, height)


def looks_like_picture(data: bytes) -> bool:
    """Whether the first bytes are those of a JPEG, PNG or WebP file."""
    return data[:3] == _JPEG or data[:8] == _PNG or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def start_request(payload: Any) -> StartRequest:
    body = message(payload)
    detail = body.get("source_detail")
    return StartRequest(
        source=_choice(body, "source", SOURCES),
        source_detail=None if detail is None else _text(body, "source_detail", MAX_TEXT),
        changes=_changes(body.get("settings") or {}),
    )


def settings_changes(payload: Any) -> dict[str, Any]:
    """The ``settings`` of a message: a subset of CHANGEABLE, not yet checked for their values."""
    return _changes(message(payload).get("settings"))


def apply_changes(settings: SessionSettings, changes: dict[str, Any]) -> SessionSettings:
    """``settings`` with ``changes``, every value checked.

    Raises:
        ProtocolError: ``unknown_condition``, or ``bad_message`` for any other value.
    """
    condition = changes.get("condition")
    if condition is not None and condition not in CONDITIONS:
        raise ProtocolError(
            "unknown_condition", f"condition: expected one of {', '.join(CONDITIONS)}; got {condition!r:.60}"
        )
    for name in ("silenced", "masked"):
        if name in changes and not isinstance(changes[name], bool):
            raise ProtocolError("bad_message", f"{name}: expected true or false; got {changes[name]!r:.40}")
    if "speech_wpm" in changes and not _is_whole(changes["speech_wpm"]):
        raise ProtocolError(
            "bad_message", f"speech_wpm: expected a whole number from 80 to 450; got {changes['speech_wpm']!r:.40}"
        )
    for name in ("hfov_deg", "camera_height_m"):
        optional = name == "hfov_deg" and changes.get(name) is None
        if name in changes and not optional and not _is_number(changes[name]):
            raise ProtocolError("bad_message", f"{name}: expected a number; got {changes[name]!r:.40}")
    try:
        return replace(settings, **changes)
    except (ValueError, TypeError) as error:
        raise ProtocolError("bad_message", str(error)) from None


def request_kind(payload: Any) -> tuple[str, str | None]:
    body = message(payload)
    what = body.get("what")
    return _choice(body, "kind", REQUESTS), None if what is None else _text(body, "what", MAX_WHAT)


def notice_kind(payload: Any) -> str:
    return _choice(message(payload), "kind", NOTICES)


def delivery(payload: Any) -> Delivery:
    body = message(payload)
    latency = body.get("latency_ms")
    if latency is not None and (not _is_number(latency) or not 0 <= latency <= MAX_LATENCY_MS):
        raise ProtocolError(
            "bad_message", f"latency_ms: expected 0..{MAX_LATENCY_MS:.0f} milliseconds; got {latency!r:.40}"
        )
    reason = body.get("reason")
    return Delivery(
        alert_id=_text(body, "alert_id", MAX_ID), fate=_choice(body, "fate", DELIVERIES),
        reason="" if reason is None else _text(body, "reason", MAX_TEXT),
        latency_ms=None if latency is None else float(latency),
    )


def session_id(payload: Any) -> str:
    return _text(message(payload), "session_id", MAX_ID)


def view(payload: Any) -> str:
    return _choice(message(payload), "view", VIEWS)


def action(payload: Any) -> str:
    return _choice(message(payload), "action", ACTIONS)


def stop_reason(payload: Any) -> str:
    reason = message(payload).get("reason")
    return "stopped" if reason in (None, "") else _text(payload, "reason", MAX_ID)


def echo(payload: Any) -> tuple[int | None, float | None]:
    """``seq`` and ``t_cap`` of a refused frame as far as they can be read, for its answer."""
    if not isinstance(payload, dict):
        return None, None
    seq, t_cap = payload.get("seq"), payload.get("t_cap")
    return (seq if _is_whole(seq) else None), (t_cap if _is_number(t_cap) else None)


def _changes(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError("bad_message", f"settings: expected an object; got {_kind(value)}")
    unknown = sorted(str(name)[:40] for name in value if name not in CHANGEABLE)
    if unknown:
        raise ProtocolError(
            "bad_message", f"settings: {', '.join(unknown[:5])} cannot be set; expected any of {', '.join(CHANGEABLE)}"
        )
    return dict(value)


def _choice(body: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ProtocolError("bad_message", f"{name}: expected one of {', '.join(choices)}; got {value!r:.60}")
    return value


def _text(body: dict[str, Any], name: str, longest: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise ProtocolError("bad_message", f"{name}: expected 1 to {longest} characters; got {value!r:.60}")
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
