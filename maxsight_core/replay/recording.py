"""A recorded run: a folder that holds, exactly, what the alert system decided on and what it decided.

``run.json`` says what was recorded, with which settings, policy and perception, who agreed to it, and the hash of the
rest; it is written last, so that a run that was cut off is never taken for a whole one. ``frames.jsonl`` has one line a
frame: the alert inputs and the decisions, nothing rounded. ``pictures/`` holds the frames, lossless, where asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from maxsight_core.alerts.codec import decode, encode
from maxsight_core.alerts.inputs import AlertInputs
from maxsight_core.alerts.policy import AlertPolicy
from maxsight_core.contracts import AlertDecision, Frame, SessionSettings

FORMAT = 1
ABOUT_FILE, FRAMES_FILE, PICTURES_FOLDER = "run.json", "frames.jsonl", "pictures"


class RecordingError(ValueError):
    """A recording that cannot be read or written; the message names the file and what would be right."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """What was decided on in one frame, and the rows that began or changed in it."""

    inputs: AlertInputs
    decisions: tuple[AlertDecision, ...]


@dataclass(frozen=True)
class Recording:
    """A whole run.

    Args:
        about: ``run.json`` as it stands: source, consent, perception, hashes. frames: in order.
        closing: rows that the end of the session closed.
    """

    folder: Path
    about: dict[str, Any]
    settings: SessionSettings
    policy: AlertPolicy
    frames: tuple[RecordedFrame, ...]
    closing: tuple[AlertDecision, ...]

    @property
    def source(self) -> str:
        return str(self.about["source"])

    def picture(self, index: int) -> Path | None:
        """The recorded picture of frame ``index``, where pictures were recorded."""
        path = self.folder / PICTURES_FOLDER / f"{index:06d}.png"
        return path if path.exists() else None


class Recorder:
    """Writes a recording, frame by frame.

    Args:
        folder: new or empty. source: what is recorded. consent: who agreed to it, or None where nobody is in it.
        perception: ``Engine.describe()``. pictures: also keep the frames.

    Raises:
        RecordingError: the folder holds something already, or cannot be made.
    """

    def __init__(
        self, folder: Path, *, source: str, consent: str | None, settings: SessionSettings, policy: AlertPolicy,
        perception: dict[str, Any], pictures: bool = False,
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise RecordingError(f"{folder}: is not empty; give a new folder, so that no recording is overwritten")
            if pictures:
                (folder / PICTURES_FOLDER).mkdir()
            self._out: TextIO = (folder / FRAMES_FILE).open("w", encoding="utf-8")
        except OSError as error:
            raise RecordingError(f"{folder}: cannot be written ({error.strerror}); give a folder you may write to") \
                from None
        self.folder, self._pictures, self._count = folder, pictures, 0
        self._about = {"format": FORMAT, "source": source, "consent": consent, "settings": encode(settings),
                       "policy": encode(policy), "perception": perception, "pictures": pictures}

    def add(self, inputs: AlertInputs, decisions: Sequence[AlertDecision], frame: Frame | None = None) -> None:
        """One more frame; ``frame`` is kept where pictures are."""
        row = {"inputs": inputs.to_json(), "decisions": [encode(decision) for decision in decisions]}
        self._out.write(json.dumps(row) + "\n")
        if self._pictures and frame is not None:
            path = self.folder / PICTURES_FOLDER / f"{self._count:06d}.png"
            cv2.imwrite(str(path), np.ascontiguousarray(frame.rgb[..., ::-1]))
        self._count += 1

    def finish(self, closing: Iterable[AlertDecision] = ()) -> None:
        """Ends the recording: from now on it can be read."""
        self._out.close()
        self._about |= {"frames": self._count, "frames_sha256": _sha256(self.folder / FRAMES_FILE),
                        "closing": [encode(decision) for decision in closing]}
        (self.folder / ABOUT_FILE).write_text(json.dumps(self._about, indent=1) + "\n", encoding="utf-8")

    def abandon(self) -> None:
        """Closes the file of a recording that is not whole."""
        self._out.close()


def read(folder: Path) -> Recording:
    """The recording in a folder.

    Raises:
        RecordingError: nothing there, cut off, changed since, of another format, or not readable.
    """
    path = folder / ABOUT_FILE
    if not path.exists():
        cut = (folder / FRAMES_FILE).exists()
        raise RecordingError(f"{folder}: " + ("the recording was cut off before its end; record it again" if cut else
                             "no recording here; make one with `python -m maxsight_core.replay record`"))
    about = _json(path, path.read_text(encoding="utf-8"))
    if about.get("format") != FORMAT:
        raise RecordingError(f"{path}: expected format {FORMAT}; got {about.get('format')!r}. Record it again")
    frames_path = folder / FRAMES_FILE
    if not frames_path.exists() or _sha256(frames_path) != about.get("frames_sha256"):
        raise RecordingError(f"{frames_path}: is damaged: its SHA-256 is not that of {path.name}. Record it again")
    frames = []
    for number, line in enumerate(frames_path.read_text(encoding="utf-8").splitlines(), start=1):
        row = _json(frames_path, line, number)
        try:
            frames.append(RecordedFrame(AlertInputs.from_json(row["inputs"]), _decisions(row["decisions"])))
        except (KeyError, TypeError, ValueError) as error:
            raise RecordingError(f"{frames_path}, line {number}: not a frame of this version ({error})") from None
    try:
        settings, policy = decode(SessionSettings, about["settings"]), decode(AlertPolicy, about["policy"])
        return Recording(folder, about, settings, policy, tuple(frames), _decisions(about["closing"]))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"{path}: not a recording of this version ({error})") from None


def _decisions(rows: list[dict[str, Any]]) -> tuple[AlertDecision, ...]:
    return tuple(decode(AlertDecision, row) for row in rows)


def _json(path: Path, text: str, line: int | None = None) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordingError(f"{path}, line {line or error.lineno}: not JSON ({error.msg}); record it again") from None
    if not isinstance(body, dict):
        raise RecordingError(f"{path}: expected a JSON object; got {type(body).__name__}")
    return body


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
