"""Text in the scene, read by a real OCR library: PP-OCRv4 through ``rapidocr_onnxruntime`` (models in its wheel).

Lane C: a street photo takes a third of a second to more than one on one core. A blurred or dark frame is not
read (it costs the same and gives nothing), and a picture that hardly changed keeps the last reading.
"""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np

from maxsight_core.contracts import SceneView, Value
from maxsight_core.perception.geometry import Box, centre_box

OUTPUTS = ("ocr",)

MIN_CONFIDENCE = 0.6
"""Right lines on the real signs tried score 0.9 and more (docs/perception.md); a wrong word is worse than none."""
MIN_SHARPNESS = 0.15
"""Re-blur sharpness from which letters survive: a Gaussian of about 7 of 640 columns."""
MAX_UNCERTAINTY = 0.7
UNCHANGED_DIFFERENCE = 0.02
"""Mean absolute luma difference (0..1) up to which a picture counts as the same."""
_COMPARE_SIZE_PX = (64, 48)
INSTALL = "install it with: pip install --no-deps rapidocr-onnxruntime==1.4.4 (and onnxruntime, pyclipper, shapely)"

_lock = threading.Lock()
_reader: Any = None


def reader() -> Any:
    """The process's one reader, built on first use.

    Raises:
        RuntimeError: the library is not installed or its models do not load; the message names what to install.
    """
    global _reader
    with _lock:
        if _reader is None:
            try:
                from rapidocr_onnxruntime import RapidOCR
            except ImportError as error:
                raise RuntimeError(f"no OCR library: {error}; {INSTALL}") from error
            # One thread: lane C must not take the cores that Stage A needs.
            _reader = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
        return _reader


def read(rgb: np.ndarray, min_confidence: float = MIN_CONFIDENCE) -> list[dict[str, Any]]:
    """Lines of text in a picture, top to bottom.

    Args:
        rgb: [H, W, 3] uint8.
        min_confidence: 0..1.

    Returns:
        ``{text, box, confidence}`` each; ``box`` is the upright cxcywh box, 0..1.

    Raises:
        RuntimeError: see :func:`reader`.
    """
    height, width = rgb.shape[:2]
    engine = reader()
    with _lock:  # the library keeps state between detection and recognition
        lines, _ = engine(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    result = []
    for corners_px, raw_text, confidence in lines or ():
        text = raw_text.strip()
        if text and float(confidence) >= min_confidence:
            result.append({"text": text, "box": _upright(np.asarray(corners_px, np.float64), width, height),
                           "confidence": round(float(confidence), 3)})
    return result


def _upright(corners_px: np.ndarray, width: int, height: int) -> list[float]:
    share = np.clip(corners_px / (width, height), 0.0, 1.0)
    box: Box = centre_box(*share.min(axis=0), *share.max(axis=0))
    return [round(float(part), 4) for part in box]


def estimate(view: SceneView) -> dict[str, Value]:
    """Output ``ocr``: list of ``{text, box, confidence}``; empty when there is no legible text."""
    quality = view.quality
    if quality.sharpness < MIN_SHARPNESS or quality.uncertainty > MAX_UNCERTAINTY:
        return {"ocr": Value.unavailable(
            "ocr", f"picture not legible (sharpness {quality.sharpness:.2f}, uncertainty {quality.uncertainty:.2f})")}
    thumbnail = cv2.resize(view.small, _COMPARE_SIZE_PX, interpolation=cv2.INTER_AREA)
    kept = view.memory.get("ocr")
    if kept is not None and float(np.abs(kept["thumbnail"] - thumbnail).mean()) <= UNCHANGED_DIFFERENCE:
        lines, method = kept["lines"], f"PP-OCRv4, kept from frame {kept['seq']}: the picture hardly changed"
    else:
        try:
            lines = read(view.frame.rgb)
        except RuntimeError as error:
            return {"ocr": Value.unavailable("ocr", str(error))}
        view.memory["ocr"] = {"thumbnail": thumbnail, "lines": lines, "seq": view.frame.seq,
                              "time_s": view.frame.time_s}
        method = "PP-OCRv4 (rapidocr)"
    return {"ocr": Value.measured("ocr", lines, method,
                                  confidence=min((line["confidence"] for line in lines), default=None))}
