"""Frames from a picture, a folder of pictures, a video file or a rendered scene, on one frame clock.

``open_source`` is what the command line, the benches and the tests read from. The clock is the source's own (the
video's timestamps, the scene's frame rate), so the same source gives the same answers on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from maxsight_core.contracts import Frame
from maxsight_core.engine.decode import MAX_FILE_PIXELS, ImageError, decode_rgb, to_working_size

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PICTURE_INTERVAL_S = 10.0
"""Pictures of a folder are unrelated: further apart than any motion or cooldown may reach."""
DEFAULT_FPS = 25.0


class SourceError(ValueError):
    """The input cannot be read as frames; the message says why and what is expected."""


class Source(Protocol):
    """Frames in order. ``length`` is None when the file does not say. ``fps`` for the annotated copy."""

    name: str
    fps: float
    length: int | None

    def frames(self) -> Iterator[Frame]: ...


def open_source(spec: str) -> Source:
    """Open ``PATH`` (picture, folder, video) or ``scene:NAME?seed=N``.

    Raises:
        SourceError: nothing there, nothing in it, or not something MaxSight can read.
    """
    if spec.startswith("scene:"):
        return _open_scene(spec)
    path = Path(spec)
    if not path.exists():
        raise SourceError(f"{spec}: no such file or folder; expected a picture, a folder, a video or scene:NAME?seed=1")
    if path.is_dir():
        pictures = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
        if not pictures:
            raise SourceError(f"{spec}: the folder holds no picture (expected {', '.join(PICTURE_SUFFIXES)})")
        return PictureSource(spec, tuple(pictures))
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return PictureSource(spec, (path,))
    return VideoSource(spec, path)


def _open_scene(spec: str) -> Source:
    from maxsight_core.scenes import SceneError, SceneRenderer, parse_spec

    try:
        parsed = parse_spec(spec)
        return SceneSource(spec, SceneRenderer(parsed))
    except SceneError as error:
        raise SourceError(str(error)) from None


@dataclass(frozen=True, slots=True)
class PictureSource:
    """One picture or several, each on its own."""

    name: str
    paths: tuple[Path, ...]
    fps: float = 1.0

    @property
    def length(self) -> int:
        return len(self.paths)

    def frames(self) -> Iterator[Frame]:
        for index, path in enumerate(self.paths):
            try:
                rgb = decode_rgb(path.read_bytes(), max_pixels=MAX_FILE_PIXELS)
            except (ImageError, OSError) as error:
                raise SourceError(f"{path}: {error}") from None
            yield Frame(rgb, index * PICTURE_INTERVAL_S, index)


class VideoSource:
    """A video file through OpenCV; its own timestamps are the clock."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self._path = name, path
        capture = cv2.VideoCapture(str(path))
        try:
            has_frame = capture.isOpened() and capture.grab()
            if not has_frame:
                raise SourceError(
                    f"{name}: no frame can be read from it; expected a video with at least one frame "
                    "(MP4, WebM, AVI, MJPEG) or a picture (JPEG, PNG, WebP)"
                )
            fps = capture.get(cv2.CAP_PROP_FPS)
            self.fps = fps if np.isfinite(fps) and 0.5 <= fps <= 240.0 else DEFAULT_FPS
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            self.length = count if count > 0 else None
        finally:
            capture.release()

    def frames(self) -> Iterator[Frame]:
        capture = cv2.VideoCapture(str(self._path))
        try:
            last_s, index = -1.0, 0
            while True:
                ok, bgr = capture.read()
                if not ok:
                    return
                time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
                if not np.isfinite(time_s) or time_s <= last_s:  # streams without usable timestamps
                    time_s = max(last_s + 1.0 / self.fps, index / self.fps)
                last_s = time_s
                rgb = np.ascontiguousarray(to_working_size(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)))
                yield Frame(rgb, time_s, index)
                index += 1
        finally:
            capture.release()


class SceneSource:
    """A rendered scene."""

    def __init__(self, name: str, renderer) -> None:
        self.name, self._renderer = name, renderer
        self.fps = float(renderer.spec.fps)
        self.length: int | None = len(renderer)

    def frames(self) -> Iterator[Frame]:
        for index in range(len(self._renderer)):
            rendered = self._renderer.frame(index)
            yield Frame(np.ascontiguousarray(rendered.rgb), rendered.time_s, index)
