"""Frames of a scene as JPEG, shared between threads."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict

import cv2

from maxsight_core.scenes.renderer import SceneRenderer
from maxsight_core.scenes.spec import SceneSpec, parse_spec

RENDERERS_KEPT = 6
"""Renderers held at once: each keeps tens of megabytes of pictures."""
JPEGS_KEPT = 900
"""At about 50 kB each, 45 MB."""

_lock = threading.Lock()
_renderers: OrderedDict[SceneSpec, tuple[SceneRenderer, threading.Lock]] = OrderedDict()


def light_jpeg(spec: SceneSpec | str, index: int, quality: int = 80) -> bytes:
    """Frame ``index`` of a scene as JPEG bytes. Cached, and safe to call from several threads.

    Args:
        spec: a specification or its text. index: 0 .. frames - 1. quality: 1..100.

    Raises:
        SceneError: the text is no scene. IndexError: outside the scene. ValueError: quality out of range.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"light_jpeg quality: expected 1..100; got {quality}")
    return _encoded(parse_spec(spec) if isinstance(spec, str) else spec, int(index), int(quality))


@functools.lru_cache(maxsize=JPEGS_KEPT)
def _encoded(spec: SceneSpec, index: int, quality: int) -> bytes:
    renderer, lock = _renderer(spec)
    with lock:  # a renderer keeps pictures that it makes on first use: one thread at a time
        rgb = renderer.frame(index).rgb
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not encode frame {index} of {spec} as JPEG")
    return data.tobytes()


def _renderer(spec: SceneSpec) -> tuple[SceneRenderer, threading.Lock]:
    with _lock:
        if spec in _renderers:
            _renderers.move_to_end(spec)
        else:
            _renderers[spec] = (SceneRenderer(spec), threading.Lock())
            while len(_renderers) > RENDERERS_KEPT:
                _renderers.popitem(last=False)
        return _renderers[spec]
