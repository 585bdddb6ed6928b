"""Encoded picture -> RGB array, safely: the header is read, and judged, before anything is decoded."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP")
WORKING_SIDE_PX = 640
"""Longest side of the picture the engine works on; larger ones are reduced (02-architecture: <= 640 px)."""
MAX_LIVE_PIXELS = 2_100_000
"""Largest live frame: 1280 px a side with some room. A browser sends 640."""
MAX_FILE_PIXELS = 50_000_000
"""Largest picture file the command line reads."""

_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND"
_TAIL_BYTES = 1024
"""Cameras may pad after the end marker; a marker further away than this means the picture was cut short."""


class ImageError(ValueError):
    """The bytes are not a picture the engine can use; the message says why and what is expected."""


def read_header(data: bytes, *, max_pixels: int) -> tuple[str, int, int]:
    """Format, width and height of an encoded picture, from its header alone.

    Raises:
        ImageError: not JPEG, PNG or WebP; larger than ``max_pixels``; or cut short.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as header:
            kind, (width, height) = str(header.format), header.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        if isinstance(error, Image.DecompressionBombError):
            raise ImageError(f"the picture is larger than {max_pixels} pixels; send a smaller one") from None
        raise ImageError(
            f"not a picture: expected JPEG, PNG or WebP bytes, got {len(data)} bytes that are none of these"
        ) from None
    if width * height > max_pixels:
        raise ImageError(
            f"the picture is {width}x{height} = {width * height} pixels; at most {max_pixels} are accepted: "
            "send a smaller one"
        )
    if _cut_short(kind, data):
        raise ImageError(f"the {kind} picture is cut short after {len(data)} bytes; send it whole")
    return kind, width, height


def _cut_short(kind: str, data: bytes) -> bool:
    tail = data[-_TAIL_BYTES:]
    if kind == "JPEG":
        return _JPEG_END not in tail
    if kind == "PNG":
        return _PNG_END not in tail
    return len(data) < 8 + int.from_bytes(data[4:8], "little")  # WebP: RIFF size


def decode_rgb(data: bytes, *, max_pixels: int = MAX_LIVE_PIXELS, working_side_px: int = WORKING_SIDE_PX) -> np.ndarray:
    """Decode JPEG, PNG or WebP into [H, W, 3] uint8 sRGB, at most ``working_side_px`` a side.

    Raises:
        ImageError: see :func:`read_header`; also when the body cannot be decoded.
    """
    kind, width, height = read_header(data, max_pixels=max_pixels)
    flags = cv2.IMREAD_COLOR
    if kind == "JPEG" and max(width, height) >= 2 * working_side_px:
        flags = cv2.IMREAD_REDUCED_COLOR_2  # the DCT halves it for a third of the time
    try:
        bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"the {kind} picture cannot be decoded ({error.err or 'damaged'}); send it again") from None
    if bgr is None:
        raise ImageError(f"the {kind} picture cannot be decoded: it is damaged; send it again")
    return to_working_size(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), working_side_px)


def to_working_size(rgb: np.ndarray, working_side_px: int = WORKING_SIDE_PX) -> np.ndarray:
    """Reduce [H, W, 3] uint8 so that its longest side is at most ``working_side_px``; never enlarges."""
    longest = max(rgb.shape[:2])
    if longest <= working_side_px:
        return rgb
    scale = working_side_px / longest
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
