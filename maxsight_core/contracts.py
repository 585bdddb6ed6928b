"""The frozen types that travel between the parts of MaxSight, validated on construction.

Conventions used everywhere:

* image coordinates are normalised: x to the right, y down, 0..1; boxes are ``cxcywh``;
* bearings are degrees from the camera's axis, negative to the left, positive to the right;
* distances are metres, times are seconds on the *frame clock* (``Frame.time_s``: the capture
  time the browser stamped, or the video's own time), never the server's wall clock;
* every output is a :class:`Value`, which says where it came from.

This module imports the standard library and NumPy only.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Source = Literal["learned", "measured", "unavailable"]
SOURCES: tuple[str, ...] = ("learned", "measured", "unavailable")

ZONES: tuple[str, ...] = ("near", "medium", "far")
URGENCIES: tuple[str, ...] = ("safe", "caution", "warning", "danger")

CONDITIONS: tuple[str, ...] = (
    "myopia", "hyperopia", "astigmatism", "presbyopia", "cataracts", "glaucoma", "amd",
    "diabetic_retinopathy", "retinitis_pigmentosa", "colour_blindness", "cvi", "amblyopia",
    "strabismus",
)
VERBOSITIES: tuple[str, ...] = ("brief", "normal", "full")
UNITS: tuple[str, ...] = ("metres", "feet")
DIRECTIONS: tuple[str, ...] = ("left_right", "clock")

DEFAULT_HFOV_DEG = 66.0
"""Horizontal field of view assumed for an unknown webcam (common laptop cameras: 60..78 degrees)."""

DEFAULT_CAMERA_HEIGHT_M = 1.4
"""Height of a chest- or head-worn camera above the ground, assumed until it is calibrated."""

PREVIEW_COLUMNS = 32
"""Widest side of the 8-bit preview of a map that the Dev view draws as a layer."""


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


def _require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{name}: expected one of {', '.join(choices)}; got {value!r}")


def _require_fraction(name: str, value: float | None) -> None:
    if value is not None:
        _require(
            math.isfinite(value) and 0.0 <= value <= 1.0,
            f"{name}: expected a number from 0 to 1, or None; got {value!r}",
        )


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera.

    Args:
        width_px, height_px: size of the frame, in pixels.
        hfov_deg: horizontal field of view, degrees, 10..170.
        height_m: height of the camera above the ground, metres.
        pitch_deg: downward tilt of the optical axis, degrees (0: level).
        assumed: True while the field of view was not calibrated by anybody.
    """

    width_px: int
    height_px: int
    hfov_deg: float = DEFAULT_HFOV_DEG
    height_m: float = DEFAULT_CAMERA_HEIGHT_M
    pitch_deg: float = 0.0
    assumed: bool = True

    def __post_init__(self) -> None:
        _require(self.width_px > 0 and self.height_px > 0,
                 f"Camera: expected a positive size in pixels; got {self.width_px}x{self.height_px}")
        _require(10.0 <= self.hfov_deg <= 170.0,
                 f"Camera.hfov_deg: expected 10..170 degrees; got {self.hfov_deg}")

    @property
    def focal_px(self) -> float:
        """Focal length in pixels: (w / 2) / tan(hfov / 2)."""
        return self.width_px / 2.0 / math.tan(math.radians(self.hfov_deg) / 2.0)

    def bearing_deg(self, x: float) -> float:
        """Bearing of normalised column ``x`` (0: left edge, 1: right edge), degrees, right positive."""
        return math.degrees(math.atan((2.0 * x - 1.0) * math.tan(math.radians(self.hfov_deg) / 2.0)))


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture.

    Args:
        rgb: [H, W, 3] uint8, sRGB.
        time_s: capture time on the frame clock, seconds.
        seq: number of the frame in its session.
    """

    rgb: np.ndarray
    time_s: float
    seq: int

    def __post_init__(self) -> None:
        rgb = self.rgb
        _require(
            isinstance(rgb, np.ndarray) and rgb.ndim == 3 and rgb.shape[2] == 3 and rgb.dtype == np.uint8,
            "Frame.rgb: expected a uint8 array of shape [H, W, 3]; got "
            f"{getattr(rgb, 'dtype', type(rgb).__name__)} {getattr(rgb, 'shape', '')}",
        )
        _require(math.isfinite(self.time_s), f"Frame.time_s: expected a finite number; got {self.time_s!r}")

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])


@dataclass(frozen=True, slots=True)
class Value:
    """One output for one frame, and where it came from.

    Args:
        name: a name of the output registry (``maxsight_core.outputs``).
        source: ``learned`` (a trained head), ``measured`` (an estimator) or ``unavailable``.
        value: a number, a string, a list or dict that JSON can hold, or a NumPy array (a map).
        confidence: 0..1, or None where the method gives none.
        method: one line: which head, or which estimator.
        reason: why the output is unavailable; required then, forbidden otherwise.
        age_ms: age of the value when it was sent, milliseconds.
    """

    name: str
    source: Source
    value: Any = None
    confidence: float | None = None
    method: str = ""
    reason: str | None = None
    age_ms: float = 0.0

    def __post_init__(self) -> None:
        _require_choice(f"Value {self.name}.source", self.source, SOURCES)
        _require_fraction(f"Value {self.name}.confidence", self.confidence)
        if self.source == "unavailable":
            _require(bool(self.reason), f"Value {self.name}: an unavailable output needs its reason")
            _require(self.value is None, f"Value {self.name}: an unavailable output carries no value")
        else:
            _require(self.reason is None, f"Value {self.name}: a reason belongs to unavailable outputs only")
            _require(bool(self.method), f"Value {self.name}: a {self.source} output names its method")

    @classmethod
    def unavailable(cls, name: str, reason: str) -> Value:
        return cls(name=name, source="unavailable", reason=reason)

    @classmethod
    def measured(cls, name: str, value: Any, method: str, confidence: float | None = None) -> Value:
        return cls(name=name, source="measured", value=value, method=method, confidence=confidence)

    @classmethod
    def learned(cls, name: str, value: Any, method: str, confidence: float | None = None) -> Value:
        return cls(name=name, source="learned", value=value, method=method, confidence=confidence)

    def is_finite(self) -> bool:
        """False when the value holds a NaN or an infinity anywhere (03-outputs: it is then withheld)."""
        return _finite(self.value)

    def to_json(self, *, preview: bool = False) -> dict[str, Any]:
        """The value as JSON holds it: small values whole, maps as a summary.

        With ``preview`` a 2-D map also carries an 8-bit picture of at most 32 columns, which is
        what the Dev view draws; ``low`` and ``high`` give its scale.
        """
        body: dict[str, Any] = {
            "source": self.source,
            "confidence": _rounded(self.confidence),
            "method": self.method,
            "age_ms": _rounded(self.age_ms),
            "reason": self.reason,
        }
        if isinstance(self.value, np.ndarray) and self.value.size > 32:
            body["summary"] = summarise(self.value)
            if preview:
                shown = _preview(self.value)
                if shown is not None:
                    body["preview"] = shown
        else:
            body["value"] = _jsonable(self.value)
        return body


def summarise(array: np.ndarray) -> dict[str, Any]:
    """Shape, range and mean of a map: what a log or an inspector shows instead of every number."""
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "min": _rounded(float(array.min())),
        "mean": _rounded(float(array.mean())),
        "max": _rounded(float(array.max())),
    }


def _preview(array: np.ndarray) -> dict[str, Any] | None:
    plane = np.asarray(array, dtype=np.float32)
    while plane.ndim > 2:
        plane = np.sqrt((plane * plane).sum(axis=0)) if plane.shape[0] == 2 else plane[0]
    if plane.ndim != 2:
        return None
    step = max(1, -(-max(plane.shape) // PREVIEW_COLUMNS))
    rows, columns = plane.shape[0] // step, plane.shape[1] // step
    if not rows or not columns:  # a table, not a picture: much longer than wide, or empty
        return None
    plane = plane[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))
    low, high = float(plane.min()), float(plane.max())
    scaled = (plane - low) / (high - low) if high > low else np.zeros_like(plane)
    packed = np.round(scaled * 255.0).astype(np.uint8).tobytes()
    return {
        "rows": rows, "columns": columns, "low": _rounded(low), "high": _rounded(high),
        "data": base64.b64encode(packed).decode("ascii"),
    }


def _finite(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())
    if isinstance(value, (float, np.floating)):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_finite(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_finite(item) for item in value)
    return True


def _rounded(number: float | None, digits: int = 4) -> float | None:
    return None if number is None else round(float(number), digits)


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_jsonable(item) for item in value.tolist()]
    if isinstance(value, (float, np.floating)):
        return _rounded(float(value))
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if hasattr(value, "to_json"):
        return value.to_json()
    return value


@dataclass(frozen=True, slots=True)
class RawDetection:
    """A box out of decode + NMS, before tracking: class id of the taxonomy, score 0..1, cxcywh 0..1."""

    class_id: int
    score: float
    box_cxcywh: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        _require_fraction("RawDetection.score", self.score)
        _require_box("RawDetection.box_cxcywh", self.box_cxcywh)


def _require_box(name: str, box: tuple[float, ...]) -> None:
    _require(
        len(box) == 4 and all(math.isfinite(v) and -0.01 <= v <= 1.01 for v in box),
        f"{name}: expected (cx, cy, w, h), each 0..1; got {box!r}",
    )


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing in view, as everything downstream (alerts, overlay, description) sees it.

    Args:
        track_id: stable number of the thing while it stays in view.
        class_id, class_name: of the taxonomy; ``0``/``something`` when only its motion is known.
        score: 0..1.
        box_cxcywh: normalised box.
        source, method: ``learned`` by a trained head or ``measured`` by an estimator, and which one.
        zone: near / medium / far, or None when nothing tells.
        distance_m, distance_sd_m: metres and standard deviation, or None.
        urgency: 0 safe, 1 caution, 2 warning, 3 danger.
        bearing_deg: from the camera's axis, right positive.
        time_to_contact_s: seconds until contact on the present course, or None when it does not approach.
        time_to_contact_frames: over how many frames of the track it was measured (3 is the least trusted).
        closing_mps: closing speed, metres a second (positive: nearer), or None.
        on_course: True when its path meets the camera's (bearing nearly constant while it grows).
        colour: one of the 12 colour names, or None.
    """

    track_id: int
    class_id: int
    class_name: str
    score: float
    box_cxcywh: tuple[float, float, float, float]
    source: Source
    method: str
    bearing_deg: float
    zone: str | None = None
    distance_m: float | None = None
    distance_sd_m: float | None = None
    urgency: int = 0
    time_to_contact_s: float | None = None
    time_to_contact_frames: int = 0
    closing_mps: float | None = None
    on_course: bool = False
    colour: str | None = None

    def __post_init__(self) -> None:
        _require_fraction("Detection.score", self.score)
        _require_box("Detection.box_cxcywh", self.box_cxcywh)
        _require_choice("Detection.source", self.source, ("learned", "measured"))
        _require(0 <= self.urgency <= 3, f"Detection.urgency: expected 0..3; got {self.urgency}")
        if self.zone is not None:
            _require_choice("Detection.zone", self.zone, ZONES)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.track_id, "class_id": self.class_id, "class": self.class_name,
            "box": [_rounded(v) for v in self.box_cxcywh], "score": _rounded(self.score),
            "source": self.source, "method": self.method, "zone": self.zone,
            "distance_m": _rounded(self.distance_m, 2), "distance_sd_m": _rounded(self.distance_sd_m, 2),
            "urgency": URGENCIES[self.urgency], "bearing_deg": _rounded(self.bearing_deg, 1),
            "time_to_contact_s": _rounded(self.time_to_contact_s, 2), "closing_mps": _rounded(self.closing_mps, 2),
            "on_course": self.on_course, "colour": self.colour,
        }


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the person chose. Every field has a default that is safe for somebody who chose nothing."""

    condition: str | None = None
    verbosity: str = "normal"
    speech_wpm: int = 180
    units: str = "metres"
    directions: str = "left_right"
    silenced: bool = False
    masked: bool = False
    hfov_deg: float | None = None
    camera_height_m: float = DEFAULT_CAMERA_HEIGHT_M
    patient_profile: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.condition is not None:
            _require_choice("condition", self.condition, CONDITIONS)
        _require_choice("verbosity", self.verbosity, VERBOSITIES)
        _require_choice("units", self.units, UNITS)
        _require_choice("directions", self.directions, DIRECTIONS)
        _require(80 <= self.speech_wpm <= 450,
                 f"speech_wpm: expected 80..450 words a minute; got {self.speech_wpm}")
        _require(self.hfov_deg is None or 10.0 <= self.hfov_deg <= 170.0,
                 f"hfov_deg: expected 10..170 degrees, or nothing; got {self.hfov_deg}")
        _require(0.3 <= self.camera_height_m <= 3.0,
                 f"camera_height_m: expected 0.3..3.0 metres; got {self.camera_height_m}")

    def camera(self, width_px: int, height_px: int) -> Camera:
        return Camera(
            width_px=width_px, height_px=height_px, hfov_deg=self.hfov_deg or DEFAULT_HFOV_DEG,
            height_m=self.camera_height_m, assumed=self.hfov_deg is None,
        )


@dataclass(frozen=True, slots=True)
class EgoMotion:
    """Motion of the camera itself between two frames, from the dominant (background) flow.

    Args:
        dx_px, dy_px: translation of the picture in pixels of the original frame over ``dt_s`` (content moves by this).
        rotation_deg: roll of the picture, degrees, clockwise positive.
        zoom: scale factor of the picture (1.0: none; above 1: the camera moves forward or zooms).
        inlier_fraction: share of the tracked points that follow this motion, 0..1.
        still: True when the camera did not move within measurement error.
        cut: True when the picture changed altogether (a cut, a jump, a gap over 1 s): all motion is void.
        dt_s: time between the two compared frames; may span several frames of a fast source.
    """

    dx_px: float = 0.0
    dy_px: float = 0.0
    rotation_deg: float = 0.0
    zoom: float = 1.0
    inlier_fraction: float = 0.0
    still: bool = True
    cut: bool = False
    dt_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "dx_px": _rounded(self.dx_px, 2), "dy_px": _rounded(self.dy_px, 2),
            "rotation_deg": _rounded(self.rotation_deg, 2), "zoom": _rounded(self.zoom),
            "inlier_fraction": _rounded(self.inlier_fraction, 2), "still": self.still, "cut": self.cut,
            "dt_s": _rounded(self.dt_s),
        }


@dataclass(frozen=True, slots=True)
class MotionResult:
    """What moved between the last two frames of one session.

    Args:
        flow: [2, h, w] float32, pixels of the *original* frame per frame interval (u right, v down), at a
            reduced grid; None on the first frame and after a cut.
        residual: [h, w] float32, magnitude of the flow left after ego-motion, same unit; None as above.
        ego: the camera's own motion.
        approaching: things that grow beyond ego-motion over at least 3 frames (class ``something``).
        quality: 0..1, how far the flow can be trusted (texture, exposure, inliers).
        reason: why there is no flow, or None.
    """

    flow: np.ndarray | None
    residual: np.ndarray | None
    ego: EgoMotion
    approaching: tuple[Detection, ...] = ()
    quality: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FrameQuality:
    """Sharpness, exposure and lighting of one frame, measured on a reduced grey picture.

    Args:
        mean_luma: 0..1. clipped_high, clipped_low: share of the pixels at either end, 0..1.
        sharpness: 0..1 (0: no detail survives; 1: crisp), scale-free. noise: standard deviation, 0..1.
        uncertainty: 0..1, how far this picture can be trusted (1: covered lens, darkness, full glare).
        lighting: ``dark`` | ``dim`` | ``normal`` | ``bright``.
    """

    mean_luma: float
    clipped_high: float
    clipped_low: float
    sharpness: float
    noise: float
    uncertainty: float
    lighting: str


@dataclass(frozen=True, slots=True)
class SceneView:
    """Everything a Stage B estimator may look at. It reads; it never changes Stage A's values.

    Args:
        frame: the raw picture. grey: [H, W] float32 0..1 (sRGB luma of the frame, full size).
        small: [h, w] float32 0..1, the same at most 256 pixels wide.
        camera: its geometry. detections: Stage A's. motion: Stage A's. quality: Stage A's.
        settings: what the person chose.
        so_far: outputs of estimators that ran earlier in this pass.
        memory: this session's own state for stateful estimators, keyed by estimator name; lives as long as
            the session, is cleared on a cut or a gap over 1 s only by the estimator that owns it.
        heading_deg: how far the camera has turned to the right since the session began, summed from optical flow.
    """

    frame: Frame
    grey: np.ndarray
    small: np.ndarray
    camera: Camera
    detections: tuple[Detection, ...]
    motion: MotionResult
    quality: FrameQuality
    settings: SessionSettings
    so_far: dict[str, Value]
    memory: dict[str, Any]
    heading_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class StageBDecision:
    """Whether Stage B ran for a frame, and why (not)."""

    run: bool
    reason: str
    stage_a_ms: float
    uncertainty: float

    def to_json(self) -> dict[str, Any]:
        return {"run": self.run, "reason": self.reason, "stage_a_ms": _rounded(self.stage_a_ms, 1),
                "uncertainty": _rounded(self.uncertainty, 3)}


AlertStage = Literal["P0", "P1", "P2", "P3"]
FATES: tuple[str, ...] = ("pending", "spoken", "haptic_only", "suppressed", "expired", "interrupted", "masked")


@dataclass(frozen=True, slots=True)
class AlertDecision:
    """One alert candidate and what became of it. Every candidate has exactly one row in the ledger.

    Args:
        alert_id: unique in its session, ``"<frame seq>-<n>"``.
        stage: P0 stop, P1 soon, P2 context, P3 on request.
        text: what is (or would have been) said, in the person's own units and directions.
        fate: one of :data:`FATES`. ``reason`` says why (which rule, or which alert interrupted it).
        time_s: frame clock of the frame that caused it; ``expires_s`` on the same clock.
        haptic: ``{"location": left|right|both, "pattern_ms": [on, off, on, ...]}`` or None.
        earcon: name of the sound before the words, or None. ``interrupts``: cuts speech short.
        urgency: 0..3, of the thing. ``kind``: ``approach`` | ``object`` | ``lighting`` | ``glare`` | ``text`` | ...
    """

    alert_id: str
    stage: AlertStage
    kind: str
    text: str
    fate: str
    reason: str
    seq: int
    time_s: float
    expires_s: float
    track_id: int | None = None
    class_name: str | None = None
    bearing_deg: float | None = None
    distance_m: float | None = None
    time_to_contact_s: float | None = None
    urgency: int = 0
    haptic: dict[str, Any] | None = None
    earcon: str | None = None
    interrupts: bool = False
    source: str = "measured"

    def __post_init__(self) -> None:
        _require_choice("AlertDecision.fate", self.fate, FATES)
        _require(bool(self.text), "AlertDecision.text: expected words; got nothing")

    @property
    def delivered(self) -> bool:
        """True when the person hears or feels it."""
        return self.fate in ("spoken", "haptic_only")

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.alert_id, "stage": self.stage, "kind": self.kind, "text": self.text, "fate": self.fate,
            "reason": self.reason, "seq": self.seq, "time_s": _rounded(self.time_s, 3),
            "expires_s": _rounded(self.expires_s, 3), "track_id": self.track_id, "class": self.class_name,
            "bearing_deg": _rounded(self.bearing_deg, 1), "distance_m": _rounded(self.distance_m, 2),
            "time_to_contact_s": _rounded(self.time_to_contact_s, 2), "urgency": URGENCIES[self.urgency],
            "haptic": self.haptic, "earcon": self.earcon, "interrupts": self.interrupts, "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class FrameResult:
    """Stage A's answer to one frame, complete with the alert decisions it led to."""

    seq: int
    time_s: float
    t_cap_ms: float
    width: int
    height: int
    outputs: dict[str, Value]
    detections: tuple[Detection, ...]
    uncertainty: float
    urgency: int
    alerts: tuple[AlertDecision, ...]
    stage_b: StageBDecision
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class SceneResult:
    """Stage B's (or lane C's) answer: advisory outputs for one earlier frame."""

    seq: int
    time_s: float
    t_cap_ms: float
    lane: Literal["B", "C"]
    outputs: dict[str, Value]
    alerts: tuple[AlertDecision, ...]
    timings_ms: dict[str, float]
